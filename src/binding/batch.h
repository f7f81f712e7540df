/* Items of pool.map that are over: lib/map.js is told of many by one call. */
#ifndef ISO_BINDING_BATCH_H
#define ISO_BINDING_BATCH_H

#include <node_api.h>
#include <stddef.h>

typedef struct iso_host_s iso_host_t;

enum { ISO_BATCH_ITEMS = 64 };

typedef struct iso_batch_s {
  /* The number of an entry and its result for each item. */
  napi_value values[2 * ISO_BATCH_ITEMS];
  size_t count;
  /* Open while there is anything in it. */
  napi_handle_scope scope;
} iso_batch_t;

/* Before the values are made that will be put, so that they live until the next flush. */
void iso_batch_begin(iso_host_t *host);
void iso_batch_put(iso_host_t *host, napi_value number, napi_value value);
/* Tells of what is in it. */
void iso_batch_flush(iso_host_t *host);

#endif
