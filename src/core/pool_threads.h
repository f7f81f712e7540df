/* The threads of a pool: how they come, load, and go. Those without a lock are called by the thread
 * that they are about, but park. */
#ifndef ISO_CORE_POOL_THREADS_H
#define ISO_CORE_POOL_THREADS_H

#include "core/internal.h"

/* `replaces`: the thread whose place it takes; NULL: one more. Errors: ISO_ENOMEM, ISO_ESTART. */
int iso_pool__spawn_locked(iso_pool_t *pool, iso_thread_t *replaces) ISO_REQUIRES(pool->lock);
/* As many as there shall be at least, and one more where tasks wait for which none is free. */
int iso_pool__fill_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* The same; with no thread at all the pool stops, for nothing would ever run. */
void iso_pool__refill_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* What `ready` waits for: a thread has loaded, or is not wanted any more. */
void iso_pool__awaited_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* Takes no more tasks but those of its keys; others get what else waited for it. */
void iso_pool__retire_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* After so many tasks a thread is replaced. */
void iso_pool__recycle_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* What a run or load ends with that gave `status`. */
int iso_pool__end_guarded_locked(iso_pool_t *pool, iso_thread_t *thread, int status)
    ISO_REQUIRES(pool->lock);
/* Starts to evaluate the context. */
void iso_pool__loads(iso_pool_t *pool, iso_thread_t *thread);
/* Has evaluated the context, or could not; takes what is in `error`. False: that is its end. */
bool iso_pool__loaded(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error);
/* Its context was made anew, or could not be; takes what is in `error`. False: that is its end. */
bool iso_pool__renewed(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error);
/* Takes no more tasks, for the reason in thread->end_status: others get what waits for it, and
 * where it died another thread is started in its place. */
void iso_pool__leave(iso_pool_t *pool, iso_thread_t *thread);
/* The thread stays for ever where it is: does for it what it should have done at its end.
 * Thread: any. */
void iso_pool__park(iso_pool_t *pool, iso_thread_t *thread);
/* It does not stop: does for it what it should have done. Thread: any. */
void iso_pool__write_off_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
/* How long the thread may sleep before it has idled, in ms; -1: for ever. */
int64_t iso_pool__idle_timeout_ms(iso_pool_t *pool);
/* Is awake again. `has_idled`: after the pool's idle timeout; it may then be told to retire. */
void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread, bool has_idled);

#endif
