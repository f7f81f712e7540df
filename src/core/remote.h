/* Functions that are called from another isolate than theirs.
 *
 * Every context of code has a home: the host's environment one, a thread one for each context that
 * it makes. A function that leaves its home becomes a callable, which knows the way back; who holds
 * one elsewhere (a message on its way, a stub) has a use of it.
 *
 *   caller                                              callee
 *   iso_call_create, iso_call_send ── call ──────────>  iso_call_begin, then runs the function
 *   settles its promise            <── the same call ── iso_call_finish
 *   iso_callable_release (the last use) ── release ──>  lets the function go
 *
 * What arrives at the host's home comes as an event of its owner, in order with all else that its
 * threads post; a thread takes it out of its home's list. A home that is closed answers all that it
 * has, and all that comes, with ISO_EDISPOSED: so a context that is made anew, with a home of its
 * own, hears nothing of the old one.
 *
 * Thread: any, except where said. Homes, callables and calls are counted by reference; no two
 * homes' locks are held at once. */
#ifndef ISO_CORE_REMOTE_H
#define ISO_CORE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"
#include "core/owner.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  /* Calls that wait for an answer, of one thread, or of the host by one thread: one more is refused
   * with ISO_EFULL. */
  ISO_CALLS_UNANSWERED = 65536,
  /* Calls of a thread that its host has not begun: it is held back until there are fewer. */
  ISO_CALLS_UNREAD = 1024
};

typedef struct iso_home_s iso_home_t;
typedef struct iso_callable_s iso_callable_t;
typedef struct iso_call_s iso_call_t;

/* What comes to a home; exactly one of the three is set. */
typedef struct iso_arrival_s {
  iso_call_t *call;
  iso_call_t *answer;
  iso_callable_t *release;
} iso_arrival_t;

/* Homes. */

/* Of the host: `receive` is called on the loop's thread with each arrival.
 * Errors: ISO_ENOMEM, ISO_ESTART. Owns: the caller holds one reference. */
int iso_home_create_host(
    iso_owner_t *owner, void (*receive)(const iso_arrival_t *arrival), iso_home_t **out
);
/* Of a thread: `wake` is sent to when something arrives, as long as it is not closed. */
int iso_home_create_thread(uv_async_t *wake, iso_home_t **out);
void iso_home_retain(iso_home_t *home);
void iso_home_release(iso_home_t *home);

/* Nothing arrives any more; callers hear of it. */
void iso_home_close(iso_home_t *home);

/* Does anybody elsewhere hold a function of it, or wait for one? Thread: any. */
bool iso_home_is_used(iso_home_t *home);

/* May something have arrived? A hint, read without the lock. Thread: the home's. */
bool iso_home_has_arrivals(const iso_home_t *home);
/* Takes the next arrival of a thread's home. False: there is none. Thread: the home's. */
bool iso_home_take(iso_home_t *home, iso_arrival_t *out);
/* The same, but only what runs no code: an answer or a release. */
bool iso_home_take_answer(iso_home_t *home, iso_arrival_t *out);

/* Lets go whoever waits in this home, and whoever would, until it is resumed. */
void iso_home_interrupt(iso_home_t *home);
void iso_home_resume(iso_home_t *home);

/* Callables. */

/* The function that `id` stands for at home; not used by anybody yet. NULL: no memory. */
iso_callable_t *iso_callable_create(iso_home_t *home, uint64_t id);
/* Home has let the function go. Thread: the home's. */
void iso_callable_forget(iso_callable_t *callable);
/* One use more, or less. The first one, and the first after the last, are home's to make. */
void iso_callable_retain(iso_callable_t *callable);
void iso_callable_release(iso_callable_t *callable);
/* Takes an arrived release. True: it is unused still, and to be forgotten. Thread: the home's. */
bool iso_callable_released(iso_callable_t *callable);
const iso_home_t *iso_callable_home(const iso_callable_t *callable);
uint64_t iso_callable_id(const iso_callable_t *callable);

/* Calls. */

struct iso_call_s {
  iso_event_t event;
  /* Immutable once sent. A use; a reference. */
  iso_callable_t *target;
  iso_home_t *caller;
  /* What it is to its caller. */
  uint64_t id;
  /* The caller waits for it in iso_call_wait, and no answer arrives. */
  bool is_sync;
  /* Of the host: it waits, if at all, without keeping its loop alive. */
  bool is_quiet;

  /* The arguments; answered, the result or the description of the error. */
  iso_message_t message;
  /* Answered: ISO_OK, ISO_EXCEPTION, or why there was no answer. */
  int status;

  /* In its target's home, guarded by that one's lock. */
  iso_link_t taken_link;
  bool is_taken;
  /* Guarded by the caller's lock. */
  bool is_unread;
  bool is_answered;
  bool is_over;
  size_t references;
};

/* A call with an empty message. NULL: no memory. */
iso_call_t *iso_call_create(iso_home_t *caller, iso_callable_t *target);
void iso_call_release(iso_call_t *call);

/* Sends it; where it is sync, the caller keeps a reference. A thread whose host is behind waits
 * here. Errors: ISO_EFULL, ISO_ETERMINATED; the call is the caller's still. Thread: the caller's.
 */
int iso_call_send(iso_call_t *call);
/* Waits for the answer of a sync call. Errors: ISO_ETERMINATED. Thread: the caller's. */
int iso_call_wait(iso_call_t *call);
/* Takes an arrived answer; to be released. Thread: the caller's. */
void iso_call_settled(iso_call_t *call);

/* The callee starts to run it with the arguments that it is given here, and holds it until finish.
 * Thread: the callee's. */
void iso_call_begin(iso_call_t *call, iso_message_t *arguments);
/* Answers with what is in `message` (NULL: nothing). Once; who has been faster counts. */
void iso_call_finish(iso_call_t *call, iso_message_t *message, int status);

#ifdef __cplusplus
}
#endif

#endif
