/* See pool.h.
 *
 *   submit ── scheduler ──> thread->queue ──┐ (stolen by idle threads, if that is allowed)
 *          ── key ────────> thread->keyed ──┼──> iso_pool__next ──> the thread runs it
 *          ── "shared" ───> pool->shared ───┘
 *
 * Who looks at a task: a submit wakes the thread it was placed on if that sleeps; where that one is
 * busy, another sleeper that may steal it. Threads that spin look at hints without the lock, for
 * some microseconds, so fewer of them than tasks means a wake. A thread goes to sleep under the
 * same lock under which submit adds, so no wake is lost. */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/governor.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/kept_blocks.h"
#include "core/pool_tasks.h"
#include "core/pool_threads.h"
#include "core/scheduler.h"

enum { DEFAULT_HIGH_WATER = 1024, NS_A_MILLISECOND = 1000000, AGE_MS_A_PRIORITY = 1000 };

/* What the owner is told. */

typedef struct iso_notice_s {
  iso_event_t event;
  iso_pool_t *pool;
  iso_notice_kind_t kind;
  uint64_t thread_id;
  int status;
} iso_notice_t;

static void deliver_notice(iso_event_t *event, bool alive) {
  iso_notice_t *notice = ISO_LIST_ITEM(event, iso_notice_t, event);
  iso_pool_t *pool = notice->pool;
  if (alive)
    pool->options.callbacks->notice(
        pool->options.data, notice->kind, notice->thread_id, notice->status
    );
  iso_free(notice);
}

/* Without memory it is not told; nothing depends on it. */
void iso_pool__post_notice(
    iso_pool_t *pool, iso_notice_kind_t kind, uint64_t thread_id, int status
) {
  iso_notice_t *notice = iso_alloc(sizeof(*notice));
  if (notice == NULL) return;
  notice->event.deliver = deliver_notice;
  notice->pool = pool;
  notice->kind = kind;
  notice->thread_id = thread_id;
  notice->status = status;
  iso_owner_post(pool->owner, &notice->event);
}

static void deliver_ready(iso_event_t *event, bool alive) {
  iso_pool_t *pool = ISO_LIST_ITEM(event, iso_pool_t, ready_event);
  if (alive) pool->options.callbacks->ready(pool->options.data, pool->ready_status);
}

static void deliver_ended(iso_event_t *event, bool alive) {
  iso_pool_t *pool = ISO_LIST_ITEM(event, iso_pool_t, ended_event);
  if (alive) pool->options.callbacks->ended(pool->options.data);
}

void iso_pool__post_ready_locked(iso_pool_t *pool, int status) {
  if (pool->is_ready_posted) return;
  pool->is_ready_posted = true;
  pool->ready_status = status;
  iso_owner_post(pool->owner, &pool->ready_event);
}

/* Back-pressure: one notice when the high-water mark is passed, one when nothing waits any more. */

size_t iso_pool__waiting_locked(const iso_pool_t *pool) {
  size_t idle = pool->open_count > pool->running ? pool->open_count - pool->running : 0;
  return pool->queued > idle ? pool->queued - idle : 0;
}

static bool is_full_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static bool is_full_locked(const iso_pool_t *pool) {
  if (pool->options.max_queue == SIZE_MAX) return false;
  /* The new one counts, if no thread is free for it; threads that would still come are free. */
  size_t idle = pool->max_threads > pool->running ? pool->max_threads - pool->running : 0;
  return pool->queued >= idle && pool->queued - idle >= pool->options.max_queue;
}

static size_t high_water_of(size_t max_queue) {
  if (max_queue == SIZE_MAX) return DEFAULT_HIGH_WATER;
  return max_queue == 0 ? 1 : max_queue;
}

void iso_pool__turn_pressure_locked(iso_pool_t *pool) {
  bool was = pool->needs_drain;
  if (!was && iso_pool__waiting_locked(pool) >= pool->high_water) pool->needs_drain = true;
  if (was && pool->queued == 0) pool->needs_drain = false;
  if (pool->needs_drain != was)
    iso_pool__post_notice(pool, was ? ISO_NOTICE_DRAIN : ISO_NOTICE_NEEDS_DRAIN, 0, ISO_OK);
}

bool iso_pool_needs_drain(iso_pool_t *pool) {
  iso_pool__lock(pool);
  bool needs = pool->needs_drain;
  iso_pool__unlock(pool);
  return needs;
}

