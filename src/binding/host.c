/* See host.h.
 *
 * The end of an environment. Threads use the process's V8 platform, so they must be gone before it
 * is. Node runs cleanup hooks when an environment is freed, but not on process.exit(); its exit
 * callbacks run in both cases, after the hooks. Both lead to shut_down().
 *
 * A thread that is parked, or that nothing could stop, has an isolate still. Node would tear V8
 * down around it: the thread crashes, or V8 finds its isolate and aborts (Node 24). So the process
 * then ends right here, after all of its JavaScript and the cleanup hooks of others. */
#include "binding/host.h"

#include <stdlib.h>

#include "binding/pool_binding.h"
#include "binding/settle.h"
#include "binding/submit.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/pool.h"
#include "engine/engine.h"

enum {
  /* One batch of deliveries; then the loop may breathe. */
  DELIVERY_BUDGET_NS = 2000000,
  /* A thread inside something that V8 cannot interrupt is left behind after this. */
  SHUT_DOWN_PATIENCE_MS = 1000,
  TRACE_SLICE_MS = 10,
  TRACES_A_SLICE = 20,
};

static void on_wake(void *data) {
  iso_host_t *host = data;
  napi_env env = host->env;
  napi_handle_scope handles = NULL;
  napi_callback_scope callbacks = NULL;
  napi_value resource = NULL;
  if (napi_open_handle_scope(env, &handles) != napi_ok) return;
  napi_get_reference_value(env, host->async_resource, &resource);
  if (napi_open_callback_scope(env, resource, host->async_context, &callbacks) == napi_ok) {
    iso_owner_drain(host->owner, DELIVERY_BUDGET_NS);
    iso_batch_flush(host);
    napi_close_callback_scope(env, callbacks);
  }
  napi_close_handle_scope(env, handles);
}

void iso_host_retain(iso_host_t *host) {
  host->references++;
}

void iso_host_release(iso_host_t *host) {
  if (--host->references == 0) iso_free(host);
}

/* Stops every thread and waits for them: after this, none touches the platform any more. Joins them
 * as well, for what libraries keep for each thread goes in its very last steps, and with the
 * process: OpenSSL, which V8 has its random numbers from, would free it twice. */
static void shut_down(iso_host_t *host) {
  if (host->is_shut_down) return;
  host->is_shut_down = true;
  iso_home_close(host->home);
  iso_pool_bindings_stop(host);
  iso_spares_stop(host->spares);
  iso_owner_wait_threads(host->owner, SHUT_DOWN_PATIENCE_MS);
  iso_owner_silence(host->owner);
}

static void on_owner_closed(void *data) {
  iso_host_t *host = data;
  bool has_exit_hook = host->has_exit_hook;
  napi_async_cleanup_hook_handle cleanup = host->cleanup;
  iso_home_release(host->home);
  host->home = NULL;
  iso_owner_release(host->owner);
  host->owner = NULL;
  host->is_cleaned_up = true;
  iso_host_release(host);
  if (!has_exit_hook) iso_host_release(host);
  napi_remove_async_cleanup_hook(cleanup);
}

static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data) {
  (void) handle;
  iso_host_t *host = data;
  shut_down(host);
  iso_owner_close(host->owner, on_owner_closed, host);
  iso_spares_release(host->spares);
  iso_pool_bindings_destroy_ended(host);
  iso_runs_free(host);
}

/* Node comes here for a process.kill() of itself as well, without an exit event, in case that is
 * its end, and then forgets us. It need not be: the signal may be one that does nothing. */
static void on_environment_exit(void *data) {
  iso_host_t *host = data;
  host->has_exit_hook = false;
  if (!host->is_cleaned_up && !host->is_exiting) return;
  if (!host->is_cleaned_up) shut_down(host);
  if (host->is_exiting && iso_threads_living() != 0) _Exit(host->exit_code);
  iso_host_release(host);
}

void iso_host_exits(iso_host_t *host, int exit_code) {
  host->is_exiting = true;
  host->exit_code = exit_code;
  if (host->has_exit_hook) return;
  host->has_exit_hook = true;
  iso_host_at_exit(on_environment_exit, host);
}

