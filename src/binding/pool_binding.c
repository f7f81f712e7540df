/* See pool_binding.h.
 *
 * The struct is freed when both its JavaScript object is garbage and its core pool has ended,
 * whichever comes last. */
#include "binding/pool_binding.h"

#include "binding/args.h"
#include "binding/pool_options.h"
#include "binding/settle.h"
#include "binding/stats_binding.h"
#include "binding/stream_binding.h"
#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

/* What V8 is told that an object weighs which has a thread behind it, so that it collects in time
 * where threads are made and forgotten: about what an idle one has for itself. With 64 MB of such
 * things V8 collects at once, which fifty threads that are wanted should not cause. */
enum { THREAD_WEIGHT_BYTES = 5 << 18 };

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
  delete_reference(env, &pool->wrapper);
  delete_reference(env, &pool->context_error);
  delete_reference(env, &pool->ready_promise);
  delete_reference(env, &pool->ended_promise);
  iso_host_release(pool->host);
  iso_free(pool);
}

static void destroy_if_over(iso_pool_binding_t *pool) {
  if (pool->core == NULL && pool->is_abandoned) destroy(pool);
}

napi_value iso_pool_binding_context_error(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  napi_value error = NULL;
  iso_value_t description = NULL;
  if (pool->context_error != NULL) {
    napi_get_reference_value(env, pool->context_error, &error);
    return error;
  }
  if (pool->core == NULL || iso_pool_reason(pool->core) != ISO_ECONTEXT) return NULL;
  const iso_message_t *message = iso_pool_error(pool->core);
  if (message->count == 0 || iso_host_decode(message, &description) != ISO_OK) return NULL;
  /* A reference can only be had to an object, which the description is (lib/errors.js). */
  napi_create_reference(env, (napi_value) description, 1, &pool->context_error);
  return (napi_value) description;
}

static void destroy_core(iso_pool_binding_t *pool) {
  pool->end_reason = iso_pool_reason(pool->core);
  iso_pool_destroy(pool->core);
  pool->core = NULL;
  iso_list_remove(&pool->link);
}

static void on_garbage(napi_env env, void *data, void *hint) {
  (void) env;
  (void) hint;
  iso_pool_binding_t *pool = data;
  pool->is_abandoned = true;
  if (!pool->host->is_shut_down && pool->core != NULL) iso_pool_abandon(pool->core);
  destroy_if_over(pool);
}

/* While a promise is pending its object is no garbage, though nobody may hold it: it has listeners
 * who wait (`await pool.drained()`, and the pool is a variable of the function that awaits). */

void iso_pool_binding_hold(iso_pool_binding_t *pool) {
  if (pool->pending++ == 0) napi_reference_ref(pool->host->env, pool->wrapper, NULL);
  if (!pool->is_unreferenced) iso_owner_hold(pool->host->owner);
}

void iso_pool_binding_unhold(iso_pool_binding_t *pool) {
  if (--pool->pending == 0) napi_reference_unref(pool->host->env, pool->wrapper, NULL);
  if (!pool->is_unreferenced) iso_owner_unhold(pool->host->owner);
}

/* What the core tells, on this environment's thread, with a callback scope open. */

static void settle_ready(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  napi_value value = NULL;
  if (pool->ready_status == ISO_OK) {
    napi_get_undefined(env, &value);
    napi_resolve_deferred(env, pool->ready, value);
  } else {
    iso_reject(env, pool->ready, iso_status_error(pool, pool->ready_status, NULL, NULL), true);
  }
  pool->ready = NULL;
  iso_pool_binding_unhold(pool);
}

static void on_ready(void *data, int status) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(env, &scope);
  pool->is_ready_known = true;
  pool->ready_status = status;
  if (pool->ready != NULL) settle_ready(pool);
  napi_close_handle_scope(env, scope);
}