/* The events are posted under the lock, so that they come before any thread's exit event. */
void iso_pool__stop_locked(iso_pool_t *pool, int reason) {
  if (pool->reason != ISO_OK) return;
  pool->reason = reason;
  atomic_store_explicit(&pool->has_stopped, true, memory_order_relaxed);
  iso_pool__post_ready_locked(pool, reason);
  int status = iso_pool_refusal(reason);
  iso_pool__finish_all_locked(pool, &pool->shared, status);
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    iso_pool__finish_all_locked(pool, &thread->queue, status);
    iso_pool__finish_all_locked(pool, &thread->keyed, status);
    iso_guard__interrupt_locked(pool, thread, status);
  }
  iso_pool__note_pressure_locked(pool);
  /* With no thread to end, this is the end. */
  if (pool->unjoined == 0) iso_owner_post(pool->owner, &pool->ended_event);
}

static void deinit(iso_pool_t *pool) {
  iso_governor_deinit(pool);
  iso_message_reset(&pool->error);
  iso_queue_deinit(&pool->shared);
  iso_free((void *) pool->threads);
  iso_mutex_deinit(&pool->lock);
}

static void release(iso_pool_t *pool) {
  iso_pool__lock(pool);
  bool is_last = --pool->references == 0;
  iso_pool__unlock(pool);
  if (!is_last) return;
  iso_message_destroy(pool->options.context);
  deinit(pool);
  iso_free(pool);
}

void iso_pool__thread_ended(iso_pool_t *pool, bool was_lost, bool alive) {
  iso_pool__lock(pool);
  if (was_lost)
    pool->counts.found++;
  else
    pool->unjoined--;
  bool is_over = !was_lost && pool->unjoined == 0 && pool->reason != ISO_OK;
  iso_pool__unlock(pool);
  if (is_over && alive) pool->options.callbacks->ended(pool->options.data);
  if (was_lost) release(pool);
}

/* What the owner asks for. */

static int init(iso_pool_t *pool, iso_owner_t *owner, const iso_pool_options_t *options) {
  if (iso_watchdog_start() != ISO_OK) return ISO_ESTART;
  iso_kept_blocks_watch();
  pool->scheduler = iso_scheduler_find(options->scheduler);
  if (pool->scheduler == NULL || iso_mutex_init(&pool->lock) != 0) return ISO_ESTART;
  iso_queue_init(&pool->shared);
  iso_governor_init(pool);
  iso_list_init(&pool->sleepers);
  iso_message_init(&pool->error);
  pool->ready_event.deliver = deliver_ready;
  pool->ended_event.deliver = deliver_ended;
  pool->owner = owner;
  pool->options = *options;
  pool->high_water = high_water_of(options->max_queue);
  pool->min_threads = options->min_threads;
  pool->max_threads = options->max_threads;
  pool->random_state = uv_hrtime() | 1;
  pool->references = 1;
  return ISO_OK;
}

int iso_pool_create(iso_owner_t *owner, const iso_pool_options_t *options, iso_pool_t **out) {
  iso_pool_t *pool = iso_alloc_zeroed(sizeof(*pool));
  if (pool == NULL) return ISO_ENOMEM;
  int status = init(pool, owner, options);
  if (status != ISO_OK) {
    iso_free(pool);
    return status;
  }
  iso_pool__lock(pool);
  status = iso_pool__fill_locked(pool);
  bool has_none = pool->thread_count == 0;
  if (status == ISO_OK && options->min_threads == 0) {
    iso_pool__post_ready_locked(pool, ISO_OK);
  } else if (status != ISO_OK && !has_none) {
    /* Some threads run: they are told to stop, and the pool ends in the ordinary way. */
    iso_pool__stop_locked(pool, status);
    status = ISO_OK;
  }
  iso_pool__unlock(pool);
  if (status != ISO_OK) {
    deinit(pool);
    iso_free(pool);
    return status;
  }
  *out = pool;
  return ISO_OK;
}

void iso_pool_destroy(iso_pool_t *pool) {
  if (pool != NULL) release(pool);
}

int iso_pool_refusal(int reason) {
  return iso_is_fatal(reason) || reason == ISO_ELOST ? ISO_EDISPOSED : reason;
}

static void rank(iso_pool_t *pool, iso_task_t *task, uint64_t now_ns) {
  task->submitted_ns = now_ns;
  task->sequence = pool->next_sequence++;
  task->rank = (int64_t) (task->submitted_ns / NS_A_MILLISECOND) -
               (int64_t) task->priority * AGE_MS_A_PRIORITY;
}

