/* What bounds the time of a thread's code: how is in guard.c. */
#ifndef ISO_CORE_GUARD_H
#define ISO_CORE_GUARD_H

#include "core/internal.h"

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
/* It is about to dispose of its isolate, which may never come to its end: V8 may have been left by
 * a jump, or give up. */
void iso_guard__disposes(iso_thread_t *thread);
/* The first who asks decides whether it did: the guarded thread, or the watchdog's. */
bool iso_guard__decides_disposal(iso_thread_t *thread);
/* It sleeps, or no longer does, until what it awaits has come. Thread: the guarded. */
void iso_guard__awaits(iso_thread_t *thread, bool awaits);

#endif
