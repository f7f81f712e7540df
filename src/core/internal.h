/* What the files of a pool know of each other (pool.c, scheduler.c, stats.c, thread.c), and nobody
 * else. */
#ifndef ISO_CORE_INTERNAL_H
#define ISO_CORE_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "core/account.h"
#include "core/console.h"
#include "core/histogram.h"
#include "core/pool.h"
#include "core/queue.h"
#include "core/sync.h"
#include "engine/engine.h"

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
  /* `wake` may be sent to. */
  bool is_open;
  uv_async_t wake;
  /* In pool->sleepers while asleep. */
  iso_link_t sleeper;
  bool is_asleep;
  bool is_loaded;
  bool is_busy;
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

  /* Has a lock of its own. */
  iso_console_t console;

  /* The thread's own. */
  uv_loop_t loop;
  uv_timer_t idle_timer;
  bool has_idled;
  iso_task_t *task;
  uint64_t spin_ns;
  unsigned runs_since_turn;
  /* The heap limit was met, so what runs is being stopped. */
  bool out_of_memory;
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
  /* Those whose exit has not been delivered, ended or not. */
  size_t unjoined;
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

  /* Written before ready_event is posted, read at its delivery. */
  int ready_status;
  iso_message_t ready_error;
  iso_event_t ready_event;
  iso_event_t ended_event;
};

/* thread.c */

/* Starts an operating-system thread with an isolate that works for `pool`.
 * Errors: ISO_ENOMEM, ISO_ESTART. Thread: any. */
int iso_thread__create(iso_pool_t *pool, uint64_t id, iso_thread_t **out);
/* Stops what runs inside a thread of `pool`. */
void iso_thread__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Makes it look at its queues again. */
void iso_thread__wake_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* CPU time that it has used so far. */
uint64_t iso_thread__cpu_ns(const iso_thread_t *thread);

/* pool.c: all called by the thread that they are about. */

typedef enum iso_idle_e { ISO_IDLE_STOP, ISO_IDLE_SPIN, ISO_IDLE_SLEEP } iso_idle_t;

/* The last task, if there was one, has been run with `status`. Gives the next; or NULL, and what to
 * do instead in *idle. */
iso_task_t *iso_pool__next(iso_pool_t *pool, iso_thread_t *thread, int status, iso_idle_t *idle);
/* The last task has been run, and no other will be. */
void iso_pool__done(iso_pool_t *pool, iso_thread_t *thread, int status);
/* Is there something to look at? Reads hints only. */
bool iso_pool__has_work(const iso_pool_t *pool, const iso_thread_t *thread);
/* The spin that next asked for is over. */
void iso_pool__spun(iso_pool_t *pool);
/* Is awake again. `has_idled`: after the pool's idle timeout; it may then be told to retire. */
void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread, bool has_idled);
/* How long the thread may sleep before it has idled, in ms; -1: for ever. */
int64_t iso_pool__idle_timeout_ms(iso_pool_t *pool);
/* Has evaluated the context, or could not; takes what is in `error`. */
void iso_pool__loaded(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error);
/* Takes no more tasks, for the reason in thread->end_status: others get what waits for it, and
 * where it died another thread is started in its place. */
void iso_pool__leave(iso_pool_t *pool, iso_thread_t *thread);
/* One that has left is joined. Thread: the owner's loop's. */
void iso_pool__thread_ended(iso_pool_t *pool, bool alive);

#endif
