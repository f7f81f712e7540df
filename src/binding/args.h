/* Values of JavaScript to values of C. lib/ has checked them: what is wrong here is our own fault,
 * and said so by an exception. */
#ifndef ISO_BINDING_ARGS_H
#define ISO_BINDING_ARGS_H

#include <node_api.h>
#include <stddef.h>

enum { ISO_ARGS_INLINE = 8 };

typedef struct iso_args_s {
  napi_value receiver;
  size_t count;
  napi_value *values;
  napi_value inline_values[ISO_ARGS_INLINE];
} iso_args_t;

/* Reads the arguments of a call.
 * Errors: -1, an exception is pending. */
int iso_args_init(iso_args_t *args, napi_env env, napi_callback_info info);
void iso_args_deinit(iso_args_t *args);

/* Throws and returns NULL where a call of Node-API fails. */
#define ISO_NAPI_CHECK(env, call)                                                                  \
  do {                                                                                             \
    if ((call) != napi_ok) {                                                                       \
      iso_throw_internal(env, #call);                                                              \
      return NULL;                                                                                 \
    }                                                                                              \
  } while (0)

/* Unless an exception is pending already. */
void iso_throw_internal(napi_env env, const char *what);

#endif
