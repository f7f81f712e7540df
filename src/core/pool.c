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
#include "core/internal.h"
#include "core/scheduler.h"

enum { DEFAULT_HIGH_WATER = 1024, NS_A_MILLISECOND = 1000000, AGE_MS_A_PRIORITY = 1000 };

static void stop_locked(iso_pool_t *pool, int reason) ISO_REQUIRES(pool->lock);

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
static void post_notice(iso_pool_t *pool, iso_notice_kind_t kind, uint64_t thread_id, int status) {
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

/* Says, once, how the start went. */
static void post_ready_locked(iso_pool_t *pool, int status) ISO_REQUIRES(pool->lock);
static void post_ready_locked(iso_pool_t *pool, int status) {
  if (pool->is_ready_posted) return;
  pool->is_ready_posted = true;
  pool->ready_status = status;
  iso_owner_post(pool->owner, &pool->ready_event);
}

/* Back-pressure: one notice when the high-water mark is passed, one when nothing waits any more. */

static size_t waiting_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static size_t waiting_locked(const iso_pool_t *pool) {
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

static void note_pressure_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void note_pressure_locked(iso_pool_t *pool) {
  size_t limit = pool->options.max_queue;
  size_t high = limit == SIZE_MAX ? DEFAULT_HIGH_WATER : limit;
  bool was = pool->needs_drain;
  if (!was && waiting_locked(pool) >= (high == 0 ? 1 : high)) pool->needs_drain = true;
  if (was && pool->queued == 0) pool->needs_drain = false;
  if (pool->needs_drain != was)
    post_notice(pool, was ? ISO_NOTICE_DRAIN : ISO_NOTICE_NEEDS_DRAIN, 0, ISO_OK);
}

bool iso_pool_needs_drain(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  bool needs = pool->needs_drain;
  iso_mutex_unlock(&pool->lock);
  return needs;
}

/* Queues. Every task goes in by enqueue and out by unqueue, which keep the counts and hints. */

static bool is_common(const iso_pool_t *pool, const iso_task_t *task) {
  return task->thread == NULL || (pool->options.may_steal && !task->is_pinned);
}

static void add_hint(atomic_size_t *hint, size_t amount) {
  atomic_store_explicit(
      hint, atomic_load_explicit(hint, memory_order_relaxed) + amount, memory_order_relaxed
  );
}

/* Wakes one that sleeps. */
static void rouse_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void rouse_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_list_remove(&thread->sleeper);
  thread->is_asleep = false;
  iso_thread__wake_locked(pool, thread);
  iso_guard__summon_locked(pool, thread);
}

static void wake_one_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void wake_one_locked(iso_pool_t *pool) {
  iso_link_t *link = iso_list_shift(&pool->sleepers);
  if (link == NULL) return;
  rouse_locked(pool, ISO_LIST_ITEM(link, iso_thread_t, sleeper));
}

static void wake_for_locked(iso_pool_t *pool, const iso_task_t *task) ISO_REQUIRES(pool->lock);
static void wake_for_locked(iso_pool_t *pool, const iso_task_t *task) {
  iso_thread_t *thread = task->thread;
  if (thread != NULL && thread->is_asleep) {
    rouse_locked(pool, thread);
  } else if (is_common(pool, task)) {
    size_t common = atomic_load_explicit(&pool->common, memory_order_relaxed);
    if (common > pool->spinners) wake_one_locked(pool);
  }
}

/* `target`: the thread that must run it; NULL: as the key or the scheduler says. */
static int enqueue_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target)
    ISO_REQUIRES(pool->lock);
