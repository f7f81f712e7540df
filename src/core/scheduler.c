/* See scheduler.h. Every function runs under pool->lock. */
#include "core/scheduler.h"

#include <string.h>

/* The i-th task on thread i mod n. */
static iso_thread_t *place_round_robin(iso_pool_t *pool) {
  for (size_t tries = 0; tries < pool->thread_count; tries++) {
    iso_thread_t *thread = pool->threads[pool->next_thread++ % pool->thread_count];
    if (iso_thread__takes_tasks(thread)) return thread;
  }
  return NULL;
}

static size_t load_of(const iso_thread_t *thread) {
  return thread->queue.count + thread->keyed.count + (thread->is_busy ? 1 : 0);
}

static iso_thread_t *place_least_loaded(iso_pool_t *pool) {
  iso_thread_t *least = NULL;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    if (iso_thread__takes_tasks(thread) && (least == NULL || load_of(thread) < load_of(least)))
      least = thread;
  }
  return least;
}

static iso_thread_t *place_shared(iso_pool_t *pool) {
  (void) pool;
  return NULL;
}

/* xorshift: any spread will do. */
static iso_thread_t *place_random(iso_pool_t *pool) {
  uint64_t x = pool->random_state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  pool->random_state = x;
  pool->next_thread = (size_t) (x % (pool->thread_count == 0 ? 1 : pool->thread_count));
  return place_round_robin(pool);
}

static const iso_scheduler_t schedulers[] = {
    {"round-robin", place_round_robin},
    {"least-loaded", place_least_loaded},
    {"shared", place_shared},
    {"random", place_random},
};

const iso_scheduler_t *iso_scheduler_find(const char *name) {
  for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
    if (strcmp(schedulers[i].name, name) == 0) return &schedulers[i];
  }
  return NULL;
}

/* A new bucket goes to the thread that has the fewest. */
iso_thread_t *iso_scheduler_place_key_locked(iso_pool_t *pool, uint8_t bucket) {
  iso_thread_t *thread = pool->buckets[bucket].thread;
  /* One that retires keeps the key while tasks of it are still there, for their order's sake. */
  if (thread != NULL && (!thread->is_retiring || pool->buckets[bucket].outstanding != 0))
    return thread;
  iso_thread_t *fewest = NULL;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *other = pool->threads[i];
    if (iso_thread__takes_tasks(other) &&
        (fewest == NULL || other->bucket_count < fewest->bucket_count))
      fewest = other;
  }
  if (thread != NULL) thread->bucket_count--;
  pool->buckets[bucket].thread = fewest;
  if (fewest != NULL) fewest->bucket_count++;
  return fewest;
}
