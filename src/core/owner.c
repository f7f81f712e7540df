/* See owner.h. */
#include "core/owner.h"

#include <stdatomic.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/spin.h"
#include "core/sync.h"

enum {
  /* Where tasks are over as soon as that, the loop spins so long before it sleeps. */
  SOON_NS = 100000,
  SPIN_NS = 50000,
  SUCCESSES_A_PARDON = 64,
  /* So long the loop stays for a thread that it has woken. If it had to stay for longer, its core
   * has gone to somebody else meanwhile. */
  LINGER_NS = 30000,
  LINGER_TOO_LONG_NS = 100000,
  /* What was tried in vain sits out some tasks before it is tried again: so many at least, then
   * twice as many, up to a bound, which is higher for what has cost much. */
  SPIN_PENALTY_AT_LEAST = 16,
  LINGER_PENALTY_AT_LEAST = 2,
  CHEAP_PENALTY_AT_MOST = 16,
  PENALTY_AT_MOST = 8192,
  /* After so long without a sleep the loop looks at all else that it has. */
  BREATH_NS = 200000,
};

typedef struct backoff_s {
  unsigned least;
  unsigned penalty;
  unsigned sits_out;
} backoff_t;

struct iso_owner_s {
  /* Loop's thread only. */
  uv_async_t async;
  uv_prepare_t prepare;
  uv_idle_t idle;
  int open_handles;
  iso_owner_wake_cb on_wake;
  void *data;
  iso_owner_wake_cb on_closed;
  void *closed_data;
  size_t holds;
  /* Tasks under way, since when there are any. */
  size_t expected;
  uint64_t expected_since_ns;
  /* It is worth to spin for them. */
  bool spins;
  backoff_t spinning;
  unsigned successes;
  backoff_t lingering;
  /* It has lingered with success, and takes what has come before it sleeps. */
  bool is_due;
  /* Events that were taken, but not delivered yet for want of time. */
  iso_list_t rest;
  /* Guarded by lock. */
  iso_mutex_t lock;
  iso_cond_t ended;
  size_t running_threads;
  /* Atomic. A stack by link.next, the last event on top; `closed`: nobody takes events any more. */
  _Atomic(iso_link_t *) posted;
  /* While it spins the loop looks at `posted` all the time, so the others are kept out of its line
   * of the cache. */
  char apart[ISO_LINE_BYTES];
  /* The loop looks at what is posted, and needs no wake. */
  atomic_bool is_watching;
  /* Threads that may be about to wake the loop. */
  atomic_int wakers;
  /* The last release acquires what the others did. */
  atomic_size_t references;
};

static iso_link_t closed;

static void on_async(uv_async_t *async) {
  iso_owner_t *owner = async->data;
  owner->on_wake(owner->data);
}

static bool has_events(const iso_owner_t *owner) {
  return !iso_list_empty(&owner->rest) || atomic_load(&owner->posted) != NULL;
}

/* How many loops of the process spin now; relaxed, for a rough bound is enough. */
static atomic_int spinning_loops;

static void back_off(backoff_t *backoff, unsigned most) {
  backoff->sits_out = backoff->penalty < most ? backoff->penalty : most;
  if (backoff->penalty < most) backoff->penalty *= 2;
}

static void pardon(backoff_t *backoff) {
  if (backoff->penalty > backoff->least) backoff->penalty /= 2;
}

static bool sits_out(backoff_t *backoff) {
  if (backoff->sits_out == 0) return false;
  backoff->sits_out--;
  return true;
}

/* Learns from a spin. */
static void note_spin(iso_owner_t *owner, bool found) {
  if (!found) {
    owner->spins = false;
    owner->successes = 0;
    /* Where others want the cores, a spin keeps the thread from the one that it has. */
    back_off(&owner->spinning, PENALTY_AT_MOST);
  } else if (++owner->successes == SUCCESSES_A_PARDON) {
    owner->successes = 0;
    pardon(&owner->spinning);
  }
}

/* Is this the event that was posted last? NULL: have any come? */
static bool has_come(const iso_owner_t *owner, const iso_event_t *event) {
  return event == NULL ? has_events(owner) : atomic_load(&owner->posted) == &event->link;
}

/* Waits for it until `deadline_ns`. */
static bool look_out(iso_owner_t *owner, uint64_t deadline_ns, const iso_event_t *event) {
  bool found = has_come(owner, event);
  atomic_store(&owner->is_watching, true);
  do {
    for (int i = 0; i < ISO_SPIN_LOOKS && !found; i++) {
      found = has_come(owner, event);
      iso_spin_relax();
    }
  } while (!found && uv_hrtime() < deadline_ns);
  atomic_store(&owner->is_watching, false);
  /* One may have come since, for which nobody was woken: who posts looks at these two in the other
   * order, and all four steps are in one order for all. */
  return has_come(owner, event);
}