static void on_console(void *data, const iso_message_t *record) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(env, &scope);
  napi_value argv[3] = {NULL, NULL, NULL};
  iso_value_t value = NULL;
  if (iso_host_decode(record, &value) == ISO_OK) {
    argv[0] = (napi_value) value;
    napi_create_string_utf8(env, pool->description, NAPI_AUTO_LENGTH, &argv[1]);
    napi_get_reference_value(env, pool->wrapper, &argv[2]);
    if (argv[2] == NULL) napi_get_undefined(env, &argv[2]);
    iso_host_tell(pool->host, pool->host->print, 3, argv);
  }
  napi_close_handle_scope(env, scope);
}

static void settle_ended(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_value value = NULL;
  napi_open_handle_scope(env, &scope);
  napi_get_undefined(env, &value);
  napi_resolve_deferred(env, pool->ended, value);
  napi_close_handle_scope(env, scope);
  pool->ended = NULL;
  iso_pool_binding_unhold(pool);
}

static void on_ended(void *data) {
  iso_pool_binding_t *pool = data;
  destroy_core(pool);
  weigh(pool->host, -THREAD_WEIGHT_BYTES);
  if (pool->ended != NULL) settle_ended(pool);
  destroy_if_over(pool);
}

/* What a thread has died of, as an Error; undefined: it has not. */
static napi_value exit_error(iso_pool_binding_t *pool, iso_notice_kind_t kind, int status) {
  napi_env env = pool->host->env;
  napi_value trace = NULL;
  napi_value error = NULL;
  bool has_died = kind == ISO_NOTICE_THREAD_EXIT && status != ISO_OK && status != ISO_EDISPOSED;
  napi_get_null(env, &trace);
  if (has_died) error = iso_status_error(pool, status, NULL, trace);
  if (error == NULL) napi_get_undefined(env, &error);
  return error;
}

static void on_notice(void *data, iso_notice_kind_t kind, uint64_t thread_id, int status) {
  iso_pool_binding_t *pool = data;
  napi_env env = pool->host->env;
  napi_handle_scope scope = NULL;
  napi_value receiver = NULL;
  napi_open_handle_scope(env, &scope);
  /* Nobody can listen to an object that is garbage. */
  napi_get_reference_value(env, pool->wrapper, &receiver);
  if (receiver != NULL) {
    napi_value argv[] = {receiver, NULL, NULL, NULL, exit_error(pool, kind, status)};
    napi_create_uint32(env, kind, &argv[1]);
    napi_create_double(env, (double) thread_id, &argv[2]);
    napi_create_string_utf8(env, iso_status_code(status), NAPI_AUTO_LENGTH, &argv[3]);
    iso_host_tell(pool->host, pool->host->notice, 5, argv);
  }
  napi_close_handle_scope(env, scope);
}

static const iso_pool_callbacks_t callbacks = {
    .ready = on_ready,
    .console = on_console,
    .stream = iso_stream_opened,
    .notice = on_notice,
    .ended = on_ended};

/* The constructor. */

static int start(iso_pool_binding_t *pool, napi_env env, const iso_args_t *given) {
  iso_pool_options_t options = {
      .callbacks = &callbacks,
      .data = pool,
      .platform = pool->host->platform,
      .spares = pool->host->spares,
  };
  iso_pool_names_t names = {NULL, NULL};
  int status = iso_pool_options_read(env, given, &options, &names);
  pool->description = names.description;
  if (status == ISO_OK) status = iso_pool_create(pool->host->owner, &options, &pool->core);
  if (status != ISO_OK) iso_message_destroy(options.context);
  iso_free(names.scheduler);
  return status;
}