static int enqueue_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target) {
  iso_thread_t *thread = target;
  if (target == NULL)
    thread = task->has_key ? iso_scheduler_place_key_locked(pool, task->key_bucket)
                           : pool->scheduler->place(pool);
  bool is_pinned = thread != NULL && (target != NULL || task->has_key);
  iso_queue_t *queue = &pool->shared;
  if (thread != NULL) queue = is_pinned ? &thread->keyed : &thread->queue;
  int status = iso_queue_push(queue, task);
  if (status != ISO_OK) return status;
  task->thread = thread;
  task->is_pinned = is_pinned;
  pool->queued++;
  if (task->has_key) pool->buckets[task->key_bucket].outstanding++;
  if (thread != NULL) add_hint(&thread->waiting, 1);
  if (is_common(pool, task)) add_hint(&pool->common, 1);
  wake_for_locked(pool, task);
  return ISO_OK;
}

static void unqueue_locked(iso_pool_t *pool, iso_task_t *task) ISO_REQUIRES(pool->lock);
static void unqueue_locked(iso_pool_t *pool, iso_task_t *task) {
  iso_queue_remove(task->queue, task);
  pool->queued--;
  if (task->has_key) pool->buckets[task->key_bucket].outstanding--;
  if (task->thread != NULL) add_hint(&task->thread->waiting, (size_t) -1);
  if (is_common(pool, task)) add_hint(&pool->common, (size_t) -1);
}

/* Places again what waits in `queue`. Only the heap of another queue may want memory for it;
 * without it the task waits as one of priority 0. */
static void move_tasks_locked(iso_pool_t *pool, iso_queue_t *queue) ISO_REQUIRES(pool->lock);
static void move_tasks_locked(iso_pool_t *pool, iso_queue_t *queue) {
  iso_list_t moved;
  iso_list_init(&moved);
  iso_task_t *task = NULL;
  while ((task = iso_queue_peek(queue)) != NULL) {
    unqueue_locked(pool, task);
    iso_list_append(&moved, &task->event.link);
  }
  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&moved)) != NULL) {
    task = ISO_LIST_ITEM(link, iso_task_t, event.link);
    if (enqueue_locked(pool, task, NULL) == ISO_OK) continue;
    task->priority = 0;
    (void) enqueue_locked(pool, task, NULL);
  }
}

static void finish_all_locked(iso_pool_t *pool, iso_queue_t *queue, int status)
    ISO_REQUIRES(pool->lock);
static void finish_all_locked(iso_pool_t *pool, iso_queue_t *queue, int status) {
  iso_task_t *task = NULL;
  while ((task = iso_queue_peek(queue)) != NULL) {
    unqueue_locked(pool, task);
    iso_task_finish(task, pool->owner, status);
  }
}

/* Threads come and go. */

static int spawn_locked(iso_pool_t *pool, iso_thread_t *replaces) ISO_REQUIRES(pool->lock);
static int spawn_locked(iso_pool_t *pool, iso_thread_t *replaces) {
  if (pool->thread_count == pool->thread_capacity) {
    size_t capacity = pool->thread_capacity == 0 ? 4 : pool->thread_capacity * 2;
    iso_thread_t **threads = iso_realloc((void *) pool->threads, capacity * sizeof(*threads));
    if (threads == NULL) return ISO_ENOMEM;
    pool->threads = threads;
    pool->thread_capacity = capacity;
  }
  iso_thread_t *thread = NULL;
  int status = iso_thread__create(pool, ++pool->last_thread_id, &thread);
  if (status != ISO_OK) return status;
  thread->replaces = replaces;
  pool->threads[pool->thread_count++] = thread;
  pool->unjoined++;
  if (replaces == NULL) pool->open_count++;
  return ISO_OK;
}

/* What `ready` waits for: a thread has loaded, or is not wanted any more. */
static void awaited_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void awaited_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (!thread->is_awaited) return;
  thread->is_awaited = false;
  if (--pool->loads_wanted == 0) post_ready_locked(pool, ISO_OK);
}

/* One of those that are always there: until all have loaded once, `ready` waits for it. */
static int spawn_awaited_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static int spawn_awaited_locked(iso_pool_t *pool) {
  int status = spawn_locked(pool, NULL);
  if (status != ISO_OK || pool->is_ready_posted) return status;
  pool->threads[pool->thread_count - 1]->is_awaited = true;
  pool->loads_wanted++;
  return ISO_OK;
}

