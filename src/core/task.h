/* One call of a context's function: its arguments on the way out, its result on the way back.
 *
 *   state    it is in                    memory is owned by      moved on by
 *   created  nothing                     who made it             iso_pool_submit
 *   queued   its pool's queue            the pool                a thread, stop or cancel
 *   running  thread->task                the pool                the thread, or, where that cannot
 *                                                                be stopped, the watchdog
 *   done     the owner's events          the owner               delivery: back to who made it
 *
 * A task is in one list at a time, so one link (the event's) serves for all. */
#ifndef ISO_CORE_TASK_H
#define ISO_CORE_TASK_H

#include "core/message.h"
#include "core/owner.h"

/* How many places a key can lead to; see scheduler.h. */
enum { ISO_KEY_BUCKETS = 256 };

/* A time that never comes. */
#define ISO_NO_LIMIT UINT64_MAX

/* What host and thread both touch at each task comes first, and close together: every line of the
 * cache that goes from one core to the other costs as much as a hundred instructions. */
typedef struct iso_task_s {
  iso_event_t event;
  /* Set by who made it, before the submit, as are the limits; 0, false after init. */
  int32_t priority;
  bool has_key;
  uint8_t key_bucket;

  /* The pool's, guarded by its lock: see queue.h. */
  bool is_running;
  bool is_pinned;
  int64_t rank;
  uint64_t sequence;
  struct iso_queue_s *queue;
  /* Where it was placed, then where it runs. */
  struct iso_thread_s *thread;

  /* Once done: ISO_OK, ISO_EXCEPTION (described in message), or the code of what happened. */
  int status;
  /* The arguments; once done, the result or the description of the error. While it runs, the
   * thread has them. */
  iso_message_t message;

  /* The pool's. */
  uint64_t submitted_ns;
  /* While it waits in pool->given: how many do, with it. */
  size_t given_count;
  size_t heap_index;
  /* How long it may run; 0: as the pool's options say, ISO_NO_LIMIT: for ever. */
  uint64_t timeout_ns;
  uint64_t cpu_timeout_ns;
} iso_task_t;

/* `deliver` is called with &task->event when the task is done; see owner.h. */
void iso_task_init(iso_task_t *task, void (*deliver)(iso_event_t *event, bool alive));
void iso_task_deinit(iso_task_t *task);

/* The task is done: hands it to the owner. Thread: any. True: that has woken the loop. */
bool iso_task_finish(iso_task_t *task, iso_owner_t *owner, int status);

#endif
