/* See batch.h. */
#include "binding/batch.h"

#include "binding/host.h"

void iso_batch_begin(iso_host_t *host) {
  if (host->batch.scope == NULL) napi_open_handle_scope(host->env, &host->batch.scope);
}

void iso_batch_put(iso_host_t *host, napi_value number, napi_value value) {
  iso_batch_t *batch = &host->batch;
  batch->values[batch->count] = number;
  batch->values[batch->count + 1] = value;
  batch->count += 2;
  if (batch->count / 2 == ISO_BATCH_ITEMS) iso_batch_flush(host);
}

void iso_batch_flush(iso_host_t *host) {
  iso_batch_t *batch = &host->batch;
  napi_handle_scope scope = batch->scope;
  napi_value result = NULL;
  size_t count = batch->count;
  if (scope == NULL) return;
  batch->count = 0;
  batch->scope = NULL;
  if (count > 0) iso_host_call(host, host->deliver_items, count, batch->values, &result);
  napi_close_handle_scope(host->env, scope);
}