static napi_status open_async_context(iso_host_t *host) {
  napi_env env = host->env;
  napi_value resource = NULL;
  napi_value name = NULL;
  napi_status status = napi_create_object(env, &resource);
  if (status == napi_ok)
    status = napi_create_string_utf8(env, "isolated-threads", NAPI_AUTO_LENGTH, &name);
  if (status == napi_ok) status = napi_async_init(env, resource, name, &host->async_context);
  if (status == napi_ok) status = napi_create_reference(env, resource, 1, &host->async_resource);
  return status;
}

iso_host_t *iso_host_create(napi_env env) {
  iso_host_t *host = iso_alloc_zeroed(sizeof(*host));
  if (host == NULL) return NULL;
  host->env = env;
  host->references = 2;
  host->submit = (iso_host_function_t){.callback = iso_submit, .data = host};
  host->submit_items = (iso_host_function_t){.callback = iso_submit_items, .data = host};
  host->submit_task = (iso_host_function_t){.callback = iso_submit_task, .data = host};
  iso_list_init(&host->pools);
  iso_list_init(&host->free_runs);
  host->platform = iso_host_platform();
  if (host->platform == NULL || napi_get_uv_event_loop(env, &host->loop) != napi_ok) goto fail;
  if (open_async_context(host) != napi_ok) goto fail;
  if (iso_owner_create(host->loop, on_wake, host, &host->owner) != ISO_OK) goto fail;
  host->spares = iso_spares_create(host->owner, host->platform);
  if (host->spares == NULL) goto fail;
  if (iso_home_create_host(host->owner, iso_host_receive, &host->home) != ISO_OK) goto fail;
  if (napi_set_instance_data(env, host, NULL, NULL) != napi_ok) goto fail;
  if (napi_add_async_cleanup_hook(env, on_cleanup, host, &host->cleanup) != napi_ok) goto fail;
  host->has_exit_hook = true;
  iso_host_at_exit(on_environment_exit, host);
  return host;

fail:
  /* An owner has a handle in the loop and cannot be freed at once; this is the end of the start of
   * an environment, so it may stay. */
  if (host->owner == NULL) iso_free(host);
  napi_throw_error(env, "ERR_THREAD_START", "isolated-threads could not be set up in this process");
  return NULL;
}

iso_host_t *iso_host_get(napi_env env) {
  void *host = NULL;
  napi_get_instance_data(env, &host);
  return host;
}

bool iso_host_may_trace(iso_host_t *host) {
  uint64_t slice = uv_now(host->loop) / TRACE_SLICE_MS;
  if (slice != host->trace_slice) {
    host->trace_slice = slice;
    host->traces_left = TRACES_A_SLICE;
  }
  if (host->traces_left == 0) return false;
  host->traces_left--;
  return true;
}

/* False: it threw, and *exception, where that is not NULL by now, is what. */
static bool call(
    iso_host_t *host, napi_ref function, size_t argc, const napi_value *argv, napi_value *result,
    napi_value *exception
) {
  napi_env env = host->env;
  napi_value callee = NULL;
  napi_value receiver = NULL;
  napi_get_reference_value(env, function, &callee);
  napi_get_undefined(env, &receiver);
  if (napi_call_function(env, receiver, callee, argc, argv, result) == napi_ok) return true;
  bool is_pending = false;
  if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending)
    napi_get_and_clear_last_exception(env, exception);
  return false;
}

bool iso_host_call(
    iso_host_t *host, napi_ref function, size_t argc, const napi_value *argv, napi_value *result
) {
  napi_value exception = NULL;
  return call(host, function, argc, argv, result, &exception);
}

void iso_host_tell(iso_host_t *host, napi_ref function, size_t argc, const napi_value *argv) {
  napi_value result = NULL;
  napi_value exception = NULL;
  if (!call(host, function, argc, argv, &result, &exception) && exception != NULL)
    napi_fatal_exception(host->env, exception);
}
