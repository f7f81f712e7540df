/* The engine: one JavaScript isolate behind a C interface.
 *
 * Everything that needs V8 stands behind this header and decides nothing: no queue, no option, no
 * limit. The core drives it; tests put test/core/fake_engine.c in its place.
 *
 * Two kinds of isolate meet here. An iso_engine_t is one of ours: made, used and destroyed by the
 * thread that owns it (only iso_engine_terminate may be called by another). The host's isolate is
 * the one that loaded the library (Node's main thread, or one of its Workers): the functions of the
 * last section work on it, on its thread, with a handle scope open. */
#ifndef ISO_ENGINE_ENGINE_H
#define ISO_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/account.h"
#include "core/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct iso_engine_s iso_engine_t;

/* core/remote.h, which needs libuv: who includes only this does not. */
typedef struct iso_home_s iso_home_t;
typedef struct iso_arrival_s iso_arrival_t;

typedef struct iso_heap_s {
  /* In use, dead objects that are not collected yet too. */
  size_t used_bytes;
  /* Taken from the system. */
  size_t held_bytes;
  /* Beside it: buffers that belong to objects in it, of whatever kind, but not shared ones. */
  size_t external_bytes;
  /* V8's own, in plain malloc: what its parser and its compilers work with. */
  size_t plain_bytes;
  size_t plain_peak_bytes;
  /* Where V8 asks for more. */
  size_t limit_bytes;
} iso_heap_t;

/* What an engine tells its owner, always on the engine's own thread. */
typedef struct iso_engine_hooks_s {
  /* The code inside wrote to its console: one clone of [method, depth, arguments, placeholders].
   * Takes `record`. May block for as long as the code shall be held back. */
  void (*console)(void *data, iso_message_t *record);
  /* The running call has given a generator: `opening` holds its stream (ISO_PART_STREAM), for the
   * caller to have at once; the call is pending until the stream is over. Takes what is in
   * `opening`. */
  void (*stream)(void *data, iso_message_t *opening);
  /* V8 asks for more than `limit_bytes` of heap. Returns the limit to go on with, which must be
   * larger for V8 to survive what it is doing; may call iso_engine_terminate. It need not return: a
   * longjmp out of it leaves an engine that can be destroyed, and nothing else. */
  size_t (*heap_full)(void *data, size_t limit_bytes, const iso_heap_t *heap);
  /* A full collection is over, which took `took_ns`. May call iso_engine_terminate. */
  void (*collected)(void *data, const iso_heap_t *heap, uint64_t took_ns);
  /* The code is about to work on so many bytes without a check in between. False: it must not, and
   * has been terminated. May call iso_engine_collect. */
  bool (*check_memory)(void *data, size_t bytes);
  /* V8 cannot go on and would abort the process. Must never return; may leave by a longjmp, as
   * above, unless it happened `inside` a collection, whose other threads use this one's stack. */
  void (*fatal)(void *data, bool out_of_memory, bool inside);
} iso_engine_hooks_t;

typedef struct iso_engine_config_s {
  /* Of the process; see iso_host_platform. */
  void *platform;
  /* The thread's own loop, initialized; the engine keeps unreferenced handles in it. */
  struct uv_loop_s *loop;
  /* JavaScript may use the stack down to this address. */
  uintptr_t stack_limit;
  /* Charged for every backing store; the engine retains it for as long as there are any. */
  iso_account_t *account;
  /* Of the first context's functions; the engine retains it. */
  iso_home_t *home;
  const iso_engine_hooks_t *hooks;
  void *hooks_data;
} iso_engine_config_t;

typedef struct iso_engine_limits_s {
  /* Of the JavaScript heap; 0: V8's own choice. */
  size_t heap_bytes;
  /* Code from strings (eval, new Function), compilation of WebAssembly: refused where false, by an
   * EvalError and a CompileError. The context's own source is no such code. */
  bool allow_eval;
  bool allow_wasm;
} iso_engine_limits_t;

/* Looks at what the isolates of this process share, and tells it by a number. Where that is known,
 * engines come from V8's small snapshot from then on, in a third of the time and with half of the
 * memory. Thread: one with an isolate that is no engine's. */
uint64_t iso_engine_examine_heap(void);

/* Errors: ISO_ESTART. */
int iso_engine_create(const iso_engine_config_t *config, iso_engine_t **out);

/* `is_emptied`: by a collection before, or else V8 may keep the pages of the heap for seconds, for
 * isolates to come. Not after a jump: who left V8 by one can do nothing but dispose. */
void iso_engine_destroy(iso_engine_t *engine, bool is_emptied);

/* Once, before the first load: without it there are no limits. */
void iso_engine_limit(iso_engine_t *engine, const iso_engine_limits_t *limits);

/* Evaluates a context and keeps the function that it returns. `source` holds flat values: source
 * text, file name, line, column (both counted from 0), and says where the text stands.
 * Returns ISO_OK, ISO_PENDING, ISO_EXCEPTION (described in `error`), ISO_ETERMINATED. */
int iso_engine_load(iso_engine_t *engine, const iso_message_t *source, iso_message_t *error);

/* Calls the function kept by load with the values of `message`, and puts the result there.
 * Returns as load; ISO_EXCEPTION: the description of the error is in `message`. */
int iso_engine_call(iso_engine_t *engine, iso_message_t *message);

/* Goes on with a load or a call that was ISO_PENDING. Returns as they do. */
int iso_engine_poll(iso_engine_t *engine, iso_message_t *message);

/* Begins calls that have come, settles promises by answers that have: `limit` of them at most. Jobs
 * are not run. */
