/* See governor.h. */
#include "core/governor.h"

#include "core/pool_tasks.h"
#include "core/pool_threads.h"

enum { PACE_AT_FIRST_NS = 500, PACE_AT_LEAST_NS = 50, LOOKS_EVERY_NS = 1000000 };

static size_t enough_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static size_t enough_locked(const iso_pool_t *pool) {
  if (!iso_governor_is_brief_locked(pool)) return SIZE_MAX;
  uint64_t pace_ns = atomic_load_explicit(&pool->pace_ns, memory_order_relaxed);
  if (pace_ns < PACE_AT_LEAST_NS) pace_ns = PACE_AT_LEAST_NS;
  /* To settle a task takes the loop twice as long as to give it. */
  return 1 + (size_t) (iso_governor_mean_locked(pool) / (3 * pace_ns));
}

static uint64_t done_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static uint64_t done_locked(const iso_pool_t *pool) {
  return pool->counts.completed + pool->counts.failed;
}

static void watch_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void watch_locked(iso_pool_t *pool) {
  iso_governor_t *governor = &pool->governor;
  if (governor->is_watched) return;
  governor->is_watched = true;
  governor->done_before = done_locked(pool);
  iso_watch_arm(&governor->watch, uv_hrtime() + LOOKS_EVERY_NS);
}

bool iso_governor_suffices_locked(iso_pool_t *pool) {
  if (pool->governor.working < enough_locked(pool)) return false;
  watch_locked(pool);
  return true;
}

bool iso_governor_can_spare_locked(iso_pool_t *pool) {
  if (pool->governor.working <= enough_locked(pool)) return false;
  watch_locked(pool);
  return true;
}

bool iso_governor_looks_after_locked(const iso_pool_t *pool) {
  return pool->governor.is_watched && pool->governor.working >= enough_locked(pool);
}

void iso_governor_note_locked(iso_pool_t *pool, iso_thread_t *thread, bool works) {
  if (thread->works == works) return;
  thread->works = works;
  if (works)
    pool->governor.working++;
  else
    pool->governor.working--;
}

/* From here on tasks may be long. */
static void doubt(iso_governor_t *governor) {
  governor->sum_ns = (uint64_t) ISO_BRIEF_NS * ISO_BRIEF_SAMPLES;
}

/* It runs the same task since before the last look; or it was woken, and has not come. */
static bool is_late_locked(const iso_thread_t *thread, uint64_t now_ns) {
  uint64_t since_ns = thread->is_busy ? thread->task_start_ns : thread->guard.summoned_ns;
  return since_ns != 0 && now_ns >= since_ns + LOOKS_EVERY_NS;
}

/* Those are not there for others. */
static void pass_over_late_locked(iso_pool_t *pool, uint64_t now_ns) ISO_REQUIRES(pool->lock);
static void pass_over_late_locked(iso_pool_t *pool, uint64_t now_ns) {
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    if (!thread->works || !is_late_locked(thread, now_ns)) continue;
    iso_governor_note_locked(pool, thread, false);
    doubt(&pool->governor);
  }
}

static void look_locked(iso_pool_t *pool, uint64_t now_ns) ISO_REQUIRES(pool->lock);
static void look_locked(iso_pool_t *pool, uint64_t now_ns) {
  iso_governor_t *governor = &pool->governor;
  governor->is_watched = false;
  if (atomic_load_explicit(&pool->common, memory_order_relaxed) == 0) return;
  pass_over_late_locked(pool, now_ns);
  if (done_locked(pool) == governor->done_before) doubt(governor);
  if (governor->working < enough_locked(pool)) {
    if (iso_list_empty(&pool->sleepers)) {
      iso_pool__refill_locked(pool);
      return;
    }
    /* Should it not come either, the next one is woken. */
    iso_pool__wake_one_locked(pool);
  }
  watch_locked(pool);
}

static uint64_t look(iso_watch_t *watch, uint64_t now_ns) {
  iso_pool_t *pool = ISO_LIST_ITEM(watch, iso_pool_t, governor.watch);
  iso_pool__lock(pool);
  look_locked(pool, now_ns);
  iso_pool__unlock(pool);
  /* Where it is to be looked at again, it has been armed. */
  return 0;
}

void iso_governor_init(iso_pool_t *pool) {
  pool->mean_pace_ns = PACE_AT_FIRST_NS;
  atomic_init(&pool->pace_ns, PACE_AT_FIRST_NS);
  doubt(&pool->governor);
  iso_watch_init(&pool->governor.watch, look);
}

void iso_governor_deinit(iso_pool_t *pool) {
  iso_watch_close(&pool->governor.watch);
}
