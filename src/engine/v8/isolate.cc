/* One isolate, from node::NewIsolate to its disposal, and the calls into it. */
#include "engine/v8/v8_internal.h"

#include <uv.h>

#include "core/error.h"

namespace {

using v8::Context;
using v8::Function;
using v8::HandleScope;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::Promise;
using v8::String;
using v8::TryCatch;
using v8::Value;

/* Everything that a call into the isolate needs open; the context is entered all the time. */
struct entry_t {
  explicit entry_t(iso_engine_t *engine)
      : scope(engine->isolate), context(engine->context.Get(engine->isolate)),
        try_catch(engine->isolate) {}

  HandleScope scope;
  Local<Context> context;
  TryCatch try_catch;
};

/* The description of an exception, as the prelude makes it, into `message`. */
int put_exception(
    iso_engine_t *engine, Local<Context> context, const v8::Global<Function> &describe, int argc,
    Local<Value> *argv, iso_message_t *message
) {
  TryCatch try_catch(engine->isolate);
  Local<Value> description;
  iso_message_reset(message);
  if (describe.Get(engine->isolate)
          ->Call(context, v8::Undefined(engine->isolate), argc, argv)
          .ToLocal(&description) &&
      iso::encode(context, &description, 1, message, {engine->account}))
    return ISO_EXCEPTION;
  if (engine->isolate->IsExecutionTerminating()) return ISO_ETERMINATED;
  /* So little stack or memory is left that nothing can be said of it. */
  iso_message_reset(message);
  return iso_message_put_tag(message, ISO_TAG_UNDEFINED) == ISO_OK ? ISO_EXCEPTION : ISO_ENOMEM;
}

int put_thrown(
    iso_engine_t *engine, Local<Context> context, Local<Value> exception, iso_message_t *message
) {
  return put_exception(engine, context, engine->prelude.describe, 1, &exception, message);
}

int put_caught(iso_engine_t *engine, entry_t *entry, iso_message_t *message) {
  Local<Value> exception = entry->try_catch.Exception();
  /* V8 runs nothing well while one is pending. */
  entry->try_catch.Reset();
  return put_thrown(engine, entry->context, exception, message);
}

/* `message` is empty: what was in it has been decoded. */
int put_result(
    iso_engine_t *engine, Local<Context> context, Local<Value> result, iso_message_t *message
) {
  if (iso::encode_flat(engine->isolate, &result, 1, message)) return ISO_OK;
  TryCatch try_catch(engine->isolate);
  iso::encode_options_t options(engine->account, engine->functions);
  options.shapes = engine->shapes;
  if (iso::encode(context, &result, 1, message, options)) return ISO_OK;
  /* A termination may have been asked for anew, with nothing thrown. */
  if (!try_catch.CanContinue() || !try_catch.HasCaught()) return ISO_ETERMINATED;
  Local<Value> argv[] = {result, try_catch.Exception()};
  try_catch.Reset();
  return put_exception(engine, context, engine->prelude.describe_uncloneable, 2, argv, message);
}

void warn(iso_engine_t *engine, Local<Context> context, const char *what, Local<Value> reason) {
  TryCatch try_catch(engine->isolate);
  Local<Value> argv[] = {String::NewFromUtf8(engine->isolate, what).ToLocalChecked(), reason};
  Local<Function> function = engine->prelude.warn.Get(engine->isolate);
  /* It does not throw, unless it is being terminated. */
  (void) function->Call(context, v8::Undefined(engine->isolate), 2, argv).IsEmpty();
}

/* Runs every job that is ready, and tells of what nobody has handled. False: terminated. */
bool run_jobs(iso_engine_t *engine, Local<Context> context) {
  Isolate *isolate = engine->isolate;
  isolate->PerformMicrotaskCheckpoint();
  if (engine->rejections.empty() && engine->uncaught.empty())
    return !isolate->IsExecutionTerminating();
  auto rejections = std::move(engine->rejections);
  auto uncaught = std::move(engine->uncaught);
  engine->rejections.clear();
  engine->uncaught.clear();
  Local<Promise> awaited = engine->promise.Get(isolate);
  for (auto &rejection : rejections) {
    Local<Promise> promise = rejection.Get(isolate);
    if (promise->HasHandler() || promise == awaited) continue;
    warn(engine, context, "unhandledRejection", promise->Result());
  }
  for (auto &exception : uncaught)
    warn(engine, context, "uncaughtException", exception.Get(isolate));
  return !isolate->IsExecutionTerminating();
}

int poll(iso_engine_t *engine, Local<Context> context, iso_message_t *message);

/* The call goes on until its generator's stream is over. */
int stream(
    iso_engine_t *engine, Local<Context> context, Local<Value> generator, iso_message_t *message
) {
  TryCatch try_catch(engine->isolate);
  Local<Promise> end;
  iso_message_t opening;
  iso_message_init(&opening);
  if (iso::open_stream(engine->functions, context, generator, &opening).ToLocal(&end)) {
    engine->hooks->stream(engine->hooks_data, &opening);
    engine->promise.Reset(engine->isolate, end);
    engine->pending = iso_pending_t::stream;
    return poll(engine, context, message);
  }
  iso_message_reset(&opening);
  if (!try_catch.CanContinue() || !try_catch.HasCaught()) return ISO_ETERMINATED;
  Local<Value> exception = try_catch.Exception();
  try_catch.Reset();
  return put_thrown(engine, context, exception, message);
}

/* The end of a load, a call or a stream that gave `value`. */
int settle(
    iso_engine_t *engine, Local<Context> context, iso_pending_t pending, Local<Value> value,
    iso_message_t *message
) {
  if (pending == iso_pending_t::call && value->IsGeneratorObject())
    return stream(engine, context, value, message);
  if (pending != iso_pending_t::load) return put_result(engine, context, value, message);
  if (!value->IsFunction()) return ISO_EXCEPTION;
  engine->function.Reset(engine->isolate, value.As<Function>());
  return ISO_OK;
}

int poll(iso_engine_t *engine, Local<Context> context, iso_message_t *message) {
  Isolate *isolate = engine->isolate;
  Local<Promise> promise = engine->promise.Get(isolate);
  if (!run_jobs(engine, context)) return ISO_ETERMINATED;
  if (promise->State() == Promise::kPending) return ISO_PENDING;
  iso_pending_t pending = engine->pending;
  engine->pending = iso_pending_t::none;
  engine->promise.Reset();
  if (promise->State() == Promise::kFulfilled)
    return settle(engine, context, pending, promise->Result(), message);
  promise->MarkAsHandled();
  return put_thrown(engine, context, promise->Result(), message);
}

enum class Awaits { no, perhaps, terminated };

/* Is there nothing to be awaited? An accessor is looked at here, and once more by who awaits what
 * it gives or throws. */
Awaits look(iso_engine_t *engine, Local<Context> context, Local<Value> value) {
  if (!value->IsObject()) return Awaits::no;
  if (value->IsPromise() || value->IsProxy()) return Awaits::perhaps;
  TryCatch try_catch(engine->isolate);
  Local<Value> then;
  if (value.As<Object>()->Get(context, engine->then.Get(engine->isolate)).ToLocal(&then))
    return then->IsFunction() ? Awaits::perhaps : Awaits::no;
  return try_catch.CanContinue() ? Awaits::perhaps : Awaits::terminated;
}

/* What a call has returned, awaited if it can be. */
int await(
    iso_engine_t *engine, Local<Context> context, iso_pending_t pending, Local<Value> value,
    iso_message_t *message
) {
  Awaits awaits = look(engine, context, value);
  if (awaits == Awaits::terminated) return ISO_ETERMINATED;
  if (awaits == Awaits::no) {
    if (!run_jobs(engine, context)) return ISO_ETERMINATED;
    return settle(engine, context, pending, value, message);
  }
  Local<Promise> promise;
  if (value->IsPromise()) {
    promise = value.As<Promise>();
  } else {
    /* It may be a thenable; resolving finds out, as await does. */
    Local<Promise::Resolver> resolver;
    if (!Promise::Resolver::New(context).ToLocal(&resolver) ||
        resolver->Resolve(context, value).IsNothing())
      return ISO_ETERMINATED;
    promise = resolver->GetPromise();
  }
  engine->promise.Reset(engine->isolate, promise);
  engine->pending = pending;
  return poll(engine, context, message);
}

struct arguments_t {
  size_t count;
  Local<Value> *values;
};

int call(
    iso_engine_t *engine, entry_t *entry, iso_pending_t pending, Local<Function> function,
    const arguments_t &arguments, iso_message_t *message
) {
  Local<Value> result;
  Local<Value> receiver = v8::Undefined(engine->isolate);
  auto argc = static_cast<int>(arguments.count);
  if (function->Call(entry->context, receiver, argc, arguments.values).ToLocal(&result))
    return await(engine, entry->context, pending, result, message);
  if (!entry->try_catch.CanContinue()) return ISO_ETERMINATED;
  Local<Value> exception = entry->try_catch.Exception();
  entry->try_catch.Reset();
  if (!run_jobs(engine, entry->context)) return ISO_ETERMINATED;
  return put_thrown(engine, entry->context, exception, message);
}

} // namespace

