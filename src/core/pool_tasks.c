/* A pool's tasks: into a queue, out of it, and through a thread. See pool.c. */
#include "core/pool_tasks.h"

#include "core/error.h"
#include "core/governor.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/memory.h"
#include "core/pool_threads.h"
#include "core/scheduler.h"
#include "core/thread.h"

/* Queues. Every task goes in by enqueue and out by unqueue, which keep the counts and hints. */

static bool is_common(const iso_pool_t *pool, const iso_task_t *task) {
  return task->thread == NULL || (pool->options.may_steal && !task->is_pinned);
}

static void add_hint(atomic_size_t *hint, size_t amount) {
  atomic_store_explicit(
      hint, atomic_load_explicit(hint, memory_order_relaxed) + amount, memory_order_relaxed
  );
}

void iso_pool__place_given_locked(iso_pool_t *pool) {
  iso_list_t tasks;
  iso_list_init(&tasks);
  iso_link_t *link = atomic_exchange(&pool->given, NULL);
  while (link != NULL) {
    iso_link_t *before = link->next;
    /* What will be wanted of it when it runs, which may be soon. */
    iso_fetch((const char *) link + ISO_LINE_BYTES);
    iso_fetch(&ISO_LIST_ITEM(link, iso_task_t, event.link)->submitted_ns);
    iso_list_prepend(&tasks, link);
    link = before;
  }
  while ((link = iso_list_shift(&tasks)) != NULL) {
    iso_task_t *task = ISO_LIST_ITEM(link, iso_task_t, event.link);
    /* A task of priority 0 wants no memory. */
    if (pool->reason == ISO_OK)
      (void) iso_pool__enqueue_locked(pool, task, NULL);
    else
      iso_task_finish(task, pool->owner, iso_pool_refusal(pool->reason));
  }
  iso_pool__note_pressure_locked(pool);
  /* Threads may have gone since it was looked at. */
  if (pool->open_count < pool->max_threads) iso_pool__refill_locked(pool);
}

/* How many tasks may be given without the lock: none where somebody would have to be woken, where a
 * thread would be started, or a task refused; and so few that the next notice comes in time. */
static size_t may_be_given_locked(const iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static size_t may_be_given_locked(const iso_pool_t *pool) {
  enum { STEP = 128 };
  if (pool->reason != ISO_OK || pool->is_closing) return 0;
  if (!iso_list_empty(&pool->sleepers) && !iso_governor_looks_after_locked(pool)) return 0;
  if (pool->options.max_queue != SIZE_MAX) return 0;
  if (pool->open_count == 0 || pool->open_count < pool->max_threads) return 0;
  if (pool->needs_drain) return SIZE_MAX;
  if (pool->queued >= pool->high_water) return 0;
  /* Half of what is left, in steps, so that it is not written at each turn. */
  return (pool->high_water - pool->queued) / 2 & ~((size_t) STEP - 1);
}

void iso_pool__unlock(iso_pool_t *pool) {
  size_t may_be_given = may_be_given_locked(pool);
  if (may_be_given != atomic_load_explicit(&pool->may_be_given, memory_order_relaxed))
    atomic_store(&pool->may_be_given, may_be_given);
  /* Who gives looks at these two in the other order: one of both sees what the other did. */
  if (may_be_given == 0 && atomic_load(&pool->given) != NULL) iso_pool__place_given_locked(pool);
  iso_thread_t *roused[ISO_ROUSED_MOST];
  size_t count = pool->roused_count;
  for (size_t i = 0; i < count; i++)
    roused[i] = pool->roused[i];
  pool->roused_count = 0;
  iso_mutex_unlock(&pool->lock);
  for (size_t i = 0; i < count; i++) {
    uv_async_send(&roused[i]->wake);
    /* Now it may close `wake`, and be freed. */
    atomic_fetch_sub_explicit(&roused[i]->wakers, 1, memory_order_release);
  }
}

void iso_pool__leave_sleepers_locked(iso_pool_t *pool, iso_thread_t *thread, bool takes_tasks) {
  if (thread->is_asleep) iso_list_remove(&thread->sleeper);
  thread->is_asleep = false;
  iso_governor_note_locked(pool, thread, takes_tasks);
}

void iso_pool__rouse_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_pool__leave_sleepers_locked(pool, thread, iso_thread__takes_tasks(thread));
  if (!thread->is_open || pool->roused_count == ISO_ROUSED_MOST) {
    iso_thread__wake_locked(pool, thread);
  } else {
    atomic_fetch_add_explicit(&thread->wakers, 1, memory_order_relaxed);
    pool->roused[pool->roused_count++] = thread;
  }
  iso_guard__summon_locked(pool, thread);
}

