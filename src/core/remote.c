/* See remote.h.
 *
 * A call is in one list at a time, by the link of its event: its target's arrivals, then (answered)
 * its caller's. While it runs it is in the list `taken` of its target's home, so that whoever
 * closes that home can answer for it. One reference travels with the event. */
#include "core/remote.h"

#include <stdatomic.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/sync.h"

struct iso_home_s {
  /* Immutable after create. Of the host, a reference; NULL: it is a thread's. */
  iso_owner_t *owner;
  void (*receive)(const iso_arrival_t *arrival);

  iso_mutex_t lock;
  /* Guarded by lock. */
  uv_async_t *wake;
  iso_cond_t changed;
  iso_list_t arrivals;
  /* Calls that run here. */
  iso_list_t taken;
  bool is_closed;
  bool is_interrupted;
  /* Of a thread: its calls that have no answer; those of them to the host that it has not begun;
   * calls of the host that it has not answered. */
  size_t unanswered;
  size_t unread;
  size_t asked;
  /* Functions of it that somebody uses. */
  size_t used_count;

  /* Written under the lock, read without: relaxed, for it is looked at again. */
  atomic_bool has_arrivals;
  atomic_size_t references;
};

struct iso_callable_s {
  /* When the last use is gone. */
  iso_event_t event;
  /* Immutable. A reference. */
  iso_home_t *home;
  uint64_t id;
  /* Guarded by home->lock. */
  size_t uses;
  bool is_release_sent;
  /* Of home until it forgets it, of each use, of a release on its way. */
  atomic_size_t references;
};

static void deliver_call(iso_event_t *event, bool alive);
static void deliver_answer(iso_event_t *event, bool alive);
static void deliver_release(iso_event_t *event, bool alive);

/* Homes. */

static int create_home(iso_home_t **out) {
  iso_home_t *home = iso_alloc_zeroed(sizeof(*home));
  if (home == NULL) return ISO_ENOMEM;
  if (iso_mutex_init(&home->lock) != 0) goto fail;
  if (uv_cond_init(&home->changed) != 0) goto fail_cond;
  iso_list_init(&home->arrivals);
  iso_list_init(&home->taken);
  atomic_init(&home->references, 1);
  *out = home;
  return ISO_OK;

fail_cond:
  iso_mutex_deinit(&home->lock);
fail:
  iso_free(home);
  return ISO_ESTART;
}

int iso_home_create_host(
    iso_owner_t *owner, void (*receive)(const iso_arrival_t *arrival), iso_home_t **out
) {
  int status = create_home(out);
  if (status != ISO_OK) return status;
  iso_owner_retain(owner);
  (*out)->owner = owner;
  (*out)->receive = receive;
  return ISO_OK;
}

int iso_home_create_thread(uv_async_t *wake, iso_home_t **out) {
  int status = create_home(out);
  if (status == ISO_OK) (*out)->wake = wake;
  return status;
}

void iso_home_retain(iso_home_t *home) {
  atomic_fetch_add_explicit(&home->references, 1, memory_order_relaxed);
}

void iso_home_release(iso_home_t *home) {
  if (home == NULL) return;
  if (atomic_fetch_sub_explicit(&home->references, 1, memory_order_acq_rel) != 1) return;
  if (home->owner != NULL) iso_owner_release(home->owner);
  uv_cond_destroy(&home->changed);
  iso_mutex_deinit(&home->lock);
  iso_free(home);
}

/* Hands over an event; where home is closed, it is delivered here and now to nobody. */
static void post(iso_home_t *home, iso_event_t *event) {
  /* Once the event is handed over, home may be gone. */
  iso_owner_t *owner = home->owner;
  iso_mutex_lock(&home->lock);
  bool is_closed = home->is_closed;
  if (!is_closed && owner == NULL) {
    bool was_empty = iso_list_empty(&home->arrivals);
    iso_list_append(&home->arrivals, &event->link);
    atomic_store_explicit(&home->has_arrivals, true, memory_order_relaxed);
    /* Under the lock, because close may come right after it. */
    if (was_empty) uv_async_send(home->wake);
  }
  iso_mutex_unlock(&home->lock);
  if (is_closed)
    event->deliver(event, false);
  else if (owner != NULL)
    iso_owner_post(owner, event);
}

