/* See args.h. */
#include "binding/args.h"

#include <stdio.h>

#include "core/alloc.h"

int iso_args_init(iso_args_t *args, napi_env env, napi_callback_info info) {
  args->count = ISO_ARGS_INLINE;
  args->values = args->inline_values;
  if (napi_get_cb_info(env, info, &args->count, args->values, &args->receiver, NULL) != napi_ok)
    return -1;
  if (args->count <= ISO_ARGS_INLINE) return 0;

  args->values = iso_alloc(args->count * sizeof(napi_value));
  if (args->values == NULL) {
    napi_throw_error(env, "ERR_THREAD_NO_MEMORY", "no memory for the arguments");
    return -1;
  }
  napi_get_cb_info(env, info, &args->count, args->values, NULL, NULL);
  return 0;
}

void iso_args_deinit(iso_args_t *args) {
  if (args->values != args->inline_values) iso_free(args->values);
}

void iso_throw_internal(napi_env env, const char *what) {
  bool is_pending = false;
  char text[160];
  if (napi_is_exception_pending(env, &is_pending) != napi_ok || is_pending) return;
  (void) snprintf(text, sizeof(text), "isolated-threads: %s failed", what);
  napi_throw_error(env, "ERR_THREAD_INTERNAL", text);
}