/* False: too many loops do. */
static bool may_look_out(void) {
  if (atomic_fetch_add_explicit(&spinning_loops, 1, memory_order_relaxed) < iso_spin_bound())
    return true;
  atomic_fetch_sub_explicit(&spinning_loops, 1, memory_order_relaxed);
  return false;
}

static void has_looked_out(void) {
  atomic_fetch_sub_explicit(&spinning_loops, 1, memory_order_relaxed);
}

/* Waits a while for events: have any come? */
static bool spin(iso_owner_t *owner) {
  if (!may_look_out()) return false;
  bool found = look_out(owner, uv_hrtime() + SPIN_NS, NULL);
  has_looked_out();
  note_spin(owner, found);
  return found;
}

/* Waits less for this one. */
static bool await_event(iso_owner_t *owner, uint64_t deadline_ns, const iso_event_t *event) {
  /* Its thread may have had this core already, and given it back. */
  if (has_come(owner, event)) return true;
  iso_lend_core();
  if (has_come(owner, event)) return true;
  if (!may_look_out()) return false;
  bool found = look_out(owner, deadline_ns, event);
  has_looked_out();
  /* Who turns the loop may wait for its wakes elsewhere, as Electron does. */
  if (has_events(owner)) uv_async_send(&owner->async);
  return found;
}

bool iso_owner_linger(iso_owner_t *owner, const iso_event_t *event) {
  if (sits_out(&owner->lingering)) return false;
  uint64_t begin_ns = uv_hrtime();
  bool found = await_event(owner, begin_ns + LINGER_NS, event);
  if (uv_hrtime() - begin_ns > LINGER_TOO_LONG_NS) {
    if (owner->lingering.penalty < CHEAP_PENALTY_AT_MOST)
      owner->lingering.penalty = CHEAP_PENALTY_AT_MOST;
    back_off(&owner->lingering, PENALTY_AT_MOST);
  } else if (!found) {
    back_off(&owner->lingering, CHEAP_PENALTY_AT_MOST);
  } else {
    pardon(&owner->lingering);
  }
  /* Sooner than by the wake. */
  if (found) owner->is_due = true;
  return found;
}

static void on_idle(uv_idle_t *idle) {
  uv_idle_stop(idle);
}

/* More threads work than cores are free for them, or none does. */
static bool is_quiet(const iso_owner_t *owner) {
  return owner->expected == 0 || owner->expected > (size_t) iso_spin_bound();
}

/* The loop is about to sleep, unless it has something to do at once. */
static void on_prepare(uv_prepare_t *prepare) {
  iso_owner_t *owner = prepare->data;
  bool has_happened = owner->is_due;
  uint64_t end = 0;
  owner->is_due = false;
  if (has_happened) owner->on_wake(owner->data);
  while (owner->spins && !is_quiet(owner) && uv_backend_timeout(prepare->loop) != 0) {
    if (!spin(owner)) break;
    owner->on_wake(owner->data);
    has_happened = true;
    uint64_t now = uv_hrtime();
    if (end == 0) end = now + BREATH_NS;
    if (now >= end) break;
  }
  /* The loop must not sleep on it, for whoever runs it once. */
  if (has_happened) uv_idle_start(&owner->idle, on_idle);
}

static int open_handles(iso_owner_t *owner, uv_loop_t *loop) {
  if (uv_async_init(loop, &owner->async, on_async) != 0) return ISO_ESTART;
  uv_prepare_init(loop, &owner->prepare);
  uv_idle_init(loop, &owner->idle);
  uv_prepare_start(&owner->prepare, on_prepare);
  uv_unref((uv_handle_t *) &owner->async);
  uv_unref((uv_handle_t *) &owner->prepare);
  uv_unref((uv_handle_t *) &owner->idle);
  owner->async.data = owner;
  owner->prepare.data = owner;
  owner->idle.data = owner;
  owner->open_handles = 3;
  return ISO_OK;
}