static iso_call_t *shift_taken(iso_home_t *home) {
  iso_mutex_lock(&home->lock);
  iso_link_t *link = iso_list_shift(&home->taken);
  iso_call_t *call = link == NULL ? NULL : ISO_LIST_ITEM(link, iso_call_t, taken_link);
  if (call != NULL) call->is_taken = false;
  iso_mutex_unlock(&home->lock);
  return call;
}

/* Gives the answer that counts, the first. */
static void answer(iso_call_t *call, iso_message_t *message, int status) {
  iso_home_t *caller = call->caller;
  iso_mutex_lock(&caller->lock);
  bool is_late = call->is_answered;
  call->is_answered = true;
  iso_mutex_unlock(&caller->lock);
  if (is_late) return;
  iso_message_reset(&call->message);
  if (message != NULL) iso_message_move(&call->message, message);
  call->status = status;
  iso_mutex_lock(&caller->lock);
  if (call->is_unread) caller->unread--;
  call->is_unread = false;
  call->is_over = true;
  uv_cond_broadcast(&caller->changed);
  iso_mutex_unlock(&caller->lock);
  call->event.deliver = deliver_answer;
  if (call->is_sync)
    iso_call_settled(call);
  else
    post(caller, &call->event);
}

void iso_home_close(iso_home_t *home) {
  iso_list_t rest;
  iso_list_init(&rest);
  iso_mutex_lock(&home->lock);
  home->is_closed = true;
  home->wake = NULL;
  iso_list_splice(&rest, &home->arrivals);
  atomic_store_explicit(&home->has_arrivals, false, memory_order_relaxed);
  uv_cond_broadcast(&home->changed);
  iso_mutex_unlock(&home->lock);

  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&rest)) != NULL) {
    iso_event_t *event = ISO_LIST_ITEM(link, iso_event_t, link);
    event->deliver(event, false);
  }
  iso_call_t *call = NULL;
  while ((call = shift_taken(home)) != NULL) {
    answer(call, NULL, ISO_EDISPOSED);
    iso_call_release(call);
  }
}

bool iso_home_is_used(iso_home_t *home) {
  iso_mutex_lock(&home->lock);
  bool is_used = home->used_count != 0;
  iso_mutex_unlock(&home->lock);
  return is_used;
}

bool iso_home_has_arrivals(const iso_home_t *home) {
  return atomic_load_explicit(&home->has_arrivals, memory_order_relaxed);
}

static void read_arrival(iso_event_t *event, iso_arrival_t *out) {
  *out = (iso_arrival_t){NULL, NULL, NULL};
  if (event->deliver == deliver_release)
    out->release = ISO_LIST_ITEM(event, iso_callable_t, event);
  else if (event->deliver == deliver_call)
    out->call = ISO_LIST_ITEM(event, iso_call_t, event);
  else
    out->answer = ISO_LIST_ITEM(event, iso_call_t, event);
}

static bool take(iso_home_t *home, bool takes_calls, iso_arrival_t *out) {
  if (!iso_home_has_arrivals(home)) return false;
  iso_mutex_lock(&home->lock);
  iso_link_t *link = home->arrivals.next;
  while (link != &home->arrivals && !takes_calls &&
         ISO_LIST_ITEM(link, iso_event_t, link)->deliver == deliver_call)
    link = link->next;
  bool is_found = link != &home->arrivals;
  if (is_found) iso_list_remove(link);
  bool is_last = iso_list_empty(&home->arrivals);
  atomic_store_explicit(&home->has_arrivals, !is_last, memory_order_relaxed);
  iso_mutex_unlock(&home->lock);
  if (is_found) read_arrival(ISO_LIST_ITEM(link, iso_event_t, link), out);
  return is_found;
}

bool iso_home_take(iso_home_t *home, iso_arrival_t *out) {
  return take(home, true, out);
}

bool iso_home_take_answer(iso_home_t *home, iso_arrival_t *out) {
  return take(home, false, out);
}

void iso_home_interrupt(iso_home_t *home) {
  iso_mutex_lock(&home->lock);
  home->is_interrupted = true;
  uv_cond_broadcast(&home->changed);
  iso_mutex_unlock(&home->lock);
}