void iso_pool__wake_one_locked(iso_pool_t *pool) {
  if (iso_list_empty(&pool->sleepers)) return;
  iso_pool__rouse_locked(pool, ISO_LIST_ITEM(pool->sleepers.next, iso_thread_t, sleeper));
}

void iso_pool__wake_for_common_locked(iso_pool_t *pool) {
  if (iso_list_empty(&pool->sleepers)) return;
  size_t common = atomic_load_explicit(&pool->common, memory_order_relaxed);
  if (common > pool->spinners && !iso_governor_suffices_locked(pool))
    iso_pool__wake_one_locked(pool);
}

static void wake_for_locked(iso_pool_t *pool, const iso_task_t *task) ISO_REQUIRES(pool->lock);
static void wake_for_locked(iso_pool_t *pool, const iso_task_t *task) {
  iso_thread_t *thread = task->thread;
  if (thread != NULL && thread->is_asleep)
    iso_pool__rouse_locked(pool, thread);
  else if (is_common(pool, task))
    iso_pool__wake_for_common_locked(pool);
}

static iso_thread_t *place_locked(iso_pool_t *pool, const iso_task_t *task)
    ISO_REQUIRES(pool->lock);
static iso_thread_t *place_locked(iso_pool_t *pool, const iso_task_t *task) {
  if (task->has_key) return iso_scheduler_place_key_locked(pool, task->key_bucket);
  /* Not all threads may be working, and those who do are to find them in their order. */
  return iso_governor_is_brief_locked(pool) ? NULL : pool->scheduler->place(pool);
}

/* `target`: the thread that must run it; NULL: as the key or the scheduler says. */
int iso_pool__enqueue_locked(iso_pool_t *pool, iso_task_t *task, iso_thread_t *target) {
  iso_thread_t *thread = target != NULL ? target : place_locked(pool, task);
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

void iso_pool__unqueue_locked(iso_pool_t *pool, iso_task_t *task) {
  iso_queue_remove(task->queue, task);
  pool->queued--;
  if (task->has_key) pool->buckets[task->key_bucket].outstanding--;
  if (task->thread != NULL) add_hint(&task->thread->waiting, (size_t) -1);
  if (is_common(pool, task)) add_hint(&pool->common, (size_t) -1);
}

/* Places again what waits in `queue`. Only the heap of another queue may want memory for it;
 * without it the task waits as one of priority 0. */
void iso_pool__move_tasks_locked(iso_pool_t *pool, iso_queue_t *queue) {
  iso_list_t moved;
  iso_list_init(&moved);
  iso_task_t *task = NULL;
  while ((task = iso_queue_peek(queue)) != NULL) {
    iso_pool__unqueue_locked(pool, task);
    iso_list_append(&moved, &task->event.link);
  }
  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&moved)) != NULL) {
    task = ISO_LIST_ITEM(link, iso_task_t, event.link);
    if (iso_pool__enqueue_locked(pool, task, NULL) == ISO_OK) continue;
    task->priority = 0;
    (void) iso_pool__enqueue_locked(pool, task, NULL);
  }
}

