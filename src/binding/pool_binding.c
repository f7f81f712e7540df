/* See pool_binding.h.
 *
 * The struct is freed when both its JavaScript object is garbage and its core pool has ended,
 * whichever comes last. */
#include "binding/pool_binding.h"

#include "binding/args.h"
#include "binding/settle.h"
#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

/* What V8 is told that an object weighs which has a thread behind it, so that it collects in time
 * where threads are made and forgotten. */
enum { THREAD_WEIGHT_BYTES = 2 << 20 };

static void weigh(iso_host_t *host, int64_t bytes) {
  int64_t total = 0;
  napi_adjust_external_memory(host->env, bytes, &total);
}

static void delete_reference(napi_env env, napi_ref *reference) {
  if (*reference != NULL) napi_delete_reference(env, *reference);
  *reference = NULL;
}

static void destroy(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  iso_free(pool->description);
  delete_reference(env, &pool->context_error);
  delete_reference(env, &pool->ready_promise);
  delete_reference(env, &pool->ended_promise);
  iso_free(pool);
}

static void destroy_if_over(iso_pool_binding_t *pool) {
  if (pool->core == NULL && pool->is_abandoned) destroy(pool);
}

static void destroy_core(iso_pool_binding_t *pool) {
  pool->end_reason = iso_pool_reason(pool->core);
  iso_pool_destroy(pool->core);
  pool->core = NULL;
  iso_list_remove(&pool->link);
}

static void abandon_if_quiet(iso_pool_binding_t *pool) {
  if (pool->is_abandoned && pool->pending == 0 && pool->core != NULL)
    iso_pool_stop(pool->core, ISO_EDISPOSED);
}

static void on_garbage(napi_env env, void *data, void *hint) {
  (void) env;
  (void) hint;
  iso_pool_binding_t *pool = data;
  pool->is_abandoned = true;
  if (!pool->host->is_shut_down) abandon_if_quiet(pool);
  destroy_if_over(pool);
}

void iso_pool_binding_hold(iso_pool_binding_t *pool) {
  pool->pending++;
  iso_owner_hold(pool->host->owner);
}

void iso_pool_binding_unhold(iso_pool_binding_t *pool) {
  pool->pending--;
  iso_owner_unhold(pool->host->owner);
  abandon_if_quiet(pool);
}

/* What the core tells, on this environment's thread, with a callback scope open. */

static void settle_ready(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  napi_value value = NULL;
  if (pool->ready_status == ISO_OK) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pool->ready, value);
  } else {
    int status = pool->ready_status == ISO_EXCEPTION ? ISO_ECONTEXT : pool->ready_status;
    value = iso_status_error(pool, status, NULL, NULL);
    if (value == NULL) napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pool->ready, value);
  }
  pool->ready = NULL;
  iso_pool_binding_unhold(pool);
}

static void on_ready(void *data, int status, const iso_message_t *error) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(env, &scope);
  pool->is_ready_known = true;
  pool->ready_status = status;
  iso_value_t description = NULL;
  if (status == ISO_EXCEPTION && iso_host_decode(error, &description) == ISO_OK) {
    /* A reference can only be had to an object, which the description is (lib/errors.js). */
    napi_create_reference(env, (napi_value) description, 1, &pool->context_error);
  }
  if (pool->ready != NULL) settle_ready(pool);
  napi_close_handle_scope(env, scope);
}

static void on_console(void *data, const iso_message_t *record) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(env, &scope);
  napi_value argv[2] = {NULL, NULL};
  napi_value result = NULL;
  iso_value_t value = NULL;
  if (iso_host_decode(record, &value) == ISO_OK) {
    argv[0] = (napi_value) value;
    napi_create_string_utf8(env, pool->description, NAPI_AUTO_LENGTH, &argv[1]);
    iso_host_call(pool->host, pool->host->print, 2, argv, &result);
  }
  napi_close_handle_scope(env, scope);
}

