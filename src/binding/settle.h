/* One run as JavaScript sees it: a task and the promise it will settle. */
#ifndef ISO_BINDING_SETTLE_H
#define ISO_BINDING_SETTLE_H

#include <node_api.h>

#include "binding/args.h"
#include "binding/host.h"
#include "binding/pool_binding.h"
#include "core/task.h"
#include "engine/engine.h"

typedef struct iso_run_s {
  iso_task_t task;
  iso_pool_binding_t *pool;
  /* Its promise; of an item of a map, its number. */
  iso_deferred_t deferred;
  bool is_item;
  /* An error made where run was called, for its stack; NULL when there were too many. */
  napi_ref trace;
  /* The object by which cancel() finds it; NULL: nobody can. */
  napi_ref token;
  /* Of the runs that are cancelled together; 0: it is none of them. */
  uint32_t group;
  /* Its promise was settled by a stream; see stream_binding.h. */
  bool is_stream;
  /* In host->free_runs; while it is under way, in pool->grouped if it has a group. */
  iso_link_t link;
} iso_run_t;

/* A run whose end settles `promise`, or is told of with an item's number. NULL: no memory, and that
 * is its end. */
iso_run_t *iso_run_create(iso_pool_binding_t *pool, iso_value_t promise, bool is_item);

/* Keeps an error made here and now, for its stack: once, where run was called. It may take longer
 * than the run does, so it is best done while that is under way. */
void iso_run_trace(iso_run_t *run);

/* It is about to be given to its pool, or to be finished in its place. */
void iso_run_hold(iso_pool_binding_t *pool);

/* The arguments could not be cloned: settles the promise, and the run is gone. */
void iso_run_refuse(iso_run_t *run, size_t argc, const napi_value *argv, napi_value exception);

/* Lets `token` stand for the run until it is settled. */
void iso_run_give_token(iso_run_t *run, napi_value token);
/* The run of this pool that `token` stands for; NULL: none (any more). */
iso_run_t *iso_run_of_token(iso_pool_binding_t *pool, napi_value token);

/* Puts it among those that are cancelled together. */
void iso_run_give_group(iso_run_t *run, uint32_t group);

/* Makes `count` runs with the same arguments, one for each thread, and appends their promises. */
void iso_broadcast(
    iso_pool_binding_t *pool, size_t count, iso_run_t **runs, const iso_args_t *args,
    napi_value promises
);

/* The code that JavaScript knows a status by; "" for ISO_OK. */
const char *iso_status_code(int status);

/* The Error of a status; without a `trace` (NULL), a promise that rejects with it.
 * `description`: the message of an ISO_EXCEPTION, or NULL. NULL: the environment is ending. */
napi_value iso_status_error(
    iso_pool_binding_t *pool, int status, const iso_message_t *description, napi_value trace
);

/* The same of spares: a promise that rejects. */
napi_value iso_spares_error(iso_host_t *host, int status);

/* Rejects with `error`, or, where that is a promise, with what it rejects with. NULL (what made it
 * has failed): with a plain Error that says so. */
void iso_reject(napi_env env, napi_deferred deferred, napi_value error, bool is_promise);

/* Settles its promise; an item's value goes into the host's batch, which must have begun. */
void iso_run_tell(iso_run_t *run, iso_value_t value, bool is_rejection);

/* Frees the kept runs. */
void iso_runs_free(iso_host_t *host);

#endif