void iso_pool__finish_all_locked(iso_pool_t *pool, iso_queue_t *queue, int status) {
  iso_task_t *task = NULL;
  while ((task = iso_queue_peek(queue)) != NULL) {
    iso_pool__unqueue_locked(pool, task);
    iso_task_finish(task, pool->owner, status);
  }
}

/* A thread's tasks. */

/* The most urgent of what was placed on other threads, if it is so before `task`, which is in the
 * queue of all: while that never runs empty, nothing would be stolen. */
static iso_task_t *
steal_before_locked(iso_pool_t *pool, const iso_thread_t *thread, iso_task_t *task)
    ISO_REQUIRES(pool->lock);
static iso_task_t *
steal_before_locked(iso_pool_t *pool, const iso_thread_t *thread, iso_task_t *task) {
  size_t common = atomic_load_explicit(&pool->common, memory_order_relaxed);
  if (!pool->options.may_steal || common == pool->shared.count + thread->queue.count) return task;
  iso_task_t *best = task;
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_task_t *other = iso_queue_peek(&pool->threads[i]->queue);
    if (other != NULL && iso_task_is_before(other, best)) best = other;
  }
  if (best != task) pool->counts.stolen++;
  return best;
}

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
  if (best != NULL && best == others[1]) return steal_before_locked(pool, thread, best);
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
  iso_pool__unqueue_locked(pool, task);
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
  /* It may have come after the clock was read. */
  uint64_t waited_ns = now > task->submitted_ns ? now - task->submitted_ns : 0;
  iso_histogram_record(&thread->wait_time, waited_ns);
  iso_pool__note_pressure_locked(pool);
  /* Whoever spun has it now; the next one needs somebody to look at it. */
  iso_pool__wake_for_common_locked(pool);
}

void iso_pool__release_bucket_locked(iso_pool_t *pool, int *bucket) {
  if (*bucket >= 0) pool->buckets[*bucket].outstanding--;
  *bucket = -1;
}

/* Counts the task that ran as done, and gives it; to be finished by the caller. */
iso_task_t *
iso_pool__done_locked(iso_pool_t *pool, iso_thread_t *thread, int status, uint64_t now) {
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
  iso_governor_learn_locked(pool, took);
  thread->busy_ns += took;
  iso_pool__recycle_locked(pool, thread);
  if (pool->is_closing && pool->queued == 0 && pool->running == 0)
    iso_pool__stop_locked(pool, ISO_EDISPOSED);
  return task;
}

/* Who went to sleep last is woken first: what it needs is still in the cores' caches, and those
 * that are not needed may idle until they are let go. */
static iso_step_t sleep_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_step_t sleep_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_list_prepend(&pool->sleepers, &thread->sleeper);
  thread->is_asleep = true;
  iso_governor_note_locked(pool, thread, false);
  return ISO_STEP_SLEEP;
}

/* There is no task: how to wait for one. */
static iso_step_t wait_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_step_t wait_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (thread->is_retiring) return ISO_STEP_STOP;
  if (thread->spin_ns != 0) {
    pool->spinners++;
    return ISO_STEP_SPIN;
  }
  return sleep_locked(pool, thread);
}

/* What is no task, and may take long: others may have counted on it for one. */
static iso_step_t turn_away_locked(iso_pool_t *pool, iso_thread_t *thread, iso_step_t step)
    ISO_REQUIRES(pool->lock);
static iso_step_t turn_away_locked(iso_pool_t *pool, iso_thread_t *thread, iso_step_t step) {
  iso_guard__begin_locked(pool, thread, NULL);
  iso_governor_note_locked(pool, thread, false);
  iso_pool__wake_for_common_locked(pool);
  return step;
}

/* Calls and tasks take turns. */
static iso_step_t serve_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static iso_step_t serve_locked(iso_pool_t *pool, iso_thread_t *thread) {
  thread->has_served = true;
  return turn_away_locked(pool, thread, ISO_STEP_SERVE);
}