static void on_ended(void *data) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  destroy_core(pool);
  weigh(pool->host, -THREAD_WEIGHT_BYTES);
  if (pool->ended != NULL) {
    napi_handle_scope scope = NULL;
    napi_value value = NULL;
    napi_open_handle_scope(env, &scope);
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pool->ended, value);
    napi_close_handle_scope(env, scope);
    pool->ended = NULL;
    iso_pool_binding_unhold(pool);
  }
  destroy_if_over(pool);
}

static const iso_pool_callbacks_t callbacks = {
    .ready = on_ready, .console = on_console, .ended = on_ended};

/* The constructor. */

/* The context as the engine wants it: source, file, line, column. */
static iso_message_t *encode_context(napi_env env, const napi_value *argv) {
  iso_value_t exception = NULL;
  iso_message_t *context = iso_message_create();
  if (context == NULL) return NULL;
  if (iso_host_encode((const iso_value_t *) argv, 4, context, &exception) == ISO_OK) return context;
  iso_message_destroy(context);
  napi_throw(env, (napi_value) exception);
  return NULL;
}

/* A copy of a string; NULL: no memory. */
static char *copy_string(napi_env env, napi_value value) {
  size_t length = 0;
  napi_get_value_string_utf8(env, value, NULL, 0, &length);
  char *copy = iso_alloc(length + 1);
  if (copy != NULL) napi_get_value_string_utf8(env, value, copy, length + 1, &length);
  return copy;
}

static int start(iso_pool_binding_t *pool, napi_env env, const napi_value *argv) {
  double thread_count = 0;
  double memory_limit = 0;
  napi_get_value_double(env, argv[4], &thread_count);
  napi_get_value_double(env, argv[5], &memory_limit);
  iso_message_t *context = encode_context(env, argv);
  if (context == NULL) return ISO_ENOMEM;
  iso_pool_options_t options = {
      .thread_count = (size_t) thread_count,
      .memory_limit_bytes = (size_t) memory_limit,
      .context = context,
      .callbacks = &callbacks,
      .data = pool,
      .platform = pool->host->platform,
  };
  int status = iso_pool_create(pool->host->owner, &options, &pool->core);
  if (status != ISO_OK) iso_message_destroy(context);
  return status;
}

static napi_value construct(napi_env env, napi_callback_info info) {
  iso_args_t args;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_host_t *host = iso_host_get(env);
  iso_pool_binding_t *pool = iso_alloc_zeroed(sizeof(*pool));
  if (pool == NULL || host->is_shut_down || args.count != 7) goto fail;
  pool->host = host;
  iso_list_init(&pool->link);
  pool->description = copy_string(env, args.values[6]);
  if (pool->description == NULL || start(pool, env, args.values) != ISO_OK) goto fail;
  iso_list_append(&host->pools, &pool->link);
  weigh(host, THREAD_WEIGHT_BYTES);
  /* From here on the object's end is the pool's. */
  ISO_NAPI_CHECK(env, napi_wrap(env, args.receiver, pool, on_garbage, NULL, NULL));
  return args.receiver;

fail:
  if (pool != NULL) iso_free(pool->description);
  iso_free(pool);
  bool is_pending = false;
  napi_is_exception_pending(env, &is_pending);
  if (!is_pending)
    napi_throw_error(env, "ERR_THREAD_START", "the operating system could not start a thread");
  return NULL;
}

/* The methods. */

