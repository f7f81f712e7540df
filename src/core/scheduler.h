/* Which thread a task is placed on.
 *
 * Adding a scheduler is adding one function and one row of the table in scheduler.c. */
#ifndef ISO_CORE_SCHEDULER_H
#define ISO_CORE_SCHEDULER_H

#include "core/internal.h"

typedef struct iso_scheduler_s {
  const char *name;
  /* The thread for the next task, under pool->lock; NULL: the queue that all threads share. */
  iso_thread_t *(*place)(iso_pool_t *pool);
} iso_scheduler_t;

/* NULL: no scheduler has this name. */
const iso_scheduler_t *iso_scheduler_find(const char *name);

/* The thread of a key's bucket. It stays the same for as long as that thread lives, so tasks with
 * one key run in their order, and find what the thread has kept. NULL: there is no thread. */
iso_thread_t *iso_scheduler_place_key_locked(iso_pool_t *pool, uint8_t bucket)
    ISO_REQUIRES(pool->lock);

#endif