static napi_value construct(napi_env env, napi_callback_info info) {
  iso_args_t args;
  napi_value new_target = NULL;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  if (napi_get_new_target(env, info, &new_target) != napi_ok || new_target == NULL) {
    iso_args_deinit(&args);
    napi_throw_type_error(env, "ERR_INVALID_THIS", "a class cannot be called without new");
    return NULL;
  }
  iso_host_t *host = iso_host_get(env);
  iso_pool_binding_t *pool = iso_alloc_zeroed(sizeof(*pool));
  if (pool == NULL || host->is_shut_down) goto fail;
  pool->host = host;
  iso_list_init(&pool->link);
  iso_list_init(&pool->grouped);
  if (start(pool, env, &args) != ISO_OK) goto fail;
  iso_host_retain(host);
  iso_list_append(&host->pools, &pool->link);
  weigh(host, THREAD_WEIGHT_BYTES);
  /* From here on the object's end is the pool's. */
  iso_args_deinit(&args);
  ISO_NAPI_CHECK(env, napi_wrap(env, args.receiver, pool, on_garbage, NULL, &pool->wrapper));
  return args.receiver;

fail:
  iso_args_deinit(&args);
  if (pool != NULL) iso_free(pool->description);
  iso_free(pool);
  bool is_pending = false;
  napi_is_exception_pending(env, &is_pending);
  if (!is_pending)
    napi_throw_error(env, "ERR_THREAD_START", "the operating system could not start a thread");
  return NULL;
}

/* The methods. */

static iso_pool_binding_t *pool_of(napi_env env, napi_value object) {
  void *data = NULL;
  ISO_NAPI_CHECK(env, napi_unwrap(env, object, &data));
  return data;
}

napi_value iso_pool_handle(napi_env env, napi_callback_info info) {
  iso_args_t args;
  napi_value handle = NULL;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_pool_binding_t *pool = pool_of(env, args.values[0]);
  if (pool != NULL) handle = (napi_value) iso_host_handle(pool);
  iso_args_deinit(&args);
  return handle;
}

/* Whether any was still waiting, or running. What is cancelled stays in the list until delivery. */
static bool cancel_group(iso_pool_binding_t *pool, uint32_t group, bool interrupts) {
  bool is_found = false;
  for (iso_link_t *link = pool->grouped.next; link != &pool->grouped; link = link->next) {
    iso_run_t *run = ISO_LIST_ITEM(link, iso_run_t, link);
    if (run->group == group && pool->core != NULL)
      is_found = iso_pool_cancel(pool->core, &run->task, interrupts) || is_found;
  }
  return is_found;
}

/* cancel(token, interrupts): whether the run was still waiting, or if `interrupts` is true running;
 * it then rejects. */
static napi_value cancel(napi_env env, napi_callback_info info) {
  iso_args_t args;
  napi_value result = NULL;
  bool interrupts = false;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_pool_binding_t *pool = pool_of(env, args.receiver);
  napi_get_value_bool(env, args.values[1], &interrupts);
  uint32_t group = 0;
  napi_get_value_uint32(env, args.values[0], &group);
  iso_run_t *found = pool == NULL ? NULL : iso_run_of_token(pool, args.values[0]);
  bool is_found =
      found != NULL && pool->core != NULL && iso_pool_cancel(pool->core, &found->task, interrupts);
  if (pool != NULL && group != 0) is_found = cancel_group(pool, group, interrupts);
  if (pool != NULL) napi_get_boolean(env, is_found, &result);
  iso_args_deinit(&args);
  return result;
}