/* As many as there shall be at least, and one more where tasks wait for which none is free. */
static int fill_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static int fill_locked(iso_pool_t *pool) {
  int status = ISO_OK;
  while (status == ISO_OK && pool->open_count < pool->min_threads)
    status = spawn_awaited_locked(pool);
  if (status == ISO_OK && pool->open_count < pool->max_threads && waiting_locked(pool) != 0)
    status = spawn_locked(pool, NULL);
  return status;
}

/* With no thread at all nothing would ever run. */
static void refill_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void refill_locked(iso_pool_t *pool) {
  if (pool->reason != ISO_OK) return;
  int status = fill_locked(pool);
  if (status != ISO_OK && pool->open_count == 0) stop_locked(pool, status);
}

static iso_thread_t *successor_of_locked(iso_pool_t *pool, const iso_thread_t *thread)
    ISO_REQUIRES(pool->lock);
static iso_thread_t *successor_of_locked(iso_pool_t *pool, const iso_thread_t *thread) {
  for (size_t i = 0; thread->has_successor && i < pool->thread_count; i++) {
    if (pool->threads[i]->replaces == thread) return pool->threads[i];
  }
  return NULL;
}

/* Takes no more tasks but those of its keys; others get what else waited for it. */
static void retire_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void retire_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_thread_t *successor = successor_of_locked(pool, thread);
  thread->is_retiring = true;
  pool->open_count--;
  if (successor != NULL) {
    /* It was to take a place that is no more. */
    successor->replaces = NULL;
    successor->is_retiring = true;
    iso_thread__wake_locked(pool, successor);
  }
  move_tasks_locked(pool, &thread->queue);
  if (thread->is_asleep)
    rouse_locked(pool, thread);
  else
    iso_thread__wake_locked(pool, thread);
}

/* A successor runs: the one whose place it takes may go. */
static void take_over_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void take_over_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_thread_t *old = thread->replaces;
  old->has_successor = false;
  thread->replaces = NULL;
  pool->open_count++;
  retire_locked(pool, old);
}

/* After so many tasks a thread is replaced. Where no other can be had it serves on, and asks again
 * after its next task. */
static void recycle_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void recycle_locked(iso_pool_t *pool, iso_thread_t *thread) {
  uint64_t limit = pool->options.max_tasks_per_thread;
  if (limit == 0 || thread->tasks_taken < limit || thread->has_successor) return;
  if (thread->is_retiring || pool->is_closing || pool->reason != ISO_OK) return;
  thread->has_successor = spawn_locked(pool, thread) == ISO_OK;
}

/* The events are posted under the lock, so that they come before any thread's exit event. */
static void stop_locked(iso_pool_t *pool, int reason) {
  if (pool->reason != ISO_OK) return;
  pool->reason = reason;
  atomic_store_explicit(&pool->has_stopped, true, memory_order_relaxed);
  post_ready_locked(pool, reason);
  int status = iso_pool_refusal(reason);
  finish_all_locked(pool, &pool->shared, status);
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    finish_all_locked(pool, &thread->queue, status);
    finish_all_locked(pool, &thread->keyed, status);
    iso_guard__interrupt_locked(pool, thread, status);
  }
  note_pressure_locked(pool);
  /* With no thread to end, this is the end. */
  if (pool->unjoined == 0) iso_owner_post(pool->owner, &pool->ended_event);
}

void iso_pool__loads(iso_pool_t *pool, iso_thread_t *thread) {
  iso_mutex_lock(&pool->lock);
  iso_guard__begin_locked(pool, thread, NULL);
  iso_mutex_unlock(&pool->lock);
}

/* What a run or load ends with that gave `status`. */
static int end_guarded_locked(iso_pool_t *pool, iso_thread_t *thread, int status)
    ISO_REQUIRES(pool->lock);
static int end_guarded_locked(iso_pool_t *pool, iso_thread_t *thread, int status) {
  int reason = iso_guard__end_locked(pool, thread);
  if (reason != ISO_OK) return reason;
  return status == ISO_ETERMINATED ? ISO_EFATAL : status;
}

