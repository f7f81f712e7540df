/* The host's side: the isolate that loaded the library, through Node's embedder interface. */
#include "engine/v8/v8_internal.h"

#include <cstring>

#include "core/error.h"

namespace {

using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::Value;

/* A napi_value and a Local are both one pointer to a handle's slot; Node-API is built on that. */
static_assert(sizeof(iso_value_t) == sizeof(Local<Value>));

Local<Value> to_local(iso_value_t value) {
  Local<Value> local;
  std::memcpy(static_cast<void *>(&local), &value, sizeof(local));
  return local;
}

iso_value_t from_local(Local<Value> local) {
  iso_value_t value = nullptr;
  std::memcpy(static_cast<void *>(&value), static_cast<void *>(&local), sizeof(local));
  return value;
}

/* Made by the first decoding in an environment, freed at its end. */
thread_local iso::shapes_t *host_shapes;

iso::shapes_t *shapes_of_host(Isolate *isolate) {
  if (host_shapes != nullptr) return host_shapes;
  host_shapes = iso::create_shapes();
  node::AddEnvironmentCleanupHook(
      isolate,
      [](void *) {
        iso::destroy_shapes(host_shapes);
        host_shapes = nullptr;
      },
      nullptr
  );
  return host_shapes;
}

/* As host_shapes; set by lib/binding.js. */
thread_local iso::functions_t *host_functions;

Local<Context> current_context() {
  return Isolate::GetCurrent()->GetCurrentContext();
}

} // namespace

void *iso_host_platform(void) {
  return node::GetMultiIsolatePlatform(node::GetCurrentEnvironment(current_context()));
}

void iso_host_at_exit(void (*callback)(void *data), void *data) {
  node::AtExit(node::GetCurrentEnvironment(current_context()), callback, data);
}

int iso_host_encode(
    const iso_value_t *values, size_t count, const iso_moves_t *moves, iso_message_t *message,
    iso_value_t *exception
) {
  Isolate *isolate = Isolate::GetCurrent();
  /* An array of handles of the one kind is an array of the other. */
  auto *locals = reinterpret_cast<const Local<Value> *>(values);
  bool has_list = moves != nullptr && moves->list != nullptr;
  if (!has_list && iso::encode_flat(isolate, locals, count, message)) return ISO_OK;
  v8::TryCatch try_catch(isolate);
  iso::encode_options_t options;
  options.functions = host_functions;
  options.shapes = shapes_of_host(isolate);
  int refusal = ISO_OK;
  options.moves = moves;
  options.refusal = &refusal;
  if (has_list) options.transfer = to_local(moves->list);
  if (iso::encode(isolate->GetCurrentContext(), locals, count, message, options)) return ISO_OK;
  iso_message_reset(message);
  if (refusal != ISO_OK) return refusal;
  *exception = from_local(
      try_catch.HasCaught() ? try_catch.Exception() : v8::Undefined(isolate).As<Value>()
  );
  return ISO_ECLONE;
}

namespace {

void on_call(const v8::FunctionCallbackInfo<Value> &info) {
  constexpr size_t kInline = 16;
  const auto *function = static_cast<const iso_host_function_t *>(
      iso::compat::external_value(info.Data().As<v8::External>())
  );
  auto count = static_cast<size_t>(info.Length());
  iso_value_t inline_values[kInline];
  std::vector<iso_value_t> more;
  iso_value_t *values = inline_values;
  if (count > kInline) {
    more.resize(count);
    values = more.data();
  }
  for (size_t i = 0; i < count; i++)
    values[i] = from_local(info[static_cast<int>(i)]);
  iso_value_t result = function->callback(function->data, values, count);
  if (result != nullptr) info.GetReturnValue().Set(to_local(result));
}

} // namespace

iso_value_t iso_host_function(const iso_host_function_t *function) {
  auto *pointer = const_cast<iso_host_function_t *>(function);
  Local<v8::External> data = iso::compat::external(Isolate::GetCurrent(), pointer);
  Local<v8::Function> made;
  if (!v8::Function::New(current_context(), on_call, data).ToLocal(&made)) return nullptr;
  return from_local(made);
}

iso_value_t iso_host_handle(void *pointer) {
  return from_local(iso::compat::external(Isolate::GetCurrent(), pointer));
}

void *iso_host_pointer(iso_value_t handle) {
  return iso::compat::external_value(to_local(handle).As<v8::External>());
}

static int decode_value(iso_message_t *message, bool is_shared, iso_value_t *value) {
  Isolate *isolate = Isolate::GetCurrent();
  v8::TryCatch try_catch(isolate);
  std::vector<Local<Value>> values;
  if (!iso::decode(
          current_context(), message, {nullptr, shapes_of_host(isolate), host_functions, is_shared},
          &values
      )) {
    *value = from_local(try_catch.Exception());
    return ISO_EXCEPTION;
  }
  *value = from_local(
      values.empty() ? v8::Undefined(Isolate::GetCurrent()).As<Value>() : values.front()
  );
  return ISO_OK;
}

int iso_host_decode(const iso_message_t *message, iso_value_t *value) {
  return decode_value(const_cast<iso_message_t *>(message), true, value);
}

