/* See stats_binding.h. Times leave in milliseconds, sizes in bytes. */
#include "binding/stats_binding.h"

#include <string.h>

#include "binding/args.h"
#include "core/alloc.h"
#include "core/error.h"

static void set_number(napi_env env, napi_value object, const char *name, double number) {
  napi_value value = NULL;
  napi_create_double(env, number, &value);
  napi_set_named_property(env, object, name, value);
}

static void set_bool(napi_env env, napi_value object, const char *name, bool flag) {
  napi_value value = NULL;
  napi_get_boolean(env, flag, &value);
  napi_set_named_property(env, object, name, value);
}

static double milliseconds(double ns) {
  return ns / 1e6;
}

static napi_value histogram(napi_env env, const iso_histogram_summary_t *summary) {
  static const char *const names[] = {"p50", "p90", "p99", "p99_9"};
  napi_value object = NULL;
  napi_create_object(env, &object);
  set_number(env, object, "count", (double) summary->count);
  set_number(env, object, "mean", milliseconds(summary->mean_ns));
  for (int i = 0; i < 4; i++)
    set_number(env, object, names[i], milliseconds(summary->quantiles_ns[i]));
  set_number(env, object, "max", milliseconds(summary->max_ns));
  return object;
}

static napi_value thread(napi_env env, const iso_thread_stats_t *stats) {
  napi_value object = NULL;
  double uptime = (double) stats->uptime_ns;
  napi_create_object(env, &object);
  set_number(env, object, "id", (double) stats->id);
  set_bool(env, object, "ready", stats->is_loaded);
  set_bool(env, object, "busy", stats->is_busy);
  set_number(env, object, "queued", (double) stats->queued);
  set_number(env, object, "tasks", (double) stats->tasks);
  set_number(env, object, "uptime", milliseconds(uptime));
  set_number(env, object, "busyShare", uptime == 0 ? 0 : (double) stats->busy_ns / uptime);
  set_number(env, object, "cpuTime", milliseconds((double) stats->cpu_ns));
  set_number(env, object, "heapUsed", (double) stats->heap_bytes);
  set_number(env, object, "buffers", (double) stats->buffer_bytes);
  return object;
}

static napi_value pool_object(
    napi_env env, const iso_pool_stats_t *stats, const iso_thread_stats_t *threads, size_t count
) {
  napi_value object = NULL;
  napi_value list = NULL;
  napi_create_object(env, &object);
  set_number(env, object, "threads", (double) stats->threads);
  set_number(env, object, "idle", (double) stats->idle);
  set_number(env, object, "running", (double) stats->running);
  set_number(env, object, "queued", (double) stats->queued);
  set_number(env, object, "completed", (double) stats->counts.completed);
  set_number(env, object, "failed", (double) stats->counts.failed);
  set_number(env, object, "stolen", (double) stats->counts.stolen);
  set_number(env, object, "respawned", (double) stats->counts.replaced);
  set_number(env, object, "interrupted", (double) stats->counts.interrupted);
  set_number(env, object, "lost", (double) (stats->counts.lost - stats->counts.found));
  set_number(env, object, "parked", (double) stats->counts.parked);
  napi_set_named_property(env, object, "runTime", histogram(env, &stats->run_time));
  napi_set_named_property(env, object, "waitTime", histogram(env, &stats->wait_time));
  napi_create_array(env, &list);
  for (size_t i = 0; i < count; i++)
    napi_set_element(env, list, (uint32_t) i, thread(env, &threads[i]));
  napi_set_named_property(env, object, "perThread", list);
  return object;
}

napi_value iso_stats_create(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  iso_pool_stats_t stats;
  memset(&stats, 0, sizeof(stats));
  if (pool->core == NULL) return pool_object(env, &stats, NULL, 0);
  /* Threads may come between the two calls; a few places to spare are enough. */
  size_t capacity = iso_pool_thread_count(pool->core) + 16;
  size_t count = 0;
  iso_thread_stats_t *threads = iso_alloc_zeroed(capacity * sizeof(*threads));
  napi_value result = NULL;
  if (threads != NULL && iso_pool_stats(pool->core, &stats, threads, capacity, &count) == ISO_OK)
    result = pool_object(env, &stats, threads, count < capacity ? count : capacity);
  else
    napi_throw_error(env, "ERR_THREAD_NO_MEMORY", "no memory for the statistics");
  iso_free(threads);
  return result;
}
