/* See fake_engine.h and engine/engine.h. */
#include "fake_engine.h"

#include <stdatomic.h>
#include <uv.h>

#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

struct iso_engine_s {
  iso_engine_config_t config;
  uv_async_t turn;
  atomic_bool is_terminated;
  /* What the pending call waits for. */
  fake_op_t pending;
  iso_callable_t *exported;
  bool is_large;
};

/* One lock and condition for all that waits here: calls at the gate, calls that block. */
static uv_once_t once = UV_ONCE_INIT;
static uv_mutex_t lock;
static uv_cond_t changed;
static int gate_calls;
static bool gate_is_open;
int fake_live_stores;
atomic_int fake_renewals;
atomic_int fake_emptied;
atomic_int fake_missed;
iso_callable_t *fake_exported;

static void init(void) {
  uv_mutex_init(&lock);
  uv_cond_init(&changed);
}

void fake_gate_shut(void) {
  uv_once(&once, init);
  uv_mutex_lock(&lock);
  gate_is_open = false;
  gate_calls = 0;
  uv_mutex_unlock(&lock);
}

void fake_gate_open(void) {
  uv_mutex_lock(&lock);
  gate_is_open = true;
  uv_cond_broadcast(&changed);
  uv_mutex_unlock(&lock);
}

void fake_gate_wait(int calls) {
  uv_mutex_lock(&lock);
  while (gate_calls < calls)
    uv_cond_wait(&changed, &lock);
  uv_mutex_unlock(&lock);
}

static int wait_here(iso_engine_t *engine, bool at_gate) {
  uv_mutex_lock(&lock);
  if (at_gate) gate_calls++;
  uv_cond_broadcast(&changed);
  while (!engine->is_terminated && !(at_gate && gate_is_open))
    uv_cond_wait(&changed, &lock);
  uv_mutex_unlock(&lock);
  return engine->is_terminated ? ISO_ETERMINATED : ISO_OK;
}

/* At the gate, and terminate does not help. */
static int wait_deaf(void) {
  uv_mutex_lock(&lock);
  gate_calls++;
  uv_cond_broadcast(&changed);
  while (!gate_is_open)
    uv_cond_wait(&changed, &lock);
  uv_mutex_unlock(&lock);
  return ISO_ETERMINATED;
}

static void on_turn(uv_async_t *turn) {
  (void) turn;
}

int iso_engine_create(const iso_engine_config_t *config, iso_engine_t **out) {
  uv_once(&once, init);
  iso_engine_t *engine = iso_alloc_zeroed(sizeof(*engine));
  if (engine == NULL) return ISO_ESTART;
  engine->config = *config;
  if (uv_async_init(config->loop, &engine->turn, on_turn) != 0) {
    iso_free(engine);
    return ISO_ESTART;
  }
  uv_unref((uv_handle_t *) &engine->turn);
  *out = engine;
  return ISO_OK;
}

static void on_closed(uv_handle_t *turn) {
  iso_free(turn->data);
}

void iso_engine_limit(iso_engine_t *engine, const iso_engine_limits_t *limits) {
  (void) engine;
  (void) limits;
}

static void forget_exported(iso_engine_t *engine) {
  if (engine->exported != NULL) iso_callable_forget(engine->exported);
  engine->exported = NULL;
}

/* Freed when the thread closes its loop. */
void iso_engine_destroy(iso_engine_t *engine, bool is_emptied) {
  if (is_emptied) fake_emptied++;
  forget_exported(engine);
  engine->turn.data = engine;
  uv_close((uv_handle_t *) &engine->turn, on_closed);
}

static int log_records(iso_engine_t *engine, int count) {
  for (int i = 0; i < count && !engine->is_terminated; i++) {
    iso_message_t *record = iso_message_create();
    if (record == NULL) break;
    (void) iso_message_put_int32(record, i);
    engine->config.hooks->console(engine->config.hooks_data, record);
  }
  return engine->is_terminated ? ISO_ETERMINATED : ISO_OK;
}

static int open_stream(iso_engine_t *engine) {
  iso_message_t opening;
  iso_message_init(&opening);
  (void) iso_message_put_int32(&opening, FAKE_STREAM);
  engine->config.hooks->stream(engine->config.hooks_data, &opening);
  uv_async_send(&engine->turn);
  return ISO_PENDING;
}

static int32_t number_at(const iso_message_t *message, size_t *offset) {
  iso_flat_t flat = {.tag = ISO_TAG_UNDEFINED};
  return iso_message_next(message, offset, &flat) == ISO_OK && flat.tag == ISO_TAG_INT32
             ? flat.integer
             : 0;
}

static const iso_heap_t full_heap = {
    .used_bytes = 1 << 20, .held_bytes = 1 << 20, .limit_bytes = 1 << 20};