static uint64_t pace(iso_pool_t *pool, size_t count) {
  uint64_t now_ns = uv_hrtime();
  iso_governor_pace(pool, now_ns, count);
  return now_ns;
}

static int submit_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target, uint64_t now_ns)
    ISO_REQUIRES(pool->lock);
static int
submit_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target, uint64_t now_ns) {
  rank(pool, task, now_ns);
  /* A key needs a thread to lead to. */
  if (pool->open_count == 0 && pool->max_threads != 0) (void) iso_pool__spawn_locked(pool, NULL);
  return iso_pool__enqueue_locked(pool, task, target);
}

static int refusal_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static int refusal_locked(const iso_pool_t *pool) {
  if (pool->reason != ISO_OK) return iso_pool_refusal(pool->reason);
  if (pool->is_closing) return ISO_ECLOSED;
  return is_full_locked(pool) ? ISO_EFULL : ISO_OK;
}

int iso_pool_admits(iso_pool_t *pool) {
  iso_pool__lock(pool);
  int status = refusal_locked(pool);
  iso_pool__unlock(pool);
  return status;
}

/* `last` may be taken by now, but is freed on this thread only. */
static size_t given_with(iso_link_t *last) {
  return last == NULL ? 0 : ISO_LIST_ITEM(last, iso_task_t, event.link)->given_count;
}

/* Leaves the tasks, of priority 0 and without a key, where whoever takes the lock next finds them.
 * False: that may not be. */
static bool give(iso_pool_t *pool, iso_task_t *const *tasks, size_t count) {
  size_t most = atomic_load_explicit(&pool->may_be_given, memory_order_relaxed);
  iso_link_t *last = atomic_load_explicit(&pool->given, memory_order_relaxed);
  if (given_with(last) + count > most) return false;
  iso_task_t *top = tasks[count - 1];
  uint64_t now_ns = pace(pool, count);
  for (size_t i = 0; i < count; i++) {
    rank(pool, tasks[i], now_ns);
    if (i > 0) tasks[i]->event.link.next = &tasks[i - 1]->event.link;
  }
  do {
    top->given_count = given_with(last) + count;
    tasks[0]->event.link.next = last;
  } while (!atomic_compare_exchange_weak(&pool->given, &last, &top->event.link));
  return true;
}

/* Tasks were given; may they be still? */
static void given(iso_pool_t *pool) {
  if (atomic_load(&pool->may_be_given) != 0) return;
  iso_pool__lock(pool);
  iso_pool__unlock(pool);
}

static void submitted_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void submitted_locked(iso_pool_t *pool) {
  if (pool->open_count < pool->max_threads) iso_pool__refill_locked(pool);
  iso_pool__note_pressure_locked(pool);
}

/* While every thread that there may be is busy or looks out for tasks itself, a task is left for
 * whoever takes the lock next, who may be there already: so threads and loop do not wait for each
 * other. What has changed since it was looked at is seen when it is looked at again. */
int iso_pool_submit(iso_pool_t *pool, iso_task_t *task) {
  pool->has_woken = false;
  if (task->priority == 0 && !task->has_key && give(pool, &task, 1)) {
    given(pool);
    return ISO_OK;
  }
  iso_pool__lock(pool);
  int status = refusal_locked(pool);
  if (status == ISO_OK) status = submit_locked(pool, task, NULL, pace(pool, 1));
  if (status == ISO_OK) submitted_locked(pool);
  pool->has_woken = pool->roused_count != 0 && iso_governor_ends_soon_locked(pool);
  iso_pool__unlock(pool);
  return status;
}

int iso_pool_submit_all(
    iso_pool_t *pool, iso_task_t *const *tasks, size_t count, size_t *submitted
) {
  pool->has_woken = false;
  *submitted = count;
  if (give(pool, tasks, count)) {
    given(pool);
    return ISO_OK;
  }
  size_t done = 0;
  int status = ISO_OK;
  uint64_t now_ns = pace(pool, count);
  iso_pool__lock(pool);
  for (; done < count; done++) {
    status = refusal_locked(pool);
    if (status == ISO_OK) status = submit_locked(pool, tasks[done], NULL, now_ns);
    if (status != ISO_OK) break;
  }
  if (done != 0) submitted_locked(pool);
  iso_pool__unlock(pool);
  *submitted = done;
  return status;
}

bool iso_pool_has_woken(const iso_pool_t *pool) {
  return pool->has_woken;
}

