/* See spare_binding.h. */
#include "binding/spare_binding.h"

#include "binding/args.h"
#include "binding/host.h"
#include "binding/settle.h"
#include "core/alloc.h"
#include "core/error.h"

typedef struct iso_warm_s {
  iso_warming_t warming;
  iso_host_t *host;
  napi_deferred deferred;
} iso_warm_t;

static void conclude(iso_warm_t *warm) {
  iso_host_t *host = warm->host;
  napi_value value = NULL;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(host->env, &scope);
  napi_get_undefined(host->env, &value);
  if (warm->warming.status == ISO_OK)
    napi_resolve_deferred(host->env, warm->deferred, value);
  else
    iso_reject(host->env, warm->deferred, iso_spares_error(host, warm->warming.status), true);
  napi_close_handle_scope(host->env, scope);
  iso_owner_unhold(host->owner);
}

static void deliver(iso_event_t *event, bool alive) {
  iso_warm_t *warm = ISO_LIST_ITEM(event, iso_warm_t, warming.event);
  if (alive) conclude(warm);
  iso_free(warm);
}

napi_value iso_prepare(napi_env env, napi_callback_info info) {
  (void) info;
  iso_spares_prepare(iso_host_get(env)->spares);
  return NULL;
}

napi_value iso_warm(napi_env env, napi_callback_info info) {
  iso_host_t *host = iso_host_get(env);
  iso_args_t args;
  double count = 0;
  napi_value promise = NULL;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  napi_get_value_double(env, args.values[0], &count);
  iso_args_deinit(&args);
  iso_warm_t *warm = iso_alloc_zeroed(sizeof(*warm));
  if (warm == NULL || napi_create_promise(env, &warm->deferred, &promise) != napi_ok) goto fail;
  warm->host = host;
  warm->warming.event.deliver = deliver;
  iso_owner_hold(host->owner);
  if (iso_spares_warm(host->spares, (size_t) count, &warm->warming) == ISO_OK) return promise;
  warm->warming.status = ISO_ESTART;
  iso_owner_post(host->owner, &warm->warming.event);
  return promise;

fail:
  iso_free(warm);
  napi_throw_error(env, "ERR_THREAD_NO_MEMORY", "no memory to ask for threads");
  return NULL;
}