void iso_engine_receive(iso_engine_t *engine, unsigned limit);

/* Does what can wait until nobody waits for the engine: it is about to have nothing to do. */
void iso_engine_rest(iso_engine_t *engine);

/* Runs what jobs have become ready without a call (after the loop has run). */
void iso_engine_idle(iso_engine_t *engine);

/* How the JavaScript heap is. */
void iso_engine_heap(iso_engine_t *engine, iso_heap_t *out);

/* Collects all garbage. Expensive. */
void iso_engine_collect(iso_engine_t *engine);

/* Stops the code inside where it stands, or the next that starts, until iso_engine_resume.
 * Thread: any, while the engine exists. */
void iso_engine_terminate(iso_engine_t *engine);

/* Undoes a terminate. What was stopped must be over, and no other terminate on its way. */
void iso_engine_resume(iso_engine_t *engine);

/* Forgets what was pending and every job that is ready. The engine is to be terminated (and is,
 * afterwards). */
void iso_engine_drop_jobs(iso_engine_t *engine);

/* Starts anew in a fresh context, into which a context is to be loaded, and whose functions live at
 * `home`; nothing of the old one is left. Errors: ISO_ESTART, ISO_ETERMINATED. */
int iso_engine_renew(iso_engine_t *engine, iso_home_t *home);

/* Lets go of the process's platform from inside hooks->fatal, where the engine can never be
 * destroyed any more, so that the process can still end well. */
void iso_engine_abandon(iso_engine_t *engine);

/* Frees what a part of a message holds. Thread: any. */
void iso_part_destroy(iso_part_t *part);

/* The host's isolate. */

/* A value of the host: the same thing as a napi_value. */
typedef struct iso_value_s *iso_value_t;

/* The platform of this process; NULL where the host has none. */
void *iso_host_platform(void);

/* Has `callback(data)` called when the host's environment ends, process.exit() included. */
void iso_host_at_exit(void (*callback)(void *data), void *data);

/* A function of the host that is made in C. It gives NULL for undefined, and does not throw. */
typedef struct iso_host_function_s {
  iso_value_t (*callback)(void *data, const iso_value_t *values, size_t count);
  void *data;
} iso_host_function_t;

/* `function` must last as long as the host's environment. NULL: a JavaScript exception is pending.
 */
iso_value_t iso_host_function(const iso_host_function_t *function);

/* What stands for `pointer` in JavaScript, and the pointer of it. */
iso_value_t iso_host_handle(void *pointer);
void *iso_host_pointer(iso_value_t handle);

/* A promise of the host that is to be settled. */
typedef struct iso_deferred_s {
  void *promise;
} iso_deferred_t;

/* A new promise. NULL: a JavaScript exception is pending. */
iso_value_t iso_host_promise(void);
/* Keeps a promise that nothing has settled, or another object, until one of the next three. A whole
 * number below 2^30 needs no handle of V8's; it can only be undeferred. */
void iso_host_defer(iso_deferred_t *deferred, iso_value_t promise);
void iso_host_conclude(iso_deferred_t *deferred, iso_value_t value, bool is_rejection);
/* Gives it back, and keeps it no longer. */
iso_value_t iso_host_undefer(iso_deferred_t *deferred);
/* Resolves it with the one value of a message that is not needed any more, or rejects it with the
 * reason why there is none. Needs no handle scope. */
void iso_host_settle(iso_deferred_t *deferred, iso_message_t *message);

/* What moves with a message instead of being copied. */
typedef struct iso_moves_s {
  /* An array of ArrayBuffers; NULL: none but those of marks among the values. */
  iso_value_t list;
  /* Asked once all is encoded, if anything moves: will the message be taken? ISO_OK, or why not;
   * then nothing is detached. NULL: it will. */
  int (*admit)(void *data);
  void *data;
} iso_moves_t;

/* Appends the values to an empty message. What moves is detached here, but not on failure. Errors:
 * ISO_ECLONE, and the exception that the clone met in *exception; what moves->admit said. */
int iso_host_encode(
    const iso_value_t *values, size_t count, const iso_moves_t *moves, iso_message_t *message,
    iso_value_t *exception
);

/* A function (value, list) whose result stands for `value` in a message, where the ArrayBuffers of
 * the array `list` then move with it. NULL: a JavaScript exception is pending. */
iso_value_t iso_host_transfer_function(void);

/* The one value of a message. Errors: ISO_EXCEPTION, and the exception in *value. */
int iso_host_decode(const iso_message_t *message, iso_value_t *value);

/* Functions of the host live at `home` from now on. `hooks` is what lib/remote.js returns.
 * Errors: ISO_ESTART. */
int iso_host_open_functions(iso_home_t *home, iso_value_t hooks);
/* The functions that lib/remote.js needs, as an object. NULL: a JavaScript exception is pending. */
iso_value_t iso_host_remote_natives(void);
/* Handles what has arrived at the host's home. */
void iso_host_receive(const iso_arrival_t *arrival);

/* The same, of a message that is not needed any more: the value may keep what it holds. */
int iso_host_take(iso_message_t *message, iso_value_t *value);

/* Where a function's source starts: its script's name in *file (undefined if it has none), and the
 * line and column, from 0, of its parameter list; -1 if not known. */
void iso_host_locate(iso_value_t function, iso_value_t *file, int32_t *line, int32_t *column);

/* Could this value be cloned? Leaves no exception behind. */
bool iso_host_cloneable(iso_value_t value);

#ifdef __cplusplus
}
#endif

#endif
