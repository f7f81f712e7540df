/* What functions.cc and calls.cc know of each other. */
#ifndef ISO_ENGINE_V8_FUNCTIONS_H
#define ISO_ENGINE_V8_FUNCTIONS_H

#include <unordered_map>

#include "engine/v8/v8_internal.h"

namespace iso {

/* A function of ours that others call. */
struct export_t {
  v8::Global<v8::Function> function;
  iso_callable_t *callable;
  /* Of a stream; it wants to know when it is released. */
  bool is_pull;
};

/* A function here that stands for one elsewhere, or a stream, for as long as it is no garbage. */
struct stub_t {
  functions_t *functions;
  uint64_t id;
  int hash;
  iso_callable_t *callable;
  v8::Global<v8::Object> function;
};

/* A call that runs here: its arguments, then its answer. Not on the stack, which may be left by a
 * jump. */
struct running_t {
  iso_call_t *call;
  iso_message_t message;
};

/* What lib/remote.js returns. */
struct hooks_t {
  v8::Global<v8::Function> stub;
  v8::Global<v8::Function> invoke;
  v8::Global<v8::Function> failure;
  v8::Global<v8::Function> substitute;
  v8::Global<v8::Function> released;
  v8::Global<v8::Function> open;
};

/* The functions of one context. */
struct functions_t {
  v8::Isolate *isolate;
  iso_home_t *home;
  /* As in side_t. */
  iso_account_t *account;
  shapes_t *shapes;
  hooks_t hooks;
  /* Of marks; V8 keeps whatever it has made of a template. */
  v8::Global<v8::ObjectTemplate> marks;
  std::unordered_map<uint64_t, export_t> exports;
  std::unordered_map<uint64_t, stub_t *> stubs;
  std::unordered_map<const iso_callable_t *, stub_t *> stub_of;
  /* Both of them, by the hash of the function. */
  std::unordered_multimap<int, uint64_t> by_hash;
  /* What answers will settle. */
  std::unordered_map<uint64_t, v8::Global<v8::Promise::Resolver>> pending;
  std::unordered_map<uint64_t, running_t> running;
  /* References that somebody on the stack will release, unless it is left by a jump. */
  std::vector<iso_call_t *> in_hand;
};

/* Never used twice in a process, so that what a context has left behind means nothing to the
 * next. */
uint64_t next_function_id();

/* calls.cc */

/* Handles what has come, but for releases. False: it was terminated. */
bool begin_call(functions_t *functions, v8::Local<v8::Context> context, iso_call_t *call);
void settle_call(functions_t *functions, v8::Local<v8::Context> context, iso_call_t *call);
/* Answers one that runs here, if it has not been answered: its function is gone. */
void drop_running(functions_t *functions, uint64_t id);
/* call, callSync and answer of lib/remote.js. */
void call_remote(const v8::FunctionCallbackInfo<v8::Value> &info);
void call_remote_sync(const v8::FunctionCallbackInfo<v8::Value> &info);
void answer_remote(const v8::FunctionCallbackInfo<v8::Value> &info);

} // namespace iso

#endif
