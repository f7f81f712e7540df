/* See settle.h. A run comes from a free list, for it is made and freed on the same thread. */
#include "binding/settle.h"

#include <stdio.h>

#include "binding/batch.h"
#include "binding/stream_binding.h"
#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

enum { MAX_FREE_RUNS = 4096 };

/* Other objects wrap other things. */
static const napi_type_tag token_tag = {0x8f1d2b6a5c0e4793, 0xb7e42a90d3c65f18};

typedef struct iso_error_text_s {
  const char *code;
  const char *name;
  const char *text;
} iso_error_text_t;

static iso_error_text_t error_text(int status) {
  switch (status) {
#define XX(name, code, class, text)                                                                \
  case ISO_##name:                                                                                 \
    return (iso_error_text_t){code, class, text};
    ISO_ERROR_MAP(XX)
#undef XX
  default:
    return (iso_error_text_t){"ERR_THREAD_FATAL", "ThreadError", "%s failed in an unknown way"};
  }
}

const char *iso_status_code(int status) {
  return status == ISO_OK ? "" : error_text(status).code;
}

static napi_value string(napi_env env, const char *utf8) {
  napi_value value = NULL;
  napi_create_string_utf8(env, utf8, NAPI_AUTO_LENGTH, &value);
  return value;
}

static napi_value undefined(napi_env env) {
  napi_value value = NULL;
  napi_get_undefined(env, &value);
  return value;
}

static napi_value plain_error(napi_env env, const char *code, const char *text) {
  napi_value error = NULL;
  napi_create_error(env, string(env, code), string(env, text), &error);
  return error == NULL ? undefined(env) : error;
}

static napi_value internal_error(napi_env env) {
  return plain_error(
      env, "ERR_THREAD_INTERNAL", "This failed, and so did making the error that would say why"
  );
}

static napi_value no_memory_error(napi_env env) {
  return plain_error(env, "ERR_THREAD_NO_MEMORY", "the process has no memory for this run");
}

void iso_reject(napi_env env, napi_deferred deferred, napi_value error, bool is_promise) {
  if (error == NULL)
    napi_reject_deferred(env, deferred, internal_error(env));
  else if (is_promise)
    napi_resolve_deferred(env, deferred, error);
  else
    napi_reject_deferred(env, deferred, error);
}

/* What a task that took too much memory has left in its message: limit and use, in MB. */
static napi_value detail_of(napi_env env, int status, const iso_message_t *message) {
  iso_flat_t limit;
  iso_flat_t used;
  size_t offset = 0;
  char text[64];
  if (status != ISO_EMEMORY || message == NULL || message->count != 2) return undefined(env);
  if (iso_message_next(message, &offset, &limit) != ISO_OK ||
      iso_message_next(message, &offset, &used) != ISO_OK)
    return undefined(env);
  (void) snprintf(
      text, sizeof(text), "limit %d MB, in use %d MB", (int) limit.integer, (int) used.integer
  );
  return string(env, text);
}

/* lib's fromCode(code, name, text, description, ...parts): trace, cause, detail. */
static napi_value
code_error_of(iso_host_t *host, const char *description, int status, const napi_value *parts) {
  napi_env env = host->env;
  iso_error_text_t text = error_text(status);
  napi_value result = NULL;
  napi_value argv[] = {
      string(env, text.code),
      string(env, text.name),
      string(env, text.text),
      string(env, description),
      parts[0],
      parts[1],
      parts[2]};
  iso_host_call(host, host->from_code, 7, argv, &result);
  return result;
}

static napi_value code_error(
    iso_pool_binding_t *pool, int status, napi_value trace, napi_value cause, napi_value detail
) {
  napi_value parts[] = {trace, cause, detail};
  return code_error_of(pool->host, pool->description, status, parts);
}

napi_value iso_spares_error(iso_host_t *host, int status) {
  napi_value none = undefined(host->env);
  napi_value parts[] = {none, none, none};
  return code_error_of(host, "a spare thread", status, parts);
}

