/* What the files of the V8 engine know of each other. */
#ifndef ISO_ENGINE_V8_INTERNAL_H
#define ISO_ENGINE_V8_INTERNAL_H

#include <memory>
#include <vector>

#include "engine/engine.h"
#include "engine/v8/v8_compat.h"

/* The functions of src/prelude/prelude.js, made once in each isolate. */
struct iso_prelude_t {
  v8::Global<v8::Function> load;
  v8::Global<v8::Function> describe;
  v8::Global<v8::Function> describe_uncloneable;
  v8::Global<v8::Function> warn;
};

/* What the pending promise will give. */
enum class iso_pending_t { none, load, call };

struct iso_engine_s {
  v8::Isolate *isolate;
  node::MultiIsolatePlatform *platform;
  uv_loop_s *loop;
  const iso_engine_hooks_t *hooks;
  void *hooks_data;
  bool is_unregistered;
  /* Of every context made here. */
  bool allow_eval;

  v8::Global<v8::Context> context;
  v8::Global<v8::Function> function;
  iso_prelude_t prelude;

  iso_pending_t pending;
  v8::Global<v8::Promise> promise;
  /* Rejected with nobody to handle it, when last looked at; exceptions of V8's own jobs. */
  std::vector<v8::Global<v8::Promise>> rejections;
  std::vector<v8::Global<v8::Value>> uncaught;
};

namespace iso {

/* message.cc. Both leave an exception pending where they fail (false, empty). */
bool encode(
    v8::Local<v8::Context> context, const v8::Local<v8::Value> *values, size_t count,
    iso_message_t *message
);
bool decode(
    v8::Local<v8::Context> context, const iso_message_t *message,
    std::vector<v8::Local<v8::Value>> *values
);

/* natives.cc: evaluates the prelude in a new context. False: it could not be. */
bool run_prelude(iso_engine_t *engine, v8::Local<v8::Context> context);

/* limits.cc */
std::shared_ptr<node::ArrayBufferAllocator> create_allocator(iso_account_t *account);
void set_limits(iso_engine_t *engine, size_t heap_limit_bytes);

} // namespace iso

#endif