int iso_owner_create(uv_loop_t *loop, iso_owner_wake_cb on_wake, void *data, iso_owner_t **out) {
  iso_owner_t *owner = iso_alloc_zeroed(sizeof(*owner));
  if (owner == NULL) return ISO_ENOMEM;
  if (iso_mutex_init(&owner->lock) != 0) goto fail;
  if (uv_cond_init(&owner->ended) != 0) goto fail_cond;
  if (open_handles(owner, loop) != ISO_OK) goto fail_handles;
  owner->spinning = (backoff_t){SPIN_PENALTY_AT_LEAST, SPIN_PENALTY_AT_LEAST, 0};
  owner->lingering = (backoff_t){LINGER_PENALTY_AT_LEAST, LINGER_PENALTY_AT_LEAST, 0};
  owner->on_wake = on_wake;
  owner->data = data;
  iso_list_init(&owner->rest);
  atomic_init(&owner->references, 1);
  *out = owner;
  return ISO_OK;

fail_handles:
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

/* Who finds nothing posted wakes the loop. It counts itself in before it posts, for after that the
 * owner may be closed at any time. */
bool iso_owner_post(iso_owner_t *owner, iso_event_t *event) {
  bool is_waker = false;
  bool has_woken = false;
  iso_link_t *last = atomic_load_explicit(&owner->posted, memory_order_relaxed);
  do {
    if (last == &closed) break;
    if (last == NULL && !is_waker) {
      is_waker = true;
      atomic_fetch_add_explicit(&owner->wakers, 1, memory_order_relaxed);
    }
    event->link.next = last;
  } while (!atomic_compare_exchange_weak(&owner->posted, &last, &event->link));
  if (is_waker) {
    has_woken = last == NULL && !atomic_load(&owner->is_watching);
    if (has_woken) uv_async_send(&owner->async);
    atomic_fetch_sub_explicit(&owner->wakers, 1, memory_order_release);
  }
  if (last == &closed) event->deliver(event, false);
  return has_woken;
}

/* Moves what is posted to the end of `to`, the first first, and leaves `mark` in its place. */
static void take_posted(iso_owner_t *owner, iso_list_t *to, iso_link_t *mark) {
  iso_list_t taken;
  iso_list_init(&taken);
  iso_link_t *link = atomic_exchange(&owner->posted, mark);
  if (link == &closed) {
    atomic_store(&owner->posted, &closed);
    return;
  }
  while (link != NULL) {
    iso_link_t *before = link->next;
    iso_list_prepend(&taken, link);
    link = before;
  }
  iso_list_splice(to, &taken);
}

/* What comes next comes over while this one is delivered. Its link has been looked at. */
static void fetch_next(const iso_list_t *taken) {
  iso_fetch((const char *) taken->next + ISO_LINE_BYTES);
  iso_fetch((const char *) taken->next + (ptrdiff_t) 2 * ISO_LINE_BYTES);
}

void iso_owner_drain(iso_owner_t *owner, uint64_t budget_ns) {
  /* Reading the clock costs as much as a short delivery does, so it is read now and then. */
  enum { DELIVERIES_A_LOOK = 16 };
  uint64_t deadline = uv_hrtime() + budget_ns;
  take_posted(owner, &owner->rest, NULL);

  /* They stay the owner's until it is their turn: a delivery may end the process, and with it the
   * owner. */
  iso_link_t *link = NULL;
  for (unsigned count = 1; (link = iso_list_shift(&owner->rest)) != NULL; count++) {
    iso_event_t *event = ISO_LIST_ITEM(link, iso_event_t, link);
    fetch_next(&owner->rest);
    event->deliver(event, true);
    if (count % DELIVERIES_A_LOOK == 0 && uv_hrtime() > deadline) break;
  }
  if (!iso_list_empty(&owner->rest)) uv_async_send(&owner->async);
}

void iso_owner_expect(iso_owner_t *owner) {
  if (owner->expected++ == 0 && !owner->spins) owner->expected_since_ns = uv_hrtime();
}

void iso_owner_unexpect(iso_owner_t *owner) {
  if (--owner->expected != 0 || owner->spins) return;
  if (!sits_out(&owner->spinning)) owner->spins = uv_hrtime() - owner->expected_since_ns < SOON_NS;
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
  if (--owner->open_handles != 0) return;
  if (owner->on_closed != NULL) owner->on_closed(owner->closed_data);
}

void iso_owner_silence(iso_owner_t *owner) {
  iso_list_t rest;
  iso_list_init(&rest);
  iso_list_splice(&rest, &owner->rest);
  take_posted(owner, &rest, &closed);

  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&rest)) != NULL) {
    iso_event_t *event = ISO_LIST_ITEM(link, iso_event_t, link);
    event->deliver(event, false);
  }
}

void iso_owner_close(iso_owner_t *owner, iso_owner_wake_cb on_closed, void *data) {
  iso_owner_silence(owner);
  /* Who began to wake the loop before that must have done so before the handle goes. */
  while (atomic_load_explicit(&owner->wakers, memory_order_acquire) != 0)
    uv_sleep(0);
  owner->on_closed = on_closed;
  owner->closed_data = data;
  uv_close((uv_handle_t *) &owner->async, on_handle_closed);
  uv_close((uv_handle_t *) &owner->prepare, on_handle_closed);
  uv_close((uv_handle_t *) &owner->idle, on_handle_closed);
}
