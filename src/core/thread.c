/* One operating-system thread: a loop, an isolate, and the tasks it takes from its pool.
 *
 *   start -> load the context -> [ take -> call -> finish ]* -> end
 *                                   |
 *                                   +-- none: spin for some microseconds, then sleep in the loop
 *
 * The loop is where the thread sleeps: `wake` ends the sleep from outside, and V8's own jobs (Wasm
 * compilation, FinalizationRegistry, Atomics.waitAsync) run in it. */
#include <pthread.h>
#include <string.h>
#include <time.h>
/* Known only now: features.h came with the others. */
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "core/thread.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/gate.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/memory.h"
#include "core/pool_tasks.h"
#include "core/pool_threads.h"
#include "core/report.h"
#include "core/spin.h"

enum {
  /* JavaScript's stack, as large as that of a main thread usually seems to V8 (984 KB), with room
   * for deep recursion; only what is touched costs memory. */
  STACK_BYTES = 4 << 20,
  /* Kept free below JavaScript's limit for V8's own frames and ours. */
  STACK_RESERVE_BYTES = 256 << 10,
  SPIN_NS = 50000,
  SPIN_TOO_SHORT_NS = 3000,
  /* A sleep shorter than this would better have been a spin. */
  SHORT_SLEEP_NS = 200000,
  /* A thread that is never idle still gives V8's jobs a turn now and then. */
  RUNS_A_TURN = 64,
  /* Calls that are begun, and answers that are taken, before anything else gets its turn. */
  ARRIVALS_A_TURN = 256,
  SPARE_RAISE_BYTES = 256 << 20,
  LARGE_HEAP_BYTES = 16 << 20,
};

/* How many threads of the process spin now; relaxed, for a rough bound is enough. */
static atomic_int spinning_threads;

/* Threads whose isolate is not gone. Relaxed: who reads it has waited for them in other ways. */
static atomic_size_t living_threads;

size_t iso_threads_living(void) {
  return atomic_load_explicit(&living_threads, memory_order_relaxed);
}

/* What the engine tells us. */

/* From here on nobody terminates it, or wakes the thread. */
static iso_engine_t *hide_engine(iso_thread_t *thread) {
  iso_pool__lock(thread->pool);
  iso_engine_t *engine = thread->engine;
  thread->engine = NULL;
  thread->is_open = false;
  iso_pool__unlock(thread->pool);
  while (atomic_load_explicit(&thread->wakers, memory_order_acquire) != 0)
    uv_sleep(0);
  return engine;
}

/* Who has called its functions, or would, hears that they are gone. */
static void leave_home(iso_thread_t *thread) {
  iso_pool__lock(thread->pool);
  iso_home_t *home = thread->home;
  thread->home = NULL;
  iso_pool__unlock(thread->pool);
  if (home == NULL) return;
  iso_home_close(home);
  iso_home_release(home);
}

static size_t on_heap_full(void *data, size_t limit_bytes, const iso_heap_t *heap) {
  const iso_thread_t *thread = data;
  /* Nothing runs in it yet that could be stopped. */
  if (thread->is_spare) return limit_bytes + SPARE_RAISE_BYTES;
  return iso_memory__full(data, limit_bytes, heap);
}

static void on_collected(void *data, const iso_heap_t *heap, uint64_t took_ns) {
  const iso_thread_t *thread = data;
  if (!thread->is_spare) iso_memory__collected(data, heap, took_ns);
}

static bool is_interrupted(const iso_thread_t *thread) {
  return atomic_load_explicit(&thread->guard.is_interrupted, memory_order_relaxed);
}

static bool on_check_memory(void *data, size_t bytes) {
  iso_thread_t *thread = data;
  if (thread->is_spare) return true;
  iso_memory__check(thread, bytes);
  return !is_interrupted(thread);
}

bool iso_thread__can_unwind(const iso_thread_t *thread) {
  return thread->engine != NULL && !thread->is_in_loop;
}

_Noreturn void iso_thread__unwind(iso_thread_t *thread, int status) {
  thread->rescue_status = status;
  longjmp(thread->rescue, 1);
}

