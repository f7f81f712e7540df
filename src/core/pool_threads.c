/* How the threads of a pool come and go: started, replaced, retired, written off. See pool.c. */
#include "core/pool_threads.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/governor.h"
#include "core/guard.h"
#include "core/internal.h"
#include "core/pool_tasks.h"
#include "core/thread.h"

int iso_pool__spawn_locked(iso_pool_t *pool, iso_thread_t *replaces) {
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

void iso_pool__awaited_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (!thread->is_awaited) return;
  thread->is_awaited = false;
  if (--pool->loads_wanted == 0) iso_pool__post_ready_locked(pool, ISO_OK);
}

/* One of those that are always there: until all have loaded once, `ready` waits for it. */
static int spawn_awaited_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static int spawn_awaited_locked(iso_pool_t *pool) {
  int status = iso_pool__spawn_locked(pool, NULL);
  if (status != ISO_OK || pool->is_ready_posted) return status;
  pool->threads[pool->thread_count - 1]->is_awaited = true;
  pool->loads_wanted++;
  return ISO_OK;
}

int iso_pool__fill_locked(iso_pool_t *pool) {
  int status = ISO_OK;
  while (status == ISO_OK && pool->open_count < pool->min_threads)
    status = spawn_awaited_locked(pool);
  if (status == ISO_OK && pool->open_count < pool->max_threads &&
      iso_pool__waiting_locked(pool) != 0 && !iso_governor_suffices_locked(pool))
    status = iso_pool__spawn_locked(pool, NULL);
  return status;
}

/* With no thread at all nothing would ever run. */
void iso_pool__refill_locked(iso_pool_t *pool) {
  if (pool->reason != ISO_OK) return;
  int status = iso_pool__fill_locked(pool);
  if (status != ISO_OK && pool->open_count == 0) iso_pool__stop_locked(pool, status);
}

static iso_thread_t *successor_of_locked(iso_pool_t *pool, const iso_thread_t *thread)
    ISO_REQUIRES(pool->lock);
static iso_thread_t *successor_of_locked(iso_pool_t *pool, const iso_thread_t *thread) {
  for (size_t i = 0; thread->has_successor && i < pool->thread_count; i++) {
    if (pool->threads[i]->replaces == thread) return pool->threads[i];
  }
  return NULL;
}

void iso_pool__retire_locked(iso_pool_t *pool, iso_thread_t *thread) {
  iso_thread_t *successor = successor_of_locked(pool, thread);
  thread->is_retiring = true;
  iso_governor_note_locked(pool, thread, false);
  pool->open_count--;
  if (successor != NULL) {
    /* It was to take a place that is no more. */
    successor->replaces = NULL;
    successor->is_retiring = true;
    iso_thread__wake_locked(pool, successor);
  }
  iso_pool__move_tasks_locked(pool, &thread->queue);
  if (thread->is_asleep)
    iso_pool__rouse_locked(pool, thread);
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
  iso_pool__retire_locked(pool, old);
}

/* After so many tasks a thread is replaced. Where no other can be had it serves on, and asks again
 * after its next task. */
void iso_pool__recycle_locked(iso_pool_t *pool, iso_thread_t *thread) {
  uint64_t limit = pool->options.max_tasks_per_thread;
  if (limit == 0 || thread->tasks_taken < limit || thread->has_successor) return;
  if (thread->is_retiring || pool->is_closing || pool->reason != ISO_OK) return;
  thread->has_successor = iso_pool__spawn_locked(pool, thread) == ISO_OK;
}

void iso_pool__loads(iso_pool_t *pool, iso_thread_t *thread) {
  iso_pool__lock(pool);
  iso_guard__begin_locked(pool, thread, NULL);
  iso_pool__unlock(pool);
}

int iso_pool__end_guarded_locked(iso_pool_t *pool, iso_thread_t *thread, int status) {
  int reason = iso_guard__end_locked(pool, thread);
  if (reason != ISO_OK) return reason;
  return status == ISO_ETERMINATED ? ISO_EFATAL : status;
}

bool iso_pool__loaded(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error) {
  iso_pool__lock(pool);
  status = iso_pool__end_guarded_locked(pool, thread, status);
  if (thread->is_lost) goto end;
  thread->end_status = status == ISO_EXCEPTION ? ISO_ECONTEXT : status;
  if (status == ISO_OK) {
    thread->is_loaded = true;
    iso_pool__post_notice(pool, ISO_NOTICE_THREAD_START, thread->id, ISO_OK);
    if (thread->replaces != NULL) take_over_locked(pool, thread);
    iso_pool__awaited_locked(pool, thread);
    /* After the end of the environment there may be no spares any more. */
    if (pool->reason == ISO_OK) iso_spares__loaded_locked(pool);
  } else if (pool->reason == ISO_OK && !thread->is_retiring) {
    /* The next thread would meet the same, and so on for ever. */
    if (status == ISO_EXCEPTION) iso_message_move(&pool->error, error);
    iso_pool__stop_locked(pool, thread->end_status);
  }

end:
  iso_pool__unlock(pool);
  return status == ISO_OK;
}

