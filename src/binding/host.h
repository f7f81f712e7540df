/* One JavaScript environment that has loaded the library: Node's main thread, or one of its
 * Workers. Everything here is that environment's, and used on its thread only. */
#ifndef ISO_BINDING_HOST_H
#define ISO_BINDING_HOST_H

#include <node_api.h>
#include <stdbool.h>
#include <uv.h>

#include "binding/batch.h"
#include "core/list.h"
#include "core/owner.h"
#include "core/remote.h"
#include "core/spare.h"
#include "engine/engine.h"

struct iso_host_s {
  napi_env env;
  uv_loop_t *loop;
  void *platform;
  iso_owner_t *owner;
  iso_spares_t *spares;
  /* Of the environment's functions. */
  iso_home_t *home;
  napi_async_cleanup_hook_handle cleanup;
  /* Deliveries are made in this scope, so that microtasks and ticks run after each batch. */
  napi_async_context async_context;
  napi_ref async_resource;

  /* The functions of lib/ that settle what C cannot: see lib/binding.js. */
  napi_ref from_thread;
  napi_ref from_code;
  napi_ref uncloneable;
  napi_ref print;
  napi_ref notice;
  napi_ref opened;
  napi_ref deliver_items;
  napi_ref fail_item;

  /* The functions of submit.h. */
  iso_host_function_t submit;
  iso_host_function_t submit_task;
  iso_host_function_t submit_items;

  iso_batch_t batch;

  /* Every iso_pool_binding_t that has a core pool. */
  iso_list_t pools;
  /* Runs that are over, kept for the next ones. */
  iso_list_t free_runs;
  size_t free_run_count;

  /* How many caller's stacks may still be kept in this slice of time; see iso_host_may_trace. */
  uint64_t trace_slice;
  unsigned traces_left;

  /* The exit event has said what the process ends with. */
  bool is_exiting;
  int exit_code;
  /* Node will call us at the environment's end. */
  bool has_exit_hook;
  bool is_shut_down;
  bool is_cleaned_up;
  /* One for each of the environment's two ways to end (cleanup hooks, and exit callbacks; they come
   * in either order, the first perhaps never), and one for each pool binding. */
  size_t references;
};

/* Makes the environment's host; it goes when the environment does. NULL: a JavaScript exception is
 * pending. */
iso_host_t *iso_host_create(napi_env env);
iso_host_t *iso_host_get(napi_env env);
void iso_host_retain(iso_host_t *host);
void iso_host_release(iso_host_t *host);

/* The exit event has come. */
void iso_host_exits(iso_host_t *host, int exit_code);

/* May one more run keep its caller's stack? A stack costs some microseconds, so only so many a
 * millisecond do. */
bool iso_host_may_trace(iso_host_t *host);

/* Calls one of the functions of lib/. False: it threw (the exception is dropped), or the
 * environment is ending. */
bool iso_host_call(
    iso_host_t *host, napi_ref function, size_t argc, const napi_value *argv, napi_value *result
);

/* As iso_host_call, where user code (a listener) is what throws: that is an uncaught exception. */
void iso_host_tell(iso_host_t *host, napi_ref function, size_t argc, const napi_value *argv);

#endif