void iso_home_resume(iso_home_t *home) {
  iso_mutex_lock(&home->lock);
  home->is_interrupted = false;
  iso_mutex_unlock(&home->lock);
}

/* Callables. */

iso_callable_t *iso_callable_create(iso_home_t *home, uint64_t id) {
  iso_callable_t *callable = iso_alloc_zeroed(sizeof(*callable));
  if (callable == NULL) return NULL;
  iso_home_retain(home);
  callable->home = home;
  callable->id = id;
  callable->event.deliver = deliver_release;
  atomic_init(&callable->references, 1);
  return callable;
}

static void drop(iso_callable_t *callable) {
  if (atomic_fetch_sub_explicit(&callable->references, 1, memory_order_acq_rel) != 1) return;
  iso_home_release(callable->home);
  iso_free(callable);
}

static void add_reference(iso_callable_t *callable) {
  atomic_fetch_add_explicit(&callable->references, 1, memory_order_relaxed);
}

void iso_callable_forget(iso_callable_t *callable) {
  drop(callable);
}

void iso_callable_retain(iso_callable_t *callable) {
  iso_mutex_lock(&callable->home->lock);
  if (callable->uses++ == 0) callable->home->used_count++;
  iso_mutex_unlock(&callable->home->lock);
  add_reference(callable);
}

void iso_callable_release(iso_callable_t *callable) {
  if (callable == NULL) return;
  iso_home_t *home = callable->home;
  iso_mutex_lock(&home->lock);
  bool is_last = --callable->uses == 0;
  if (is_last) home->used_count--;
  bool is_sent = is_last && !callable->is_release_sent && !home->is_closed;
  if (is_sent) callable->is_release_sent = true;
  iso_mutex_unlock(&home->lock);
  /* The reference of the use becomes that of the release. */
  if (is_sent)
    post(home, &callable->event);
  else
    drop(callable);
}

bool iso_callable_released(iso_callable_t *callable) {
  iso_mutex_lock(&callable->home->lock);
  callable->is_release_sent = false;
  bool is_unused = callable->uses == 0;
  iso_mutex_unlock(&callable->home->lock);
  drop(callable);
  return is_unused;
}

const iso_home_t *iso_callable_home(const iso_callable_t *callable) {
  return callable->home;
}

uint64_t iso_callable_id(const iso_callable_t *callable) {
  return callable->id;
}

/* Calls. */

iso_call_t *iso_call_create(iso_home_t *caller, iso_callable_t *target) {
  iso_call_t *call = iso_alloc_zeroed(sizeof(*call));
  if (call == NULL) return NULL;
  iso_callable_retain(target);
  iso_home_retain(caller);
  call->target = target;
  call->caller = caller;
  call->event.deliver = deliver_call;
  iso_message_init(&call->message);
  iso_list_init(&call->taken_link);
  call->references = 1;
  return call;
}

void iso_call_release(iso_call_t *call) {
  iso_mutex_lock(&call->caller->lock);
  bool is_last = --call->references == 0;
  iso_mutex_unlock(&call->caller->lock);
  if (!is_last) return;
  iso_message_reset(&call->message);
  iso_callable_release(call->target);
  iso_home_release(call->caller);
  iso_free(call);
}

static bool waits_locked(const iso_home_t *home) ISO_REQUIRES(home->lock);
static bool waits_locked(const iso_home_t *home) {
  return !home->is_interrupted && !home->is_closed;
}

/* The host's loop waits for nobody. */
static int admit_from_host(iso_call_t *call) {
  iso_home_t *home = call->target->home;
  iso_mutex_lock(&home->lock);
  bool is_full = home->asked >= ISO_CALLS_UNANSWERED;
  if (!is_full) home->asked++;
  iso_mutex_unlock(&home->lock);
  if (is_full) return ISO_EFULL;
  if (!call->is_quiet) iso_owner_hold(call->caller->owner);
  return ISO_OK;
}

