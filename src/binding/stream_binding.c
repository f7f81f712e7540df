/* See stream_binding.h. An open stream keeps its Thread or pool from being garbage, but not the
 * loop alive: who waits for its values does (lib/streams.js). */
#include "binding/stream_binding.h"

#include "binding/batch.h"
#include "core/error.h"
#include "core/owner.h"
#include "engine/engine.h"

static void resolve_early(iso_run_t *run, iso_message_t *opening) {
  iso_host_t *host = run->pool->host;
  iso_value_t stream = NULL;
  napi_value result = NULL;
  iso_value_t end = iso_host_promise();
  if (end == NULL) return;
  int status = iso_host_decode(opening, &stream);
  napi_value argv[] = {(napi_value) stream, (napi_value) end};
  if (status == ISO_OK) iso_host_call(host, host->opened, 2, argv, &result);
  iso_run_tell(run, stream, status != ISO_OK);
  iso_host_defer(&run->deferred, end);
  run->is_item = false;
  run->is_stream = true;
}

void iso_stream_opened(void *data, iso_task_t *task, iso_message_t *opening) {
  iso_pool_binding_t *pool = data;
  iso_run_t *run = ISO_LIST_ITEM(task, iso_run_t, task);
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  /* What is given to a batch stands in the scope of that one. */
  if (run->is_item)
    iso_batch_begin(pool->host);
  else
    napi_open_handle_scope(env, &scope);
  resolve_early(run, opening);
  if (scope != NULL) napi_close_handle_scope(env, scope);
  if (!run->is_stream) return;
  iso_owner_unexpect(pool->host->owner);
  pool->streams++;
  if (!pool->is_unreferenced) iso_owner_unhold(pool->host->owner);
}

void iso_stream_ended(iso_run_t *run) {
  iso_pool_binding_t *pool = run->pool;
  run->is_stream = false;
  iso_owner_expect(pool->host->owner);
  pool->streams--;
  if (!pool->is_unreferenced) iso_owner_hold(pool->host->owner);
}
