/* What the files of a pool know of each other (pool.c, scheduler.c, stats.c, thread.c), and nobody
 * else. */
#ifndef ISO_CORE_INTERNAL_H
#define ISO_CORE_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "core/account.h"
#include "core/console.h"
#include "core/error.h"
#include "core/histogram.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/remote.h"
#include "core/sync.h"
#include "core/watchdog.h"
#include "engine/engine.h"

/* See guard.c. */
typedef struct iso_guard_s {
  /* Guarded by pool->lock. */
  /* A task, or the context, is being run. */
  bool is_active;
  uint64_t begin_ns;
  uint64_t timeout_ns;
  uint64_t cpu_timeout_ns;
  uint64_t cpu_begin_ns;
  /* As of the last look at it, and how long the next is put off. */
  uint64_t cpu_seen_ns;
  uint64_t cpu_pause_ns;
  /* Why the code is being interrupted, and since when; ISO_OK: it is not. */
  int reason;
  uint64_t interrupted_ns;
  /* When the thread was woken from its sleep, until it is awake; 0: it was not. */
  uint64_t summoned_ns;
  /* The code was interrupted, so its context is not to be trusted any more. */
  bool must_renew;

  /* Written under the lock, read by the thread without it: a hint, so relaxed. */
  atomic_bool is_interrupted;
  /* Written by the thread, which then arms the watch: it sleeps, and takes no CPU time. */
  atomic_bool awaits;

  iso_watch_t watch;
} iso_guard_t;

typedef struct iso_thread_s {
  /* Immutable after create. */
  iso_pool_t *pool;
  uint64_t id;
  uint64_t start_ns;
  iso_account_t *account;
  uv_thread_t handle;

  /* Guarded by pool->lock. */
  /* For others to terminate it. */
  iso_engine_t *engine;
  /* Of the functions of its context; another one when that is made anew. NULL: none (yet). Only
   * the thread changes it, and reads it without the lock. */
  iso_home_t *home;
  /* `wake` may be sent to. */
  bool is_open;
  uv_async_t wake;
  /* In pool->sleepers while asleep. */
  iso_link_t sleeper;
  bool is_asleep;
  bool is_loaded;
  bool is_busy;
  /* What runs; its message is in `message`. NULL also once the thread is lost. */
  iso_task_t *task;
  /* Takes no part in its pool any more. */
  bool has_left;
  /* Written off: it could not be stopped, and may come back at any time, or never. */
  bool is_lost;
  /* Takes no more tasks but those of its keys, then ends. */
  bool is_retiring;
  /* The thread whose place it takes once it has loaded; until then it is given no tasks. */
  struct iso_thread_s *replaces;
  bool has_successor;
  /* Any thread of the pool may take these; only this one the keyed. */
  iso_queue_t queue;
  iso_queue_t keyed;
  size_t bucket_count;
  uint64_t tasks_taken;
  uint64_t task_start_ns;
  /* Of the running task's key, and of the one before, whose end may not be posted yet; -1: none. */
  int running_bucket;
  int posted_bucket;
  uint64_t busy_ns;

  /* How many tasks are in its two queues: written under the lock, read while it spins. */
  atomic_size_t waiting;
  /* Written by the thread, read by who counts: relaxed. */
  atomic_uint_fast64_t heap_bytes;
  iso_histogram_t run_time;
  iso_histogram_t wait_time;

  iso_guard_t guard;

  /* Has a lock of its own. */
  iso_console_t console;

  /* The thread's own. */
  uv_loop_t loop;
  uv_timer_t idle_timer;
  bool has_idled;
  uint64_t spin_ns;
  unsigned runs_since_turn;
  /* Of the task that runs: the task itself may be finished, and gone, before the code is. */
  iso_message_t message;
  /* Why it ended: ISO_OK where it was told to retire. */
  int end_status;
  /* V8 gave up inside: this thread will never end, and its memory never be freed. */
  bool is_parked;

  /* Posted as the last thing. */
  iso_event_t exit_event;
} iso_thread_t;

typedef struct iso_bucket_s {
  iso_thread_t *thread;
  /* Tasks queued or running. */
  size_t outstanding;
} iso_bucket_t;

struct iso_pool_s {
  /* Immutable after create. */
  iso_owner_t *owner;
  iso_pool_options_t options;
  const struct iso_scheduler_s *scheduler;

  iso_mutex_t lock;
  /* Guarded by lock. */
  /* ISO_OK while the pool runs. */
  int reason;
  bool is_closing;
  size_t min_threads;
  size_t max_threads;
  /* Those that have not ended. */
  iso_thread_t **threads;
  size_t thread_count;
  size_t thread_capacity;
  /* Those of them that take tasks, or will when they have started; a successor counts as the one
   * whose place it takes. */
  size_t open_count;
  uint64_t last_thread_id;
  /* Those whose exit has not been delivered, ended or not; without the lost. */
  size_t unjoined;
  /* The owner's, and one of each lost thread. */
  size_t references;
  /* Tasks. */
  iso_queue_t shared;
  size_t queued;
  size_t running;
  uint64_t next_sequence;
  iso_bucket_t buckets[ISO_KEY_BUCKETS];
  /* The schedulers'. */
  size_t next_thread;
  uint64_t random_state;
  /* Who waits, and how. */
  iso_list_t sleepers;
  size_t spinners;
  /* The start. */
  size_t loads_wanted;
  bool is_ready_posted;
  bool needs_drain;
  iso_pool_counts_t counts;
  /* Of threads that have ended. */
  iso_histogram_t run_time;
  iso_histogram_t wait_time;

