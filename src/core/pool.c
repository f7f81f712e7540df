/* See pool.h.
 *
 * The queue, and who looks at it: a submit wakes a sleeping thread only if the threads that spin
 * (look at `queued` without the lock, for some microseconds) are fewer than the tasks that wait. A
 * thread goes to sleep under the same lock under which submit adds, so no wake is lost. */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/internal.h"

static void wake_one_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void set_queued_locked(iso_pool_t *pool, size_t queued) ISO_REQUIRES(pool->lock);
static size_t queued_locked(iso_pool_t *pool) ISO_REQUIRES(pool->lock);
static void post_ready_locked(iso_pool_t *pool, int status) ISO_REQUIRES(pool->lock);
static void stop_locked(iso_pool_t *pool, int reason) ISO_REQUIRES(pool->lock);

static void deliver_ready(iso_event_t *event, bool alive) {
  iso_pool_t *pool = ISO_LIST_ITEM(event, iso_pool_t, ready_event);
  if (alive) pool->callbacks->ready(pool->data, pool->ready_status, &pool->ready_error);
}

static int init(iso_pool_t *pool, iso_owner_t *owner, const iso_pool_options_t *options) {
  if (iso_mutex_init(&pool->lock) != 0) return ISO_ESTART;
  iso_list_init(&pool->queue);
  iso_list_init(&pool->sleepers);
  iso_message_init(&pool->ready_error);
  pool->ready_event.deliver = deliver_ready;
  pool->owner = owner;
  pool->callbacks = options->callbacks;
  pool->data = options->data;
  pool->platform = options->platform;
  pool->memory_limit_bytes = options->memory_limit_bytes;
  pool->context = options->context;
  pool->thread_count = options->thread_count;
  return ISO_OK;
}

static void deinit(iso_pool_t *pool) {
  iso_message_reset(&pool->ready_error);
  iso_mutex_deinit(&pool->lock);
}

int iso_pool_refusal(int reason) {
  return reason == ISO_EMEMORY || reason == ISO_EFATAL ? ISO_EDISPOSED : reason;
}

int iso_pool_create(iso_owner_t *owner, const iso_pool_options_t *options, iso_pool_t **out) {
  size_t count = options->thread_count;
  iso_pool_t *pool = iso_alloc_zeroed(sizeof(*pool) + count * sizeof(iso_thread_t *));
  if (pool == NULL) return ISO_ENOMEM;
  int status = init(pool, owner, options);
  if (status != ISO_OK) {
    iso_free(pool);
    return status;
  }
  /* Threads read the pool under its lock, so none sees it half made. */
  iso_mutex_lock(&pool->lock);
  while (status == ISO_OK && pool->living_threads < count) {
    status = iso_thread__create(pool, &pool->threads[pool->living_threads]);
    if (status == ISO_OK) pool->living_threads++;
  }
  iso_mutex_unlock(&pool->lock);
  if (pool->living_threads == 0) {
    deinit(pool);
    iso_free(pool);
    return status;
  }
  /* Some threads run: they are told to stop, and the pool ends in the ordinary way. */
  if (status != ISO_OK) iso_pool_stop(pool, status);
  *out = pool;
  return ISO_OK;
}

void iso_pool_destroy(iso_pool_t *pool) {
  if (pool == NULL) return;
  iso_message_destroy(pool->context);
  deinit(pool);
  iso_free(pool);
}

static void wake_one_locked(iso_pool_t *pool) {
  iso_link_t *link = iso_list_shift(&pool->sleepers);
  if (link == NULL) return;
  iso_thread_t *thread = ISO_LIST_ITEM(link, iso_thread_t, sleeper);
  thread->is_asleep = false;
  iso_thread__wake_locked(pool, thread);
}

static void set_queued_locked(iso_pool_t *pool, size_t queued) {
  atomic_store_explicit(&pool->queued, queued, memory_order_relaxed);
}

static size_t queued_locked(iso_pool_t *pool) {
  return atomic_load_explicit(&pool->queued, memory_order_relaxed);
}

int iso_pool_submit(iso_pool_t *pool, iso_task_t *task) {
  iso_mutex_lock(&pool->lock);
  int status = iso_pool_refusal(pool->reason);
  if (status == ISO_OK) {
    iso_list_append(&pool->queue, &task->event.link);
    size_t queued = queued_locked(pool) + 1;
    set_queued_locked(pool, queued);
    if (queued > pool->spinners) wake_one_locked(pool);
  }
  iso_mutex_unlock(&pool->lock);
  return status;
}

