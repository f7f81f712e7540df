/* See spare.h. */
#include "core/spare.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/internal.h"
#include "core/thread.h"

enum {
  USUAL_COUNT = 1,
  /* The first task of the thread that was taken, or has loaded, comes first. */
  REFILL_DELAY_NS = 1000000,
  /* Of one that has not loaded by then, nor will soon. */
  LATE_REFILL_DELAY_NS = 1000000000,
  UNUSED_MS = 10000,
};

struct iso_spares_s {
  /* Immutable after create. */
  iso_owner_t *owner;
  void *platform;

  iso_mutex_t lock;
  /* Guarded by lock. */
  /* Starting and ready. */
  iso_list_t threads;
  size_t count;
  size_t wanted;
  bool is_stopped;
  iso_list_t warmings;
  size_t references;

  iso_watch_t watch;
};

/* Those who wait. */

static void answer_locked(iso_spares_t *spares, iso_warming_t *warming, int status)
    ISO_REQUIRES(spares->lock);
static void answer_locked(iso_spares_t *spares, iso_warming_t *warming, int status) {
  iso_list_remove(&warming->link);
  warming->status = status;
  iso_owner_post(spares->owner, &warming->event);
}

/* One more is ready, or (`status`) could not be had. */
static void answer_all_locked(iso_spares_t *spares, int status) ISO_REQUIRES(spares->lock);
static void answer_all_locked(iso_spares_t *spares, int status) {
  iso_link_t *next = NULL;
  for (iso_link_t *link = spares->warmings.next; link != &spares->warmings; link = next) {
    next = link->next;
    iso_warming_t *warming = ISO_LIST_ITEM(link, iso_warming_t, link);
    if (status != ISO_OK || --warming->missing == 0) answer_locked(spares, warming, status);
  }
}

/* Spares come and go. */

static void remove_locked(iso_spares_t *spares, iso_thread_t *thread) ISO_REQUIRES(spares->lock);
static void remove_locked(iso_spares_t *spares, iso_thread_t *thread) {
  iso_list_remove(&thread->spare);
  spares->count--;
  /* Before that it has no loop, and looks here before it sleeps. */
  if (thread->is_ready) uv_async_send(&thread->wake);
}

static void dismiss_locked(iso_spares_t *spares, iso_thread_t *thread) ISO_REQUIRES(spares->lock);
static void dismiss_locked(iso_spares_t *spares, iso_thread_t *thread) {
  thread->is_dismissed = true;
  remove_locked(spares, thread);
}

static int start_locked(iso_spares_t *spares) ISO_REQUIRES(spares->lock);
static int start_locked(iso_spares_t *spares) {
  iso_thread_t *thread = NULL;
  int status = iso_thread__create_spare(spares->owner, spares->platform, spares, &thread);
  if (status != ISO_OK) return status;
  spares->references++;
  spares->count++;
  iso_list_append(&spares->threads, &thread->spare);
  return ISO_OK;
}

static int fill_locked(iso_spares_t *spares) ISO_REQUIRES(spares->lock);
static int fill_locked(iso_spares_t *spares) {
  int status = ISO_OK;
  while (status == ISO_OK && !spares->is_stopped && spares->count < spares->wanted)
    status = start_locked(spares);
  if (status != ISO_OK) answer_all_locked(spares, status);
  return status;
}

static uint64_t look(iso_watch_t *watch, uint64_t now_ns) {
  (void) now_ns;
  iso_spares_t *spares = ISO_LIST_ITEM(watch, iso_spares_t, watch);
  iso_mutex_lock(&spares->lock);
  (void) fill_locked(spares);
  iso_mutex_unlock(&spares->lock);
  return 0;
}

/* One that is ready before one that is starting. */
static iso_thread_t *choose_locked(iso_spares_t *spares) ISO_REQUIRES(spares->lock);
static iso_thread_t *choose_locked(iso_spares_t *spares) {
  iso_thread_t *chosen = NULL;
  for (iso_link_t *link = spares->threads.next; link != &spares->threads; link = link->next) {
    iso_thread_t *thread = ISO_LIST_ITEM(link, iso_thread_t, spare);
    if (thread->is_ready) return thread;
    if (chosen == NULL) chosen = thread;
  }
  return chosen;
}

/* Starts what is missing, but not at once. */
static void refill_locked(iso_spares_t *spares, uint64_t delay_ns) ISO_REQUIRES(spares->lock);
static void refill_locked(iso_spares_t *spares, uint64_t delay_ns) {
  if (spares->is_stopped || spares->count >= spares->wanted) return;
  iso_watch_arm(&spares->watch, uv_hrtime() + delay_ns);
}

iso_thread_t *iso_spares__take(iso_spares_t *spares, iso_pool_t *pool, uint64_t id) {
  int wanted = pool->options.spares_wanted;
  iso_mutex_lock(&spares->lock);
  iso_thread_t *thread = choose_locked(spares);
  if (thread != NULL) {
    iso_thread__join(thread, pool, id);
    remove_locked(spares, thread);
  }
  if (wanted > 0) spares->wanted = (size_t) wanted;
  /* Two that start at once start slowly, so the next waits until this one has loaded. */
  bool is_ready = thread != NULL && thread->is_ready;
  if (wanted != 0) refill_locked(spares, is_ready ? REFILL_DELAY_NS : LATE_REFILL_DELAY_NS);
  iso_mutex_unlock(&spares->lock);
  return thread;
}

void iso_spares__loaded_locked(const iso_pool_t *pool) {
  iso_spares_t *spares = pool->options.spares;
  if (spares == NULL || pool->options.spares_wanted == 0) return;
  iso_mutex_lock(&spares->lock);
  refill_locked(spares, REFILL_DELAY_NS);
  iso_mutex_unlock(&spares->lock);
}