/* lib's fromThread(description, trace). */
static napi_value thread_error(iso_pool_binding_t *pool, napi_value description, napi_value trace) {
  napi_value result = NULL;
  napi_value argv[] = {description, trace};
  iso_host_call(pool->host, pool->host->from_thread, 2, argv, &result);
  return result;
}

napi_value iso_status_error(
    iso_pool_binding_t *pool, int status, const iso_message_t *description, napi_value trace
) {
  napi_env env = pool->host->env;
  napi_value none = undefined(env);
  if (trace == NULL) trace = none;
  if (status == ISO_EXCEPTION && description != NULL) {
    iso_value_t value = NULL;
    if (iso_host_decode(description, &value) != ISO_OK) value = (iso_value_t) none;
    return thread_error(pool, (napi_value) value, trace);
  }
  napi_value context_error = status == ISO_ECONTEXT ? iso_pool_binding_context_error(pool) : NULL;
  if (context_error != NULL) return thread_error(pool, context_error, trace);
  int reason = pool->core != NULL ? iso_pool_reason(pool->core) : pool->end_reason;
  bool has_cause = status == ISO_EDISPOSED && reason != ISO_EDISPOSED && reason != ISO_OK;
  napi_value null = NULL;
  napi_get_null(env, &null);
  napi_value cause = has_cause ? code_error(pool, reason, null, none, none) : none;
  return code_error(pool, status, trace, cause, detail_of(env, status, description));
}

void iso_run_give_token(iso_run_t *run, napi_value token) {
  napi_env env = run->pool->host->env;
  bool is_tagged = false;
  napi_check_object_type_tag(env, token, &token_tag, &is_tagged);
  if (!is_tagged && napi_type_tag_object(env, token, &token_tag) != napi_ok) return;
  if (napi_wrap(env, token, run, NULL, NULL, NULL) != napi_ok) return;
  void *data = NULL;
  if (napi_create_reference(env, token, 1, &run->token) != napi_ok)
    napi_remove_wrap(env, token, &data);
}

void iso_run_give_group(iso_run_t *run, uint32_t group) {
  run->group = group;
  if (group != 0) iso_list_append(&run->pool->grouped, &run->link);
}

iso_run_t *iso_run_of_token(iso_pool_binding_t *pool, napi_value token) {
  napi_env env = pool->host->env;
  napi_valuetype type = napi_undefined;
  bool is_tagged = false;
  void *data = NULL;
  if (napi_typeof(env, token, &type) != napi_ok || type != napi_object) return NULL;
  if (napi_check_object_type_tag(env, token, &token_tag, &is_tagged) != napi_ok || !is_tagged)
    return NULL;
  if (napi_unwrap(env, token, &data) != napi_ok) return NULL;
  iso_run_t *run = data;
  return run->pool == pool ? run : NULL;
}

/* The token; NULL: there was none. */
static napi_value take_token(iso_run_t *run) {
  napi_env env = run->pool->host->env;
  napi_value token = NULL;
  void *data = NULL;
  if (run->token == NULL) return NULL;
  napi_get_reference_value(env, run->token, &token);
  napi_remove_wrap(env, token, &data);
  napi_delete_reference(env, run->token);
  run->token = NULL;
  return token;
}

static void free_run(iso_run_t *run) {
  iso_host_t *host = run->pool->host;
  iso_task_deinit(&run->task);
  if (run->trace != NULL) napi_delete_reference(host->env, run->trace);
  if (host->free_run_count >= MAX_FREE_RUNS || host->is_shut_down) {
    iso_free(run);
    return;
  }
  host->free_run_count++;
  /* The last one is in the cache still. */
  iso_list_prepend(&host->free_runs, &run->link);
}

static void conclude(
    iso_host_t *host, iso_deferred_t *deferred, bool is_item, napi_value error, bool is_promise
) {
  if (!is_item) {
    iso_host_conclude(deferred, (iso_value_t) error, !is_promise);
    return;
  }
  napi_value result = NULL;
  napi_value argv[] = {(napi_value) iso_host_undefer(deferred), error};
  iso_host_call(host, host->fail_item, 2, argv, &result);
}