static iso_step_t step_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now)
    ISO_REQUIRES(pool->lock);
static iso_step_t step_locked(iso_pool_t *pool, iso_thread_t *thread, uint64_t now) {
  if (pool->reason != ISO_OK || iso_is_fatal(thread->end_status)) return ISO_STEP_STOP;
  if (thread->guard.must_renew) {
    if (thread->is_retiring && thread->keyed.count == 0) return ISO_STEP_STOP;
    return turn_away_locked(pool, thread, ISO_STEP_RENEW);
  }
  bool has_calls = iso_home_has_arrivals(thread->home);
  if (has_calls && !thread->has_served) return serve_locked(pool, thread);
  iso_task_t *task = choose_locked(pool, thread);
  if (task == NULL && has_calls && !thread->is_retiring) return serve_locked(pool, thread);
  if (task == NULL) iso_pool__drop_abandoned_locked(pool);
  if (pool->reason != ISO_OK) return ISO_STEP_STOP;
  if (task == NULL) return wait_locked(pool, thread);
  bool is_wanted = has_calls || thread->keyed.count + thread->queue.count != 0;
  if (!is_wanted && iso_governor_can_spare_locked(pool)) return sleep_locked(pool, thread);
  thread->has_served = false;
  start_locked(pool, thread, task, now);
  return ISO_STEP_RUN;
}

iso_turn_t iso_pool__next(iso_pool_t *pool, iso_thread_t *thread, int status) {
  uint64_t now = thread->task_end_ns != 0 ? thread->task_end_ns : uv_hrtime();
  thread->task_end_ns = 0;
  iso_turn_t turn = {.done = NULL, .status = status, .step = ISO_STEP_STOP};
  iso_pool__lock(pool);
  if (thread->is_lost) goto end;
  iso_pool__release_bucket_locked(pool, &thread->posted_bucket);
  if (thread->task != NULL || thread->guard.is_active || thread->guard.reason != ISO_OK)
    turn.status = iso_pool__end_guarded_locked(pool, thread, status);
  if (iso_is_fatal(turn.status)) thread->end_status = turn.status;
  iso_governor_note_locked(pool, thread, iso_thread__takes_tasks(thread));
  if (thread->task != NULL) {
    turn.done = iso_pool__done_locked(pool, thread, turn.status, now);
    iso_message_move(&turn.done->message, &thread->message);
    if (turn.status == ISO_EMEMORY) iso_memory__describe(thread, &turn.done->message);
  }
  turn.step = step_locked(pool, thread, now);

end:
  iso_pool__unlock(pool);
  return turn;
}

void iso_pool__failed(iso_pool_t *pool, iso_thread_t *thread, int status) {
  uint64_t now = uv_hrtime();
  iso_pool__lock(pool);
  iso_task_t *task = thread->task == NULL ? NULL : iso_pool__done_locked(pool, thread, status, now);
  thread->end_status = status;
  if (!thread->is_loaded && !thread->is_lost) iso_pool__stop_locked(pool, status);
  iso_pool__unlock(pool);
  if (task == NULL) return;
  if (status == ISO_EMEMORY) iso_memory__describe(thread, &task->message);
  iso_task_finish(task, pool->owner, status);
}

bool iso_pool__has_work(const iso_pool_t *pool, const iso_thread_t *thread) {
  return atomic_load_explicit(&pool->given, memory_order_relaxed) != NULL ||
         atomic_load_explicit(&pool->common, memory_order_relaxed) != 0 ||
         atomic_load_explicit(&thread->waiting, memory_order_relaxed) != 0 ||
         atomic_load_explicit(&pool->has_stopped, memory_order_relaxed) ||
         iso_home_has_arrivals(thread->home);
}

void iso_pool__spun(iso_pool_t *pool) {
  iso_pool__lock(pool);
  pool->spinners--;
  iso_pool__unlock(pool);
}
