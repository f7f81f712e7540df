/* A pool's statistics as a JavaScript object. */
#ifndef ISO_BINDING_STATS_BINDING_H
#define ISO_BINDING_STATS_BINDING_H

#include "binding/pool_binding.h"

/* NULL: a JavaScript exception is pending. */
napi_value iso_stats_create(iso_pool_binding_t *pool);

#endif
