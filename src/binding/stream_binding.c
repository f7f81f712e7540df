/* See stream_binding.h. An open stream keeps its Thread or pool from being garbage, but not the
 * loop alive: the calls for its values do. */
#include "binding/stream_binding.h"

#include "core/error.h"
#include "core/owner.h"
#include "engine/engine.h"

static void resolve_early(iso_run_t *run, iso_message_t *opening) {
  iso_host_t *host = run->pool->host;
  iso_deferred_t opened = run->deferred;
  iso_value_t stream = NULL;
  napi_value result = NULL;
  iso_value_t end = iso_host_promise();
  if (end == NULL) return;
  iso_host_defer(&run->deferred, end);
  int status = iso_host_decode(opening, &stream);
  napi_value argv[] = {(napi_value) stream, (napi_value) end};
  if (status == ISO_OK) iso_host_call(host, host->opened, 2, argv, &result);
  iso_host_conclude(&opened, stream, status != ISO_OK);
}

void iso_stream_opened(void *data, iso_task_t *task, iso_message_t *opening) {
  iso_pool_binding_t *pool = data;
  iso_run_t *run = ISO_LIST_ITEM(task, iso_run_t, task);
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(pool->host->env, &scope);
  resolve_early(run, opening);
  napi_close_handle_scope(pool->host->env, scope);
  run->is_stream = true;
  pool->streams++;
  if (!pool->is_unreferenced) iso_owner_unhold(pool->host->owner);
}

void iso_stream_ended(iso_run_t *run) {
  iso_pool_binding_t *pool = run->pool;
  run->is_stream = false;
  pool->streams--;
  if (!pool->is_unreferenced) iso_owner_hold(pool->host->owner);
}
