/* Functions that leave their isolate, and those that stand for functions of others: what remote.h
 * needs of V8. The same for a thread's context and for the host's. */
#include "engine/v8/v8_internal.h"

#include <atomic>
#include <unordered_map>

#include "core/error.h"

namespace iso {

using v8::Array;
using v8::Context;
using v8::Function;
using v8::FunctionCallbackInfo;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::Private;
using v8::Promise;
using v8::String;
using v8::Value;

namespace {

/* A function of ours that others call. */
struct export_t {
  v8::Global<Function> function;
  iso_callable_t *callable;
};

/* A function here that stands for one elsewhere, for as long as it is no garbage. */
struct stub_t {
  functions_t *functions;
  uint64_t id;
  int hash;
  iso_callable_t *callable;
  v8::Global<Function> function;
};

struct hooks_t {
  v8::Global<Function> stub;
  v8::Global<Function> invoke;
  v8::Global<Function> failure;
  v8::Global<Function> substitute;
};

/* Never used twice in a process, so that what a context has left behind means nothing to the next.
 * Relaxed: only that they differ matters. */
std::atomic<uint64_t> last_id;

uint64_t next_id() {
  return last_id.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace

struct functions_t {
  Isolate *isolate;
  iso_home_t *home;
  hooks_t hooks;
  /* Of marks; V8 keeps whatever it has made of a template. */
  v8::Global<v8::ObjectTemplate> marks;
  std::unordered_map<uint64_t, export_t> exports;
  std::unordered_map<uint64_t, stub_t *> stubs;
  std::unordered_map<const iso_callable_t *, stub_t *> stub_of;
  /* Both of them, by the hash of the function. */
  std::unordered_multimap<int, uint64_t> by_hash;
  /* What answers will settle; calls that run here. */
  std::unordered_map<uint64_t, v8::Global<Promise::Resolver>> pending;
  std::unordered_map<uint64_t, iso_call_t *> running;
};

namespace {

Local<String> text(Isolate *isolate, const char *utf8) {
  return String::NewFromUtf8(isolate, utf8, v8::NewStringType::kInternalized).ToLocalChecked();
}

void forget_hash(functions_t *functions, int hash, uint64_t id) {
  auto found = functions->by_hash.equal_range(hash);
  for (auto at = found.first; at != found.second; ++at) {
    if (at->second != id) continue;
    functions->by_hash.erase(at);
    return;
  }
}

void on_stub_garbage(const v8::WeakCallbackInfo<stub_t> &info) {
  stub_t *stub = info.GetParameter();
  functions_t *functions = stub->functions;
  stub->function.Reset();
  forget_hash(functions, stub->hash, stub->id);
  functions->stubs.erase(stub->id);
  functions->stub_of.erase(stub->callable);
  iso_callable_release(stub->callable);
  delete stub;
}

/* What failure(description, code, name, text) makes of a status; empty: it is being terminated. */
MaybeLocal<Value>
make_failure(functions_t *functions, Local<Context> context, int status, Local<Value> description) {
  Isolate *isolate = functions->isolate;
  const char *row[] = {"ERR_THREAD_FATAL", "ThreadError", "%s failed in an unknown way"};
  switch (status) {
#define XX(name, code, class, words)                                                               \
  case ISO_##name:                                                                                 \
    row[0] = code;                                                                                 \
    row[1] = class;                                                                                \
    row[2] = words;                                                                                \
    break;
    ISO_ERROR_MAP(XX)
#undef XX
  default:
    break;
  }
  Local<Value> argv[] = {
      description, text(isolate, row[0]), text(isolate, row[1]), text(isolate, row[2])};
  return functions->hooks.failure.Get(isolate)->Call(context, v8::Undefined(isolate), 4, argv);
}

/* What a message of an answer holds. */
MaybeLocal<Value> read_value(
    functions_t *functions, Local<Context> context, iso_message_t *message, bool has_functions
) {
  std::vector<Local<Value>> values;
  side_t side = {nullptr, nullptr, has_functions ? functions : nullptr, false};
  if (!decode(context, message, side, &values)) return {};
  return values.empty() ? v8::Undefined(functions->isolate).As<Value>() : values.front();
}

/* The answer of a call as a value (true), or as what to throw; empty: it is being terminated. */
MaybeLocal<Value>
read_answer(functions_t *functions, Local<Context> context, iso_call_t *call, bool *is_ok) {
  Isolate *isolate = functions->isolate;
  v8::TryCatch try_catch(isolate);
  Local<Value> value;
  *is_ok = call->status == ISO_OK;
  if (*is_ok || call->status == ISO_EXCEPTION) {
    if (!read_value(functions, context, &call->message, *is_ok).ToLocal(&value)) {
      if (!try_catch.CanContinue()) return {};
      *is_ok = false;
      return try_catch.Exception();
    }
    if (*is_ok) return value;
  } else {
    value = v8::Undefined(isolate);
  }
  Local<Value> failure;
  if (make_failure(functions, context, call->status, value).ToLocal(&failure)) return failure;
  return try_catch.CanContinue() ? try_catch.Exception() : MaybeLocal<Value>();
}

functions_t *functions_of(const FunctionCallbackInfo<Value> &info) {
  return *static_cast<functions_t **>(compat::external_value(info.Data().As<v8::External>()));
}

uint64_t id_of(Local<Value> value) {
  return static_cast<uint64_t>(value.As<v8::Number>()->Value());
}

/* A call of the stub with the id in info[0], with the arguments in info[1]; NULL: an exception is
 * pending. */
iso_call_t *
prepare(functions_t *functions, Local<Context> context, const FunctionCallbackInfo<Value> &info) {
  Isolate *isolate = info.GetIsolate();
  Local<Value> failure;
  auto found = functions == nullptr ? decltype(functions->stubs.end())()
                                    : functions->stubs.find(id_of(info[0]));
  if (functions == nullptr) return nullptr;
  if (found == functions->stubs.end()) {
    if (make_failure(functions, context, ISO_EDISPOSED, v8::Undefined(isolate)).ToLocal(&failure))
      isolate->ThrowException(failure);
    return nullptr;
  }
  iso_call_t *call = iso_call_create(functions->home, found->second->callable);
  if (call == nullptr) {
    throw_error(isolate, "no memory for the call");
    return nullptr;
  }
  auto array = info[1].As<Array>();
  std::vector<Local<Value>> values(array->Length());
  bool is_whole = true;
  for (uint32_t i = 0; i < values.size() && is_whole; i++)
    is_whole = array->Get(context, i).ToLocal(&values[i]);
  encode_options_t options;
  options.functions = functions;
  if (is_whole && encode(context, values.data(), values.size(), &call->message, options))
    return call;
  iso_call_release(call);
  return nullptr;
}

/* False: an exception is pending, and the call is gone. */
bool send(functions_t *functions, Local<Context> context, iso_call_t *call) {
  int status = iso_call_send(call);
  if (status == ISO_OK) return true;
  iso_call_release(call);
  Local<Value> failure;
  if (make_failure(functions, context, status, v8::Undefined(functions->isolate)).ToLocal(&failure))
    functions->isolate->ThrowException(failure);
  return false;
}

/* call(id, arguments): a promise. Throws where the call cannot be made. */
void call_remote(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  Local<Context> context = info.GetIsolate()->GetCurrentContext();
  iso_call_t *call = prepare(functions, context, info);
  if (call == nullptr) return;
  Local<Promise::Resolver> resolver;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) {
    iso_call_release(call);
    return;
  }
  uint64_t id = next_id();
  call->id = id;
  /* Code that calls and calls without ever awaiting would never get to them. */
  iso_arrival_t arrival{};
  while (iso_home_take_answer(functions->home, &arrival))
    receive(functions, context, arrival);
  if (!send(functions, context, call)) return;
  functions->pending.emplace(id, v8::Global<Promise::Resolver>(functions->isolate, resolver));
  info.GetReturnValue().Set(resolver->GetPromise());
}

/* callSync(id, arguments): the result. */
void call_remote_sync(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  Isolate *isolate = info.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  iso_call_t *call = prepare(functions, context, info);
  if (call == nullptr) return;
  call->is_sync = true;
  if (!send(functions, context, call)) return;
  /* Else it is being terminated, which V8 will see when this returns. */
  if (iso_call_wait(call) == ISO_OK) {
    bool is_ok = false;
    Local<Value> value;
    if (read_answer(functions, context, call, &is_ok).ToLocal(&value)) {
      if (is_ok)
        info.GetReturnValue().Set(value);
      else
        isolate->ThrowException(value);
    }
  }
  iso_call_release(call);
}

/* answer(id, isError, value): of a call that invoke() has got. Throws where it cannot be cloned; it
 * may then be answered again. */
void answer_remote(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  if (functions == nullptr) return;
  auto found = functions->running.find(id_of(info[0]));
  if (found == functions->running.end()) return;
  bool is_error = info[1]->IsTrue();
  iso_message_t message;
  iso_message_init(&message);
  encode_options_t options;
  if (!is_error) options.functions = functions;
  Local<Value> value = info[2];
  if (encode(info.GetIsolate()->GetCurrentContext(), &value, 1, &message, options)) {
    iso_call_t *call = found->second;
    functions->running.erase(found);
    iso_call_finish(call, &message, is_error ? ISO_EXCEPTION : ISO_OK);
  }
  iso_message_reset(&message);
}

Local<Private> mark_key(Isolate *isolate) {
  return Private::ForApi(isolate, text(isolate, "isolated-threads.function"));
}

/* markFunction(function) */
void mark_function(const FunctionCallbackInfo<Value> &info) {
  Local<Object> mark;
  functions_t *functions = functions_of(info);
  if (make_mark(functions, info.GetIsolate()->GetCurrentContext(), info[0]).ToLocal(&mark))
    info.GetReturnValue().Set(mark);
}

/* isPlain(object): would V8 clone its properties, and nothing else of it? */
void is_plain(const FunctionCallbackInfo<Value> &info) {
  Local<Value> value = info[0];
  bool is_special = !value->IsObject() || value->IsProxy() || value->IsDate() ||
                    value->IsRegExp() || value->IsNativeError() || value->IsPromise() ||
                    value->IsArrayBuffer() || value->IsArrayBufferView() ||
                    value->IsSharedArrayBuffer() || value->IsBooleanObject() ||
                    value->IsNumberObject() || value->IsStringObject() || value->IsSymbolObject() ||
                    value->IsBigIntObject() || value->IsWeakMap() || value->IsWeakSet() ||
                    value->IsWeakRef() || value->IsMapIterator() || value->IsSetIterator() ||
                    value->IsGeneratorObject() || value->IsArgumentsObject() ||
                    value->IsModuleNamespaceObject() || value->IsWasmModuleObject() ||
                    value->IsWasmMemoryObject() || value.As<Object>()->InternalFieldCount() != 0;
  info.GetReturnValue().Set(!is_special);
}

void begin_call(functions_t *functions, Local<Context> context, iso_call_t *call) {
  Isolate *isolate = functions->isolate;
  v8::TryCatch try_catch(isolate);
  iso_call_begin(call);
  auto found = functions->exports.find(iso_callable_id(call->target));
  if (found == functions->exports.end()) {
    iso_call_finish(call, nullptr, ISO_EDISPOSED);
    return;
  }
  uint64_t id = next_id();
  functions->running.emplace(id, call);
  Local<Function> function = found->second.function.Get(isolate);
  std::vector<Local<Value>> values;
  Local<Value> problem = v8::Undefined(isolate);
  if (!decode(context, &call->message, {nullptr, nullptr, functions, false}, &values)) {
    if (!try_catch.CanContinue()) return;
    problem = try_catch.Exception();
    try_catch.Reset();
  }
  Local<Value> argv[] = {
      function, Array::New(isolate, values.data(), values.size()),
      v8::Number::New(isolate, static_cast<double>(id)), problem};
  if (!functions->hooks.invoke.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 4, argv)
           .IsEmpty())
    return;
  /* It was terminated. */
  auto left = functions->running.find(id);
  if (left == functions->running.end()) return;
  functions->running.erase(left);
  iso_call_finish(call, nullptr, ISO_EDISPOSED);
}

void settle_call(functions_t *functions, Local<Context> context, iso_call_t *call) {
  auto found = functions->pending.find(call->id);
  if (found != functions->pending.end()) {
    Local<Promise::Resolver> resolver = found->second.Get(functions->isolate);
    functions->pending.erase(found);
    bool is_ok = false;
    Local<Value> value;
    if (read_answer(functions, context, call, &is_ok).ToLocal(&value))
      (void) (is_ok ? resolver->Resolve(context, value) : resolver->Reject(context, value))
          .IsNothing();
  }
  iso_call_settled(call);
}

void release_function(functions_t *functions, iso_callable_t *callable) {
  uint64_t id = iso_callable_id(callable);
  if (!iso_callable_released(callable)) return;
  auto found = functions->exports.find(id);
  if (found == functions->exports.end()) return;
  export_t exported = std::move(found->second);
  functions->exports.erase(found);
  v8::HandleScope scope(functions->isolate);
  Local<Function> function = exported.function.Get(functions->isolate);
  forget_hash(functions, function->GetIdentityHash(), id);
  iso_callable_forget(exported.callable);
}

} // namespace

functions_t *create_functions(Isolate *isolate, iso_home_t *home) {
  iso_home_retain(home);
  auto *functions = new functions_t{};
  functions->isolate = isolate;
  functions->home = home;
  v8::HandleScope scope(isolate);
  Local<v8::ObjectTemplate> marks = v8::ObjectTemplate::New(isolate);
  marks->SetInternalFieldCount(1);
  functions->marks.Reset(isolate, marks);
  return functions;
}

bool open_functions(functions_t *functions, Local<Context> context, Local<Object> hooks) {
  Isolate *isolate = functions->isolate;
  auto take_hook = [&](const char *name, v8::Global<Function> *slot) {
    Local<Value> value;
    if (!hooks->Get(context, text(isolate, name)).ToLocal(&value)) return false;
    if (!value->IsFunction()) return false;
    slot->Reset(isolate, value.As<Function>());
    return true;
  };
  hooks_t *slots = &functions->hooks;
  return take_hook("stub", &slots->stub) && take_hook("invoke", &slots->invoke) &&
         take_hook("failure", &slots->failure) && take_hook("substitute", &slots->substitute);
}

void destroy_functions(functions_t *functions) {
  if (functions == nullptr) return;
  for (auto &entry : functions->running)
    iso_call_finish(entry.second, nullptr, ISO_EDISPOSED);
  for (auto &entry : functions->stubs) {
    entry.second->function.Reset();
    iso_callable_release(entry.second->callable);
    delete entry.second;
  }
  for (auto &entry : functions->exports)
    iso_callable_forget(entry.second.callable);
  iso_home_release(functions->home);
  delete functions;
}

void add_remote_natives(Local<Context> context, Local<Object> natives, functions_t **slot) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<v8::External> data = compat::external(isolate, slot);
  auto add = [&](const char *name, v8::FunctionCallback callback) {
    Local<Function> function = Function::New(context, callback, data).ToLocalChecked();
    natives->Set(context, text(isolate, name), function).Check();
  };
  add("call", call_remote);
  add("callSync", call_remote_sync);
  add("answer", answer_remote);
  add("markFunction", mark_function);
  add("isPlain", is_plain);
}