int iso_pool_reason(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  int reason = pool->reason;
  iso_mutex_unlock(&pool->lock);
  return reason;
}

/* Says, once, how the start went. */
static void post_ready_locked(iso_pool_t *pool, int status) {
  if (pool->is_ready_posted) return;
  pool->is_ready_posted = true;
  pool->ready_status = status;
  iso_owner_post(pool->owner, &pool->ready_event);
}

/* The events are posted under the lock, so that they come before any thread's exit event. */
static void stop_locked(iso_pool_t *pool, int reason) {
  if (pool->reason != ISO_OK) return;
  pool->reason = reason;
  atomic_store_explicit(&pool->has_stopped, true, memory_order_relaxed);
  post_ready_locked(pool, reason);
  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&pool->queue)) != NULL)
    iso_task_finish(
        ISO_LIST_ITEM(link, iso_task_t, event.link), pool->owner, iso_pool_refusal(reason)
    );
  set_queued_locked(pool, 0);
  for (size_t i = 0; i < pool->thread_count; i++) {
    iso_thread_t *thread = pool->threads[i];
    if (thread != NULL) iso_thread__interrupt_locked(pool, thread);
  }
}

void iso_pool_stop(iso_pool_t *pool, int reason) {
  iso_mutex_lock(&pool->lock);
  stop_locked(pool, reason);
  iso_mutex_unlock(&pool->lock);
}

bool iso_pool_has_ended(const iso_pool_t *pool) {
  return pool->living_threads == 0;
}

iso_task_t *iso_pool__take(iso_pool_t *pool, iso_thread_t *thread, iso_idle_t *idle) {
  iso_task_t *task = NULL;
  iso_mutex_lock(&pool->lock);
  iso_link_t *link = iso_list_shift(&pool->queue);
  if (link != NULL) {
    task = ISO_LIST_ITEM(link, iso_task_t, event.link);
    set_queued_locked(pool, queued_locked(pool) - 1);
  } else if (pool->reason != ISO_OK) {
    *idle = ISO_IDLE_STOP;
  } else if (thread->spin_ns != 0) {
    *idle = ISO_IDLE_SPIN;
    pool->spinners++;
  } else {
    *idle = ISO_IDLE_SLEEP;
    iso_list_append(&pool->sleepers, &thread->sleeper);
    thread->is_asleep = true;
  }
  iso_mutex_unlock(&pool->lock);
  return task;
}

void iso_pool__spun(iso_pool_t *pool) {
  iso_mutex_lock(&pool->lock);
  pool->spinners--;
  iso_mutex_unlock(&pool->lock);
}

void iso_pool__woke(iso_pool_t *pool, iso_thread_t *thread) {
  iso_mutex_lock(&pool->lock);
  if (thread->is_asleep) iso_list_remove(&thread->sleeper);
  thread->is_asleep = false;
  iso_mutex_unlock(&pool->lock);
}

void iso_pool__loaded(iso_pool_t *pool, int status, iso_message_t *error) {
  iso_mutex_lock(&pool->lock);
  if (status == ISO_OK) {
    if (++pool->loaded_threads == pool->thread_count) post_ready_locked(pool, ISO_OK);
  } else if (!pool->is_ready_posted && status == ISO_EXCEPTION) {
    iso_message_move(&pool->ready_error, error);
    post_ready_locked(pool, ISO_EXCEPTION);
  }
  if (status != ISO_OK) stop_locked(pool, status == ISO_EXCEPTION ? ISO_ECONTEXT : status);
  iso_mutex_unlock(&pool->lock);
}

void iso_pool__thread_gone(iso_pool_t *pool, iso_thread_t *thread) {
  iso_mutex_lock(&pool->lock);
  for (size_t i = 0; i < pool->thread_count; i++) {
    if (pool->threads[i] == thread) pool->threads[i] = NULL;
  }
  iso_mutex_unlock(&pool->lock);
}

void iso_pool__thread_ended(iso_pool_t *pool, bool alive) {
  pool->living_threads--;
  if (pool->living_threads == 0 && alive) pool->callbacks->ended(pool->data);
}
