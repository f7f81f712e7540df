/* Spares, as JavaScript asks for them. */
#ifndef ISO_BINDING_SPARE_BINDING_H
#define ISO_BINDING_SPARE_BINDING_H

#include <node_api.h>

/* prepare(): a thread is about to be wanted. */
napi_value iso_prepare(napi_env env, napi_callback_info info);

/* warm(count): a promise that so many spares are ready. */
napi_value iso_warm(napi_env env, napi_callback_info info);

#endif