  /* Written under lock, read by spinning threads without it: a hint to go and look, so relaxed. */
  /* Tasks that more than one thread may take. */
  atomic_size_t common;
  atomic_bool has_stopped;

  /* What the context threw, for which the pool stopped: written before that. */
  iso_message_t error;
  /* Written before ready_event is posted, read at its delivery. */
  int ready_status;
  iso_event_t ready_event;
  iso_event_t ended_event;
};

/* thread.c */

/* Starts an operating-system thread with an isolate that works for `pool`.
 * Errors: ISO_ENOMEM, ISO_ESTART. Thread: any. */
int iso_thread__create(iso_pool_t *pool, uint64_t id, iso_thread_t **out);
/* Stops what runs inside a thread of `pool`, until it is resumed (by the thread itself). */
void iso_thread__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
void iso_thread__resume_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Makes it look at its queues again. */
void iso_thread__wake_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* CPU time that it has used so far. */
uint64_t iso_thread__cpu_ns(const iso_thread_t *thread);

/* guard.c */

/* The thread ends with these: its memory, or V8's state, is beyond use. */
static inline bool iso_is_fatal(int status) {
  return status == ISO_EMEMORY || status == ISO_EFATAL;
}

void iso_guard__init(iso_guard_t *guard);
/* Thread: not one that holds the pool's lock. */
void iso_guard__deinit(iso_guard_t *guard);

/* The thread starts to run `task`, or to evaluate the context (NULL). Thread: the guarded. */
void iso_guard__begin_locked(iso_pool_t *pool, iso_thread_t *thread, const iso_task_t *task)
    ISO_REQUIRES(pool->lock);
/* It has run. Returns why it was interrupted; ISO_OK: it was not. Thread: the guarded. */
int iso_guard__end_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Stops what it runs, or the next thing. Thread: any. */
void iso_guard__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread, int reason)
    ISO_REQUIRES(pool->lock);
/* It was woken: if V8's own jobs keep it, they are interrupted. Thread: any. */
void iso_guard__summon_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* It sleeps, or no longer does, until what it awaits has come. Thread: the guarded. */
void iso_guard__awaits(iso_thread_t *thread, bool awaits);

/* pool.c: all called by the thread that they are about, but write_off. */

typedef enum iso_step_e {
  ISO_STEP_RUN,
  ISO_STEP_SPIN,
  ISO_STEP_SLEEP,
  ISO_STEP_RENEW,
  ISO_STEP_STOP
} iso_step_t;

/* What a thread does next: first finish `done` (NULL: nothing) with `status`, then the step. */
typedef struct iso_turn_s {
  iso_task_t *done;
  int status;
  iso_step_t step;
} iso_turn_t;

/* What the thread ran last, if anything, has ended with `status`. */
iso_turn_t iso_pool__next(iso_pool_t *pool, iso_thread_t *thread, int status);
/* V8 gave up in it: gives the task that ran, if it is not finished. */
iso_task_t *iso_pool__failed(iso_pool_t *pool, iso_thread_t *thread, int status);
/* Its context has been made anew, or could not be; takes what is in `error`. False: that is its
 * end. */
bool iso_pool__renewed(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error);
/* Calls have come while it runs no task; they are guarded as a task is. What they lead to ends with
 * the next iso_pool__next. */
void iso_pool__serves(iso_pool_t *pool, iso_thread_t *thread);
/* Is there something to look at? Reads hints only. */
bool iso_pool__has_work(const iso_pool_t *pool, const iso_thread_t *thread);
/* The spin that next asked for is over. */
void iso_pool__spun(iso_pool_t *pool);
/* Is awake again. `has_idled`: after the pool's idle timeout; it may then be told to retire. */
void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread, bool has_idled);
/* How long the thread may sleep before it has idled, in ms; -1: for ever. */
int64_t iso_pool__idle_timeout_ms(iso_pool_t *pool);
/* Starts to evaluate the context. */
void iso_pool__loads(iso_pool_t *pool, iso_thread_t *thread);
/* Has evaluated the context, or could not; takes what is in `error`. False: that is its end. */
bool iso_pool__loaded(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error);
/* Takes no more tasks, for the reason in thread->end_status: others get what waits for it, and
 * where it died another thread is started in its place. */
void iso_pool__leave(iso_pool_t *pool, iso_thread_t *thread);
/* It does not stop: does for it what it should have done. Thread: any. */
void iso_pool__write_off_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* One that has left is joined, or parked. Thread: the owner's loop's. */
void iso_pool__thread_ended(iso_pool_t *pool, bool was_lost, bool alive);

#endif