_Noreturn static void park(void) {
  for (;;)
    uv_sleep(UINT32_MAX);
}

static void on_fatal(void *data, bool out_of_memory, bool inside) {
  iso_thread_t *thread = data;
  /* It may have died in there. */
  iso_gate_leave();
  if (thread->is_spare && iso_spares__died(thread)) {
    iso_owner_thread_ended(thread->owner);
    park();
  }
  iso_pool_t *pool = thread->pool;
  int status = out_of_memory ? ISO_EMEMORY : ISO_EFATAL;
  if (!inside && iso_thread__can_unwind(thread)) iso_thread__unwind(thread, status);
  iso_engine_t *engine = hide_engine(thread);
  leave_home(thread);
  iso_pool__failed(pool, thread, status);
  iso_pool__leave(pool, thread);
  if (engine != NULL) iso_engine_abandon(engine);
  iso_pool__park(pool, thread);
  park();
}

static const iso_engine_hooks_t engine_hooks = {
    .console = iso_report__console,
    .stream = iso_report__stream,
    .heap_full = on_heap_full,
    .collected = on_collected,
    .check_memory = on_check_memory,
    .fatal = on_fatal};

/* The work. */

static void run_loop(iso_thread_t *thread, uv_run_mode mode) {
  thread->is_in_loop = true;
  uv_run(&thread->loop, mode);
  thread->is_in_loop = false;
}