bool iso_pool__loaded(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error) {
  iso_mutex_lock(&pool->lock);
  status = end_guarded_locked(pool, thread, status);
  if (thread->is_lost) goto end;
  thread->end_status = status == ISO_EXCEPTION ? ISO_ECONTEXT : status;
  if (status == ISO_OK) {
    thread->is_loaded = true;
    post_notice(pool, ISO_NOTICE_THREAD_START, thread->id, ISO_OK);
    if (thread->replaces != NULL) take_over_locked(pool, thread);
    awaited_locked(pool, thread);
  } else if (pool->reason == ISO_OK && !thread->is_retiring) {
    /* The next thread would meet the same, and so on for ever. */
    if (status == ISO_EXCEPTION) iso_message_move(&pool->error, error);
    stop_locked(pool, thread->end_status);
  }

end:
  iso_mutex_unlock(&pool->lock);
  return status == ISO_OK;
}

bool iso_pool__renewed(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error) {
  iso_mutex_lock(&pool->lock);
  status = end_guarded_locked(pool, thread, status);
  if (status != ISO_OK) thread->end_status = status == ISO_EXCEPTION ? ISO_ECONTEXT : status;
  /* A pool starts another thread, and hears from that. */
  if (status == ISO_EXCEPTION && pool->reason == ISO_OK && !pool->options.may_replace)
    iso_message_move(&pool->error, error);
  thread->guard.must_renew = false;
  iso_mutex_unlock(&pool->lock);
  return status == ISO_OK;
}

/* A task with a key is over, and its end is posted: the key may go to another thread. */
static void release_bucket_locked(iso_pool_t *pool, int *bucket) ISO_REQUIRES(pool->lock);
static void release_bucket_locked(iso_pool_t *pool, int *bucket) {
  if (*bucket >= 0) pool->buckets[*bucket].outstanding--;
  *bucket = -1;
}

static void forget_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void forget_locked(iso_pool_t *pool, iso_thread_t *thread) {
  for (size_t i = 0; i < ISO_KEY_BUCKETS; i++) {
    if (pool->buckets[i].thread == thread) pool->buckets[i].thread = NULL;
  }
  for (size_t i = 0; i < pool->thread_count; i++) {
    if (pool->threads[i] == thread) pool->threads[i] = pool->threads[--pool->thread_count];
  }
  if (thread->is_asleep) iso_list_remove(&thread->sleeper);
  thread->is_asleep = false;
  iso_histogram_merge(&pool->run_time, &thread->run_time);
  iso_histogram_merge(&pool->wait_time, &thread->wait_time);
}

static void leave_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void leave_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (thread->has_left) return;
  thread->has_left = true;
  bool has_died = pool->reason == ISO_OK && !thread->is_retiring;
  release_bucket_locked(pool, &thread->running_bucket);
  release_bucket_locked(pool, &thread->posted_bucket);
  if (has_died && !pool->options.may_replace) stop_locked(pool, thread->end_status);
  if (thread->replaces != NULL)
    thread->replaces->has_successor = false;
  else if (!thread->is_retiring)
    pool->open_count--;
  thread->replaces = NULL;
  thread->is_retiring = true;
  iso_thread_t *successor = successor_of_locked(pool, thread);
  if (successor != NULL) {
    successor->replaces = NULL;
    pool->open_count++;
  }
  forget_locked(pool, thread);
  if (has_died) pool->counts.replaced++;
  refill_locked(pool);
  move_tasks_locked(pool, &thread->queue);
  move_tasks_locked(pool, &thread->keyed);
  int exit_status =
      pool->reason != ISO_OK && thread->end_status == ISO_OK ? pool->reason : thread->end_status;
  post_notice(pool, ISO_NOTICE_THREAD_EXIT, thread->id, exit_status);
  if (pool->is_closing && pool->queued == 0 && pool->running == 0) stop_locked(pool, ISO_EDISPOSED);
}

