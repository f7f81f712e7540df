/* Threads behind one queue, all with the same context. A Thread in JavaScript is a pool of one.
 *
 * Threads take their next task from the queue themselves: the owner's loop may be busy or blocked,
 * they go on. A pool that has stopped (disposed, failed, out of memory) never runs again: what
 * waited is finished with the reason, and so is refused whatever comes later.
 *
 * Thread: the owner's loop's, except where said. */
#ifndef ISO_CORE_POOL_H
#define ISO_CORE_POOL_H

#include <stddef.h>

#include "core/message.h"
#include "core/owner.h"
#include "core/task.h"

typedef struct iso_pool_s iso_pool_t;

/* Called on the owner's loop's thread, never after the owner is closed. */
typedef struct iso_pool_callbacks_s {
  /* Once: every thread has evaluated the context (ISO_OK), or the pool has stopped before.
   * `error` describes the exception where status is ISO_EXCEPTION; the pool owns it. */
  void (*ready)(void *data, int status, const iso_message_t *error);
  /* A thread wrote to its console. The pool owns `record`. */
  void (*console)(void *data, const iso_message_t *record);
  /* Once, last: no thread is left. The pool may be destroyed, even in here. */
  void (*ended)(void *data);
} iso_pool_callbacks_t;

typedef struct iso_pool_options_s {
  size_t thread_count;
  /* Of each thread's JavaScript heap, and again of its buffers; 0: no limit but V8's own. */
  size_t memory_limit_bytes;
  /* See iso_engine_load. Taken by a create that succeeds. */
  iso_message_t *context;
  const iso_pool_callbacks_t *callbacks;
  void *data;
  void *platform;
} iso_pool_options_t;

/* Starts the threads. Errors: ISO_ENOMEM, ISO_ESTART; nothing is left behind. */
int iso_pool_create(iso_owner_t *owner, const iso_pool_options_t *options, iso_pool_t **out);
/* Only after callbacks->ended, or after the owner has closed with no thread left. */
void iso_pool_destroy(iso_pool_t *pool);

/* Puts a task into the queue. Errors: ISO_EDISPOSED, ISO_ECONTEXT or ISO_ESTART where the pool has
 * stopped; the task is then as it was, and the caller's. */
int iso_pool_submit(iso_pool_t *pool, iso_task_t *task);

/* What a task hears that comes after the pool has stopped for `reason`. Only the task that was at
 * fault hears of the memory; for the others the threads are gone. */
int iso_pool_refusal(int reason);

/* Why the pool has stopped; ISO_OK while it runs. Thread: any. */
int iso_pool_reason(iso_pool_t *pool);

/* Stops everything: code that runs is ended where it stands. `reason` (ISO_EDISPOSED ...) is what
 * the tasks are finished with. Only the first call counts. Thread: any. */
void iso_pool_stop(iso_pool_t *pool, int reason);

/* Has every thread ended? */
bool iso_pool_has_ended(const iso_pool_t *pool);

#endif
