/* The module: what lib/binding.js gets when it loads the library. */
#include <node_api.h>

#include "binding/args.h"
#include "binding/host.h"
#include "binding/pool_binding.h"
#include "binding/spare_binding.h"
#include "core/alloc.h"
#include "core/error.h"
#include "engine/engine.h"

/* initialize({ fromThread, fromCode, uncloneable, print, notice, opened, deliverItems, failItem,
 * remote }): the functions of host.h, and those of lib/remote.js. */
static napi_value initialize(napi_env env, napi_callback_info info) {
  iso_host_t *host = iso_host_get(env);
  iso_args_t args;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  const struct {
    const char *name;
    napi_ref *slot;
  } functions[] = {
      {"fromThread", &host->from_thread},
      {"fromCode", &host->from_code},
      {"uncloneable", &host->uncloneable},
      {"print", &host->print},
      {"notice", &host->notice},
      {"opened", &host->opened},
      {"deliverItems", &host->deliver_items},
      {"failItem", &host->fail_item},
  };
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_value function = NULL;
    ISO_NAPI_CHECK(env, napi_get_named_property(env, args.values[0], functions[i].name, &function));
    ISO_NAPI_CHECK(env, napi_create_reference(env, function, 1, functions[i].slot));
  }
  napi_value remote = NULL;
  ISO_NAPI_CHECK(env, napi_get_named_property(env, args.values[0], "remote", &remote));
  if (iso_host_open_functions(host->home, (iso_value_t) remote) != ISO_OK)
    napi_throw_error(env, "ERR_THREAD_START", "isolated-threads could not be set up");
  iso_args_deinit(&args);
  return NULL;
}

/* locate(function): [file, line, column] of its parameter list. */
static napi_value locate(napi_env env, napi_callback_info info) {
  iso_args_t args;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_value_t file = NULL;
  int32_t line = 0;
  int32_t column = 0;
  iso_host_locate((iso_value_t) args.values[0], &file, &line, &column);
  napi_value parts[] = {(napi_value) file, NULL, NULL};
  napi_value result = NULL;
  ISO_NAPI_CHECK(env, napi_create_int32(env, line, &parts[1]));
  ISO_NAPI_CHECK(env, napi_create_int32(env, column, &parts[2]));
  ISO_NAPI_CHECK(env, napi_create_array_with_length(env, 3, &result));
  for (uint32_t i = 0; i < 3; i++)
    ISO_NAPI_CHECK(env, napi_set_element(env, result, i, parts[i]));
  iso_args_deinit(&args);
  return result;
}

/* cloneable(value) */
static napi_value cloneable(napi_env env, napi_callback_info info) {
  iso_args_t args;
  napi_value result = NULL;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  ISO_NAPI_CHECK(
      env, napi_get_boolean(env, iso_host_cloneable((iso_value_t) args.values[0]), &result)
  );
  iso_args_deinit(&args);
  return result;
}

/* setExitCode(code): the process, and not a Worker, is about to end with it. */
static napi_value set_exit_code(napi_env env, napi_callback_info info) {
  iso_args_t args;
  if (iso_args_init(&args, env, info) != 0) return NULL;
  iso_host_t *host = iso_host_get(env);
  int exit_code = 0;
  napi_get_value_int32(env, args.values[0], &exit_code);
  iso_host_exits(host, exit_code);
  iso_args_deinit(&args);
  return NULL;
}

/* examineHeap(): iso_engine_examine_heap. The number is for scripts/layouts.js and the tests. */
static napi_value examine_heap(napi_env env, napi_callback_info info) {
  (void) info;
  napi_value result = NULL;
  ISO_NAPI_CHECK(env, napi_create_bigint_uint64(env, iso_engine_examine_heap(), &result));
  return result;
}

/* liveBlocks(): what alloc.h counts, for tests. */
static napi_value live_blocks(napi_env env, napi_callback_info info) {
  (void) info;
  napi_value result = NULL;
  ISO_NAPI_CHECK(env, napi_create_double(env, (double) iso_alloc_live(), &result));
  return result;
}

static napi_value define_exports(napi_env env, napi_value exports, iso_host_t *host) {
  const napi_property_descriptor properties[] = {
      {.utf8name = "initialize", .method = initialize, .attributes = napi_default},
      {.utf8name = "locate", .method = locate, .attributes = napi_default},
      {.utf8name = "cloneable", .method = cloneable, .attributes = napi_default},
      {.utf8name = "transfer",
       .value = (napi_value) iso_host_transfer_function(),
       .attributes = napi_default},
      {.utf8name = "submit",
       .value = (napi_value) iso_host_function(&host->submit),
       .attributes = napi_default},
      {.utf8name = "submitTask",
       .value = (napi_value) iso_host_function(&host->submit_task),
       .attributes = napi_default},
      {.utf8name = "submitItems",
       .value = (napi_value) iso_host_function(&host->submit_items),
       .attributes = napi_default},
      {.utf8name = "handleOf", .method = iso_pool_handle, .attributes = napi_default},
      {.utf8name = "remote",
       .value = (napi_value) iso_host_remote_natives(),
       .attributes = napi_default},
      {.utf8name = "setExitCode", .method = set_exit_code, .attributes = napi_default},
      {.utf8name = "examineHeap", .method = examine_heap, .attributes = napi_default},
      {.utf8name = "prepare", .method = iso_prepare, .attributes = napi_default},
      {.utf8name = "warm", .method = iso_warm, .attributes = napi_default},
      {.utf8name = "liveBlocks", .method = live_blocks, .attributes = napi_default},
      {.utf8name = "NativePool",
       .value = iso_pool_class_create(env),
       .attributes = napi_enumerable},
  };
  ISO_NAPI_CHECK(
      env,
      napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties)
  );
  return exports;
}

NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void);
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

int32_t node_api_module_get_api_version_v1(void) {
  return NAPI_VERSION;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  iso_host_t *host = iso_host_create(env);
  return host == NULL ? NULL : define_exports(env, exports, host);
}
