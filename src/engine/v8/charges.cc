/* What an isolate's account pays for objects whose memory V8 takes by itself, past the allocator:
 * resizable buffers and WebAssembly memories. src/prelude/limits.js says which, and how much.
 *
 * A charge belongs to a token, an object that no code of the user's ever sees and that the paid
 * object keeps alive. When the token is collected the account has its bytes back. */
#include "engine/v8/v8_internal.h"

#include <uv.h>

#include "core/list.h"

namespace iso {

using v8::Context;
using v8::External;
using v8::FunctionCallbackInfo;
using v8::Isolate;
using v8::Local;
using v8::Object;
using v8::Private;
using v8::String;
using v8::Value;

struct charge_t {
  iso_link_t link;
  iso_account_t *account;
  size_t bytes;
  v8::Global<External> token;
};

struct charges_t {
  iso_list_t all;
};

namespace {

/* Beyond any limit. */
constexpr double kMaxBytes = 9007199254740991;

Local<Private> token_key(Isolate *isolate) {
  return Private::ForApi(isolate, String::NewFromUtf8Literal(isolate, "isolated-threads.charge"));
}

void refund(charge_t *charge) {
  iso_account_refund(charge->account, charge->bytes);
  charge->token.Reset();
  delete charge;
}

void end(charge_t *charge) {
  iso_list_remove(&charge->link);
  refund(charge);
}

void on_token_end(const v8::WeakCallbackInfo<charge_t> &info) {
  end(info.GetParameter());
}

void note_heap(Isolate *isolate, iso_account_t *account) {
  iso_heap_t heap;
  read_heap(isolate, &heap);
  iso_account_set_heap(account, heap.used_bytes);
}

/* What is garbage gets one chance to be collected. */
bool pay(Isolate *isolate, iso_account_t *account, size_t bytes) {
  if (bytes == 0) return true;
  /* As it is now, and not only as of the last collection: else it is the collection below that
   * finds all over the limit, and ends the thread where an exception would have done. */
  note_heap(isolate, account);
  if (iso_account_charge(account, bytes)) return true;
  uint64_t start_ns = uv_hrtime();
  if (bytes > iso_account_limit(account) || !iso_account_may_collect(account, start_ns))
    return false;
  isolate->LowMemoryNotification();
  note_heap(isolate, account);
  uint64_t end_ns = uv_hrtime();
  iso_account_collected(account, end_ns, end_ns - start_ns);
  return iso_account_charge(account, bytes);
}

/* Empty: refused. */
v8::MaybeLocal<External> make_token(iso_engine_t *engine, size_t bytes) {
  Isolate *isolate = engine->isolate;
  if (!pay(isolate, engine->account, bytes)) return {};
  auto *charge = new charge_t{{}, engine->account, bytes, {}};
  iso_list_append(&engine->charges->all, &charge->link);
  Local<External> token = compat::external(isolate, charge);
  charge->token.Reset(isolate, token);
  charge->token.SetWeak(charge, on_token_end, v8::WeakCallbackType::kParameter);
  return token;
}

bool change(Isolate *isolate, Local<Value> token, size_t bytes) {
  auto *charge = static_cast<charge_t *>(compat::external_value(token.As<External>()));
  size_t before = charge->bytes;
  if (bytes > before && !pay(isolate, charge->account, bytes - before)) return false;
  if (bytes < before) iso_account_refund(charge->account, before - bytes);
  charge->bytes = bytes;
  return true;
}

bool read_token(Local<Context> context, Local<Object> object, Local<Value> *token) {
  return object->GetPrivate(context, token_key(Isolate::GetCurrent())).ToLocal(token) &&
         (*token)->IsExternal();
}

iso_engine_t *engine_of(const FunctionCallbackInfo<Value> &info) {
  return static_cast<iso_engine_t *>(compat::external_value(info.Data().As<v8::External>()));
}

size_t bytes_of(Local<Value> value) {
  double bytes = value.As<v8::Number>()->Value();
  /* Not a number too. */
  if (!(bytes > 0)) return 0;
  return static_cast<size_t>(bytes < kMaxBytes ? bytes : kMaxBytes);
}

/* charge(bytes): a token, or undefined where that would cross the limit. */
void charge(const FunctionCallbackInfo<Value> &info) {
  Local<External> token;
  if (make_token(engine_of(info), bytes_of(info[0])).ToLocal(&token))
    info.GetReturnValue().Set(token);
}

/* recharge(token, bytes): that many from now on. False: refused, all is as before. */
void recharge(const FunctionCallbackInfo<Value> &info) {
  info.GetReturnValue().Set(change(info.GetIsolate(), info[0], bytes_of(info[1])));
}

/* hold(object, token): the object is what is paid for. */
void hold(const FunctionCallbackInfo<Value> &info) {
  Isolate *isolate = info.GetIsolate();
  /* Code inside may have put another thing in the object's place. */
  if (!info[0]->IsObject()) return;
  (void) info[0]
      .As<Object>()
      ->SetPrivate(isolate->GetCurrentContext(), token_key(isolate), info[1])
      .FromMaybe(false);
}

/* held(object): its token, or undefined. */
void held(const FunctionCallbackInfo<Value> &info) {
  Local<Value> token;
  if (!info[0]->IsObject()) return;
  if (read_token(info.GetIsolate()->GetCurrentContext(), info[0].As<Object>(), &token))
    info.GetReturnValue().Set(token);
}

} // namespace

charges_t *create_charges() {
  auto *charges = new charges_t;
  iso_list_init(&charges->all);
  return charges;
}

void destroy_charges(charges_t *charges) {
  iso_link_t *link = charges->all.next;
  while (link != &charges->all) {
    charge_t *charge = ISO_LIST_ITEM(link, charge_t, link);
    link = link->next;
    refund(charge);
  }
  delete charges;
}

void add_charge_natives(add_native_t add) {
  add("charge", charge);
  add("recharge", recharge);
  add("hold", hold);
  add("held", held);
}

bool charge_buffer(Local<Context> context, Local<v8::ArrayBuffer> buffer, iso_account_t *account) {
  if (iso_account_limit(account) == 0) return true;
  Isolate *isolate = Isolate::GetCurrent();
  auto *engine = static_cast<iso_engine_t *>(isolate->GetData(kEngineSlot));
  size_t bytes = buffer->ByteLength() + buffer->MaxByteLength() / ISO_RESERVED_PER_CHARGED;
  Local<External> token;
  return make_token(engine, bytes).ToLocal(&token) &&
         buffer->SetPrivate(context, token_key(isolate), token).FromMaybe(false);
}

void discharge_buffer(Local<Context> context, Local<v8::ArrayBuffer> buffer) {
  Local<Value> token;
  if (read_token(context, buffer, &token)) (void) change(Isolate::GetCurrent(), token, 0);
}

} // namespace iso