/* A context with the prelude in it, entered until another one takes its place. */
static bool create_context(iso_engine_t *engine) {
  HandleScope scope(engine->isolate);
  Local<Context> context = Context::New(engine->isolate);
  if (context.IsEmpty()) return false;
  context->AllowCodeGenerationFromStrings(engine->has_free_eval);
  context->Enter();
  engine->context.Reset(engine->isolate, context);
  return iso::run_prelude(engine, context);
}

static void leave_context(iso_engine_t *engine) {
  HandleScope scope(engine->isolate);
  if (!engine->context.IsEmpty()) engine->context.Get(engine->isolate)->Exit();
  engine->context.Reset();
}

static void forget_pending(iso_engine_t *engine) {
  engine->pending = iso_pending_t::none;
  engine->promise.Reset();
  engine->rejections.clear();
  engine->uncaught.clear();
}

int iso_engine_create(const iso_engine_config_t *config, iso_engine_t **out) {
  Isolate *isolate = iso::create_bare(config);
  if (isolate == nullptr) return ISO_ESTART;
  auto *engine = new iso_engine_s{};
  engine->isolate = isolate;
  engine->platform = static_cast<node::MultiIsolatePlatform *>(config->platform);
  engine->loop = config->loop;
  engine->hooks = config->hooks;
  engine->allow_eval = true;
  engine->has_free_eval = true;
  engine->hooks_data = config->hooks_data;
  engine->account = config->account;
  engine->shapes = iso::create_shapes();
  engine->charges = iso::create_charges();
  isolate->SetData(iso::kEngineSlot, engine);
  isolate->Enter();
  ::new (static_cast<void *>(engine->base_scope)) HandleScope(isolate);
  /* With a handle in it V8 keeps a block for more, and need not ask for one at each call. */
  Local<Value>::New(isolate, v8::Undefined(isolate));
  engine->functions = iso::create_functions(isolate, config->home, engine->account, engine->shapes);
  iso::listen(isolate);
  engine->then.Reset(isolate, String::NewFromUtf8Literal(isolate, "then"));
  iso::catch_limits(engine);

  if (!create_context(engine)) {
    iso_engine_destroy(engine, false);
    return ISO_ESTART;
  }
  *out = engine;
  return ISO_OK;
}