bool take(functions_t *functions, iso_arrival_t *arrival) {
  return iso_home_take(functions->home, arrival);
}

void receive(functions_t *functions, Local<Context> context, const iso_arrival_t &arrival) {
  v8::HandleScope scope(functions->isolate);
  if (arrival.call != nullptr)
    begin_call(functions, context, arrival.call);
  else if (arrival.answer != nullptr)
    settle_call(functions, context, arrival.answer);
  else
    release_function(functions, arrival.release);
}

iso_callable_t *callable_of(functions_t *functions, Local<Function> function) {
  int hash = function->GetIdentityHash();
  auto found = functions->by_hash.equal_range(hash);
  for (auto at = found.first; at != found.second; ++at) {
    auto exported = functions->exports.find(at->second);
    auto stub = functions->stubs.find(at->second);
    iso_callable_t *callable = nullptr;
    if (exported != functions->exports.end() && exported->second.function == function)
      callable = exported->second.callable;
    else if (stub != functions->stubs.end() && stub->second->function == function)
      callable = stub->second->callable;
    if (callable == nullptr) continue;
    iso_callable_retain(callable);
    return callable;
  }
  uint64_t id = next_id();
  iso_callable_t *callable = iso_callable_create(functions->home, id);
  if (callable == nullptr) return nullptr;
  functions->exports.emplace(
      id, export_t{v8::Global<Function>(functions->isolate, function), callable}
  );
  functions->by_hash.emplace(hash, id);
  iso_callable_retain(callable);
  return callable;
}

