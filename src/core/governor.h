/* How many threads of a pool work at once.
 *
 * As many as there are, in general. But where a task takes a microsecond, to give it and to settle
 * it takes the owner's loop as long, and threads beyond those that keep up with it only fight with
 * each other, and with the loop, for cores and for the lock. So while tasks are brief, a few work,
 * and the others are left asleep, or go to sleep while tasks still wait.
 *
 * That is a guess about tasks that have not run yet. While any wait for which a thread might have
 * been woken, the watchdog looks every millisecond: a thread that is still at what it ran then does
 * not count as working until that has ended, nor does one that serves calls; and where nothing has
 * moved, or tasks have become longer, others are woken. */
#ifndef ISO_CORE_GOVERNOR_H
#define ISO_CORE_GOVERNOR_H

#include "core/internal.h"

void iso_governor_init(iso_pool_t *pool);
/* Thread: not one that holds the pool's lock. */
void iso_governor_deinit(iso_pool_t *pool);

/* So many tasks are submitted. Thread: the owner's loop's. */
static inline void iso_governor_pace(iso_pool_t *pool, uint64_t now_ns, size_t count);

/* A task has taken so long. */
static inline void iso_governor_learn_locked(iso_pool_t *pool, uint64_t took_ns)
    ISO_REQUIRES(pool->lock);
/* How long tasks take. */
static inline uint64_t iso_governor_mean_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* Is the next one likely to be over by when its caller could go on? */
static inline bool iso_governor_ends_soon_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);

/* Are tasks so brief that any thread may be the one to run them? */
static inline bool iso_governor_is_brief_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);

/* Tasks wait: are those who work enough for them? Then the watchdog looks after them. */
bool iso_governor_suffices_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* And without the thread that asks, which works? */
bool iso_governor_can_spare_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
/* Do tasks that nobody is woken for have somebody who looks after them? */
bool iso_governor_looks_after_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);

/* The thread runs tasks, or looks out for some; or does no longer, for it sleeps, or ends. */
void iso_governor_note_locked(iso_pool_t *pool, iso_thread_t *thread, bool works)
    ISO_REQUIRES(pool->lock);

enum {
  /* Where tasks take longer, every thread works. */
  ISO_BRIEF_NS = 8000,
  /* Of the mean; one task in so many that takes as many times longer is worth all threads. */
  ISO_BRIEF_SAMPLES = 64,
  /* Tasks that come later than this after the one before come by themselves. */
  ISO_PACE_AT_MOST_NS = 16000
};

/* What the loop needs from one task to the next. Others are told of it only where it has changed
 * by more than an eighth, for their sake who read it. */
static inline void iso_governor_pace(iso_pool_t *pool, uint64_t now_ns, size_t count) {
  uint64_t gap_ns = now_ns - pool->last_submitted_ns;
  /* A division takes as long as all the rest. */
  if (count > 1) gap_ns /= count;
  pool->last_submitted_ns = now_ns;
  if (gap_ns > ISO_PACE_AT_MOST_NS) return;
  uint64_t mean_ns = pool->mean_pace_ns - pool->mean_pace_ns / 16 + gap_ns / 16;
  uint64_t known_ns = atomic_load_explicit(&pool->pace_ns, memory_order_relaxed);
  pool->mean_pace_ns = mean_ns;
  if (mean_ns > known_ns + known_ns / 8 || mean_ns < known_ns - known_ns / 8)
    atomic_store_explicit(&pool->pace_ns, mean_ns, memory_order_relaxed);
}

static inline void iso_governor_learn_locked(iso_pool_t *pool, uint64_t took_ns) {
  /* Longer than this is no briefer, and would be remembered for too long. */
  const uint64_t most_ns = 2 * (uint64_t) ISO_BRIEF_NS * ISO_BRIEF_SAMPLES;
  uint64_t sum_ns = pool->governor.sum_ns;
  pool->governor.sum_ns =
      sum_ns - sum_ns / ISO_BRIEF_SAMPLES + (took_ns < most_ns ? took_ns : most_ns);
}

static inline uint64_t iso_governor_mean_locked(const iso_pool_t *pool) {
  return pool->governor.sum_ns / ISO_BRIEF_SAMPLES;
}

static inline bool iso_governor_ends_soon_locked(const iso_pool_t *pool) {
  /* Code that has gone cold takes several times as long, and one that was held up for a millisecond
   * weighs as much as all others. */
  return iso_governor_mean_locked(pool) < 8 * (uint64_t) ISO_BRIEF_NS;
}

static inline bool iso_governor_is_brief_locked(const iso_pool_t *pool) {
  return iso_governor_mean_locked(pool) < ISO_BRIEF_NS && pool->options.may_steal &&
         pool->thread_count > 1;
}

#endif