namespace {

using Resolver = v8::Promise::Resolver;
using Deferred = v8::Global<Resolver>;

static_assert(sizeof(Deferred) == sizeof(iso_deferred_t));

/* Nobody calls the destructor: at the end of its environment a promise is let go with it. */
Deferred *deferred_of(iso_deferred_t *deferred) {
  return reinterpret_cast<Deferred *>(deferred);
}

/* A number is kept as itself, doubled, plus one: nothing that V8 points to has an odd address. */
constexpr uint32_t kLeastHandled = 1U << 30;

uintptr_t bits_of(const iso_deferred_t *deferred) {
  return reinterpret_cast<uintptr_t>(deferred->promise);
}

bool is_number(const iso_deferred_t *deferred) {
  return (bits_of(deferred) & 1) != 0;
}

void conclude(Isolate *isolate, iso_deferred_t *deferred, Local<Value> value, bool is_rejection) {
  Local<Context> context = isolate->GetCurrentContext();
  Local<Resolver> resolver = deferred_of(deferred)->Get(isolate);
  deferred_of(deferred)->Reset();
  /* They fail only where the environment is being terminated. */
  if (is_rejection)
    (void) resolver->Reject(context, value).FromMaybe(false);
  else
    (void) resolver->Resolve(context, value).FromMaybe(false);
}

} // namespace

iso_value_t iso_host_promise(void) {
  Local<Resolver> resolver;
  if (!Resolver::New(current_context()).ToLocal(&resolver)) return nullptr;
  return from_local(resolver->GetPromise());
}

void iso_host_defer(iso_deferred_t *deferred, iso_value_t promise) {
  Local<Value> value = to_local(promise);
  if (value->IsUint32() && value.As<v8::Uint32>()->Value() < kLeastHandled) {
    uintptr_t bits = uintptr_t{value.As<v8::Uint32>()->Value()} * 2 + 1;
    std::memcpy(&deferred->promise, &bits, sizeof(bits));
    return;
  }
  /* To V8, a resolver is its promise. */
  ::new (static_cast<void *>(deferred)) Deferred(Isolate::GetCurrent(), value.As<Resolver>());
}

void iso_host_conclude(iso_deferred_t *deferred, iso_value_t value, bool is_rejection) {
  conclude(Isolate::GetCurrent(), deferred, to_local(value), is_rejection);
}

iso_value_t iso_host_undefer(iso_deferred_t *deferred) {
  if (is_number(deferred)) {
    auto number = static_cast<uint32_t>(bits_of(deferred) / 2);
    return from_local(v8::Integer::NewFromUnsigned(Isolate::GetCurrent(), number).As<Value>());
  }
  Local<Value> object = deferred_of(deferred)->Get(Isolate::GetCurrent());
  deferred_of(deferred)->Reset();
  return from_local(object);
}

int iso_host_take(iso_message_t *message, iso_value_t *value) {
  Local<Value> simple;
  if (message->count != 1 || !iso::decode_simple(Isolate::GetCurrent(), message, &simple))
    return decode_value(message, false, value);
  *value = from_local(simple);
  return ISO_OK;
}

void iso_host_settle(iso_deferred_t *deferred, iso_message_t *message) {
  Isolate *isolate = Isolate::GetCurrent();
  v8::HandleScope scope(isolate);
  iso_value_t value = nullptr;
  bool is_rejection = iso_host_take(message, &value) != ISO_OK;
  conclude(isolate, deferred, to_local(value), is_rejection);
}

iso_value_t iso_host_transfer_function(void) {
  Local<v8::Function> function;
  if (!iso::transfer_function(current_context()).ToLocal(&function)) return nullptr;
  return from_local(function);
}

void iso_host_locate(iso_value_t function, iso_value_t *file, int32_t *line, int32_t *column) {
  auto target = to_local(function).As<v8::Function>();
  Local<Value> name = target->GetScriptOrigin().ResourceName();
  *file = from_local(name.IsEmpty() ? v8::Undefined(Isolate::GetCurrent()).As<Value>() : name);
  *line = target->GetScriptLineNumber();
  *column = target->GetScriptColumnNumber();
}

bool iso_host_cloneable(iso_value_t value) {
  v8::TryCatch try_catch(Isolate::GetCurrent());
  iso_message_t message;
  iso_message_init(&message);
  Local<Value> local = to_local(value);
  iso::encode_options_t options;
  options.is_trial = true;
  bool is_cloned = iso::encode(current_context(), &local, 1, &message, options);
  iso_message_reset(&message);
  return is_cloned;
}

int iso_host_open_functions(iso_home_t *home, iso_value_t hooks) {
  Isolate *isolate = Isolate::GetCurrent();
  iso::functions_t *functions =
      iso::create_functions(isolate, home, nullptr, shapes_of_host(isolate));
  if (!iso::open_functions(functions, current_context(), to_local(hooks).As<v8::Object>())) {
    iso::destroy_functions(functions);
    return ISO_ESTART;
  }
  host_functions = functions;
  node::AddEnvironmentCleanupHook(
      isolate,
      [](void *) {
        iso::destroy_functions(host_functions);
        host_functions = nullptr;
      },
      nullptr
  );
  return ISO_OK;
}

iso_value_t iso_host_remote_natives(void) {
  Local<v8::Object> natives = v8::Object::New(Isolate::GetCurrent());
  iso::add_remote_natives(current_context(), natives, &host_functions);
  return from_local(natives);
}

void iso_host_receive(const iso_arrival_t *arrival) {
  Isolate *isolate = Isolate::GetCurrent();
  v8::HandleScope scope(isolate);
  /* Without the functions, nobody is there to hear. */
  if (host_functions != nullptr) (void) iso::receive(host_functions, current_context(), *arrival);
}
