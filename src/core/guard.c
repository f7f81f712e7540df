/* What bounds the time of a thread's code: how long a task, or the context, may run; how it is
 * interrupted; and what becomes of a thread that does not stop.
 *
 *   begin ──> runs ──> end                          the ordinary way: nobody looks
 *               │ its time is over, it is aborted, its pool stops, its memory is full
 *               ▼
 *          interrupted ──> end: the engine goes on, with a context made anew
 *               │ still there after the grace
 *               ▼
 *             lost: its task is finished without it, another thread takes its place, and it is
 *                   freed when it does come back
 *
 * Everything here runs under the pool's lock, on the thread that interrupts (the owner's loop's,
 * the watchdog's, or for memory the thread itself) or on the thread that is guarded. */
#include "core/guard.h"

#include "core/error.h"
#include "core/internal.h"
#include "core/pool_threads.h"
#include "core/thread.h"

enum {
  LOOK_AGAIN_AT_LEAST_NS = 1000000,
  /* The grace is CPU time, for a thread that is given no core cannot stop. One that takes none by
   * itself has so many graces of the clock. */
  GRACES_ASLEEP = 5,
  /* A context may take as long as a run, but always so long: limits of runs are made for runs, and
   * a thread without its context is the end of it. */
  CONTEXT_LIMIT_AT_LEAST_NS = 1000000000,
  /* What does not stop is asked again, as long as its grace lasts. */
  ASK_AGAIN_NS = 100000000
};

/* The disposal of a large heap takes a part of a second. */
static const uint64_t disposal_patience_ns = UINT64_C(10000000000);

static uint64_t limit_of(uint64_t own_ns, uint64_t common_ns) {
  uint64_t limit_ns = own_ns != 0 ? own_ns : common_ns;
  return limit_ns == 0 ? ISO_NO_LIMIT : limit_ns;
}

static uint64_t context_limit_of(uint64_t common_ns) {
  uint64_t limit_ns = limit_of(0, common_ns);
  return limit_ns < CONTEXT_LIMIT_AT_LEAST_NS ? CONTEXT_LIMIT_AT_LEAST_NS : limit_ns;
}

static uint64_t at(uint64_t start_ns, uint64_t after_ns) {
  return after_ns > UINT64_MAX - start_ns ? UINT64_MAX : start_ns + after_ns;
}

void iso_guard__begin_locked(iso_pool_t *pool, iso_thread_t *thread, const iso_task_t *task) {
  iso_guard_t *guard = &thread->guard;
  const iso_pool_options_t *common = &pool->options;
  guard->is_active = true;
  if (task != NULL) {
    guard->timeout_ns = limit_of(task->timeout_ns, common->timeout_ns);
    guard->cpu_timeout_ns = limit_of(task->cpu_timeout_ns, common->cpu_timeout_ns);
  } else {
    guard->timeout_ns = context_limit_of(common->timeout_ns);
    guard->cpu_timeout_ns = context_limit_of(common->cpu_timeout_ns);
  }
  if (guard->timeout_ns == ISO_NO_LIMIT && guard->cpu_timeout_ns == ISO_NO_LIMIT) return;
  guard->begin_ns = uv_hrtime();
  if (guard->timeout_ns != ISO_NO_LIMIT)
    iso_watch_arm(&guard->watch, at(guard->begin_ns, guard->timeout_ns));
  if (guard->cpu_timeout_ns == ISO_NO_LIMIT) return;
  guard->cpu_begin_ns = iso_thread__cpu_ns(thread);
  iso_watch_arm(&guard->watch, at(guard->begin_ns, guard->cpu_timeout_ns));
}

int iso_guard__end_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_guard_t *guard = &thread->guard;
  int reason = guard->reason;
  guard->is_active = false;
  guard->summoned_ns = 0;
  if (reason == ISO_OK || pool->reason != ISO_OK || iso_is_fatal(reason)) return reason;
  guard->reason = ISO_OK;
  guard->must_renew = !pool->options.keeps_context;
  pool->counts.interrupted++;
  atomic_store_explicit(&guard->is_interrupted, false, memory_order_relaxed);
  iso_thread__resume_locked(pool, thread);
  return reason;
}

