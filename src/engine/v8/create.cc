/* A bare isolate: made as Node makes its own, with nothing of Node inside.
 *
 * From V8's default snapshot where snapshot.cc has found that it fits, else by node::NewIsolate.
 * Node's settings assume a Node environment inside; there is none here, so every callback that
 * would look for one is replaced. */
#include "engine/v8/v8_internal.h"

#include "core/machine.h"

namespace iso {
namespace {

using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::Promise;
using v8::String;
using v8::Value;

/* Rejections nobody handles are remembered up to here; a flood of them is not worth its memory. */
constexpr size_t kMaxRemembered = 64;

/* What is compiled is measured from here on, as so much memory a character. It may be far more, and
 * far less: V8 only skims over most functions. */
constexpr size_t kLongSource = 1000000;
constexpr size_t kBytesACharacter = 16;

iso_engine_t *engine_of(Isolate *isolate) {
  return static_cast<iso_engine_t *>(isolate->GetData(kEngineSlot));
}

void on_promise_reject(v8::PromiseRejectMessage message) {
  if (message.GetEvent() != v8::kPromiseRejectWithNoHandler) return;
  Isolate *isolate = Isolate::GetCurrent();
  iso_engine_t *engine = engine_of(isolate);
  if (engine->rejections.size() < kMaxRemembered)
    engine->rejections.emplace_back(isolate, message.GetPromise());
}

/* Exceptions in V8's own jobs, such as the callbacks of a FinalizationRegistry. */
void on_message(Local<v8::Message>, Local<Value> exception) {
  Isolate *isolate = Isolate::GetCurrent();
  iso_engine_t *engine = engine_of(isolate);
  if (engine->uncaught.size() < kMaxRemembered) engine->uncaught.emplace_back(isolate, exception);
}

MaybeLocal<Promise>
on_import(Local<Context> context, Local<v8::Data>, Local<Value>, Local<String> specifier, Local<v8::FixedArray>) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) return {};
  Local<String> text = String::Concat(
      isolate,
      String::NewFromUtf8Literal(
          isolate, "import() does not work inside a thread: there are no "
                   "modules, only JavaScript. Tried to import "
      ),
      specifier
  );
  Local<Value> error = v8::Exception::TypeError(text);
  Local<Value> code = String::NewFromUtf8Literal(isolate, "ERR_THREAD_NO_IMPORT");
  if (error.As<Object>()
          ->Set(context, String::NewFromUtf8Literal(isolate, "code"), code)
          .IsNothing())
    return {};
  if (resolver->Reject(context, error).IsNothing()) return {};
  return resolver->GetPromise();
}

bool yes_to_wasm(Local<Context>, Local<String>) {
  return true;
}

bool no_to_wasm(Local<Context>, Local<String>) {
  return false;
}

/* Asked only in a context that does not allow it by itself. (Node's own would allow it, for it
 * finds no Environment.) V8 compiles without a check in between. */
v8::ModifyCodeGenerationFromStringsResult may_eval(Local<Context>, Local<Value> source, bool) {
  iso_engine_t *engine = engine_of(Isolate::GetCurrent());
  /* What is no text stays what it is. */
  if (!source->IsString()) return {true, {}};
  if (!engine->allow_eval) return {false, {}};
  auto length = static_cast<size_t>(source.As<String>()->Length());
  if (length > kLongSource &&
      !engine->hooks->check_memory(engine->hooks_data, length * kBytesACharacter))
    return {false, {}};
  return {true, source.As<String>()};
}

bool no_abort(Isolate *) {
  return false;
}

/* As node::NewIsolate does it, but for the snapshot, and for callbacks of Node's. */
Isolate *create_from_default(const iso_engine_config_t *config) {
  Isolate::CreateParams params;
  uint64_t memory = iso_machine_memory();
  if (memory != 0) params.constraints.ConfigureDefaults(memory, 0);
  params.array_buffer_allocator_shared = create_allocator(config->account);
  Isolate *isolate = Isolate::Allocate();
  if (isolate == nullptr) return nullptr;
  static_cast<node::MultiIsolatePlatform *>(config->platform)
      ->RegisterIsolate(isolate, config->loop);
  Isolate::Initialize(isolate, params);
  return isolate;
}

Isolate *create_from_node(const iso_engine_config_t *config) {
  node::IsolateSettings settings;
  /* No message listener of Node's: it aborts where there is no environment to report to. No more
   * than this: the places of the other settings have changed within a line of Node. */
  settings.flags = 0;
  return node::NewIsolate(
      create_allocator(config->account), config->loop,
      static_cast<node::MultiIsolatePlatform *>(config->platform), nullptr, settings
  );
}

} // namespace

Isolate *create_bare(const iso_engine_config_t *config) {
  Isolate *isolate =
      default_snapshot_fits() ? create_from_default(config) : create_from_node(config);
  if (isolate == nullptr) return nullptr;
  isolate->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate->SetAbortOnUncaughtExceptionCallback(no_abort);
  isolate->SetPromiseRejectCallback(on_promise_reject);
  isolate->SetAllowWasmCodeGenerationCallback(yes_to_wasm);
  isolate->SetPrepareStackTraceCallback(nullptr);
  /* Contexts have no compileStreaming then, which takes what only Node's fetch has. */
  isolate->SetWasmStreamingCallback(nullptr);
  isolate->SetModifyCodeGenerationFromStringsCallback(may_eval);
  isolate->SetHostImportModuleDynamicallyCallback(on_import);
  isolate->SetStackLimit(config->stack_limit);
  return isolate;
}

void listen(Isolate *isolate) {
  isolate->AddMessageListener(on_message);
}

void forbid_wasm(Isolate *isolate) {
  isolate->SetAllowWasmCodeGenerationCallback(no_to_wasm);
}

} // namespace iso
