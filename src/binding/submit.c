/* See submit.h. */
#include "binding/submit.h"

#include "binding/pool_options.h"
#include "binding/settle.h"
#include "core/error.h"

/* Its end comes in its turn, behind the news of why. */
static void finish(iso_run_t *run, int status) {
  /* What ends while its environment does is gone at once. */
  bool is_gone = run->pool->host->is_shut_down;
  iso_task_finish(&run->task, run->pool->host->owner, status);
  if (!is_gone) iso_run_trace(run);
}

/* The thread may have been woken on this core, and the task take less time than it takes to keep
 * the stack. What went well needs none. */
static bool is_over(const iso_run_t *run) {
  const iso_pool_binding_t *pool = run->pool;
  return iso_pool_has_woken(pool->core) && iso_owner_linger(pool->host->owner, &run->task.event) &&
         run->task.status == ISO_OK;
}

/* Gives `run` to the pool; `run` is gone or not the caller's any more. */
static void submit(iso_run_t *run) {
  iso_pool_binding_t *pool = run->pool;
  iso_run_hold(pool);
  int status = pool->core != NULL ? iso_pool_submit(pool->core, &run->task)
                                  : iso_pool_refusal(pool->end_reason);
  if (status != ISO_OK)
    finish(run, status);
  else if (!pool->host->is_shut_down && !is_over(run))
    /* The thread has it, but it ends on this one. */
    iso_run_trace(run);
}

static int admit(void *data) {
  const iso_pool_binding_t *pool = data;
  return pool->core != NULL ? iso_pool_admits(pool->core) : iso_pool_refusal(pool->end_reason);
}

/* Puts the arguments into the run, and with them the ArrayBuffers of the array `transfer` (NULL:
 * none). False: they cannot be cloned, or nothing may move into a pool that refuses it; the run is
 * then over. */
static bool
encode_arguments(iso_run_t *run, size_t count, const iso_value_t *values, iso_value_t transfer) {
  iso_pool_binding_t *pool = run->pool;
  iso_value_t exception = NULL;
  iso_moves_t moves = {.list = transfer, .admit = admit, .data = pool};
  int status = iso_host_encode(values, count, &moves, &run->task.message, &exception);
  if (status == ISO_OK) return true;
  if (status != ISO_ECLONE) {
    iso_run_hold(pool);
    finish(run, status);
    return false;
  }
  iso_run_refuse(run, count, (const napi_value *) values, (napi_value) exception);
  return false;
}

/* NULL: no memory, and it is over. */
static iso_run_t *create(const iso_value_t *values) {
  return iso_run_create(iso_host_pointer(values[0]), values[1], false);
}

iso_value_t iso_submit(void *host, const iso_value_t *values, size_t count) {
  enum { OWN_ARGUMENTS = 2 };
  (void) host;
  iso_run_t *run = create(values);
  if (run != NULL && encode_arguments(run, count - OWN_ARGUMENTS, values + OWN_ARGUMENTS, NULL))
    submit(run);
  return NULL;
}

/* As submit, for `count` runs (2 or more). */
static void submit_all(iso_pool_binding_t *pool, iso_run_t *const *runs, size_t count) {
  size_t submitted = 0;
  for (size_t i = 0; i < count; i++)
    iso_run_hold(pool);
  /* A task is the first member of its run, so an array of one is an array of the other. */
  int status = pool->core == NULL
                   ? iso_pool_refusal(pool->end_reason)
                   : iso_pool_submit_all(pool->core, (iso_task_t *const *) runs, count, &submitted);
  for (size_t i = 0; i < count; i++) {
    if (i >= submitted)
      finish(runs[i], status);
    else if (!pool->host->is_shut_down)
      iso_run_trace(runs[i]);
  }
}

iso_value_t iso_submit_items(void *host, const iso_value_t *values, size_t count) {
  enum { GROUP = 1, OWN_ARGUMENTS, PAIR = 2, AT_ONCE = 64 };
  const iso_host_t *self = host;
  iso_run_t *runs[AT_ONCE];
  uint32_t group = 0;
  if (count < OWN_ARGUMENTS) return NULL;
  napi_get_value_uint32(self->env, (napi_value) values[GROUP], &group);
  iso_pool_binding_t *pool = iso_host_pointer(values[0]);
  size_t i = OWN_ARGUMENTS;
  while (i + PAIR <= count) {
    size_t made = 0;
    /* Code of the items' own may run here, and cancel the group. */
    for (; i + PAIR <= count && made < AT_ONCE; i += PAIR) {
      iso_run_t *run = iso_run_create(pool, values[i], true);
      if (run != NULL && encode_arguments(run, 1, values + i + 1, NULL)) runs[made++] = run;
    }
    for (size_t at = 0; at < made; at++)
      iso_run_give_group(runs[at], group);
    if (made == 1)
      submit(runs[0]);
    else if (made > 1)
      submit_all(pool, runs, made);
  }
  return NULL;
}

/* FNV-1a: only its spread matters. */
static uint8_t bucket_of(napi_env env, napi_value key) {
  char text[256];
  size_t length = 0;
  uint32_t hash = 2166136261U;
  napi_get_value_string_utf8(env, key, text, sizeof(text), &length);
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ (uint8_t) text[i]) * 16777619U;
  return (uint8_t) (hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24));
}

static napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

/* Milliseconds as JavaScript gives them, undefined for as the pool's options say. */
static uint64_t limit_of(napi_env env, napi_value milliseconds) {
  double value = 0;
  if (napi_get_value_double(env, milliseconds, &value) != napi_ok) return 0;
  return iso_nanoseconds(value);
}

static void take_options(
    napi_env env, iso_task_t *task, napi_value priority, napi_value key, napi_value timeout,
    napi_value cpu_timeout
) {
  napi_get_value_int32(env, priority, &task->priority);
  task->has_key = type_of(env, key) == napi_string;
  if (task->has_key) task->key_bucket = bucket_of(env, key);
  task->timeout_ns = limit_of(env, timeout);
  task->cpu_timeout_ns = limit_of(env, cpu_timeout);
}

static void take_token(napi_env env, iso_run_t *run, napi_value token) {
  if (type_of(env, token) == napi_object) iso_run_give_token(run, token);
}

iso_value_t iso_submit_task(void *host, const iso_value_t *values, size_t count) {
  enum { PRIORITY = 2, KEY, TIMEOUT, CPU_TIMEOUT, TOKEN, TRANSFER, OWN_ARGUMENTS };
  const iso_host_t *self = host;
  napi_env env = self->env;
  const napi_value *own = (const napi_value *) values;
  if (count < OWN_ARGUMENTS) return NULL;
  iso_run_t *run = create(values);
  if (run == NULL) return NULL;
  take_options(env, &run->task, own[PRIORITY], own[KEY], own[TIMEOUT], own[CPU_TIMEOUT]);
  iso_value_t transfer = type_of(env, own[TRANSFER]) == napi_object ? values[TRANSFER] : NULL;
  if (!encode_arguments(run, count - OWN_ARGUMENTS, values + OWN_ARGUMENTS, transfer)) return NULL;
  take_token(env, run, own[TOKEN]);
  submit(run);
  return NULL;
}