/* With a trace the Error is there at once; without one it comes from a promise, made so that V8
 * adds the frames of those who await. */
static void fail(iso_run_t *run, napi_value error) {
  iso_host_t *host = run->pool->host;
  bool is_promise = error != NULL && run->trace == NULL;
  if (error == NULL) error = internal_error(host->env);
  conclude(host, &run->deferred, run->is_item, error, is_promise);
}

static napi_value trace_of(const iso_run_t *run) {
  napi_value trace = NULL;
  if (run->trace != NULL) napi_get_reference_value(run->pool->host->env, run->trace, &trace);
  return trace;
}

/* Of a run that was cancelled by `token`. */
static napi_value abort_error(const iso_run_t *run, napi_value token) {
  napi_env env = run->pool->host->env;
  napi_value reason = undefined(env);
  napi_value trace = trace_of(run);
  if (token != NULL) napi_get_named_property(env, token, "reason", &reason);
  napi_value none = undefined(env);
  return code_error(run->pool, ISO_ECANCELED, trace == NULL ? none : trace, reason, none);
}

void iso_run_hold(iso_pool_binding_t *pool) {
  iso_pool_binding_hold(pool);
  iso_owner_expect(pool->host->owner);
}

static void unhold(iso_pool_binding_t *pool) {
  iso_owner_unexpect(pool->host->owner);
  iso_pool_binding_unhold(pool);
}

/* The end of a run that was more than a result. */
static void settle(iso_run_t *run) {
  napi_env env = run->pool->host->env;
  int status = run->task.status;
  napi_handle_scope scope = NULL;
  napi_open_handle_scope(env, &scope);
  napi_value token = take_token(run);
  if (status == ISO_OK)
    iso_host_settle(&run->deferred, &run->task.message);
  else if (status == ISO_ECANCELED)
    fail(run, abort_error(run, token));
  else
    fail(run, iso_status_error(run->pool, status, &run->task.message, trace_of(run)));
  napi_close_handle_scope(env, scope);
}

void iso_run_tell(iso_run_t *run, iso_value_t value, bool is_rejection) {
  iso_host_t *host = run->pool->host;
  if (run->is_item && !is_rejection)
    iso_batch_put(host, (napi_value) iso_host_undefer(&run->deferred), (napi_value) value);
  else
    conclude(host, &run->deferred, run->is_item, (napi_value) value, !is_rejection);
}

static void deliver_item(iso_run_t *run) {
  iso_value_t value = NULL;
  iso_batch_begin(run->pool->host);
  int status = iso_host_take(&run->task.message, &value);
  iso_run_tell(run, value, status != ISO_OK);
}

static void deliver_run(iso_event_t *event, bool alive) {
  iso_run_t *run = ISO_LIST_ITEM(event, iso_run_t, task.event);
  iso_pool_binding_t *pool = run->pool;
  if (!alive) {
    /* The promise goes with its environment. A late thread may be calling, so nothing else of the
     * environment is touched. */
    iso_task_deinit(&run->task);
    iso_free(run);
    return;
  }
  if (run->is_stream) iso_stream_ended(run);
  if (run->group != 0) iso_list_remove(&run->link);
  if (run->task.status != ISO_OK || run->token != NULL)
    settle(run);
  else if (run->is_item)
    deliver_item(run);
  else
    iso_host_settle(&run->deferred, &run->task.message);
  free_run(run);
  unhold(pool);
}

static iso_run_t *new_run(iso_host_t *host) {
  iso_link_t *link = iso_list_shift(&host->free_runs);
  if (link == NULL) return iso_alloc(sizeof(iso_run_t));
  host->free_run_count--;
  return ISO_LIST_ITEM(link, iso_run_t, link);
}

void iso_run_trace(iso_run_t *run) {
  iso_host_t *host = run->pool->host;
  napi_env env = host->env;
  napi_value error = NULL;
  if (run->trace != NULL || !iso_host_may_trace(host)) return;
  napi_create_error(env, NULL, string(env, ""), &error);
  napi_create_reference(env, error, 1, &run->trace);
}

