/* See pool_options.h. */
#include "binding/pool_options.h"

#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

/* In the order of nativeArguments in lib/options.js. */
enum {
  SOURCE,
  FILE_NAME,
  LINE,
  COLUMN,
  DESCRIPTION,
  MEMORY_LIMIT,
  TIMEOUT,
  CPU_TIMEOUT,
  INTERRUPT_GRACE,
  KEEP_CONTEXT,
  SPARES,
  ALLOW_STRINGS,
  ALLOW_WASM,
  SCHEDULER,
  STEAL,
  REPLACE,
  MIN_THREADS,
  MAX_THREADS,
  IDLE_TIMEOUT,
  MAX_QUEUE,
  MAX_TASKS_PER_THREAD,
  COUNT
};

static double number(napi_env env, napi_value given) {
  double value = 0;
  napi_get_value_double(env, given, &value);
  return value;
}

static bool boolean(napi_env env, napi_value given) {
  bool value = false;
  napi_get_value_bool(env, given, &value);
  return value;
}

/* A copy of a string; NULL: no memory. */
static char *string(napi_env env, napi_value given) {
  size_t length = 0;
  napi_get_value_string_utf8(env, given, NULL, 0, &length);
  char *copy = iso_alloc(length + 1);
  if (copy == NULL) return NULL;
  copy[0] = '\0';
  napi_get_value_string_utf8(env, given, copy, length + 1, &length);
  return copy;
}

uint64_t iso_nanoseconds(double milliseconds) {
  const double most = 9e18;
  double ns = milliseconds * 1e6;
  if (milliseconds < 0 || ns > most) return ISO_NO_LIMIT;
  return ns < 1 ? 1 : (uint64_t) ns;
}

/* The context as the engine wants it: source, file, line, column. */
static int encode_context(napi_env env, const napi_value *parts, iso_message_t **out) {
  iso_value_t exception = NULL;
  iso_message_t *context = iso_message_create();
  if (context == NULL) return ISO_ENOMEM;
  *out = context;
  int status =
      iso_host_encode((const iso_value_t *) parts, DESCRIPTION - SOURCE, NULL, context, &exception);
  if (status != ISO_ECLONE) return status;
  napi_throw(env, (napi_value) exception);
  return ISO_EXCEPTION;
}

int iso_pool_options_read(
    napi_env env, const iso_args_t *given, iso_pool_options_t *options, iso_pool_names_t *names
) {
  const napi_value *values = given->values;
  if (given->count != COUNT) {
    napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", "a pool is made by Thread or ThreadPool");
    return ISO_EXCEPTION;
  }
  names->description = string(env, values[DESCRIPTION]);
  names->scheduler = string(env, values[SCHEDULER]);
  if (names->description == NULL || names->scheduler == NULL) return ISO_ENOMEM;
  double max_queue = number(env, values[MAX_QUEUE]);
  options->memory_limit_bytes = (size_t) number(env, values[MEMORY_LIMIT]);
  options->timeout_ns = iso_nanoseconds(number(env, values[TIMEOUT]));
  options->cpu_timeout_ns = iso_nanoseconds(number(env, values[CPU_TIMEOUT]));
  options->grace_ns = iso_nanoseconds(number(env, values[INTERRUPT_GRACE]));
  options->keeps_context = boolean(env, values[KEEP_CONTEXT]);
  options->spares_wanted = (int) number(env, values[SPARES]);
  options->allow_eval = boolean(env, values[ALLOW_STRINGS]);
  options->allow_wasm = boolean(env, values[ALLOW_WASM]);
  options->scheduler = names->scheduler;
  options->may_steal = boolean(env, values[STEAL]);
  options->may_replace = boolean(env, values[REPLACE]);
  options->min_threads = (size_t) number(env, values[MIN_THREADS]);
  options->max_threads = (size_t) number(env, values[MAX_THREADS]);
  options->idle_timeout_ms = (int64_t) number(env, values[IDLE_TIMEOUT]);
  options->max_queue = max_queue < 0 ? SIZE_MAX : (size_t) max_queue;
  options->max_tasks_per_thread = (uint64_t) number(env, values[MAX_TASKS_PER_THREAD]);
  return encode_context(env, values + SOURCE, &options->context);
}
