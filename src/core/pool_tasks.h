/* The tasks of a pool: where they wait, and who runs them. Those without a lock are called by the
 * thread that they are about. */
#ifndef ISO_CORE_POOL_TASKS_H
#define ISO_CORE_POOL_TASKS_H

#include "core/internal.h"

/* `target`: the thread that must run it; NULL: as the key or the scheduler says. Wakes who shall
 * take it. Errors: ISO_ENOMEM. */
int iso_pool__enqueue_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target)
    ISO_REQUIRES(pool->lock);
void iso_pool__unqueue_locked(iso_pool_t *pool, iso_task_t *task) ISO_REQUIRES(pool->lock);
/* Places again what waits in `queue`. */
void iso_pool__move_tasks_locked(iso_pool_t *pool, iso_queue_t *queue) ISO_REQUIRES(pool->lock);
void iso_pool__finish_all_locked(iso_pool_t *pool, iso_queue_t *queue, int status)
    ISO_REQUIRES(pool->lock);
/* Wakes one that sleeps, if any does. */
void iso_pool__wake_one_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* Of tasks that any thread may take, whoever spins takes one each; somebody must look at the
 * others. */
void iso_pool__wake_for_common_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* It no longer sleeps, if it did. `takes_tasks`: whether it counts as one that works. */
void iso_pool__leave_sleepers_locked(iso_pool_t *pool, iso_thread_t *thread, bool takes_tasks)
    ISO_REQUIRES(pool->lock);
/* Wakes this one, which sleeps. */
void iso_pool__rouse_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* A task with a key is over, and its end is posted: the key may go to another thread. */
void iso_pool__release_bucket_locked(iso_pool_t *pool, int *bucket) ISO_REQUIRES(pool->lock);
/* Counts the task that ran as done, and gives it; to be finished by the caller. */
iso_task_t *iso_pool__done_locked(iso_pool_t *pool, iso_thread_t *thread, int status, uint64_t now)
    ISO_REQUIRES(pool->lock);

typedef enum iso_step_e {
  ISO_STEP_RUN,
  /* Calls, or answers, have come. */
  ISO_STEP_SERVE,
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
/* V8 gave up in it: finishes the task that ran, if that is not done. */
void iso_pool__failed(iso_pool_t *pool, iso_thread_t *thread, int status);
/* Stops the pool where nobody can want anything of it any more. */
void iso_pool__drop_abandoned_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* Is there something to look at? Reads hints only. */
bool iso_pool__has_work(const iso_pool_t *pool, const iso_thread_t *thread);
/* The spin that next asked for is over. */
void iso_pool__spun(iso_pool_t *pool);

#endif