iso_run_t *iso_run_create(iso_pool_binding_t *pool, iso_value_t promise, bool is_item) {
  iso_run_t *run = new_run(pool->host);
  if (run == NULL) {
    iso_deferred_t deferred;
    iso_host_defer(&deferred, promise);
    conclude(pool->host, &deferred, is_item, no_memory_error(pool->host->env), false);
    return NULL;
  }
  run->is_item = is_item;
  iso_host_defer(&run->deferred, promise);
  iso_task_init(&run->task, deliver_run);
  run->pool = pool;
  run->token = NULL;
  run->group = 0;
  run->is_stream = false;
  run->trace = NULL;
  return run;
}

void iso_run_refuse(iso_run_t *run, size_t argc, const napi_value *argv, napi_value exception) {
  iso_pool_binding_t *pool = run->pool;
  napi_env env = pool->host->env;
  napi_value arguments = NULL;
  napi_value result = NULL;
  iso_run_trace(run);
  napi_create_array_with_length(env, argc, &arguments);
  for (size_t i = 0; i < argc; i++)
    napi_set_element(env, arguments, (uint32_t) i, argv[i]);
  napi_value trace = trace_of(run);
  napi_value call[] = {arguments, exception, trace == NULL ? undefined(env) : trace};
  if (iso_host_call(pool->host, pool->host->uncloneable, 3, call, &result))
    fail(run, result);
  else
    conclude(pool->host, &run->deferred, run->is_item, exception, false);
  free_run(run);
}

/* Threads have gone since they were counted: their runs are not made, from `first` on. */
static void drop_promises(
    iso_pool_binding_t *pool, size_t first, size_t end, iso_run_t **runs, napi_value promises
) {
  napi_env env = pool->host->env;
  napi_value length = NULL;
  for (size_t i = first; i < end; i++) {
    iso_host_conclude(&runs[i]->deferred, (iso_value_t) undefined(env), false);
    free_run(runs[i]);
    unhold(pool);
  }
  napi_create_double(env, (double) first, &length);
  napi_set_named_property(env, promises, "length", length);
}

void iso_broadcast(
    iso_pool_binding_t *pool, size_t count, iso_run_t **runs, const iso_args_t *args,
    napi_value promises
) {
  napi_env env = pool->host->env;
  size_t made = 0;
  size_t submitted = 0;
  iso_value_t exception = NULL;
  while (made < count) {
    iso_value_t promise = iso_host_promise();
    iso_run_t *run = promise == NULL ? NULL : iso_run_create(pool, promise, false);
    if (run == NULL) break;
    iso_run_trace(run);
    napi_set_element(env, promises, (uint32_t) made, (napi_value) promise);
    if (iso_host_encode(
            (const iso_value_t *) args->values, args->count, NULL, &run->task.message, &exception
        ) != ISO_OK) {
      iso_run_refuse(run, args->count, args->values, (napi_value) exception);
      break;
    }
    iso_run_hold(pool);
    runs[made++] = run;
  }
  /* A task is the first member of its run, so an array of one is an array of the other. */
  int status = pool->core == NULL
                   ? iso_pool_refusal(pool->end_reason)
                   : iso_pool_submit_each(pool->core, (iso_task_t *const *) runs, made, &submitted);
  if (status == ISO_OK && made == count) {
    drop_promises(pool, submitted, made, runs, promises);
    return;
  }
  for (size_t i = submitted; i < made; i++)
    iso_task_finish(&runs[i]->task, pool->host->owner, status == ISO_OK ? ISO_EDISPOSED : status);
}

void iso_runs_free(iso_host_t *host) {
  iso_link_t *link = NULL;
  while ((link = iso_list_shift(&host->free_runs)) != NULL)
    iso_free(ISO_LIST_ITEM(link, iso_run_t, link));
  host->free_run_count = 0;
}