static int admit_from_thread(iso_call_t *call) {
  iso_home_t *caller = call->caller;
  int status = ISO_OK;
  iso_mutex_lock(&caller->lock);
  /* Two threads that waited for each other would do so for ever. */
  bool is_held_back = call->target->home->owner != NULL;
  while (is_held_back && caller->unread >= ISO_CALLS_UNREAD && waits_locked(caller))
    iso_cond_wait(&caller->changed, &caller->lock);
  if (!waits_locked(caller))
    status = ISO_ETERMINATED;
  else if (caller->unanswered >= ISO_CALLS_UNANSWERED)
    status = ISO_EFULL;
  if (status == ISO_OK) {
    caller->unanswered++;
    call->is_unread = is_held_back;
    if (is_held_back) caller->unread++;
    if (call->is_sync) call->references++;
  }
  iso_mutex_unlock(&caller->lock);
  return status;
}

int iso_call_send(iso_call_t *call) {
  int status = call->caller->owner != NULL ? admit_from_host(call) : admit_from_thread(call);
  if (status == ISO_OK) post(call->target->home, &call->event);
  return status;
}

int iso_call_wait(iso_call_t *call) {
  iso_home_t *caller = call->caller;
  iso_mutex_lock(&caller->lock);
  while (!call->is_over && waits_locked(caller))
    iso_cond_wait(&caller->changed, &caller->lock);
  bool is_over = call->is_over && waits_locked(caller);
  iso_mutex_unlock(&caller->lock);
  return is_over ? ISO_OK : ISO_ETERMINATED;
}

void iso_call_settled(iso_call_t *call) {
  iso_owner_t *owner = call->caller->owner;
  iso_home_t *counter = owner == NULL ? call->caller : call->target->home;
  iso_mutex_lock(&counter->lock);
  if (owner == NULL)
    counter->unanswered--;
  else
    counter->asked--;
  iso_mutex_unlock(&counter->lock);
  if (owner != NULL && !call->is_quiet) iso_owner_unhold(owner);
  iso_call_release(call);
}

void iso_call_begin(iso_call_t *call, iso_message_t *arguments) {
  iso_home_t *home = call->target->home;
  iso_home_t *caller = call->caller;
  iso_mutex_lock(&caller->lock);
  if (call->is_unread) caller->unread--;
  call->is_unread = false;
  /* The callee's, and that of being in the list. */
  call->references += 2;
  /* Before it can be answered by others, who reset the message. */
  if (!call->is_answered) iso_message_move(arguments, &call->message);
  uv_cond_broadcast(&caller->changed);
  iso_mutex_unlock(&caller->lock);
  iso_mutex_lock(&home->lock);
  bool is_closed = home->is_closed;
  if (!is_closed) {
    call->is_taken = true;
    iso_list_append(&home->taken, &call->taken_link);
  }
  iso_mutex_unlock(&home->lock);
  if (!is_closed) return;
  answer(call, NULL, ISO_EDISPOSED);
  iso_call_release(call);
}

void iso_call_finish(iso_call_t *call, iso_message_t *message, int status) {
  iso_home_t *home = call->target->home;
  iso_mutex_lock(&home->lock);
  bool was_taken = call->is_taken;
  if (was_taken) iso_list_remove(&call->taken_link);
  call->is_taken = false;
  iso_mutex_unlock(&home->lock);
  answer(call, message, status);
  if (was_taken) iso_call_release(call);
  iso_call_release(call);
}

/* Events. Those of a thread's home are only ever delivered to nobody. */

static void deliver_call(iso_event_t *event, bool alive) {
  iso_call_t *call = ISO_LIST_ITEM(event, iso_call_t, event);
  if (alive)
    call->target->home->receive(&(iso_arrival_t){.call = call});
  else
    answer(call, NULL, ISO_EDISPOSED);
}

static void deliver_answer(iso_event_t *event, bool alive) {
  iso_call_t *call = ISO_LIST_ITEM(event, iso_call_t, event);
  if (alive)
    call->caller->receive(&(iso_arrival_t){.answer = call});
  else
    iso_call_release(call);
}

static void deliver_release(iso_event_t *event, bool alive) {
  iso_callable_t *callable = ISO_LIST_ITEM(event, iso_callable_t, event);
  if (alive)
    callable->home->receive(&(iso_arrival_t){.release = callable});
  else
    drop(callable);
}
