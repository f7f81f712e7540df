/* A thread of a pool, as the other files of the pool know it. */
#ifndef ISO_CORE_THREAD_H
#define ISO_CORE_THREAD_H

#include "core/internal.h"

/* Gives `pool` a thread with an isolate: a spare, or a new one.
 * Errors: ISO_ENOMEM, ISO_ESTART. Thread: any. */
int iso_thread__create(iso_pool_t *pool, uint64_t id, iso_thread_t **out);
/* Starts one that works for no pool, until it is taken (see spare.c). Errors: as create. */
int iso_thread__create_spare(
    iso_owner_t *owner, void *platform, iso_spares_t *spares, iso_thread_t **out
);
/* From now on it works for `pool`. */
void iso_thread__join(iso_thread_t *thread, iso_pool_t *pool, uint64_t id);
/* Stops what runs inside a thread of `pool`, until it is resumed (by the thread itself). */
void iso_thread__interrupt_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
void iso_thread__resume_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Makes it look at its queues again. */
void iso_thread__wake_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* CPU time that it has used so far; 0: not known. The thread is open, or the caller. */
uint64_t iso_thread__cpu_ns(const iso_thread_t *thread);

/* Leaves V8 at once, for good; can it? */
bool iso_thread__can_unwind(const iso_thread_t *thread);
_Noreturn void iso_thread__unwind(iso_thread_t *thread, int status);

#endif
