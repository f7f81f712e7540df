/* Threads behind one queue, all with the same context. A Thread in JavaScript is a pool of one.
 *
 * Threads take their next task from the queue themselves: the owner's loop may be busy or blocked,
 * they go on; and they start each other. A pool that has stopped (disposed, failed, out of memory
 * with nothing to replace) never runs again: what waited is finished with the reason, and so is
 * refused whatever comes later.
 *
 * Thread: the owner's loop's, except where said. */
#ifndef ISO_CORE_POOL_H
#define ISO_CORE_POOL_H

#include <stddef.h>

#include "core/histogram.h"
#include "core/message.h"
#include "core/owner.h"
#include "core/spare.h"
#include "core/task.h"

typedef struct iso_pool_s iso_pool_t;

typedef enum iso_notice_kind_e {
  ISO_NOTICE_THREAD_START,
  /* `status`: ISO_OK for one that was told to retire, else why. */
  ISO_NOTICE_THREAD_EXIT,
  ISO_NOTICE_NEEDS_DRAIN,
  ISO_NOTICE_DRAIN
} iso_notice_kind_t;

/* Called on the owner's loop's thread, never after the owner is closed. */
typedef struct iso_pool_callbacks_s {
  /* Once: every thread of the start has evaluated the context (ISO_OK), or the pool has stopped
   * before, for the reason `status`. */
  void (*ready)(void *data, int status);
  /* A thread wrote to its console. The pool owns `record`. */
  void (*console)(void *data, const iso_message_t *record);
  /* The run of `task` has given a generator: `opening` holds the stream of it, and is the pool's.
   * The task is done when the stream is over. */
  void (*stream)(void *data, iso_task_t *task, iso_message_t *opening);
  /* Something happened that nobody has to do anything about. */
  void (*notice)(void *data, iso_notice_kind_t kind, uint64_t thread_id, int status);
  /* Once, last: no thread is left. The pool may be destroyed, even in here. */
  void (*ended)(void *data);
} iso_pool_callbacks_t;

typedef struct iso_pool_options_s {
  /* As many threads start at once; as many as max_threads come with demand, and go again after
   * idle_timeout_ms without a task. */
  size_t min_threads;
  size_t max_threads;
  /* Negative: never. */
  int64_t idle_timeout_ms;
  /* Of all that each thread holds: JavaScript heap, buffers; 0: no limit but V8's own. */
  size_t memory_limit_bytes;
  /* May the code inside make code: of strings (eval, new Function), of WebAssembly? */
  bool allow_eval;
  bool allow_wasm;
  /* A name of scheduler.c's table; read at create only. */
  const char *scheduler;
  /* May an idle thread take what was placed on another? */
  bool may_steal;
  /* Is a thread that died replaced? If not, the pool stops. */
  bool may_replace;
  /* Tasks that may wait beyond those for which a thread is free; SIZE_MAX: no limit. */
  size_t max_queue;
  /* Tasks after which a thread is replaced by a new one; 0: never. */
  uint64_t max_tasks_per_thread;
  /* How long a task that does not say so itself, and the evaluation of the context (which has a
   * second in any case), may take: by the clock from its start, and of the thread's CPU time. 0,
   * ISO_NO_LIMIT: for ever. */
  uint64_t timeout_ns;
  uint64_t cpu_timeout_ns;
  /* How long code may go on after it was told to stop, before its thread is written off. */
  uint64_t grace_ns;
  /* After an interruption, does the thread keep its context as the code left it? */
  bool keeps_context;
  /* See iso_engine_load. Taken by a create that succeeds. */
  iso_message_t *context;
  const iso_pool_callbacks_t *callbacks;
  void *data;
  void *platform;
  /* Where threads may come from; NULL: they are all new. */
  iso_spares_t *spares;
  /* How many shall be there when it has taken its own; negative: as many as before, 0: it asks for
   * none. */
  int spares_wanted;
} iso_pool_options_t;

/* Starts the threads. Errors: ISO_ENOMEM, ISO_ESTART; nothing is left behind. */
int iso_pool_create(iso_owner_t *owner, const iso_pool_options_t *options, iso_pool_t **out);
/* Only after callbacks->ended, or after the owner has closed with no thread left. Threads that were
 * written off keep what they need of it. */
void iso_pool_destroy(iso_pool_t *pool);

/* Would a submit be taken now? ISO_OK, or what it would be refused with. Only the pool can end
 * before a submit by the same thread. */
int iso_pool_admits(iso_pool_t *pool);