void iso_pool__leave(iso_pool_t *pool, iso_thread_t *thread) {
  iso_mutex_lock(&pool->lock);
  leave_locked(pool, thread);
  iso_mutex_unlock(&pool->lock);
}

static void deinit(iso_pool_t *pool) {
  iso_message_reset(&pool->error);
  iso_queue_deinit(&pool->shared);
  iso_free((void *) pool->threads);
  iso_mutex_deinit(&pool->lock);
}

static void release(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  bool is_last = --pool->references == 0;
  iso_mutex_unlock(&pool->lock);
  if (!is_last) return;
  iso_message_destroy(pool->options.context);
  deinit(pool);
  iso_free(pool);
}

void iso_pool__thread_ended(iso_pool_t *pool, bool was_lost, bool alive) {
  iso_mutex_lock(&pool->lock);
  if (was_lost)
    pool->counts.found++;
  else
    pool->unjoined--;
  bool is_over = !was_lost && pool->unjoined == 0 && pool->reason != ISO_OK;
  iso_mutex_unlock(&pool->lock);
  if (is_over && alive) pool->options.callbacks->ended(pool->options.data);
  if (was_lost) release(pool);
}

/* A thread's tasks. */

/* The most urgent that this thread may take; those of other threads only if it has none. */
static iso_task_t *choose_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_task_t *choose_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_task_t *best = iso_queue_peek(&thread->keyed);
  if (thread->is_retiring || thread->replaces != NULL) return best;
  iso_task_t *others[] = {iso_queue_peek(&thread->queue), iso_queue_peek(&pool->shared)};
  for (int i = 0; i < 2; i++) {
    if (others[i] != NULL && (best == NULL || iso_task_is_before(others[i], best)))
      best = others[i];
  }
  if (best != NULL || !pool->options.may_steal) return best;
  iso_thread_t *fullest = NULL;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *other = pool->threads[i];
    if (other->queue.count != 0 && (fullest == NULL || other->queue.count > fullest->queue.count))
      fullest = other;
  }
  if (fullest == NULL) return NULL;
  pool->counts.stolen++;
  return iso_queue_peek(&fullest->queue);
}

static void start_locked(iso_pool_t *pool, iso_thread_t *thread, iso_task_t *task, uint64_t now)
    ISO_REQUIRES(pool->lock);
static void start_locked(iso_pool_t *pool, iso_thread_t *thread, iso_task_t *task, uint64_t now) {
  unqueue_locked(pool, task);
  task->thread = thread;
  task->is_running = true;
  thread->task = task;
  iso_message_move(&thread->message, &task->message);
  iso_guard__begin_locked(pool, thread, task);
  thread->is_busy = true;
  thread->tasks_taken++;
  thread->task_start_ns = now;
  thread->running_bucket = task->has_key ? task->key_bucket : -1;
  if (task->has_key) pool->buckets[task->key_bucket].outstanding++;
  pool->running++;
  iso_histogram_record(&thread->wait_time, now - task->submitted_ns);
  note_pressure_locked(pool);
  /* Whoever spun has it now; the next one needs somebody to look at it. */
  size_t common = atomic_load_explicit(&pool->common, memory_order_relaxed);
  if (common > pool->spinners) wake_one_locked(pool);
}

/* Counts the task that ran as done, and gives it; to be finished by the caller. */
static iso_task_t *done_locked(iso_pool_t *pool, iso_thread_t *thread, int status, uint64_t now)
    ISO_REQUIRES(pool->lock);
static iso_task_t *done_locked(iso_pool_t *pool, iso_thread_t *thread, int status, uint64_t now) {
  uint64_t took = now - thread->task_start_ns;
  iso_task_t *task = thread->task;
  task->is_running = false;
  thread->task = NULL;
  thread->is_busy = false;
  pool->running--;
  thread->posted_bucket = thread->running_bucket;
  thread->running_bucket = -1;
  if (status == ISO_OK)
    pool->counts.completed++;
  else
    pool->counts.failed++;
  iso_histogram_record(&thread->run_time, took);
  thread->busy_ns += took;
  recycle_locked(pool, thread);
  if (pool->is_closing && pool->queued == 0 && pool->running == 0) stop_locked(pool, ISO_EDISPOSED);
  return task;
}

