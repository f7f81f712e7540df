/* The owner of threads: one JavaScript environment, with a loop of its own.
 *
 * Threads post events to it; it takes them on its loop's thread, in the order in which they came.
 * One wake of the loop serves however many events wait.
 *
 *   thread A ─ post ─┐
 *   thread B ─ post ─┼─> events ── uv_async ──> on_wake ── iso_owner_drain ──> event->deliver
 *   thread C ─ post ─┘
 *
 * Where events are expected soon, the loop looks out for them before it sleeps (see expect), and
 * needs no wake.
 *
 * It is shared by reference count: each thread holds one reference, so that one which cannot be
 * stopped may still post, to nowhere, after its environment has gone. */
#ifndef ISO_CORE_OWNER_H
#define ISO_CORE_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/list.h"

typedef struct iso_owner_s iso_owner_t;

/* Something that happened on a thread. It is embedded in what it is about. */
typedef struct iso_event_s {
  iso_link_t link;
  /* Called once, on the loop's thread, with no lock held. `alive` is false once the owner is
   * closed: then nothing may be told to JavaScript, only freed. May free the event. */
  void (*deliver)(struct iso_event_s *event, bool alive);
} iso_event_t;

typedef void (*iso_owner_wake_cb)(void *data);

/* Thread: the loop's. `on_wake(data)` is called on it whenever events wait.
 * Errors: ISO_ENOMEM, ISO_ESTART. Owns: the caller holds one reference. */
int iso_owner_create(uv_loop_t *loop, iso_owner_wake_cb on_wake, void *data, iso_owner_t **out);
void iso_owner_retain(iso_owner_t *owner);
void iso_owner_release(iso_owner_t *owner);

/* Hands over `event`. Thread: any. After close, nobody takes it: it is delivered here and now, with
 * `alive` false, on the calling thread. True: that has woken the loop. */
bool iso_owner_post(iso_owner_t *owner, iso_event_t *event);

/* Delivers what waits, for at most `budget_ns`; if some is left the loop is woken again.
 * Thread: the loop's. */
void iso_owner_drain(iso_owner_t *owner, uint64_t budget_ns);

/* A task is about to be given to a thread, or is over. While few are under way and have been
 * over soon, the loop spins for them before it sleeps. Thread: the loop's. */
void iso_owner_expect(iso_owner_t *owner);
void iso_owner_unexpect(iso_owner_t *owner);

/* A thread was woken that is about to post `event`: lends it the core, for the system may have put
 * it there, where it would wait until the loop sleeps, then looks out for it for some microseconds.
 * Does nothing where that has lately been in vain. True: `event` is what was posted last; the loop
 * takes it before it sleeps. Thread: the loop's. */
bool iso_owner_linger(iso_owner_t *owner, const iso_event_t *event);

/* Keeps the loop alive for as long as holds outnumber unholds. Thread: the loop's. */
void iso_owner_hold(iso_owner_t *owner);
void iso_owner_unhold(iso_owner_t *owner);

/* Threads that run: each counts itself in before it starts, and out when it can touch nothing more
 * of the environment. */
void iso_owner_thread_started(iso_owner_t *owner);
void iso_owner_thread_ended(iso_owner_t *owner);
/* Waits until none runs: true; or until `timeout_ms` went by: false. */
bool iso_owner_wait_threads(iso_owner_t *owner, uint64_t timeout_ms);

/* Ends the deliveries to JavaScript: what waits, and what still comes, is delivered with `alive`
 * false. May be called again, and from a delivery. Thread: the loop's. */
void iso_owner_silence(iso_owner_t *owner);

/* Silences it and closes the handles in the loop; `on_closed(data)` is called
 * when the loop has let go of them, and the owner may only be released after that.
 * Thread: the loop's. */
void iso_owner_close(iso_owner_t *owner, iso_owner_wake_cb on_closed, void *data);

#endif