/* When the code is asked again to stop, where its grace is not over before. */
static uint64_t next_ask(uint64_t due_ns) {
  uint64_t next_ns = uv_hrtime() + ASK_AGAIN_NS;
  return due_ns < next_ns ? due_ns : next_ns;
}

void iso_guard__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread, int reason) {
  iso_guard_t *guard = &thread->guard;
  if (thread->is_lost) return;
  if (guard->reason == ISO_OK) {
    guard->interrupted_ns = uv_hrtime();
    guard->interrupted_cpu_ns = thread->is_open ? iso_thread__cpu_ns(thread) : 0;
  }
  if (guard->reason == ISO_OK || iso_is_fatal(reason)) guard->reason = reason;
  atomic_store_explicit(&guard->is_interrupted, true, memory_order_relaxed);
  iso_thread__interrupt_locked(pool, thread);
  iso_watch_arm(&guard->watch, next_ask(at(guard->interrupted_ns, pool->options.grace_ns)));
}

void iso_guard__summon_locked(iso_pool_t *pool, iso_thread_t *thread) {
  thread->guard.summoned_ns = uv_hrtime();
  iso_watch_arm(&thread->guard.watch, at(thread->guard.summoned_ns, pool->options.grace_ns));
}

void iso_guard__disposes(iso_thread_t *thread) {
  iso_guard_t *guard = &thread->guard;
  iso_pool__lock(thread->pool);
  guard->disposal_due_ns = uv_hrtime() + disposal_patience_ns;
  iso_watch_arm(&guard->watch, guard->disposal_due_ns);
  iso_pool__unlock(thread->pool);
}

bool iso_guard__decides_disposal(iso_thread_t *thread) {
  return !atomic_flag_test_and_set(&thread->guard.disposal_is_decided);
}

void iso_guard__awaits(iso_thread_t *thread, bool awaits) {
  iso_guard_t *guard = &thread->guard;
  atomic_store_explicit(&guard->awaits, awaits, memory_order_seq_cst);
  /* While it waited, nobody looked at its CPU time. The thread's own, so no lock is needed. */
  if (!awaits && guard->cpu_timeout_ns != ISO_NO_LIMIT)
    iso_watch_arm(&guard->watch, uv_hrtime() + LOOK_AGAIN_AT_LEAST_NS);
}

/* When its CPU time can be over at the earliest; 0: it is. Code that sleeps (Atomics.wait, a full
 * console) is looked at less and less often. */
static uint64_t next_cpu_look(iso_thread_t *thread, uint64_t now_ns) {
  iso_guard_t *guard = &thread->guard;
  if (guard->cpu_timeout_ns == ISO_NO_LIMIT) return UINT64_MAX;
  if (atomic_load_explicit(&guard->awaits, memory_order_seq_cst)) return UINT64_MAX;
  uint64_t used_ns = iso_thread__cpu_ns(thread) - guard->cpu_begin_ns;
  if (used_ns >= guard->cpu_timeout_ns) return 0;
  uint64_t left_ns = guard->cpu_timeout_ns - used_ns;
  bool has_slept = used_ns - guard->cpu_seen_ns < LOOK_AGAIN_AT_LEAST_NS / 2;
  guard->cpu_pause_ns = has_slept && guard->cpu_pause_ns < UINT64_C(1000000000)
                            ? guard->cpu_pause_ns * 2
                            : LOOK_AGAIN_AT_LEAST_NS;
  guard->cpu_seen_ns = used_ns;
  return now_ns + (left_ns > guard->cpu_pause_ns ? left_ns : guard->cpu_pause_ns);
}

/* Interrupts what has run for too long. Returns when to look again. */
static uint64_t enforce_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now_ns)
    ISO_REQUIRES(pool->lock);
