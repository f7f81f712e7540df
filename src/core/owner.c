/* See owner.h. */
#include "core/owner.h"

#include <stdatomic.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/sync.h"

struct iso_owner_s {
  /* Loop's thread only. */
  uv_async_t async;
  iso_owner_wake_cb on_wake;
  void *data;
  iso_owner_wake_cb on_closed;
  void *closed_data;
  size_t holds;
  /* Guarded by lock. */
  iso_mutex_t lock;
  iso_cond_t ended;
  iso_list_t events;
  size_t running_threads;
  bool closed;
  /* Atomic: the last release acquires what the others did. */
  atomic_size_t references;
};

static void on_async(uv_async_t *async) {
  iso_owner_t *owner = async->data;
  owner->on_wake(owner->data);
}

int iso_owner_create(uv_loop_t *loop, iso_owner_wake_cb on_wake, void *data, iso_owner_t **out) {
  iso_owner_t *owner = iso_alloc_zeroed(sizeof(*owner));
  if (owner == NULL) return ISO_ENOMEM;
  if (iso_mutex_init(&owner->lock) != 0) goto fail;
  if (uv_cond_init(&owner->ended) != 0) goto fail_cond;
  if (uv_async_init(loop, &owner->async, on_async) != 0) goto fail_async;
  uv_unref((uv_handle_t *) &owner->async);
  owner->async.data = owner;
  owner->on_wake = on_wake;
  owner->data = data;
  iso_list_init(&owner->events);
  atomic_init(&owner->references, 1);
  *out = owner;
  return ISO_OK;

fail_async:
  uv_cond_destroy(&owner->ended);
fail_cond:
  iso_mutex_deinit(&owner->lock);
fail:
  iso_free(owner);
  return ISO_ESTART;
}

void iso_owner_retain(iso_owner_t *owner) {
  atomic_fetch_add_explicit(&owner->references, 1, memory_order_relaxed);
}

void iso_owner_release(iso_owner_t *owner) {
  if (atomic_fetch_sub_explicit(&owner->references, 1, memory_order_acq_rel) != 1) return;
  uv_cond_destroy(&owner->ended);
  iso_mutex_deinit(&owner->lock);
  iso_free(owner);
}

void iso_owner_post(iso_owner_t *owner, iso_event_t *event) {
  iso_mutex_lock(&owner->lock);
  bool closed = owner->closed;
  if (!closed) {
    bool was_empty = iso_list_empty(&owner->events);
    iso_list_append(&owner->events, &event->link);
    /* Under the lock, because close may come right after it. */
    if (was_empty) uv_async_send(&owner->async);
  }
  iso_mutex_unlock(&owner->lock);
  if (closed) event->deliver(event, false);
}

void iso_owner_drain(iso_owner_t *owner, uint64_t budget_ns) {
  /* Reading the clock costs as much as a short delivery does, so it is read now and then. */
  enum { DELIVERIES_A_LOOK = 16 };
  uint64_t deadline = uv_hrtime() + budget_ns;
  iso_list_t taken;
  iso_list_init(&taken);
  iso_mutex_lock(&owner->lock);
  iso_list_splice(&taken, &owner->events);
  iso_mutex_unlock(&owner->lock);

  iso_link_t *link = NULL;
  for (unsigned count = 1; (link = iso_list_shift(&taken)) != NULL; count++) {
    iso_event_t *event = ISO_LIST_ITEM(link, iso_event_t, link);
    event->deliver(event, true);
    if (count % DELIVERIES_A_LOOK == 0 && uv_hrtime() > deadline) break;
  }
  if (iso_list_empty(&taken)) return;

  /* The rest goes back to the front. */
  iso_mutex_lock(&owner->lock);
  iso_list_splice(&taken, &owner->events);
  iso_list_splice(&owner->events, &taken);
  uv_async_send(&owner->async);
  iso_mutex_unlock(&owner->lock);
}

void iso_owner_hold(iso_owner_t *owner) {
  if (owner->holds++ == 0) uv_ref((uv_handle_t *) &owner->async);
}

void iso_owner_unhold(iso_owner_t *owner) {
  if (--owner->holds == 0) uv_unref((uv_handle_t *) &owner->async);
}

void iso_owner_thread_started(iso_owner_t *owner) {
  iso_mutex_lock(&owner->lock);
  owner->running_threads++;
  iso_mutex_unlock(&owner->lock);
}

void iso_owner_thread_ended(iso_owner_t *owner) {
  iso_mutex_lock(&owner->lock);
  if (--owner->running_threads == 0) uv_cond_broadcast(&owner->ended);
  iso_mutex_unlock(&owner->lock);
}

bool iso_owner_wait_threads(iso_owner_t *owner, uint64_t timeout_ms) {
  uint64_t deadline = uv_hrtime() + timeout_ms * 1000000;
  iso_mutex_lock(&owner->lock);
  while (owner->running_threads != 0) {
    uint64_t now = uv_hrtime();
    if (now >= deadline) break;
    iso_cond_wait_for(&owner->ended, &owner->lock, deadline - now);
  }
  bool none = owner->running_threads == 0;
  iso_mutex_unlock(&owner->lock);
  return none;
}

static void on_handle_closed(uv_handle_t *handle) {
  iso_owner_t *owner = handle->data;
  if (owner->on_closed != NULL) owner->on_closed(owner->closed_data);
}

void iso_owner_close(iso_owner_t *owner, iso_owner_wake_cb on_closed, void *data) {
  iso_list_t rest;
  iso_list_init(&rest);
  iso_mutex_lock(&owner->lock);
  owner->closed = true;
  iso_list_splice(&rest, &owner->events);
  iso_mutex_unlock(&owner->lock);

  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&rest)) != NULL) {
    iso_event_t *event = ISO_LIST_ITEM(link, iso_event_t, link);
    event->deliver(event, false);
  }
  owner->on_closed = on_closed;
  owner->closed_data = data;
  uv_close((uv_handle_t *) &owner->async, on_handle_closed);
}