/* Puts a task where the scheduler, or its key, says. Errors: ISO_EFULL, ISO_ECLOSED, ISO_ENOMEM;
 * ISO_EDISPOSED, ISO_ECONTEXT or ISO_ESTART where the pool has stopped; the task is then as it was,
 * and the caller's. */
int iso_pool_submit(iso_pool_t *pool, iso_task_t *task);

/* Submits `count` tasks (1 or more) of priority 0 and without a key, in this order, which costs
 * less than to submit each. Says in *submitted how many were; the others are the caller's, with the
 * error of the first of them. */
int iso_pool_submit_all(
    iso_pool_t *pool, iso_task_t *const *tasks, size_t count, size_t *submitted
);

/* Has the last submit woken a thread, for a task that is likely to be over in some microseconds?
 * Thread: the owner's loop's. */
bool iso_pool_has_woken(const iso_pool_t *pool);

/* Puts each of `count` tasks on a thread of its own, one on each that takes tasks, and says in
 * *submitted on how many. Errors: as submit, none submitted. */
int iso_pool_submit_each(
    iso_pool_t *pool, iso_task_t *const *tasks, size_t count, size_t *submitted
);
/* On how many threads submit_each would put one. */
size_t iso_pool_thread_count(iso_pool_t *pool);

/* Takes a task that waits out of its queue and finishes it with ISO_ECANCELED; if `interrupts`, one
 * that runs is interrupted, and ends so. False: neither. */
bool iso_pool_cancel(iso_pool_t *pool, iso_task_t *task, bool interrupts);

/* Changes how many threads there are at least and at most. Those too many end after their task.
 * Errors: ISO_ESTART, ISO_ENOMEM where not all could be started. */
int iso_pool_resize(iso_pool_t *pool, size_t min_threads, size_t max_threads);

/* Takes no more tasks, and stops when those that it has are done. */
void iso_pool_close(iso_pool_t *pool);

/* What a task hears that comes after the pool has stopped for `reason`. Only the task that was at
 * fault hears of the memory; for the others the threads are gone. */
int iso_pool_refusal(int reason);

/* Why the pool has stopped; ISO_OK while it runs. Thread: any. */
int iso_pool_reason(iso_pool_t *pool);

/* Where that is ISO_ECONTEXT: describes the exception. The pool owns it. */
const iso_message_t *iso_pool_error(iso_pool_t *pool);

/* Nobody can give it tasks any more. It is stopped (ISO_EDISPOSED) as soon as none of its threads'
 * functions can be called any more either. Thread: any. */
void iso_pool_abandon(iso_pool_t *pool);

/* Stops everything: code that runs is ended where it stands. `reason` (ISO_EDISPOSED ...) is what
 * the tasks are finished with. Only the first call counts. Thread: any. */
void iso_pool_stop(iso_pool_t *pool, int reason);

/* Has every thread ended, or been written off? */
bool iso_pool_has_ended(iso_pool_t *pool);

/* More tasks wait than max_queue, or 1024 where that has no limit; until none waits. */
bool iso_pool_needs_drain(iso_pool_t *pool);

/* Threads of this process that have not been joined, those parked or left behind too: they may
 * still touch V8, or, in their last steps, what libraries keep for each thread. Thread: any. */
size_t iso_threads_living(void);

/* Statistics. */

typedef struct iso_pool_counts_s {
  uint64_t completed;
  uint64_t failed;
  uint64_t stolen;
  uint64_t replaced;
  /* Tasks that were interrupted; of threads, those written off because they did not stop, and of
   * these those that came back; those that V8 gave up in. */
  uint64_t interrupted;
  uint64_t lost;
  uint64_t found;
  uint64_t parked;
} iso_pool_counts_t;

typedef struct iso_thread_stats_s {
  uint64_t id;
  bool is_loaded;
  bool is_busy;
  size_t queued;
  uint64_t tasks;
  uint64_t uptime_ns;
  uint64_t busy_ns;
  uint64_t cpu_ns;
  /* Of the JavaScript heap, as of when the thread last was idle or had run 64 tasks. */
  uint64_t heap_bytes;
  uint64_t buffer_bytes;
} iso_thread_stats_t;

typedef struct iso_pool_stats_s {
  size_t threads;
  size_t idle;
  size_t running;
  size_t queued;
  iso_pool_counts_t counts;
  iso_histogram_summary_t run_time;
  iso_histogram_summary_t wait_time;
} iso_pool_stats_t;

/* Fills *out and at most `capacity` of `threads`; says in *count how many there are.
 * Errors: ISO_ENOMEM. */
int iso_pool_stats(
    iso_pool_t *pool, iso_pool_stats_t *out, iso_thread_stats_t *threads, size_t capacity,
    size_t *count
);

#endif
