/* The module that core.test.js loads in a child process a test: run(name). */
#include <node_api.h>
#include <stdio.h>
#include <string.h>

#include "list.h"
#include "test.h"

#define XX(name) void test_##name(void);
ISO_TESTS(XX)
#undef XX

/* The planted bugs of faulty.c: the sanitizers must find them. */
void test_faulty_use_after_free(void);
void test_faulty_race(void);
void test_faulty_leak(void);

static const struct {
  const char *name;
  void (*run)(void);
} tests[] = {
#define XX(name) {#name, test_##name},
    ISO_TESTS(XX)
#undef XX
        {"faulty_use_after_free", test_faulty_use_after_free},
    {"faulty_race", test_faulty_race},
    {"faulty_leak", test_faulty_leak},
};

static napi_value run(napi_env env, napi_callback_info info) {
  char name[128] = "";
  size_t count = 1;
  napi_value argument = NULL;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  napi_get_value_string_utf8(env, argument, name, sizeof(name), &count);
  for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
    if (strcmp(tests[i].name, name) != 0) continue;
    tests[i].run();
    (void) printf("passed %s\n", name);
    (void) fflush(stdout);
    return NULL;
  }
  (void) fprintf(stderr, "no test is named %s\n", name);
  _Exit(1);
}

NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void);
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

int32_t node_api_module_get_api_version_v1(void) {
  return NAPI_VERSION;
}

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  napi_value function = NULL;
  napi_create_function(env, "run", NAPI_AUTO_LENGTH, run, NULL, &function);
  napi_set_named_property(env, exports, "run", function);
  return exports;
}