size_t iso_pool_thread_count(iso_pool_t *pool) {
  iso_pool__lock(pool);
  size_t count = pool->open_count;
  iso_pool__unlock(pool);
  return count;
}

int iso_pool_submit_each(
    iso_pool_t *pool, iso_task_t *const *tasks, size_t count, size_t *submitted
) {
  size_t done = 0;
  iso_pool__lock(pool);
  int status = pool->reason != ISO_OK ? iso_pool_refusal(pool->reason) : ISO_OK;
  if (status == ISO_OK && pool->is_closing) status = ISO_ECLOSED;
  uint64_t now_ns = pace(pool, count == 0 ? 1 : count);
  for (size_t i = 0; status == ISO_OK && i < pool->thread_count && done < count; i++) {
    if (!iso_thread__takes_tasks(pool->threads[i])) continue;
    if (submit_locked(pool, tasks[done], pool->threads[i], now_ns) == ISO_OK) done++;
  }
  iso_pool__note_pressure_locked(pool);
  iso_pool__unlock(pool);
  *submitted = done;
  return status;
}

bool iso_pool_cancel(iso_pool_t *pool, iso_task_t *task, bool interrupts) {
  iso_pool__lock(pool);
  bool waits = task->queue != NULL;
  bool runs = interrupts && task->is_running;
  if (runs) {
    iso_guard__interrupt_locked(pool, task->thread, ISO_ECANCELED);
  } else if (waits) {
    iso_pool__unqueue_locked(pool, task);
    iso_task_finish(task, pool->owner, ISO_ECANCELED);
    iso_pool__note_pressure_locked(pool);
    if (pool->is_closing && pool->queued == 0 && pool->running == 0)
      iso_pool__stop_locked(pool, ISO_EDISPOSED);
  }
  iso_pool__unlock(pool);
  return waits || runs;
}

/* One that is idle if there is one, else the youngest. */
static iso_thread_t *dispensable_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static iso_thread_t *dispensable_locked(iso_pool_t *pool) {
  iso_thread_t *chosen = NULL;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    if (!iso_thread__takes_tasks(thread)) continue;
    if (chosen == NULL || !thread->is_busy || chosen->is_busy) chosen = thread;
  }
  return chosen;
}

int iso_pool_resize(iso_pool_t *pool, size_t min_threads, size_t max_threads) {
  int status = ISO_OK;
  iso_pool__lock(pool);
  pool->min_threads = min_threads;
  pool->max_threads = max_threads;
  if (pool->reason == ISO_OK && !pool->is_closing) {
    status = iso_pool__fill_locked(pool);
    iso_thread_t *thread = NULL;
    while (pool->open_count > max_threads && (thread = dispensable_locked(pool)) != NULL) {
      /* One that is still starting is no longer waited for. */
      iso_pool__awaited_locked(pool, thread);
      iso_pool__retire_locked(pool, thread);
    }
  }
  iso_pool__unlock(pool);
  return status;
}

void iso_pool_close(iso_pool_t *pool) {
  iso_pool__lock(pool);
  pool->is_closing = true;
  if (pool->queued == 0 && pool->running == 0) iso_pool__stop_locked(pool, ISO_EDISPOSED);
  iso_pool__unlock(pool);
}

const iso_message_t *iso_pool_error(iso_pool_t *pool) {
  /* Written before the pool stopped, and nothing is said of that before it has. */
  return &pool->error;
}

int iso_pool_reason(iso_pool_t *pool) {
  iso_pool__lock(pool);
  int reason = pool->reason;
  iso_pool__unlock(pool);
  return reason;
}

void iso_pool_stop(iso_pool_t *pool, int reason) {
  iso_pool__lock(pool);
  iso_pool__stop_locked(pool, reason);
  iso_pool__unlock(pool);
}

void iso_pool__drop_abandoned_locked(iso_pool_t *pool) {
  if (!pool->is_abandoned) return;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_home_t *home = pool->threads[i]->home;
    if (home != NULL && iso_home_is_used(home)) return;
  }
  iso_pool__stop_locked(pool, ISO_EDISPOSED);
}

void iso_pool_abandon(iso_pool_t *pool) {
  iso_pool__lock(pool);
  pool->is_abandoned = true;
  iso_pool__drop_abandoned_locked(pool);
  iso_pool__unlock(pool);
}

bool iso_pool_has_ended(iso_pool_t *pool) {
  iso_pool__lock(pool);
  bool has_ended = pool->unjoined == 0;
  iso_pool__unlock(pool);
  return has_ended;
}