MaybeLocal<Function>
function_of(functions_t *functions, Local<Context> context, iso_callable_t *callable) {
  Isolate *isolate = functions->isolate;
  if (iso_callable_home(callable) == functions->home) {
    auto exported = functions->exports.find(iso_callable_id(callable));
    if (exported != functions->exports.end()) return exported->second.function.Get(isolate);
  }
  auto known = functions->stub_of.find(callable);
  if (known != functions->stub_of.end()) return known->second->function.Get(isolate);
  uint64_t id = next_id();
  Local<Value> argument = v8::Number::New(isolate, static_cast<double>(id));
  Local<Value> made;
  if (!functions->hooks.stub.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 1, &argument)
           .ToLocal(&made))
    return {};
  auto function = made.As<Function>();
  iso_callable_retain(callable);
  auto *stub = new stub_t{functions, id, function->GetIdentityHash(), callable, {}};
  stub->function.Reset(isolate, function);
  stub->function.SetWeak(stub, on_stub_garbage, v8::WeakCallbackType::kParameter);
  functions->stubs.emplace(id, stub);
  functions->stub_of.emplace(callable, stub);
  functions->by_hash.emplace(stub->hash, id);
  return function;
}

MaybeLocal<Array> substitute(functions_t *functions, Local<Context> context, Local<Array> values) {
  Local<Value> argument = values;
  Local<Value> copies;
  if (!functions->hooks.substitute.Get(functions->isolate)
           ->Call(context, v8::Undefined(functions->isolate), 1, &argument)
           .ToLocal(&copies) ||
      !copies->IsArray())
    return {};
  return copies.As<Array>();
}

MaybeLocal<Object>
make_mark(functions_t *functions, Local<Context> context, Local<Value> function) {
  Isolate *isolate = functions->isolate;
  Local<Object> mark;
  if (!functions->marks.Get(isolate)->NewInstance(context).ToLocal(&mark) ||
      mark->SetPrivate(context, mark_key(isolate), function).IsNothing())
    return {};
  return mark;
}

bool read_function_mark(Local<Context> context, Local<Object> object, Local<Value> *function) {
  if (object->InternalFieldCount() != 1) return false;
  Local<Private> key = mark_key(Isolate::GetCurrent());
  return object->HasPrivate(context, key).FromMaybe(false) &&
         object->GetPrivate(context, key).ToLocal(function);
}

} // namespace iso