/* There is no task: how to wait for one. */
static iso_step_t wait_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_step_t wait_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (thread->is_retiring) return ISO_STEP_STOP;
  if (thread->spin_ns != 0) {
    pool->spinners++;
    return ISO_STEP_SPIN;
  }
  iso_list_append(&pool->sleepers, &thread->sleeper);
  thread->is_asleep = true;
  return ISO_STEP_SLEEP;
}

/* Calls and tasks take turns. */
static iso_step_t serve_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_step_t serve_locked(iso_pool_t *pool, iso_thread_t *thread) {
  thread->has_served = true;
  iso_guard__begin_locked(pool, thread, NULL);
  return ISO_STEP_SERVE;
}

static iso_step_t step_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now)
    ISO_REQUIRES(pool->lock);
static iso_step_t step_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now) {
  if (pool->reason != ISO_OK || iso_is_fatal(thread->end_status)) return ISO_STEP_STOP;
  if (thread->guard.must_renew) {
    if (thread->is_retiring && thread->keyed.count == 0) return ISO_STEP_STOP;
    iso_guard__begin_locked(pool, thread, NULL);
    return ISO_STEP_RENEW;
  }
  bool has_calls = iso_home_has_arrivals(thread->home);
  if (has_calls && !thread->has_served) return serve_locked(pool, thread);
  iso_task_t *task = choose_locked(pool, thread);
  if (task == NULL && has_calls && !thread->is_retiring) return serve_locked(pool, thread);
  if (task == NULL) return wait_locked(pool, thread);
  thread->has_served = false;
  start_locked(pool, thread, task, now);
  return ISO_STEP_RUN;
}

iso_turn_t iso_pool__next(iso_pool_t *pool, iso_thread_t *thread, int status) {
  uint64_t now = uv_hrtime();
  iso_turn_t turn = {.done = NULL, .status = status, .step = ISO_STEP_STOP};
  iso_mutex_lock(&pool->lock);
  if (thread->is_lost) goto end;
  release_bucket_locked(pool, &thread->posted_bucket);
  if (thread->task != NULL || thread->guard.is_active || thread->guard.reason != ISO_OK)
    turn.status = end_guarded_locked(pool, thread, status);
  if (iso_is_fatal(turn.status)) thread->end_status = turn.status;
  if (thread->task != NULL) {
    turn.done = done_locked(pool, thread, turn.status, now);
    iso_message_move(&turn.done->message, &thread->message);
    if (turn.status == ISO_EMEMORY) iso_memory__describe(thread, &turn.done->message);
  }
  turn.step = step_locked(pool, thread, now);

end:
  iso_mutex_unlock(&pool->lock);
  return turn;
}

void iso_pool__failed(iso_pool_t *pool, iso_thread_t *thread, int status) {
  uint64_t now = uv_hrtime();
  iso_mutex_lock(&pool->lock);
  iso_task_t *task = thread->task == NULL ? NULL : done_locked(pool, thread, status, now);
  thread->end_status = status;
  if (!thread->is_loaded && !thread->is_lost) stop_locked(pool, status);
  iso_mutex_unlock(&pool->lock);
  if (task == NULL) return;
  if (status == ISO_EMEMORY) iso_memory__describe(thread, &task->message);
  iso_task_finish(task, pool->owner, status);
}

void iso_pool__park(iso_pool_t *pool, iso_thread_t *thread) {
  iso_owner_t *owner = pool->owner;
  iso_mutex_lock(&pool->lock);
  thread->is_parked = true;
  pool->counts.parked++;
  iso_mutex_unlock(&pool->lock);
  /* From here on the pool may be gone; the thread has a reference to its owner, for ever. */
  iso_owner_post(owner, &thread->exit_event);
  iso_owner_thread_ended(owner);
}

