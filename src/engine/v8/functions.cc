/* Functions that leave their isolate, and those that stand for functions of others: which is which,
 * and for how long. calls.cc calls them. The same for a thread's context and for the host's. */
#include "engine/v8/functions.h"

#include <atomic>
#include <utility>

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

/* Relaxed: only that they differ matters. */
std::atomic<uint64_t> last_id;

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

functions_t *functions_of(const FunctionCallbackInfo<Value> &info) {
  return *static_cast<functions_t **>(compat::external_value(info.Data().As<v8::External>()));
}

Local<Private> mark_key(Isolate *isolate) {
  return Private::ForApi(isolate, text(isolate, "isolated-threads.function"));
}

Local<Private> pull_key(Isolate *isolate) {
  return Private::ForApi(isolate, text(isolate, "isolated-threads.pull"));
}

/* markFunction(function, isPull) */
void mark_function(const FunctionCallbackInfo<Value> &info) {
  Local<Object> mark;
  functions_t *functions = functions_of(info);
  Local<Context> context = info.GetIsolate()->GetCurrentContext();
  if (make_mark(functions, context, info[0], info[1]->IsTrue()).ToLocal(&mark))
    info.GetReturnValue().Set(mark);
}

/* isCalled(): does a call wait that only a turn of the loop begins? */
void is_called(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  info.GetReturnValue().Set(functions != nullptr && iso_home_has_arrivals(functions->home));
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

void release_function(functions_t *functions, Local<Context> context, iso_callable_t *callable) {
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
  if (!exported.is_pull) return;
  v8::TryCatch try_catch(functions->isolate);
  Local<Value> argument = function;
  /* It does not throw, unless it is being terminated. */
  (void) functions->hooks.released.Get(functions->isolate)
      ->Call(context, v8::Undefined(functions->isolate), 1, &argument)
      .IsEmpty();
}

} // namespace

uint64_t next_function_id() {
  return last_id.fetch_add(1, std::memory_order_relaxed) + 1;
}

functions_t *
create_functions(Isolate *isolate, iso_home_t *home, iso_account_t *account, shapes_t *shapes) {
  iso_home_retain(home);
  auto *functions = new functions_t{};
  functions->isolate = isolate;
  functions->home = home;
  functions->account = account;
  functions->shapes = shapes;
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
         take_hook("failure", &slots->failure) && take_hook("substitute", &slots->substitute) &&
         take_hook("released", &slots->released) && take_hook("open", &slots->open);
}

void abandon_functions(functions_t *functions) {
  for (auto &entry : functions->stubs)
    iso_callable_release(std::exchange(entry.second->callable, nullptr));
}

void destroy_functions(functions_t *functions) {
  if (functions == nullptr) return;
  while (!functions->running.empty())
    drop_running(functions, functions->running.begin()->first);
  for (iso_call_t *call : functions->in_hand)
    iso_call_release(call);
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
  add("isCalled", is_called);
}

bool take(functions_t *functions, iso_arrival_t *arrival) {
  return iso_home_take(functions->home, arrival);
}

bool receive(functions_t *functions, Local<Context> context, const iso_arrival_t &arrival) {
  v8::HandleScope scope(functions->isolate);
  if (arrival.call != nullptr) return begin_call(functions, context, arrival.call);
  if (arrival.answer != nullptr)
    settle_call(functions, context, arrival.answer);
  else
    release_function(functions, context, arrival.release);
  return true;
}

iso_callable_t *callable_of(functions_t *functions, Local<Function> function, bool is_pull) {
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
  uint64_t id = next_function_id();
  iso_callable_t *callable = iso_callable_create(functions->home, id);
  if (callable == nullptr) return nullptr;
  functions->exports.emplace(
      id, export_t{v8::Global<Function>(functions->isolate, function), callable, is_pull}
  );
  functions->by_hash.emplace(hash, id);
  iso_callable_retain(callable);
  return callable;
}

MaybeLocal<Object> function_of(
    functions_t *functions, Local<Context> context, iso_callable_t *callable, bool is_pull
) {
  Isolate *isolate = functions->isolate;
  if (iso_callable_home(callable) == functions->home) {
    auto exported = functions->exports.find(iso_callable_id(callable));
    if (exported != functions->exports.end())
      return exported->second.function.Get(isolate).As<Object>();
  }
  auto known = functions->stub_of.find(callable);
  if (known != functions->stub_of.end()) return known->second->function.Get(isolate);
  uint64_t id = next_function_id();
  Local<Value> argv[] = {
      v8::Number::New(isolate, static_cast<double>(id)), v8::Boolean::New(isolate, is_pull)};
  Local<Value> made;
  if (!functions->hooks.stub.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 2, argv)
           .ToLocal(&made))
    return {};
  auto function = made.As<Object>();
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
make_mark(functions_t *functions, Local<Context> context, Local<Value> function, bool is_pull) {
  Isolate *isolate = functions->isolate;
  Local<Object> mark;
  if (!functions->marks.Get(isolate)->NewInstance(context).ToLocal(&mark) ||
      mark->SetPrivate(context, mark_key(isolate), function).IsNothing() ||
      (is_pull && mark->SetPrivate(context, pull_key(isolate), v8::True(isolate)).IsNothing()))
    return {};
  return mark;
}

bool read_function_mark(
    Local<Context> context, Local<Object> object, Local<Value> *function, bool *is_pull
) {
  if (object->InternalFieldCount() != 1) return false;
  Isolate *isolate = Isolate::GetCurrent();
  Local<Private> key = mark_key(isolate);
  if (!object->HasPrivate(context, key).FromMaybe(false)) return false;
  *is_pull = object->HasPrivate(context, pull_key(isolate)).FromMaybe(false);
  return object->GetPrivate(context, key).ToLocal(function);
}

bool is_async_iterable(Local<Context> context, Local<Value> value) {
  if (!value->IsObject() || value->IsProxy() || value->IsArray() || value->IsArrayBufferView() ||
      value->IsArrayBuffer())
    return false;
  Local<Value> method;
  return value.As<Object>()
             ->Get(context, v8::Symbol::GetAsyncIterator(Isolate::GetCurrent()))
             .ToLocal(&method) &&
         method->IsFunction();
}

MaybeLocal<Promise> open_stream(
    functions_t *functions, Local<Context> context, Local<Value> generator, iso_message_t *opening
) {
  Isolate *isolate = functions->isolate;
  Local<Value> opened;
  Local<Value> mark;
  Local<Value> end;
  if (!functions->hooks.open.Get(isolate)
           ->Call(context, v8::Undefined(isolate), 1, &generator)
           .ToLocal(&opened) ||
      !opened.As<Object>()->Get(context, text(isolate, "mark")).ToLocal(&mark) ||
      !opened.As<Object>()->Get(context, text(isolate, "end")).ToLocal(&end) ||
      !encode(context, &mark, 1, opening, {functions->account, functions}))
    return {};
  return end.As<Promise>();
}

} // namespace iso