/* broadcast(...args): an array of promises, one for each thread. */
static napi_value broadcast(napi_env env, napi_callback_info info) {
  iso_args_t args;
  napi_value promises = NULL;
  iso_run_t **runs = NULL;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_pool_binding_t *pool = pool_of(env, args.receiver);
  if (pool == NULL || napi_create_array(env, &promises) != napi_ok) goto end;
  size_t count = pool->core == NULL ? 0 : iso_pool_thread_count(pool->core);
  /* A pool without a thread, or without an end: one promise says so. */
  if (count == 0) count = 1;
  runs = iso_alloc_zeroed(count * sizeof(*runs));
  if (runs == NULL) {
    napi_throw_error(env, "ERR_THREAD_NO_MEMORY", "no memory for the runs");
    goto end;
  }
  iso_broadcast(pool, count, runs, &args, promises);

end:
  iso_free((void *) runs);
  iso_args_deinit(&args);
  return promises;
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

/* The promise of the end. */
static napi_value end_of(iso_pool_binding_t *pool) {
  napi_env env = pool->host->env;
  napi_value promise = NULL;
  bool is_new = false;
  ISO_NAPI_CHECK(env, kept_promise(pool, &pool->ended_promise, &pool->ended, &promise, &is_new));
  if (is_new && pool->core == NULL) settle_ended(pool);
  return promise;
}

static napi_value ended(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  return pool == NULL ? NULL : end_of(pool);
}

static napi_value dispose(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  napi_value promise = pool == NULL ? NULL : end_of(pool);
  if (promise != NULL && pool->core != NULL) iso_pool_stop(pool->core, ISO_EDISPOSED);
  return promise;
}

static napi_value close_pool(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  if (pool != NULL && pool->core != NULL) iso_pool_close(pool->core);
  return NULL;
}

/* resize(minThreads, maxThreads) */
static napi_value resize(napi_env env, napi_callback_info info) {
  iso_args_t args;
  double counts[2] = {0, 0};
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_pool_binding_t *pool = pool_of(env, args.receiver);
  if (pool == NULL) return NULL;
  for (int i = 0; i < 2; i++)
    napi_get_value_double(env, args.values[i], &counts[i]);
  if (pool->core != NULL &&
      iso_pool_resize(pool->core, (size_t) counts[0], (size_t) counts[1]) != ISO_OK)
    napi_throw_error(env, "ERR_THREAD_START", "the operating system could not start a thread");
  return NULL;
}

static napi_value needs_drain(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  napi_value result = NULL;
  if (pool == NULL) return NULL;
  bool needs = pool->core != NULL && iso_pool_needs_drain(pool->core);
  ISO_NAPI_CHECK(env, napi_get_boolean(env, needs, &result));
  return result;
}

/* ref(), unref(): whether what is pending keeps the process alive. */
static napi_value set_reference(napi_env env, napi_callback_info info, bool is_unreferenced) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  napi_value receiver = NULL;
  if (pool == NULL || pool->is_unreferenced == is_unreferenced) goto end;
  pool->is_unreferenced = is_unreferenced;
  for (size_t i = 0; i < pool->pending - pool->streams; i++) {
    if (is_unreferenced)
      iso_owner_unhold(pool->host->owner);
    else
      iso_owner_hold(pool->host->owner);
  }

end:
  napi_get_cb_info(env, info, NULL, NULL, &receiver, NULL);
  return receiver;
}

static napi_value reference(napi_env env, napi_callback_info info) {
  return set_reference(env, info, false);
}

static napi_value unreference(napi_env env, napi_callback_info info) {
  return set_reference(env, info, true);
}

static napi_value stats(napi_env env, napi_callback_info info) {
  iso_pool_binding_t *pool = receiver_of(env, info);
  return pool == NULL ? NULL : iso_stats_create(pool);
}

napi_value iso_pool_class_create(napi_env env) {
  const napi_property_attributes attributes = napi_writable | napi_configurable;
  const napi_property_descriptor properties[] = {
      {.utf8name = "cancel", .method = cancel, .attributes = attributes},
      {.utf8name = "broadcast", .method = broadcast, .attributes = attributes},
      {.utf8name = "close", .method = close_pool, .attributes = attributes},
      {.utf8name = "resize", .method = resize, .attributes = attributes},
      {.utf8name = "ref", .method = reference, .attributes = attributes},
      {.utf8name = "unref", .method = unreference, .attributes = attributes},
      {.utf8name = "stats", .method = stats, .attributes = attributes},
      {.utf8name = "needsDrain", .getter = needs_drain, .attributes = napi_configurable},
      {.utf8name = "dispose", .method = dispose, .attributes = attributes},
      {.utf8name = "ready", .getter = ready, .attributes = napi_configurable},
      {.utf8name = "ended", .getter = ended, .attributes = napi_configurable},
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