/* What a spare calls itself. */

static void on_unused(uv_timer_t *timer) {
  iso_thread_t *thread = timer->data;
  iso_spares_t *spares = thread->spares;
  iso_mutex_lock(&spares->lock);
  if (thread->pool == NULL && !thread->is_dismissed) {
    dismiss_locked(spares, thread);
    if (spares->wanted > USUAL_COUNT) spares->wanted = USUAL_COUNT;
  }
  iso_mutex_unlock(&spares->lock);
}

static bool is_idle_locked(iso_spares_t *spares, const iso_thread_t *thread)
    ISO_REQUIRES(spares->lock);
static bool is_idle_locked(iso_spares_t *spares, const iso_thread_t *thread) {
  (void) spares;
  return thread->pool == NULL && !thread->is_dismissed;
}

bool iso_spares__is_taken(const iso_thread_t *thread) {
  iso_spares_t *spares = thread->spares;
  iso_mutex_lock(&spares->lock);
  bool is_taken = thread->pool != NULL;
  iso_mutex_unlock(&spares->lock);
  return is_taken;
}

bool iso_spares__wait(iso_thread_t *thread, int status) {
  iso_spares_t *spares = thread->spares;
  iso_mutex_lock(&spares->lock);
  thread->is_ready = status == ISO_OK;
  answer_all_locked(spares, status);
  if (is_idle_locked(spares, thread) && status != ISO_OK) dismiss_locked(spares, thread);
  if (is_idle_locked(spares, thread)) {
    uv_update_time(&thread->loop);
    uv_timer_start(&thread->idle_timer, on_unused, UNUSED_MS, 0);
  }
  while (is_idle_locked(spares, thread)) {
    iso_mutex_unlock(&spares->lock);
    uv_run(&thread->loop, UV_RUN_ONCE);
    iso_mutex_lock(&spares->lock);
  }
  bool is_taken = thread->pool != NULL;
  iso_mutex_unlock(&spares->lock);
  if (status == ISO_OK) uv_timer_stop(&thread->idle_timer);
  return is_taken;
}

bool iso_spares__died(iso_thread_t *thread) {
  iso_spares_t *spares = thread->spares;
  iso_mutex_lock(&spares->lock);
  answer_all_locked(spares, ISO_ESTART);
  bool is_taken = thread->pool != NULL;
  if (is_idle_locked(spares, thread)) dismiss_locked(spares, thread);
  iso_mutex_unlock(&spares->lock);
  return !is_taken;
}

void iso_spares__leave(iso_thread_t *thread) {
  iso_spares_release(thread->spares);
  thread->spares = NULL;
}

/* What the owner asks for. */

void iso_spares_prepare(iso_spares_t *spares) {
  iso_mutex_lock(&spares->lock);
  if (!spares->is_stopped && spares->count == 0) (void) start_locked(spares);
  iso_mutex_unlock(&spares->lock);
  /* Of no use to the spare, but soon to its pool: the two start side by side. Whoever makes the
   * pool hears of it where this fails. */
  (void) iso_watchdog_start();
}

int iso_spares_warm(iso_spares_t *spares, size_t count, iso_warming_t *warming) {
  if (iso_watchdog_start() != ISO_OK) return ISO_ESTART;
  iso_mutex_lock(&spares->lock);
  spares->wanted = count;
  while (spares->count > count)
    dismiss_locked(spares, ISO_LIST_ITEM(spares->threads.next, iso_thread_t, spare));
  size_t ready = 0;
  for (iso_link_t *link = spares->threads.next; link != &spares->threads; link = link->next)
    ready += ISO_LIST_ITEM(link, iso_thread_t, spare)->is_ready ? 1 : 0;
  warming->missing = count - ready;
  iso_list_append(&spares->warmings, &warming->link);
  if (spares->is_stopped)
    answer_locked(spares, warming, ISO_EDISPOSED);
  else if (warming->missing == 0)
    answer_locked(spares, warming, ISO_OK);
  else
    (void) fill_locked(spares);
  iso_mutex_unlock(&spares->lock);
  return ISO_OK;
}

iso_spares_t *iso_spares_create(iso_owner_t *owner, void *platform) {
  iso_spares_t *spares = iso_alloc_zeroed(sizeof(*spares));
  if (spares == NULL) return NULL;
  if (iso_mutex_init(&spares->lock) != 0) {
    iso_free(spares);
    return NULL;
  }
  spares->owner = owner;
  spares->platform = platform;
  spares->wanted = USUAL_COUNT;
  spares->references = 1;
  iso_list_init(&spares->threads);
  iso_list_init(&spares->warmings);
  iso_watch_init(&spares->watch, look);
  return spares;
}

void iso_spares_release(iso_spares_t *spares) {
  iso_mutex_lock(&spares->lock);
  bool is_last = --spares->references == 0;
  iso_mutex_unlock(&spares->lock);
  if (!is_last) return;
  iso_mutex_deinit(&spares->lock);
  iso_free(spares);
}

void iso_spares_stop(iso_spares_t *spares) {
  iso_mutex_lock(&spares->lock);
  bool was_stopped = spares->is_stopped;
  spares->is_stopped = true;
  while (spares->count != 0)
    dismiss_locked(spares, ISO_LIST_ITEM(spares->threads.next, iso_thread_t, spare));
  answer_all_locked(spares, ISO_EDISPOSED);
  iso_mutex_unlock(&spares->lock);
  /* A set without a watchdog has armed nothing. */
  if (!was_stopped && iso_watchdog_start() == ISO_OK) iso_watch_close(&spares->watch);
}