static int export_one(iso_engine_t *engine) {
  engine->exported = iso_callable_create(engine->config.home, 1);
  if (engine->exported == NULL) return ISO_ENOMEM;
  iso_callable_retain(engine->exported);
  fake_exported = engine->exported;
  return ISO_OK;
}

static int perform(iso_engine_t *engine, const iso_message_t *message) {
  const iso_engine_hooks_t *hooks = engine->config.hooks;
  size_t offset = 0;
  engine->pending = (fake_op_t) number_at(message, &offset);
  switch (engine->pending) {
  case FAKE_THROW:
    return ISO_EXCEPTION;
  case FAKE_PENDING:
    uv_async_send(&engine->turn);
    return ISO_PENDING;
  case FAKE_PENDING_FOR_EVER:
    return ISO_PENDING;
  case FAKE_BLOCK:
    return wait_here(engine, false);
  case FAKE_GATE:
    return wait_here(engine, true);
  case FAKE_LOG:
    return log_records(engine, number_at(message, &offset));
  case FAKE_STREAM:
    engine->pending = FAKE_PENDING;
    return open_stream(engine);
  case FAKE_HEAP_FULL:
    (void) hooks->heap_full(engine->config.hooks_data, 1 << 20, &full_heap);
    return engine->is_terminated ? ISO_ETERMINATED : ISO_OK;
  case FAKE_SPIN:
    while (!engine->is_terminated)
      ;
    return ISO_ETERMINATED;
  case FAKE_DEAF:
    return wait_deaf();
  case FAKE_GROW:
    engine->is_large = true;
    return ISO_OK;
  case FAKE_EXPORT:
    return export_one(engine);
  case FAKE_GIVE_UP:
  case FAKE_FATAL:
    hooks->fatal(engine->config.hooks_data, true, engine->pending == FAKE_FATAL);
    return ISO_OK;
  default:
    return ISO_OK;
  }
}

int iso_engine_load(iso_engine_t *engine, const iso_message_t *source, iso_message_t *error) {
  int status = engine->is_terminated ? ISO_ETERMINATED : perform(engine, source);
  if (status == ISO_EXCEPTION) (void) iso_message_put_int32(error, FAKE_THROW);
  return status;
}

int iso_engine_call(iso_engine_t *engine, iso_message_t *message) {
  return engine->is_terminated ? ISO_ETERMINATED : perform(engine, message);
}

int iso_engine_poll(iso_engine_t *engine, iso_message_t *message) {
  (void) message;
  if (engine->is_terminated) return ISO_ETERMINATED;
  return engine->pending == FAKE_PENDING ? ISO_OK : ISO_PENDING;
}

void iso_engine_rest(iso_engine_t *engine) {
  (void) engine;
}

void iso_engine_idle(iso_engine_t *engine) {
  (void) engine;
}

void iso_engine_heap(iso_engine_t *engine, iso_heap_t *out) {
  size_t bytes = engine->is_large ? 64 << 20 : 1;
  *out = (iso_heap_t){.used_bytes = bytes, .held_bytes = bytes, .limit_bytes = 1 << 30};
}

void iso_engine_collect(iso_engine_t *engine) {
  (void) engine;
}

void iso_engine_terminate(iso_engine_t *engine) {
  uv_mutex_lock(&lock);
  engine->is_terminated = fake_missed == 0;
  if (fake_missed != 0) fake_missed--;
  uv_cond_broadcast(&changed);
  uv_mutex_unlock(&lock);
}

void iso_engine_resume(iso_engine_t *engine) {
  engine->is_terminated = false;
}

void iso_engine_drop_jobs(iso_engine_t *engine) {
  engine->pending = FAKE_ECHO;
}

void iso_engine_receive(iso_engine_t *engine, unsigned limit) {
  iso_arrival_t arrival;
  while (limit-- > 0 && iso_home_take(engine->config.home, &arrival)) {
    if (arrival.call != NULL) {
      iso_message_t message;
      iso_message_init(&message);
      iso_call_begin(arrival.call, &message);
      iso_call_finish(arrival.call, &message, ISO_OK);
      iso_message_reset(&message);
    } else if (iso_callable_released(arrival.release)) {
      forget_exported(engine);
    }
  }
}

int iso_engine_renew(iso_engine_t *engine, iso_home_t *home) {
  forget_exported(engine);
  engine->config.home = home;
  if (engine->is_terminated) return ISO_ETERMINATED;
  fake_renewals++;
  return ISO_OK;
}

void iso_engine_abandon(iso_engine_t *engine) {
  (void) engine;
}

void *fake_store_create(void) {
  fake_live_stores++;
  return iso_alloc(1);
}

void iso_part_destroy(iso_part_t *part) {
  if (part->object == NULL) return;
  fake_live_stores--;
  iso_free(part->object);
}