void iso_engine_limit(iso_engine_t *engine, const iso_engine_limits_t *limits) {
  Isolate *isolate = engine->isolate;
  HandleScope scope(isolate);
  engine->allow_eval = limits->allow_eval;
  engine->has_free_eval = limits->allow_eval && limits->heap_bytes == 0;
  engine->context.Get(isolate)->AllowCodeGenerationFromStrings(engine->has_free_eval);
  if (!limits->allow_wasm) iso::forbid_wasm(isolate);
  if (limits->heap_bytes != 0) iso::set_heap_limit(engine, limits->heap_bytes);
}

int iso_engine_renew(iso_engine_t *engine, iso_home_t *home) {
  Isolate *isolate = engine->isolate;
  forget_pending(engine);
  iso::clear_shapes(engine->shapes);
  engine->function.Reset();
  leave_context(engine);
  iso::destroy_functions(engine->functions);
  engine->functions = iso::create_functions(isolate, home, engine->account, engine->shapes);
  isolate->ContextDisposedNotification();
  if (create_context(engine)) return ISO_OK;
  return isolate->IsExecutionTerminating() ? ISO_ETERMINATED : ISO_ESTART;
}

void iso_engine_destroy(iso_engine_t *engine, bool is_emptied) {
  Isolate *isolate = engine->isolate;
  uv_loop_s *loop = engine->loop;
  node::MultiIsolatePlatform *platform = engine->platform;
  /* What is entered is no garbage. */
  if (is_emptied) leave_context(engine);
  /* Its handles go before the isolate does. */
  iso::unset_limits(engine);
  iso::destroy_shapes(engine->shapes);
  iso::destroy_charges(engine->charges);
  iso::destroy_functions(engine->functions);
  reinterpret_cast<HandleScope *>(engine->base_scope)->~HandleScope();
  delete engine;
  isolate->SetData(iso::kEngineSlot, nullptr);
  if (is_emptied) iso::compat::give_pages_back(isolate);
  isolate->Exit();
  bool is_finished = false;
  platform->AddIsolateFinishedCallback(
      isolate, [](void *flag) { *static_cast<bool *>(flag) = true; }, &is_finished
  );
  iso::compat::dispose_isolate(platform, isolate);
  while (!is_finished)
    uv_run(loop, UV_RUN_ONCE);
}