bool iso_pool__renewed(iso_pool_t *pool, iso_thread_t *thread, int status, iso_message_t *error) {
  iso_pool__lock(pool);
  status = iso_pool__end_guarded_locked(pool, thread, status);
  if (status != ISO_OK) thread->end_status = status == ISO_EXCEPTION ? ISO_ECONTEXT : status;
  /* A pool starts another thread, and hears from that. */
  if (status == ISO_EXCEPTION && pool->reason == ISO_OK && !pool->options.may_replace)
    iso_message_move(&pool->error, error);
  thread->guard.must_renew = false;
  iso_pool__unlock(pool);
  return status == ISO_OK;
}

static void forget_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void forget_locked(iso_pool_t *pool, iso_thread_t *thread) {
  for (size_t i = 0; i < ISO_KEY_BUCKETS; i++) {
    if (pool->buckets[i].thread == thread) pool->buckets[i].thread = NULL;
  }
  for (size_t i = 0; i < pool->thread_count; i++) {
    if (pool->threads[i] == thread) pool->threads[i] = pool->threads[--pool->thread_count];
  }
  iso_pool__leave_sleepers_locked(pool, thread, false);
  iso_histogram_merge(&pool->run_time, &thread->run_time);
  iso_histogram_merge(&pool->wait_time, &thread->wait_time);
}

static void leave_locked(iso_pool_t *pool, iso_thread_t *thread) ISO_REQUIRES(pool->lock);
static void leave_locked(iso_pool_t *pool, iso_thread_t *thread) {
  if (thread->has_left) return;
  thread->has_left = true;
  bool has_died = pool->reason == ISO_OK && !thread->is_retiring;
  iso_pool__release_bucket_locked(pool, &thread->running_bucket);
  iso_pool__release_bucket_locked(pool, &thread->posted_bucket);
  if (has_died && !pool->options.may_replace) iso_pool__stop_locked(pool, thread->end_status);
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
  iso_pool__refill_locked(pool);
  iso_pool__move_tasks_locked(pool, &thread->queue);
  iso_pool__move_tasks_locked(pool, &thread->keyed);
  /* No other thread could be had, and the pool has stopped meanwhile. */
  if (pool->reason != ISO_OK)
    iso_pool__finish_all_locked(pool, &pool->shared, iso_pool_refusal(pool->reason));
  /* It may have been the one that was woken for a task, or counted on since it spun. */
  iso_pool__wake_for_common_locked(pool);
  int exit_status =
      pool->reason != ISO_OK && thread->end_status == ISO_OK ? pool->reason : thread->end_status;
  iso_pool__post_notice(pool, ISO_NOTICE_THREAD_EXIT, thread->id, exit_status);
  if (pool->is_closing && pool->queued == 0 && pool->running == 0)
    iso_pool__stop_locked(pool, ISO_EDISPOSED);
}

void iso_pool__leave(iso_pool_t *pool, iso_thread_t *thread) {
  iso_pool__lock(pool);
  leave_locked(pool, thread);
  iso_pool__unlock(pool);
}

void iso_pool__park(iso_pool_t *pool, iso_thread_t *thread) {
  iso_owner_t *owner = pool->owner;
  iso_pool__lock(pool);
  thread->is_parked = true;
  pool->counts.parked++;
  iso_pool__unlock(pool);
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
    iso_task_finish(iso_pool__done_locked(pool, thread, reason, now), pool->owner, reason);
  if (pool->reason == ISO_OK) thread->end_status = ISO_ELOST;
  /* A context that cannot be stopped is one that fails. */
  if (!thread->is_loaded) iso_pool__stop_locked(pool, reason);
  leave_locked(pool, thread);
  pool->counts.lost++;
  pool->references++;
  if (--pool->unjoined == 0 && pool->reason != ISO_OK)
    iso_owner_post(pool->owner, &pool->ended_event);
}

int64_t iso_pool__idle_timeout_ms(iso_pool_t *pool) {
  iso_pool__lock(pool);
  int64_t timeout = pool->open_count > pool->min_threads ? pool->options.idle_timeout_ms : -1;
  iso_pool__unlock(pool);
  return timeout;
}

void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread, bool has_idled) {
  iso_pool__lock(pool);
  bool was_left_alone = thread->is_asleep;
  iso_pool__leave_sleepers_locked(pool, thread, iso_thread__takes_tasks(thread));
  thread->guard.summoned_ns = 0;
  if (has_idled && was_left_alone && pool->reason == ISO_OK && !thread->is_retiring &&
      pool->open_count > pool->min_threads)
    iso_pool__retire_locked(pool, thread);
  iso_pool__unlock(pool);
}