void iso_pool__write_off_locked(iso_pool_t *pool, iso_thread_t *thread) {
  int reason = thread->guard.reason;
  uint64_t now = uv_hrtime();
  thread->is_lost = true;
  if (thread->home != NULL) iso_home_close(thread->home);
  if (thread->task != NULL)
    iso_task_finish(done_locked(pool, thread, reason, now), pool->owner, reason);
  if (pool->reason == ISO_OK) thread->end_status = ISO_ELOST;
  /* A context that cannot be stopped is one that fails. */
  if (!thread->is_loaded) stop_locked(pool, reason);
  leave_locked(pool, thread);
  pool->counts.lost++;
  pool->references++;
  if (--pool->unjoined == 0 && pool->reason != ISO_OK)
    iso_owner_post(pool->owner, &pool->ended_event);
}

bool iso_pool__has_work(const iso_pool_t *pool, const iso_thread_t *thread) {
  return atomic_load_explicit(&pool->common, memory_order_relaxed) != 0 ||
         atomic_load_explicit(&thread->waiting, memory_order_relaxed) != 0 ||
         atomic_load_explicit(&pool->has_stopped, memory_order_relaxed) ||
         iso_home_has_arrivals(thread->home);
}

void iso_pool__spun(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  pool->spinners--;
  iso_mutex_unlock(&pool->lock);
}

int64_t iso_pool__idle_timeout_ms(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  int64_t timeout = pool->open_count > pool->min_threads ? pool->options.idle_timeout_ms : -1;
  iso_mutex_unlock(&pool->lock);
  return timeout;
}

void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread, bool has_idled) {
  iso_mutex_lock(&pool->lock);
  bool was_left_alone = thread->is_asleep;
  if (was_left_alone) iso_list_remove(&thread->sleeper);
  thread->is_asleep = false;
  thread->guard.summoned_ns = 0;
  if (has_idled && was_left_alone && pool->reason == ISO_OK && !thread->is_retiring &&
      pool->open_count > pool->min_threads)
    retire_locked(pool, thread);
  iso_mutex_unlock(&pool->lock);
}

/* What the owner asks for. */

static int init(iso_pool_t *pool, iso_owner_t *owner, const iso_pool_options_t *options) {
  if (iso_watchdog_start() != ISO_OK) return ISO_ESTART;
  pool->scheduler = iso_scheduler_find(options->scheduler);
  if (pool->scheduler == NULL || iso_mutex_init(&pool->lock) != 0) return ISO_ESTART;
  iso_queue_init(&pool->shared);
  iso_list_init(&pool->sleepers);
  iso_message_init(&pool->error);
  pool->ready_event.deliver = deliver_ready;
  pool->ended_event.deliver = deliver_ended;
  pool->owner = owner;
  pool->options = *options;
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
  iso_mutex_lock(&pool->lock);
  status = fill_locked(pool);
  bool has_none = pool->thread_count == 0;
  if (status == ISO_OK && options->min_threads == 0) {
    post_ready_locked(pool, ISO_OK);
  } else if (status != ISO_OK && !has_none) {
    /* Some threads run: they are told to stop, and the pool ends in the ordinary way. */
    stop_locked(pool, status);
    status = ISO_OK;
  }
  iso_mutex_unlock(&pool->lock);
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

static int submit_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target)
    ISO_REQUIRES(pool->lock);
static int submit_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target) {
  task->submitted_ns = uv_hrtime();
  task->sequence = pool->next_sequence++;
  task->rank = (int64_t) (task->submitted_ns / NS_A_MILLISECOND) -
               (int64_t) task->priority * AGE_MS_A_PRIORITY;
  /* A key needs a thread to lead to. */
  if (pool->open_count == 0 && pool->max_threads != 0) (void) spawn_locked(pool, NULL);
  return enqueue_locked(pool, task, target);
}