int iso_engine_load(iso_engine_t *engine, const iso_message_t *source, iso_message_t *error) {
  entry_t entry(engine);
  std::vector<Local<Value>> values;
  iso::side_t side = {engine->account, engine->shapes, nullptr, true};
  if (!iso::decode(entry.context, const_cast<iso_message_t *>(source), side, &values))
    return put_caught(engine, &entry, error);
  Local<Function> load = engine->prelude.load.Get(engine->isolate);
  return call(engine, &entry, iso_pending_t::load, load, {values.size(), values.data()}, error);
}

int iso_engine_call(iso_engine_t *engine, iso_message_t *message) {
  constexpr size_t kFew = 4;
  entry_t entry(engine);
  Local<Value> few[kFew];
  std::vector<Local<Value>> values;
  iso::side_t side = {engine->account, engine->shapes, engine->functions, false};
  bool are_simple = message->count <= kFew && iso::decode_simple(engine->isolate, message, few);
  bool ok = are_simple || (iso::fits(engine->account, message) &&
                           iso::decode(entry.context, message, side, &values));
  if (!ok) {
    if (!entry.try_catch.CanContinue()) return ISO_ETERMINATED;
    return put_caught(engine, &entry, message);
  }
  auto argc = static_cast<size_t>(message->count);
  iso_message_reset(message);
  Local<Function> function = engine->function.Get(engine->isolate);
  arguments_t arguments = {values.size(), values.data()};
  if (are_simple) arguments = {argc, few};
  return call(engine, &entry, iso_pending_t::call, function, arguments, message);
}

int iso_engine_poll(iso_engine_t *engine, iso_message_t *message) {
  entry_t entry(engine);
  return poll(engine, entry.context, message);
}

void iso_engine_receive(iso_engine_t *engine, unsigned limit) {
  entry_t entry(engine);
  iso_arrival_t arrival{};
  for (unsigned i = 0; i < limit && !engine->isolate->IsExecutionTerminating(); i++) {
    if (!iso::take(engine->functions, &arrival)) return;
    if (!iso::receive(engine->functions, entry.context, arrival)) return;
  }
}

void iso_engine_rest(iso_engine_t *engine) {
  HandleScope scope(engine->isolate);
  iso::keep_prelude(engine);
}

void iso_engine_idle(iso_engine_t *engine) {
  entry_t entry(engine);
  run_jobs(engine, entry.context);
}

void iso_engine_heap(iso_engine_t *engine, iso_heap_t *out) {
  iso::read_heap(engine->isolate, out);
}

void iso_engine_collect(iso_engine_t *engine) {
  engine->isolate->LowMemoryNotification();
}

void iso_engine_terminate(iso_engine_t *engine) {
  engine->isolate->TerminateExecution();
}

void iso_engine_resume(iso_engine_t *engine) {
  engine->isolate->CancelTerminateExecution();
}

void iso_engine_drop_jobs(iso_engine_t *engine) {
  Isolate *isolate = engine->isolate;
  entry_t entry(engine);
  /* The first termination may be used up. The next job meets this one, and V8 then forgets all. */
  isolate->TerminateExecution();
  isolate->PerformMicrotaskCheckpoint();
  isolate->TerminateExecution();
  forget_pending(engine);
}

void iso_engine_abandon(iso_engine_t *engine) {
  iso::abandon_functions(engine->functions);
  engine->platform->UnregisterIsolate(engine->isolate);
}
