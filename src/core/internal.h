/* What pool.c and thread.c know of each other, and nobody else. */
#ifndef ISO_CORE_INTERNAL_H
#define ISO_CORE_INTERNAL_H

#include <stdatomic.h>
#include <uv.h>

#include "core/account.h"
#include "core/console.h"
#include "core/pool.h"
#include "core/sync.h"
#include "engine/engine.h"

typedef struct iso_thread_s {
  /* Immutable after create. */
  iso_pool_t *pool;
  iso_account_t *account;
  uv_thread_t handle;

  /* Guarded by pool->lock. `engine` is there for others to terminate it; `wake` may be sent to
   * while `is_open`. */
  iso_engine_t *engine;
  bool is_open;
  uv_async_t wake;
  iso_link_t sleeper;
  bool is_asleep;

  /* Has a lock of its own. */
  iso_console_t console;

  /* The thread's own. */
  uv_loop_t loop;
  iso_task_t *task;
  uint64_t spin_ns;
  unsigned runs_since_turn;
  /* The heap limit was met, so what runs is being stopped. */
  bool out_of_memory;
  /* V8 gave up inside: this thread will never end, and its memory never be freed. */
  bool is_parked;

  /* Posted as the last thing. */
  iso_event_t exit_event;
} iso_thread_t;

struct iso_pool_s {
  /* Immutable after create. */
  iso_owner_t *owner;
  const iso_pool_callbacks_t *callbacks;
  void *data;
  void *platform;
  size_t memory_limit_bytes;
  size_t thread_count;
  iso_message_t *context;

  iso_mutex_t lock;
  /* Guarded by lock. `reason` is ISO_OK while the pool runs. */
  int reason;
  iso_list_t queue;
  iso_list_t sleepers;
  size_t spinners;
  size_t loaded_threads;
  bool is_ready_posted;

  /* Written under lock, read by spinning threads without it: a hint to go and look, so relaxed. */
  atomic_size_t queued;
  atomic_bool has_stopped;

  /* Written before ready_event is posted, read at its delivery. */
  int ready_status;
  iso_message_t ready_error;
  iso_event_t ready_event;

  /* Owner's loop only. */
  size_t living_threads;
  iso_thread_t *threads[];
};

/* thread.c */

/* Starts an operating-system thread with an isolate that works for `pool`.
 * Errors: ISO_ENOMEM, ISO_ESTART. Thread: the owner's loop's. */
int iso_thread__create(iso_pool_t *pool, iso_thread_t **out);
/* Stops what runs inside a thread of `pool`. */
void iso_thread__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Makes it look at the queue again. */
void iso_thread__wake_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);

/* pool.c */

/* The next task for a thread. NULL: none, and what to do instead is in *idle. */
typedef enum iso_idle_e { ISO_IDLE_STOP, ISO_IDLE_SPIN, ISO_IDLE_SLEEP } iso_idle_t;
iso_task_t *iso_pool__take(iso_pool_t *pool, iso_thread_t *thread, iso_idle_t *idle);
/* The spin that take asked for is over. */
void iso_pool__spun(iso_pool_t *pool);
/* The thread is awake again. */
void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread);
/* A thread has evaluated the context, or could not; takes what is in `error`. */
void iso_pool__loaded(iso_pool_t *pool, int status, iso_message_t *error);
/* The thread is about to be freed: nobody finds it any more. Thread: the owner's loop's. */
void iso_pool__thread_gone(iso_pool_t *pool, iso_thread_t *thread);
/* A thread has ended. Thread: the owner's loop's. */
void iso_pool__thread_ended(iso_pool_t *pool, bool alive);

#endif