static int refusal_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static int refusal_locked(const iso_pool_t *pool) {
  if (pool->reason != ISO_OK) return iso_pool_refusal(pool->reason);
  if (pool->is_closing) return ISO_ECLOSED;
  return is_full_locked(pool) ? ISO_EFULL : ISO_OK;
}

int iso_pool_admits(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  int status = refusal_locked(pool);
  iso_mutex_unlock(&pool->lock);
  return status;
}

int iso_pool_submit(iso_pool_t *pool, iso_task_t *task) {
  iso_mutex_lock(&pool->lock);
  int status = refusal_locked(pool);
  if (status == ISO_OK) status = submit_locked(pool, task, NULL);
  if (status == ISO_OK) {
    if (pool->open_count < pool->max_threads) refill_locked(pool);
    note_pressure_locked(pool);
  }
  iso_mutex_unlock(&pool->lock);
  return status;
}

size_t iso_pool_thread_count(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  size_t count = pool->open_count;
  iso_mutex_unlock(&pool->lock);
  return count;
}

int iso_pool_submit_each(
    iso_pool_t *pool, iso_task_t *const *tasks, size_t count, size_t *submitted
) {
  size_t done = 0;
  iso_mutex_lock(&pool->lock);
  int status = pool->reason != ISO_OK ? iso_pool_refusal(pool->reason) : ISO_OK;
  if (status == ISO_OK && pool->is_closing) status = ISO_ECLOSED;
  for (size_t i = 0; status == ISO_OK && i < pool->thread_count && done < count; i++) {
    if (!iso_thread__takes_tasks(pool->threads[i])) continue;
    if (submit_locked(pool, tasks[done], pool->threads[i]) == ISO_OK) done++;
  }
  note_pressure_locked(pool);
  iso_mutex_unlock(&pool->lock);
  *submitted = done;
  return status;
}

bool iso_pool_cancel(iso_pool_t *pool, iso_task_t *task, bool interrupts) {
  iso_mutex_lock(&pool->lock);
  bool waits = task->queue != NULL;
  bool runs = interrupts && task->is_running;
  if (runs) {
    iso_guard__interrupt_locked(pool, task->thread, ISO_ECANCELED);
  } else if (waits) {
    unqueue_locked(pool, task);
    iso_task_finish(task, pool->owner, ISO_ECANCELED);
    note_pressure_locked(pool);
    if (pool->is_closing && pool->queued == 0 && pool->running == 0)
      stop_locked(pool, ISO_EDISPOSED);
  }
  iso_mutex_unlock(&pool->lock);
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
  iso_mutex_lock(&pool->lock);
  pool->min_threads = min_threads;
  pool->max_threads = max_threads;
  if (pool->reason == ISO_OK && !pool->is_closing) {
    status = fill_locked(pool);
    iso_thread_t *thread = NULL;
    while (pool->open_count > max_threads && (thread = dispensable_locked(pool)) != NULL) {
      /* One that is still starting is no longer waited for. */
      awaited_locked(pool, thread);
      retire_locked(pool, thread);
    }
  }
  iso_mutex_unlock(&pool->lock);
  return status;
}

void iso_pool_close(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  pool->is_closing = true;
  if (pool->queued == 0 && pool->running == 0) stop_locked(pool, ISO_EDISPOSED);
  iso_mutex_unlock(&pool->lock);
}

const iso_message_t *iso_pool_error(iso_pool_t *pool) {
  /* Written before the pool stopped, and nothing is said of that before it has. */
  return &pool->error;
}

int iso_pool_reason(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  int reason = pool->reason;
  iso_mutex_unlock(&pool->lock);
  return reason;
}

void iso_pool_stop(iso_pool_t *pool, int reason) {
  iso_mutex_lock(&pool->lock);
  stop_locked(pool, reason);
  iso_mutex_unlock(&pool->lock);
}

bool iso_pool_has_ended(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  bool has_ended = pool->unjoined == 0;
  iso_mutex_unlock(&pool->lock);
  return has_ended;
}
