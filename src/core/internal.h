/* What a pool and its threads are made of, the pool's lock, and what of pool.c and spare.c is for
 * the other files of a pool (guard, memory, pool_tasks, pool_threads, report, thread) and nobody
 * else. */
#ifndef ISO_CORE_INTERNAL_H
#define ISO_CORE_INTERNAL_H

#include <setjmp.h>
#include <stdatomic.h>
#include <time.h>
#include <uv.h>

#include "core/account.h"
#include "core/console.h"
#include "core/error.h"
#include "core/histogram.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/remote.h"
#include "core/spare.h"
#include "core/sync.h"
#include "core/watchdog.h"
#include "engine/engine.h"

/* See memory.c. The thread's own. */
typedef struct iso_memory_s {
  /* How often V8 was given more than its limit, and since when it wants it. */
  unsigned raises;
  size_t given_bytes;
  uint64_t full_since_ns;
  uint64_t last_collection_ns;
  /* Collections that freed nothing have taken so long, one after the other. */
  uint64_t crawl_ns;
  /* Of the heap, when it was last looked at. */
  size_t used_bytes;
  /* What it had, buffers as well, or wanted, when it was interrupted for it; 0: it was not. */
  size_t blamed_bytes;
} iso_memory_t;

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
  uint64_t interrupted_cpu_ns;
  /* When the thread was woken from its sleep, until it is awake; 0: it was not. */
  uint64_t summoned_ns;
  /* The code was interrupted, so its context is not to be trusted any more. */
  bool must_renew;
  /* When the disposal of the isolate must be over; 0: there is none. */
  uint64_t disposal_due_ns;
  /* Atomic: whoever sets it first, the thread when the isolate is gone, or the watchdog when it
   * takes too long, says how the thread ends. */
  atomic_flag disposal_is_decided;

  /* Written under the lock, read by the thread without it: a hint, so relaxed. */
  atomic_bool is_interrupted;
  /* Written by the thread, which then arms the watch: it sleeps, and takes no CPU time. */
  atomic_bool awaits;

  iso_watch_t watch;
} iso_guard_t;

/* See governor.h. Guarded by pool->lock. */
typedef struct iso_governor_s {
  /* Of the time that the last tasks took, a running mean times the samples in it. */
  uint64_t sum_ns;
  /* Threads that run tasks, or look out for some. */
  size_t working;
  /* The watchdog looks after tasks that nobody was woken for. */
  bool is_watched;
  /* How many tasks had been done when it looked last. */
  uint64_t done_before;
  iso_watch_t watch;
} iso_governor_t;

typedef struct iso_thread_s {
  /* Immutable after create. */
  iso_owner_t *owner;
  void *platform;
  iso_account_t *account;
  uv_thread_t handle;

  /* Written before it starts; of a spare, once, under the lock of its spares. */
  iso_pool_t *pool;
  uint64_t id;
  uint64_t start_ns;
  /* Of its CPU time; written by the thread before it is open. */
  clockid_t clock;
  bool has_clock;

  /* Of a spare, guarded by the lock of its spares. */
  iso_spares_t *spares;
  iso_link_t spare;
  bool is_ready;
  bool is_dismissed;

  /* Guarded by pool->lock. */
  /* For others to terminate it. */
  iso_engine_t *engine;
  /* Of the functions of its context; another one when that is made anew. NULL: none (yet). Only
   * the thread changes it, and reads it without the lock. */
  iso_home_t *home;
  /* `wake` may be sent to. */
  bool is_open;
  uv_async_t wake;
  /* It counts as one that works: see governor.h. */
  bool works;
  /* In pool->sleepers while asleep. */
  iso_link_t sleeper;
  bool is_asleep;
  bool is_loaded;
  bool is_busy;
  /* The pool is not ready before it has loaded. */
  bool is_awaited;
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

  /* Who is about to send to `wake`, without the lock. */
  atomic_int wakers;
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
  /* It works for no pool, or does not know yet that it does. */
  bool is_spare;
  uv_loop_t loop;
  uv_timer_t idle_timer;
  bool has_idled;
  uint64_t spin_ns;
  unsigned runs_since_turn;
  /* Of the task that has just run: another look at the clock would cost more than all that is
   * counted with it. 0: nothing has. */
  uint64_t task_end_ns;
  /* Calls have been served since it took its last task: the next is a task's turn. */
  bool has_served;
  /* Of the task that runs: the task itself may be finished, and gone, before the code is. */
  iso_message_t message;
  /* Why it ended: ISO_OK where it was told to retire. */
  int end_status;
  iso_memory_t memory;
  /* Where the thread goes on when V8 must be left at once, and with which status. */
  jmp_buf rescue;
  int rescue_status;
  /* Inside uv_run, which cannot be jumped out of. */
  bool is_in_loop;
  /* V8 gave up inside: this thread will never end, and its memory never be freed. */
  bool is_parked;

  /* Posted as the last thing. */
  iso_event_t exit_event;
} iso_thread_t;

/* More are woken at once. */
enum { ISO_ROUSED_MOST = 4 };

typedef struct iso_bucket_s {
  iso_thread_t *thread;
  /* Tasks queued or running. */
  size_t outstanding;
} iso_bucket_t;

