/* The native base class of Thread: a core pool and the promises given out for it. */
#ifndef ISO_BINDING_POOL_BINDING_H
#define ISO_BINDING_POOL_BINDING_H

#include <node_api.h>
#include <stdbool.h>

#include "binding/host.h"
#include "core/pool.h"

typedef struct iso_pool_binding_s {
  iso_host_t *host;
  /* Its JavaScript object, weakly unless something is pending. */
  napi_ref wrapper;
  /* NULL once every thread has ended and been freed. */
  iso_pool_t *core;
  /* Why it ended, once it has. */
  int end_reason;
  iso_link_t link;
  /* Runs under way that have a group. */
  iso_list_t grouped;
  /* How messages name it: thread "resize". */
  char *description;
  /* What the context threw, as the thread described it; NULL: it did not, or nobody asked yet. */
  napi_ref context_error;

  /* The promises of `ready` and dispose(), made when first asked for. */
  napi_ref ready_promise;
  napi_deferred ready;
  napi_ref ended_promise;
  napi_deferred ended;
  bool is_ready_known;
  int ready_status;

  /* Promises given out and not settled. They keep the loop alive. */
  size_t pending;
  /* How many of them are the ends of streams: they do not. */
  size_t streams;
  /* ... unless this is set. */
  bool is_unreferenced;
  /* The JavaScript object is garbage. */
  bool is_abandoned;
} iso_pool_binding_t;

/* The class; its constructor takes what pool_options.h says. */
napi_value iso_pool_class_create(napi_env env);

/* handleOf(pool): what stands for the native pool in calls of submit.h, as long as `pool` lives. */
napi_value iso_pool_handle(napi_env env, napi_callback_info info);

/* What the context threw, for which the pool has stopped; NULL: it has not for that. */
napi_value iso_pool_binding_context_error(iso_pool_binding_t *pool);

/* One promise more, or less, is not settled. */
void iso_pool_binding_hold(iso_pool_binding_t *pool);
void iso_pool_binding_unhold(iso_pool_binding_t *pool);

/* The end of an environment: stops every pool; frees those that have ended. */
void iso_pool_bindings_stop(iso_host_t *host);
void iso_pool_bindings_destroy_ended(iso_host_t *host);

#endif
