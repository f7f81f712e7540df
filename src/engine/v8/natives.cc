/* The few functions that the prelude (src/prelude/prelude.js) needs and JavaScript has not. */
#include "engine/v8/v8_internal.h"

#include <uv.h>

#include <atomic>
#include <cstring>

#include "core/error.h"
#include "prelude_source.h"

namespace iso {
namespace {

using v8::Context;
using v8::Function;
using v8::FunctionCallbackInfo;
using v8::Isolate;
using v8::Local;
using v8::Object;
using v8::String;
using v8::Value;

Local<String> text(Isolate *isolate, const char *utf8) {
  return String::NewFromUtf8(isolate, utf8, v8::NewStringType::kInternalized).ToLocalChecked();
}

/* Where the parser gave up, counted from 1. */
void describe_failure(
    Local<Context> context, const v8::TryCatch &try_catch, Local<Object> failure
) {
  Isolate *isolate = Isolate::GetCurrent();
  auto set = [&](const char *name, Local<Value> value) {
    (void) failure->Set(context, text(isolate, name), value).FromMaybe(false);
  };
  int line = try_catch.Message()->GetLineNumber(context).FromMaybe(0);
  int column = try_catch.Message()->GetStartColumn(context).FromMaybe(0) + 1;
  set("error", try_catch.Exception());
  set("line", v8::Integer::New(isolate, line));
  set("column", v8::Integer::New(isolate, column));
}

/* compile(source, file, line, column, failure): the script's completion value. Where the source is
 * no script nothing is thrown, but `failure` gets error, line and column. */
void compile(const FunctionCallbackInfo<Value> &info) {
  Isolate *isolate = info.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  v8::ScriptOrigin origin = compat::origin(
      isolate, info[1], info[2].As<v8::Int32>()->Value(), info[3].As<v8::Int32>()->Value()
  );
  v8::ScriptCompiler::Source source(info[0].As<String>(), origin);
  Local<v8::Script> script;
  Local<Value> result;
  {
    v8::TryCatch try_catch(isolate);
    if (!v8::ScriptCompiler::Compile(context, &source).ToLocal(&script)) {
      if (try_catch.CanContinue() && !try_catch.Message().IsEmpty())
        describe_failure(context, try_catch, info[4].As<Object>());
      else
        try_catch.ReThrow();
      return;
    }
  }
  if (!script->Run(context).ToLocal(&result)) return;
  info.GetReturnValue().Set(result);
}

iso_engine_t *engine_of(const FunctionCallbackInfo<Value> &info) {
  return static_cast<iso_engine_t *>(compat::external_value(info.Data().As<v8::External>()));
}

/* memoryLimit(): in bytes; 0: none. */
void memory_limit(const FunctionCallbackInfo<Value> &info) {
  info.GetReturnValue().Set(static_cast<double>(iso_account_limit(engine_of(info)->account)));
}

/* checkMemory(bytes): false where they, or what is taken, are more than the limit; the code then
 * ends at its next loop. */
void check_memory(const FunctionCallbackInfo<Value> &info) {
  iso_engine_t *engine = engine_of(info);
  auto bytes = static_cast<size_t>(info[0].As<v8::Number>()->Value());
  info.GetReturnValue().Set(engine->hooks->check_memory(engine->hooks_data, bytes));
}

/* emit(record): to the host's console. Throws where the record cannot be cloned. */
void emit(const FunctionCallbackInfo<Value> &info) {
  iso_engine_t *engine = engine_of(info);
  iso_message_t *message = iso_message_create();
  if (message == nullptr) return;
  Local<Value> record = info[0];
  if (!encode(info.GetIsolate()->GetCurrentContext(), &record, 1, message, {engine->account})) {
    iso_message_destroy(message);
    return;
  }
  engine->hooks->console(engine->hooks_data, message);
}

/* cloneable(value) */
void cloneable(const FunctionCallbackInfo<Value> &info) {
  v8::TryCatch try_catch(info.GetIsolate());
  iso_message_t message;
  iso_message_init(&message);
  Local<Value> value = info[0];
  encode_options_t options;
  options.is_trial = true;
  options.account = engine_of(info)->account;
  bool is_cloned = encode(info.GetIsolate()->GetCurrentContext(), &value, 1, &message, options);
  iso_message_reset(&message);
  if (try_catch.HasTerminated()) {
    try_catch.ReThrow();
    return;
  }
  info.GetReturnValue().Set(is_cloned);
}

/* now(): milliseconds of a clock that only goes forward. */
void now(const FunctionCallbackInfo<Value> &info) {
  info.GetReturnValue().Set(static_cast<double>(uv_hrtime()) / 1e6);
}

/* isError(value): also of an error that has lost its prototype. */
void is_error(const FunctionCallbackInfo<Value> &info) {
  info.GetReturnValue().Set(info[0]->IsNativeError());
}

Local<Object> make_natives(iso_engine_t *engine, Local<Context> context) {
  Isolate *isolate = engine->isolate;
  /* Without a prototype V8 makes it no hidden class for each name. */
  Local<Object> natives = Object::New(isolate, v8::Null(isolate), nullptr, nullptr, 0);
  Local<v8::External> data = compat::external(isolate, engine);
  auto add = [&](const char *name, v8::FunctionCallback callback) {
    Local<Function> function = Function::New(context, callback, data).ToLocalChecked();
    natives->Set(context, text(isolate, name), function).Check();
  };
  add("compile", compile);
  add("emit", emit);
  add("checkMemory", check_memory);
  add("cloneable", cloneable);
  add("memoryLimit", memory_limit);
  add("now", now);
  add("isError", is_error);
  add_charge_natives(add);
  add_wasm_natives(add);
  add_remote_natives(context, natives, &engine->functions);
  natives->Set(context, text(isolate, "transfer"), transfer_function(context).ToLocalChecked())
      .Check();
  return natives;
}

/* What the first isolate has compiled, for all later ones, where that of the build is of no use;
 * never freed. Release and acquire: its bytes are written before it is seen. */
std::atomic<const v8::ScriptCompiler::CachedData *> compiled_prelude;
/* V8 has refused that of the build, because of its flags. Relaxed: it refuses it again. */
std::atomic<bool> is_build_refused;

struct compiled_t {
  const uint8_t *bytes;
  int length;
};

/* What V8 need not compile again; no bytes: there is nothing. V8 would take what another patch of
 * the same version has compiled, in which a bytecode may mean something else. */
compiled_t find_compiled() {
  static const bool is_same_v8 = std::strcmp(v8::V8::GetVersion(), iso_prelude_v8) == 0;
  const v8::ScriptCompiler::CachedData *known = compiled_prelude.load(std::memory_order_acquire);
  if (known != nullptr) return {known->data, known->length};
  if (!is_same_v8 || is_build_refused.load(std::memory_order_relaxed)) return {nullptr, 0};
  return {iso_prelude_compiled, static_cast<int>(sizeof(iso_prelude_compiled))};
}

/* The text stays in the library: no isolate has one of its own. */
class prelude_text_t : public String::ExternalOneByteStringResource {
public:
  const char *data() const override { return iso_prelude_source; }
  size_t length() const override { return sizeof(iso_prelude_source) - 1; }

protected:
  void Dispose() override {}
};

v8::MaybeLocal<v8::Script> compile_prelude(Isolate *isolate, Local<Context> context) {
  static prelude_text_t prelude_text;
  Local<String> code;
  if (!String::NewExternalOneByte(isolate, &prelude_text).ToLocal(&code)) return {};
  v8::ScriptOrigin origin =
      compat::origin(isolate, text(isolate, "isolated-threads:prelude"), 0, 0);
  compiled_t known = find_compiled();
  if (known.bytes == nullptr) {
    v8::ScriptCompiler::Source source(code, origin);
    return v8::ScriptCompiler::Compile(context, &source);
  }
  /* The source owns this description of the bytes, and not the bytes. */
  auto *borrowed = new v8::ScriptCompiler::CachedData(known.bytes, known.length);
  v8::ScriptCompiler::Source source(code, origin, borrowed);
  auto script = v8::ScriptCompiler::Compile(
      context, &source, v8::ScriptCompiler::CompileOptions::kConsumeCodeCache
  );
  if (borrowed->rejected) is_build_refused.store(true, std::memory_order_relaxed);
  return script;
}

} // namespace

void keep_prelude(iso_engine_t *engine) {
  if (engine->prelude_script.IsEmpty()) return;
  Local<v8::UnboundScript> script = engine->prelude_script.Get(engine->isolate);
  engine->prelude_script.Reset();
  if (compiled_prelude.load(std::memory_order_acquire) != nullptr) return;
  const v8::ScriptCompiler::CachedData *made = v8::ScriptCompiler::CreateCodeCache(script);
  const v8::ScriptCompiler::CachedData *none = nullptr;
  if (!compiled_prelude.compare_exchange_strong(none, made, std::memory_order_acq_rel)) delete made;
}

bool run_prelude(iso_engine_t *engine, Local<Context> context) {
  Isolate *isolate = engine->isolate;
  v8::TryCatch try_catch(isolate);
  Local<v8::Script> script;
  Local<Value> prelude;
  Local<Value> exports;
  if (!compile_prelude(isolate, context).ToLocal(&script)) return false;
  if (!script->Run(context).ToLocal(&prelude) || !prelude->IsFunction()) return false;
  Local<Value> natives = make_natives(engine, context);
  if (!prelude.As<Function>()->Call(context, v8::Undefined(isolate), 1, &natives).ToLocal(&exports))
    return false;

  if (find_compiled().bytes == nullptr)
    engine->prelude_script.Reset(isolate, script->GetUnboundScript());

  auto take = [&](const char *name, v8::Global<Function> *slot) {
    Local<Value> value;
    if (!exports.As<Object>()->Get(context, text(isolate, name)).ToLocal(&value)) return false;
    if (!value->IsFunction()) return false;
    slot->Reset(isolate, value.As<Function>());
    return true;
  };
  Local<Value> hooks;
  if (!exports.As<Object>()->Get(context, text(isolate, "remote")).ToLocal(&hooks)) return false;
  if (!hooks->IsObject() || !open_functions(engine->functions, context, hooks.As<Object>()))
    return false;

  iso_prelude_t *slots = &engine->prelude;
  return take("load", &slots->load) && take("describe", &slots->describe) &&
         take("describeUncloneable", &slots->describe_uncloneable) && take("warn", &slots->warn);
}

} // namespace iso