struct iso_pool_s {
  /* Atomic: how many tasks may be in `given`; 0: none. Written under lock, and rarely: kept
   * away from the lock. */
  atomic_size_t may_be_given;
  /* Atomic, relaxed: see iso_governor_pace. As rarely written. */
  atomic_uint_fast64_t pace_ns;
  /* Immutable after create. */
  iso_owner_t *owner;
  iso_pool_options_t options;
  const struct iso_scheduler_s *scheduler;
  /* So many tasks that wait make it need a drain. */
  size_t high_water;

  iso_mutex_t lock;
  /* Guarded by lock. */
  /* ISO_OK while the pool runs. */
  int reason;
  bool is_closing;
  bool is_abandoned;
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
  iso_bucket_t buckets[ISO_KEY_BUCKETS];
  /* The schedulers'. */
  size_t next_thread;
  uint64_t random_state;
  /* Who waits, and how. */
  iso_list_t sleepers;
  /* To be woken when the lock is released; see iso_pool__unlock. */
  iso_thread_t *roused[ISO_ROUSED_MOST];
  size_t roused_count;
  size_t spinners;
  iso_governor_t governor;
  /* The start. */
  size_t loads_wanted;
  bool is_ready_posted;
  bool needs_drain;
  iso_pool_counts_t counts;

  /* Written under lock, read by spinning threads without it: a hint to go and look, so relaxed. */
  /* Tasks that more than one thread may take. */
  atomic_size_t common;
  atomic_bool has_stopped;

  /* Guarded by lock. */
  /* Of threads that have ended. */
  iso_histogram_t run_time;
  iso_histogram_t wait_time;

  /* Atomic, for submit, which nearly always does without the lock: see iso_pool_submit. Kept away
   * from all that threads write. */
  /* A stack of what it was given, by event.link.next, the last on top. */
  _Atomic(iso_link_t *) given;
  /* The owner's loop's own. */
  uint64_t next_sequence;
  bool has_woken;
  uint64_t last_submitted_ns;
  uint64_t mean_pace_ns;

  /* What the context threw, for which the pool stopped: written before that. */
  iso_message_t error;
  /* Written before ready_event is posted, read at its delivery. */
  int ready_status;
  iso_event_t ready_event;
  iso_event_t ended_event;
};

/* Puts what was given without the lock where it belongs. */
void iso_pool__place_given_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);

/* Takes pool->lock; its holder finds everything in a queue that has been submitted. */
static inline void iso_pool__lock(iso_pool_t *pool) ISO_ATTRIBUTE(acquire_capability(pool->lock))
    ISO_ATTRIBUTE(no_thread_safety_analysis);
static inline void iso_pool__lock(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  if (atomic_load_explicit(&pool->given, memory_order_relaxed) != NULL)
    iso_pool__place_given_locked(pool);
}

/* Releases pool->lock, and then wakes whom its holder has roused: woken before, they would find it
 * held, and sleep again. */
void iso_pool__unlock(iso_pool_t *pool) ISO_ATTRIBUTE(release_capability(pool->lock))
    ISO_ATTRIBUTE(no_thread_safety_analysis);

/* Does the pool place tasks on it? Under pool->lock. */
static inline bool iso_thread__takes_tasks(const iso_thread_t *thread) {
  return !thread->is_retiring && thread->replaces == NULL;
}

/* spare.c: the last four are called by the thread that they are about. */

/* NULL: there is none. Thread: any. */
iso_thread_t *iso_spares__take(iso_spares_t *spares, iso_pool_t *pool, uint64_t id);
/* A thread of `pool` has loaded: those that are missing may start. */
void iso_spares__loaded_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
bool iso_spares__is_taken(const iso_thread_t *thread);
/* Its isolate is there (or `status` says why not): waits until a pool takes it. False: none has. */
bool iso_spares__wait(iso_thread_t *thread, int status);
/* V8 gave up in one that was starting. True: it works for no pool. */
bool iso_spares__died(iso_thread_t *thread);
/* It works for a pool by now, or has ended. */
void iso_spares__leave(iso_thread_t *thread);

/* pool.c */

/* Tells the owner. Without memory it is not told; nothing depends on it. */
void iso_pool__post_notice(
    iso_pool_t *pool, iso_notice_kind_t kind, uint64_t thread_id, int status
);
/* Says, once, how the start went. */
void iso_pool__post_ready_locked(iso_pool_t *pool, int status) ISO_REQUIRES(pool->lock);
/* How many tasks no thread is free for. */
size_t iso_pool__waiting_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* The number of those has passed one of its marks. */
void iso_pool__turn_pressure_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* The number of those has changed. */
static inline void iso_pool__note_pressure_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static inline void iso_pool__note_pressure_locked(iso_pool_t *pool) {
  bool may_turn = pool->needs_drain ? pool->queued == 0 : pool->queued >= pool->high_water;
  if (may_turn) iso_pool__turn_pressure_locked(pool);
}
/* Finishes what waits, interrupts what runs, and lets all threads end. */
void iso_pool__stop_locked(iso_pool_t *pool, int reason) ISO_REQUIRES(pool->lock);
/* One that has left is joined, or parked. Thread: the owner's loop's. */
void iso_pool__thread_ended(iso_pool_t *pool, bool was_lost, bool alive);

#endif
