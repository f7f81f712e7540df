/* What a pool can say of itself; see pool.h. */
#include "core/alloc.h"
#include "core/error.h"
#include "core/internal.h"
#include "core/thread.h"

static void describe_thread(const iso_thread_t *thread, uint64_t now, iso_thread_stats_t *out) {
  out->id = thread->id;
  out->is_loaded = thread->is_loaded;
  out->is_busy = thread->is_busy;
  out->queued = thread->queue.count + thread->keyed.count;
  out->tasks = thread->tasks_taken;
  out->uptime_ns = now - thread->start_ns;
  out->busy_ns = thread->busy_ns;
  out->cpu_ns = iso_thread__cpu_ns(thread);
  out->heap_bytes = atomic_load_explicit(&thread->heap_bytes, memory_order_relaxed);
  out->buffer_bytes = iso_account_used(thread->account);
}

int iso_pool_stats(
    iso_pool_t *pool, iso_pool_stats_t *out, iso_thread_stats_t *threads, size_t capacity,
    size_t *count
) {
  /* Two histograms are too much for a stack that JavaScript uses as well. */
  iso_histogram_t *sums = iso_alloc_zeroed(2 * sizeof(*sums));
  if (sums == NULL) return ISO_ENOMEM;
  uint64_t now = uv_hrtime();
  iso_pool__lock(pool);
  out->threads = pool->thread_count;
  out->running = pool->running;
  out->idle = pool->open_count > pool->running ? pool->open_count - pool->running : 0;
  out->queued = pool->queued;
  out->counts = pool->counts;
  iso_histogram_merge(&sums[0], &pool->run_time);
  iso_histogram_merge(&sums[1], &pool->wait_time);
  for (size_t i = 0; i < pool->thread_count; i++) {
    const iso_thread_t *thread = pool->threads[i];
    iso_histogram_merge(&sums[0], &thread->run_time);
    iso_histogram_merge(&sums[1], &thread->wait_time);
    if (i < capacity) describe_thread(thread, now, &threads[i]);
  }
  *count = pool->thread_count;
  iso_pool__unlock(pool);
  iso_histogram_summarize(&sums[0], &out->run_time);
  iso_histogram_summarize(&sums[1], &out->wait_time);
  iso_free(sums);
  return ISO_OK;
}