/* Runs the loop until what is pending has settled. */
static int await_pending(iso_thread_t *thread, int status, iso_message_t *message) {
  while (status == ISO_PENDING) {
    if (is_interrupted(thread)) return ISO_ETERMINATED;
    iso_guard__awaits(thread, true);
    run_loop(thread, iso_home_has_arrivals(thread->home) ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    iso_guard__awaits(thread, false);
    iso_engine_receive(thread->engine, ARRIVALS_A_TURN);
    status = iso_engine_poll(thread->engine, message);
  }
  return status;
}

static int run_task(iso_thread_t *thread) {
  int status = iso_engine_call(thread->engine, &thread->message);
  status = await_pending(thread, status, &thread->message);
  thread->task_end_ns = uv_hrtime();
  iso_memory__ran(thread, thread->task_end_ns - thread->task_start_ns);
  if (is_interrupted(thread)) iso_engine_drop_jobs(thread->engine);
  return status;
}

static int evaluate_context(iso_thread_t *thread, iso_message_t *error) {
  int status = iso_engine_load(thread->engine, thread->pool->options.context, error);
  return await_pending(thread, status, error);
}

/* For the statistics. */
static void note_heap(iso_thread_t *thread) {
  iso_heap_t heap;
  iso_engine_heap(thread->engine, &heap);
  atomic_store_explicit(&thread->heap_bytes, heap.used_bytes, memory_order_relaxed);
}

/* One turn of the loop, and of the jobs that it has made ready. */
static void turn_loop(iso_thread_t *thread, uv_run_mode mode) {
  /* Before it sleeps: when it is woken, somebody waits. */
  note_heap(thread);
  if (mode == UV_RUN_ONCE) iso_engine_rest(thread->engine);
  run_loop(thread, mode);
  iso_engine_idle(thread->engine);
  thread->runs_since_turn = 0;
}

/* Looks at the queue for a while; true when something came. Spins longer after a success, and less
 * and less, then not at all, after failures. */
static void spin(iso_thread_t *thread) {
  iso_pool_t *pool = thread->pool;
  bool found = false;
  if (atomic_fetch_add_explicit(&spinning_threads, 1, memory_order_relaxed) < iso_spin_bound()) {
    uint64_t deadline = uv_hrtime() + thread->spin_ns;
    do {
      for (int i = 0; i < ISO_SPIN_LOOKS && !found; i++) {
        found = iso_pool__has_work(pool, thread);
        iso_spin_relax();
      }
    } while (!found && uv_hrtime() < deadline);
  }
  atomic_fetch_sub_explicit(&spinning_threads, 1, memory_order_relaxed);
  thread->spin_ns = found ? SPIN_NS : thread->spin_ns / 2;
  if (thread->spin_ns < SPIN_TOO_SHORT_NS) thread->spin_ns = 0;
}

static void on_idled(uv_timer_t *timer) {
  iso_thread_t *thread = timer->data;
  thread->has_idled = true;
}

static void sleep_in_loop(iso_thread_t *thread) {
  uint64_t start = uv_hrtime();
  int64_t timeout_ms = iso_pool__idle_timeout_ms(thread->pool);
  thread->has_idled = false;
  if (timeout_ms >= 0) {
    uv_update_time(&thread->loop);
    uv_timer_start(&thread->idle_timer, on_idled, (uint64_t) timeout_ms, 0);
  }
  turn_loop(thread, UV_RUN_ONCE);
  uv_timer_stop(&thread->idle_timer);
  if (uv_hrtime() - start < SHORT_SLEEP_NS) thread->spin_ns = SPIN_NS;
  iso_pool__woke(thread->pool, thread, thread->has_idled);
}

/* Handles calls, and answers, that have come while it runs no task. */
static void serve_calls(iso_thread_t *thread) {
  iso_engine_receive(thread->engine, ARRIVALS_A_TURN);
  turn_loop(thread, UV_RUN_NOWAIT);
  if (is_interrupted(thread)) iso_engine_drop_jobs(thread->engine);
}

/* The functions of a new context are not at home where those of the old one were. */
static int move_house(iso_thread_t *thread) {
  iso_home_t *home = NULL;
  iso_home_t *old = thread->home;
  int status = iso_home_create_thread(&thread->wake, &home);
  if (status != ISO_OK) return status;
  iso_pool__lock(thread->pool);
  thread->home = home;
  /* It may have been interrupted just now. */
  if (thread->guard.reason != ISO_OK) iso_home_interrupt(home);
  iso_pool__unlock(thread->pool);
  iso_home_close(old);
  iso_home_release(old);
  return ISO_OK;
}

/* What was interrupted may have left its context half-written: a new one takes its place. */
static bool renew(iso_thread_t *thread) {
  iso_message_t error;
  iso_message_init(&error);
  int status = move_house(thread);
  if (status == ISO_OK) status = iso_engine_renew(thread->engine, thread->home);
  if (status == ISO_OK) status = evaluate_context(thread, &error);
  bool is_renewed = iso_pool__renewed(thread->pool, thread, status, &error);
  iso_message_reset(&error);
  return is_renewed;
}

static int run_and_turn(iso_thread_t *thread) {
  int status = run_task(thread);
  if (++thread->runs_since_turn < RUNS_A_TURN) return status;
  turn_loop(thread, UV_RUN_NOWAIT);
  thread->task_end_ns = 0;
  return status;
}

static void work(iso_thread_t *thread) {
  iso_pool_t *pool = thread->pool;
  int status = ISO_OK;
  for (bool goes_on = true; goes_on;) {
    iso_turn_t turn = iso_pool__next(pool, thread, status);
    /* The pool has counted it done before its caller can hear of it. The loop may have been woken
     * on this core. Where runs come close together the two had better be found on two. */
    if (turn.done != NULL && iso_task_finish(turn.done, pool->owner, turn.status) &&
        turn.step == ISO_STEP_SLEEP)
      iso_lend_core();
    switch (turn.step) {
    case ISO_STEP_RUN:
      status = run_and_turn(thread);
      break;
    case ISO_STEP_SERVE:
      serve_calls(thread);
      status = ISO_OK;
      break;
    case ISO_STEP_SPIN:
      spin(thread);
      iso_pool__spun(pool);
      break;
    case ISO_STEP_SLEEP:
      sleep_in_loop(thread);
      break;
    case ISO_STEP_RENEW:
      goes_on = renew(thread);
      break;
    case ISO_STEP_STOP:
      goes_on = false;
      break;
    }
  }
}

/* Evaluates the context and tells the pool; false: it failed. */
static bool load(iso_thread_t *thread) {
  iso_message_t error;
  iso_message_init(&error);
  iso_pool__loads(thread->pool, thread);
  int status = evaluate_context(thread, &error);
  note_heap(thread);
  bool is_loaded = iso_pool__loaded(thread->pool, thread, status, &error);
  iso_message_reset(&error);
  return is_loaded;
}

/* From start to end. */

/* Does a pool wait for it? A spare nobody has taken is made for later. */
static bool is_awaited(const iso_thread_t *thread) {
  return !thread->is_spare || iso_spares__is_taken(thread);
}

static int
start_engine(iso_thread_t *thread, uintptr_t stack_top, iso_home_t *home, iso_engine_t **engine) {
  iso_engine_config_t config = {
      .platform = thread->platform,
      .loop = &thread->loop,
      .stack_limit = stack_top - (STACK_BYTES - STACK_RESERVE_BYTES),
      .account = thread->account,
      .home = home,
      .hooks = &engine_hooks,
      .hooks_data = thread,
  };
  iso_gate_enter();
  int status = iso_engine_create(&config, engine);
  iso_gate_leave();
  return status;
}

/* From here on its pool may terminate it, and wake the thread; the home is the thread's. */
static void show_engine(iso_thread_t *thread, iso_engine_t *engine, iso_home_t *home) {
  iso_pool_t *pool = thread->pool;
  iso_engine_limits_t limits = {
      .heap_bytes = iso_memory__v8_limit(pool->options.memory_limit_bytes),
      .allow_eval = pool->options.allow_eval,
      .allow_wasm = pool->options.allow_wasm,
  };
  thread->is_spare = false;
  iso_account_set_limit(thread->account, pool->options.memory_limit_bytes);
  iso_engine_limit(engine, &limits);
  iso_pool__lock(pool);
  thread->engine = engine;
  thread->is_open = true;
  thread->home = home;
  if (thread->guard.reason != ISO_OK) {
    iso_engine_terminate(engine);
    iso_home_interrupt(home);
  }
  iso_pool__unlock(pool);
}

static void on_wake(uv_async_t *wake) {
  (void) wake;
}

static int open_loop(iso_thread_t *thread) {
  if (uv_loop_init(&thread->loop) != 0) return ISO_ESTART;
  if (uv_async_init(&thread->loop, &thread->wake, on_wake) != 0) {
    uv_loop_close(&thread->loop);
    return ISO_ESTART;
  }
  uv_timer_init(&thread->loop, &thread->idle_timer);
  thread->idle_timer.data = thread;
  return ISO_OK;
}

static void close_loop(iso_thread_t *thread) {
  uv_close((uv_handle_t *) &thread->wake, NULL);
  uv_close((uv_handle_t *) &thread->idle_timer, NULL);
  uv_run(&thread->loop, UV_RUN_DEFAULT);
  uv_loop_close(&thread->loop);
}

/* From the first task to the last. V8 may be left by a jump to here: then nothing can be done with
 * the isolate but to dispose of it. */
static void live(iso_thread_t *thread) {
  if (setjmp(thread->rescue) == 0) {
    if (load(thread)) work(thread);
  } else {
    iso_pool__failed(thread->pool, thread, thread->rescue_status);
  }
}

/* What a thread of glibc has freed stays with the arena that it came from. */
static void give_memory_back(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

/* Loads and calls something small, so that what every first load and call makes V8 compile and
 * touch is there when a pool comes. Nothing depends on it. */
static void rehearse(iso_engine_t *engine) {
  static const char text[] = "() => () => {}";
  uint8_t *characters = NULL;
  iso_message_t source;
  iso_message_t message;
  iso_message_init(&source);
  iso_message_init(&message);
  for (int i = 0; i < 2; i++) {
    if (iso_message_put_string(&source, false, sizeof(text) - 1, &characters) != ISO_OK) goto end;
    memcpy(characters, text, sizeof(text) - 1);
  }
  for (int i = 0; i < 2; i++)
    if (iso_message_put_int32(&source, 0) != ISO_OK) goto end;
  if (iso_engine_load(engine, &source, &message) != ISO_OK) goto end;
  if (iso_message_put_int32(&message, 0) == ISO_OK) (void) iso_engine_call(engine, &message);

end:
  iso_message_reset(&source);
  iso_message_reset(&message);
}

/* From the first task of its pool to the last. `status`: how the start went. */
static void serve(iso_thread_t *thread, iso_engine_t *engine, iso_home_t *home, int status) {
  iso_pool_t *pool = thread->pool;
  if (status == ISO_OK) {
    show_engine(thread, engine, home);
    live(thread);
  } else {
    iso_home_release(home);
    (void) iso_pool__loaded(pool, thread, status, NULL);
  }
  iso_guard__disposes(thread);
  (void) hide_engine(thread);
  leave_home(thread);
  iso_pool__leave(pool, thread);
}

static void find_clock(iso_thread_t *thread) {
#if defined(__linux__)
  thread->has_clock = pthread_getcpuclockid(pthread_self(), &thread->clock) == 0;
#else
  (void) thread;
#endif
}

/* A large heap is emptied before; a small one is disposed of faster as it is. Has there been so
 * much that malloc will not give back by itself? */
static bool destroy_engine(iso_thread_t *thread, iso_engine_t *engine) {
  iso_heap_t heap = {0};
  bool was_left = thread->rescue_status != ISO_OK;
  if (!was_left) iso_engine_heap(engine, &heap);
  iso_engine_destroy(engine, heap.held_bytes >= LARGE_HEAP_BYTES);
  return was_left || heap.plain_peak_bytes >= LARGE_HEAP_BYTES;
}

static void thread_main(void *argument) {
  iso_thread_t *thread = argument;
  iso_owner_t *owner = thread->owner;
  iso_engine_t *engine = NULL;
  iso_home_t *home = NULL;
  char stack_top = 0;

  find_clock(thread);
  int status = open_loop(thread);
  bool is_open = status == ISO_OK;
  if (is_open) status = iso_home_create_thread(&thread->wake, &home);
  if (status == ISO_OK) status = start_engine(thread, (uintptr_t) &stack_top, home, &engine);
  if (status == ISO_OK && !is_awaited(thread)) {
    rehearse(engine);
    iso_engine_rest(engine);
  }
  bool is_wanted = !thread->is_spare || iso_spares__wait(thread, status);
  if (thread->is_spare) iso_spares__leave(thread);
  if (is_wanted)
    serve(thread, engine, home, status);
  else
    iso_home_release(home);
  bool had_much = engine != NULL && destroy_engine(thread, engine);
  /* If that was not in time, the thread is taken for parked, and is. */
  if (is_wanted && !iso_guard__decides_disposal(thread)) park();
  if (is_open) close_loop(thread);
  if (had_much || iso_is_fatal(thread->end_status)) give_memory_back();
  /* From the post on, the owner may free the thread and its pool as soon as it has joined us. */
  iso_owner_post(owner, &thread->exit_event);
  iso_owner_thread_ended(owner);
  iso_owner_release(owner);
}

static void destroy(iso_thread_t *thread) {
  iso_guard__deinit(&thread->guard);
  iso_message_reset(&thread->message);
  iso_queue_deinit(&thread->queue);
  iso_queue_deinit(&thread->keyed);
  iso_console_deinit(&thread->console);
  iso_home_release(thread->home);
  iso_account_release(thread->account);
  iso_free(thread);
}

static void deliver_exit(iso_event_t *event, bool alive) {
  iso_thread_t *thread = ISO_LIST_ITEM(event, iso_thread_t, exit_event);
  iso_pool_t *pool = thread->pool;
  uv_thread_t self = uv_thread_self();
  /* A parked thread keeps what it has. One that came back after its environment was gone delivers
   * this itself, and cannot join itself: it counts as living, and its pool is lost with it. */
  bool is_own = uv_thread_equal(&self, &thread->handle) != 0;
  if (is_own) return;
  bool was_lost = thread->is_lost;
  if (!thread->is_parked) {
    uv_thread_join(&thread->handle);
    atomic_fetch_sub_explicit(&living_threads, 1, memory_order_relaxed);
    destroy(thread);
  }
  if (pool != NULL) iso_pool__thread_ended(pool, was_lost, alive);
}

static int create(iso_owner_t *owner, void *platform, iso_thread_t **out) {
  iso_thread_t *thread = iso_alloc_zeroed(sizeof(*thread));
  if (thread == NULL) return ISO_ENOMEM;
  int status = ISO_ENOMEM;
  thread->account = iso_account_create(0);
  if (thread->account == NULL) goto fail;
  status = iso_console_init(&thread->console);
  if (status != ISO_OK) goto fail_console;
  thread->owner = owner;
  thread->platform = platform;
  iso_queue_init(&thread->queue);
  iso_queue_init(&thread->keyed);
  iso_message_init(&thread->message);
  iso_guard__init(&thread->guard);
  thread->running_bucket = -1;
  thread->posted_bucket = -1;
  thread->spin_ns = SPIN_NS;
  thread->exit_event.deliver = deliver_exit;
  iso_list_init(&thread->sleeper);
  *out = thread;
  return ISO_OK;

fail_console:
  iso_account_release(thread->account);
fail:
  iso_free(thread);
  return status;
}

/* One that cannot be started is destroyed. */
static int start(iso_thread_t *thread) {
  iso_owner_t *owner = thread->owner;
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
  iso_owner_retain(owner);
  iso_owner_thread_started(owner);
  atomic_fetch_add_explicit(&living_threads, 1, memory_order_relaxed);
  if (uv_thread_create_ex(&thread->handle, &options, thread_main, thread) == 0) return ISO_OK;
  atomic_fetch_sub_explicit(&living_threads, 1, memory_order_relaxed);
  iso_owner_thread_ended(owner);
  iso_owner_release(owner);
  destroy(thread);
  return ISO_ESTART;
}

void iso_thread__join(iso_thread_t *thread, iso_pool_t *pool, uint64_t id) {
  thread->pool = pool;
  thread->id = id;
  thread->start_ns = uv_hrtime();
}

int iso_thread__create(iso_pool_t *pool, uint64_t id, iso_thread_t **out) {
  iso_thread_t *thread = NULL;
  if (pool->options.spares != NULL) *out = iso_spares__take(pool->options.spares, pool, id);
  if (pool->options.spares != NULL && *out != NULL) return ISO_OK;
  int status = create(pool->owner, pool->options.platform, &thread);
  if (status != ISO_OK) return status;
  iso_thread__join(thread, pool, id);
  status = start(thread);
  if (status == ISO_OK) *out = thread;
  return status;
}

int iso_thread__create_spare(
    iso_owner_t *owner, void *platform, iso_spares_t *spares, iso_thread_t **out
) {
  iso_thread_t *thread = NULL;
  int status = create(owner, platform, &thread);
  if (status != ISO_OK) return status;
  thread->is_spare = true;
  thread->spares = spares;
  status = start(thread);
  if (status == ISO_OK) *out = thread;
  return status;
}

void iso_thread__wake_locked(iso_pool_t *pool, iso_thread_t *thread) {
  (void) pool;
  if (thread->is_open) uv_async_send(&thread->wake);
}

void iso_thread__resume_locked(iso_pool_t *pool, iso_thread_t *thread) {
  (void) pool;
  if (thread->engine != NULL) iso_engine_resume(thread->engine);
  iso_console_open(&thread->console);
  if (thread->home != NULL) iso_home_resume(thread->home);
}

void iso_thread__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_console_close(&thread->console);
  if (thread->engine != NULL) iso_engine_terminate(thread->engine);
  /* By now what waits there is terminated as soon as it is let go. */
  if (thread->home != NULL) iso_home_interrupt(thread->home);
  iso_thread__wake_locked(pool, thread);
}

uint64_t iso_thread__cpu_ns(const iso_thread_t *thread) {
  struct timespec used = {0, 0};
  if (!thread->has_clock || clock_gettime(thread->clock, &used) != 0) return 0;
  return (uint64_t) used.tv_sec * 1000000000 + (uint64_t) used.tv_nsec;
}