static napi_value run(napi_env env, napi_callback_info info) {
  iso_args_t args;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  void *data = NULL;
  napi_value promise = NULL;
  iso_value_t exception = NULL;
  if (napi_unwrap(env, args.receiver, &data) != napi_ok) {
    iso_throw_internal(env, "run on this object");
    goto end;
  }
  iso_pool_binding_t *pool = data;
  iso_run_t *run = iso_run_create(pool, &promise);
  if (run == NULL) goto end;
  int status = iso_host_encode(
      (const iso_value_t *) args.values, args.count, &run->task.message, &exception
  );
  if (status != ISO_OK) {
    iso_run_refuse(run, args.count, args.values, (napi_value) exception);
    goto end;
  }
  iso_pool_binding_hold(pool);
  status = pool->core != NULL ? iso_pool_submit(pool->core, &run->task)
                              : iso_pool_refusal(pool->end_reason);
  /* A refusal comes in its turn, behind the news of why. */
  if (status != ISO_OK) iso_task_finish(&run->task, pool->host->owner, status);

end:
  iso_args_deinit(&args);
  return promise;
}

/* The promise kept in *reference; made, with its deferred, when first asked for. */
static napi_status kept_promise(
    iso_pool_binding_t *pool, napi_ref *reference, napi_deferred *deferred, napi_value *promise,
    bool *is_new
) {
  napi_env env = pool->host->env;
  *is_new = *reference == NULL;
  if (!*is_new) return napi_get_reference_value(env, *reference, promise);
  napi_status status = napi_create_promise(env, deferred, promise);
  if (status == napi_ok) status = napi_create_reference(env, *promise, 1, reference);
  if (status == napi_ok) iso_pool_binding_hold(pool);
  return status;
}

static iso_pool_binding_t *receiver_of(napi_env env, napi_callback_info info) {
  napi_value receiver = NULL;
  void *data = NULL;
  ISO_NAPI_CHECK(env, napi_get_cb_info(env, info, NULL, NULL, &receiver, NULL));
  ISO_NAPI_CHECK(env, napi_unwrap(env, receiver, &data));
  return data;
}

static napi_value ready(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  napi_value promise = NULL;
  bool is_new = false;
  if (pool == NULL) return NULL;
  ISO_NAPI_CHECK(env, kept_promise(pool, &pool->ready_promise, &pool->ready, &promise, &is_new));
  if (is_new && pool->is_ready_known) settle_ready(pool);
  return promise;
}

static napi_value dispose(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  napi_value promise = NULL;
  bool is_new = false;
  if (pool == NULL) return NULL;
  ISO_NAPI_CHECK(env, kept_promise(pool, &pool->ended_promise, &pool->ended, &promise, &is_new));
  if (pool->core != NULL) {
    iso_pool_stop(pool->core, ISO_EDISPOSED);
  } else if (is_new) {
    napi_value value = NULL;
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pool->ended, value);
    pool->ended = NULL;
    iso_pool_binding_unhold(pool);
  }
  return promise;
}

napi_value iso_pool_class_create(napi_env env) {
  const napi_property_attributes attributes = napi_writable | napi_configurable;
  const napi_property_descriptor properties[] = {
      {.utf8name = "run", .method = run, .attributes = attributes},
      {.utf8name = "dispose", .method = dispose, .attributes = attributes},
      {.utf8name = "ready", .getter = ready, .attributes = napi_configurable},
  };
  napi_value class = NULL;
  ISO_NAPI_CHECK(
      env, napi_define_class(
               env, "NativePool", NAPI_AUTO_LENGTH, construct, NULL,
               sizeof(properties) / sizeof(properties[0]), properties, &class
           )
  );
  return class;
}

/* The end of an environment. */

void iso_pool_bindings_stop(iso_host_t *host) {
  for (iso_link_t *link = host->pools.next; link != &host->pools; link = link->next)
    iso_pool_stop(ISO_LIST_ITEM(link, iso_pool_binding_t, link)->core, ISO_EDISPOSED);
}

void iso_pool_bindings_destroy_ended(iso_host_t *host) {
  iso_link_t *next = NULL;
  for (iso_link_t *link = host->pools.next; link != &host->pools; link = next) {
    next = link->next;
    iso_pool_binding_t *pool = ISO_LIST_ITEM(link, iso_pool_binding_t, link);
    if (iso_pool_has_ended(pool->core)) destroy_core(pool);
  }
}