static uint64_t enforce_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now_ns) {
  iso_guard_t *guard = &thread->guard;
  uint64_t due_ns = at(guard->begin_ns, guard->timeout_ns);
  uint64_t next_cpu_ns = next_cpu_look(thread, now_ns);
  int reason = ISO_OK;
  if (now_ns >= due_ns)
    reason = ISO_ETIMEOUT;
  else if (next_cpu_ns == 0)
    reason = ISO_ECPUTIMEOUT;
  if (reason == ISO_OK) return due_ns < next_cpu_ns ? due_ns : next_cpu_ns;
  iso_guard__interrupt_locked(pool, thread, reason);
  return next_ask(at(now_ns, pool->options.grace_ns));
}

/* When the grace of what was interrupted can be over at the earliest; 0: it is. */
static uint64_t
next_grace_look(const iso_pool_t *pool, const iso_thread_t *thread, uint64_t now_ns) {
  const iso_guard_t *guard = &thread->guard;
  uint64_t grace_ns = pool->options.grace_ns;
  uint64_t due_ns = at(guard->interrupted_ns, grace_ns);
  if (now_ns < due_ns) return due_ns;
  uint64_t cpu_ns = thread->is_open ? iso_thread__cpu_ns(thread) : 0;
  /* Not known: then the clock has to do. */
  if (cpu_ns == 0) return 0;
  uint64_t used_ns = cpu_ns - guard->interrupted_cpu_ns;
  if (used_ns >= grace_ns || (now_ns - guard->interrupted_ns) / GRACES_ASLEEP >= grace_ns) return 0;
  uint64_t left_ns = grace_ns - used_ns;
  return now_ns + (left_ns > LOOK_AGAIN_AT_LEAST_NS ? left_ns : LOOK_AGAIN_AT_LEAST_NS);
}

/* Returns when to look again; UINT64_MAX: not for what is known now. */
static uint64_t look_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now_ns)
    ISO_REQUIRES(pool->lock);
static uint64_t look_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now_ns) {
  iso_guard_t *guard = &thread->guard;
  if (guard->disposal_due_ns != 0)
    return now_ns < guard->disposal_due_ns ? guard->disposal_due_ns : UINT64_MAX;
  if (thread->is_lost || thread->has_left) return UINT64_MAX;
  if (guard->reason == ISO_OK && guard->is_active) return enforce_locked(pool, thread, now_ns);
  if (guard->reason == ISO_OK) {
    /* It was asleep, and is wanted; what keeps it is a job between two tasks. */
    if (guard->summoned_ns == 0) return UINT64_MAX;
    uint64_t due_ns = at(guard->summoned_ns, pool->options.grace_ns);
    if (now_ns < due_ns) return due_ns;
    iso_guard__interrupt_locked(pool, thread, ISO_ETIMEOUT);
  }
  uint64_t next_ns = next_grace_look(pool, thread, now_ns);
  if (next_ns == 0) {
    iso_pool__write_off_locked(pool, thread);
    return UINT64_MAX;
  }
  /* V8 has been seen to miss it, once. */
  if (thread->engine != NULL) iso_engine_terminate(thread->engine);
  return next_ask(next_ns);
}

static uint64_t look(iso_watch_t *watch, uint64_t now_ns) {
  iso_thread_t *thread = ISO_LIST_ITEM(watch, iso_thread_t, guard.watch);
  iso_pool_t *pool = thread->pool;
  iso_pool__lock(pool);
  uint64_t next_ns = look_locked(pool, thread, now_ns);
  bool is_stuck = thread->guard.disposal_due_ns != 0 && next_ns == UINT64_MAX;
  iso_pool__unlock(pool);
  if (is_stuck && iso_guard__decides_disposal(thread)) iso_pool__park(pool, thread);
  return next_ns == UINT64_MAX ? 0 : next_ns;
}

void iso_guard__init(iso_guard_t *guard) {
  guard->reason = ISO_OK;
  guard->timeout_ns = ISO_NO_LIMIT;
  guard->cpu_timeout_ns = ISO_NO_LIMIT;
  guard->cpu_pause_ns = LOOK_AGAIN_AT_LEAST_NS;
  atomic_flag_clear(&guard->disposal_is_decided);
  iso_watch_init(&guard->watch, look);
}

void iso_guard__deinit(iso_guard_t *guard) {
  iso_watch_close(&guard->watch);
}
