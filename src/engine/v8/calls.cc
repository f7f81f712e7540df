/* Calls of functions elsewhere, and calls that have come from there: what remote.h needs of V8. The
 * same for a thread's context and for the host's. */
#include "engine/v8/functions.h"

#include "core/error.h"

namespace iso {

using v8::Array;
using v8::Context;
using v8::FunctionCallbackInfo;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Promise;
using v8::String;
using v8::Value;

namespace {

Local<String> text(Isolate *isolate, const char *utf8) {
  return String::NewFromUtf8(isolate, utf8, v8::NewStringType::kInternalized).ToLocalChecked();
}

/* A reference to a call, for as long as a function runs. */
class Hand {
public:
  explicit Hand(functions_t *functions) : functions_(functions), call_(nullptr) {}
  Hand(functions_t *functions, iso_call_t *call) : Hand(functions) { take(call); }
  Hand(const Hand &) = delete;
  Hand &operator=(const Hand &) = delete;
  ~Hand() {
    if (call_ != nullptr) iso_call_release(give());
  }

  iso_call_t *get() const { return call_; }

  void take(iso_call_t *call) {
    call_ = call;
    functions_->in_hand.push_back(call);
  }

  iso_call_t *give() {
    iso_call_t *call = call_;
    call_ = nullptr;
    /* Hands are nested. */
    functions_->in_hand.pop_back();
    return call;
  }

private:
  functions_t *functions_;
  iso_call_t *call_;
};

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

void throw_failure(functions_t *functions, Local<Context> context, int status) {
  Local<Value> failure;
  if (make_failure(functions, context, status, v8::Undefined(functions->isolate)).ToLocal(&failure))
    functions->isolate->ThrowException(failure);
}

bool read_values(
    functions_t *functions, Local<Context> context, iso_message_t *message,
    std::vector<Local<Value>> *values
) {
  side_t side = {functions->account, functions->shapes, functions, false};
  return decode(context, message, side, values);
}

/* The answer of a call as a value (true), or as what to throw; empty: it is being terminated. */
MaybeLocal<Value>
read_answer(functions_t *functions, Local<Context> context, iso_call_t *call, bool *is_ok) {
  Isolate *isolate = functions->isolate;
  v8::TryCatch try_catch(isolate);
  Local<Value> value = v8::Undefined(isolate);
  *is_ok = call->status == ISO_OK;
  if (*is_ok || call->status == ISO_EXCEPTION) {
    std::vector<Local<Value>> values;
    if (!read_values(functions, context, &call->message, &values)) {
      if (!try_catch.CanContinue()) return {};
      *is_ok = false;
      return try_catch.Exception();
    }
    if (!values.empty()) value = values.front();
    if (*is_ok) return value;
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

/* A call of the stub with the id in info[0], with the arguments in info[1]. False: an exception is
 * pending. */
bool prepare(
    functions_t *functions, Local<Context> context, const FunctionCallbackInfo<Value> &info,
    Hand *out
) {
  auto found = functions->stubs.find(id_of(info[0]));
  if (found == functions->stubs.end()) {
    throw_failure(functions, context, ISO_EDISPOSED);
    return false;
  }
  iso_call_t *call = iso_call_create(functions->home, found->second->callable);
  if (call == nullptr) {
    throw_error(info.GetIsolate(), "no memory for the call");
    return false;
  }
  out->take(call);
  auto array = info[1].As<Array>();
  std::vector<Local<Value>> values(array->Length());
  for (uint32_t i = 0; i < values.size(); i++)
    if (!array->Get(context, i).ToLocal(&values[i])) return false;
  encode_options_t options(functions->account, functions);
  return encode(context, values.data(), values.size(), &call->message, options);
}

} // namespace

void call_remote(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  if (functions == nullptr) return;
  Local<Context> context = info.GetIsolate()->GetCurrentContext();
  Hand hand(functions);
  Local<Promise::Resolver> resolver;
  if (!prepare(functions, context, info, &hand)) return;
  if (!Promise::Resolver::New(context).ToLocal(&resolver)) return;
  iso_call_t *call = hand.get();
  uint64_t id = next_function_id();
  call->id = id;
  call->is_quiet = info[2]->IsTrue();
  /* Code that calls and calls without ever awaiting would never get to them. */
  iso_arrival_t arrival{};
  while (iso_home_take_answer(functions->home, &arrival))
    (void) receive(functions, context, arrival);
  functions->pending.emplace(id, v8::Global<Promise::Resolver>(functions->isolate, resolver));
  int status = iso_call_send(call);
  if (status != ISO_OK) {
    functions->pending.erase(id);
    throw_failure(functions, context, status);
    return;
  }
  (void) hand.give();
  info.GetReturnValue().Set(resolver->GetPromise());
}

void call_remote_sync(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  if (functions == nullptr) return;
  Isolate *isolate = info.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  Hand hand(functions);
  if (!prepare(functions, context, info, &hand)) return;
  iso_call_t *call = hand.get();
  call->is_sync = true;
  int status = iso_call_send(call);
  if (status != ISO_OK) {
    throw_failure(functions, context, status);
    return;
  }
  /* Else it is being terminated, which V8 will see when this returns. */
  if (iso_call_wait(call) != ISO_OK) return;
  bool is_ok = false;
  Local<Value> value;
  if (!read_answer(functions, context, call, &is_ok).ToLocal(&value)) return;
  if (is_ok)
    info.GetReturnValue().Set(value);
  else
    isolate->ThrowException(value);
}

void answer_remote(const FunctionCallbackInfo<Value> &info) {
  functions_t *functions = functions_of(info);
  if (functions == nullptr) return;
  auto found = functions->running.find(id_of(info[0]));
  if (found == functions->running.end()) return;
  running_t *running = &found->second;
  bool is_error = info[1]->IsTrue();
  encode_options_t options(functions->account, is_error ? nullptr : functions);
  Local<Value> value = info[2];
  iso_message_reset(&running->message);
  if (!encode(info.GetIsolate()->GetCurrentContext(), &value, 1, &running->message, options))
    return;
  iso_call_finish(running->call, &running->message, is_error ? ISO_EXCEPTION : ISO_OK);
  iso_message_reset(&running->message);
  functions->running.erase(id_of(info[0]));
}

void drop_running(functions_t *functions, uint64_t id) {
  auto found = functions->running.find(id);
  if (found == functions->running.end()) return;
  iso_call_finish(found->second.call, nullptr, ISO_EDISPOSED);
  iso_message_reset(&found->second.message);
  functions->running.erase(found);
}

bool begin_call(functions_t *functions, Local<Context> context, iso_call_t *call) {
  Isolate *isolate = functions->isolate;
  v8::TryCatch try_catch(isolate);
  uint64_t id = next_function_id();
  running_t *running = &functions->running[id];
  running->call = call;
  iso_message_init(&running->message);
  iso_call_begin(call, &running->message);
  auto found = functions->exports.find(iso_callable_id(call->target));
  if (found == functions->exports.end()) {
    drop_running(functions, id);
    return true;
  }
  Local<v8::Function> function = found->second.function.Get(isolate);
  std::vector<Local<Value>> values;
  Local<Value> problem = v8::Undefined(isolate);
  bool can_go_on = true;
  if (!read_values(functions, context, &running->message, &values)) {
    can_go_on = try_catch.CanContinue();
    problem = try_catch.Exception();
    try_catch.Reset();
  }
  iso_message_reset(&running->message);
  Local<Value> argv[] = {
      function, Array::New(isolate, values.data(), values.size()),
      v8::Number::New(isolate, static_cast<double>(id)), problem};
  if (can_go_on && !functions->hooks.invoke.Get(isolate)
                        ->Call(context, v8::Undefined(isolate), 4, argv)
                        .IsEmpty())
    return true;
  drop_running(functions, id);
  return false;
}

void settle_call(functions_t *functions, Local<Context> context, iso_call_t *call) {
  Hand hand(functions, call);
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
  iso_call_settled(hand.give());
}

} // namespace iso
