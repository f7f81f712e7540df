/* The marks that transfer(value, list) makes: objects that stand for their value in a message, and
 * say which ArrayBuffers move with it. V8's serializer hands them to us because they have an
 * internal field; what they hold stands under private keys. */
#include "engine/v8/v8_internal.h"

namespace iso {
namespace {

using v8::Context;
using v8::Function;
using v8::FunctionCallbackInfo;
using v8::FunctionTemplate;
using v8::Isolate;
using v8::Local;
using v8::Object;
using v8::Private;
using v8::String;
using v8::Value;

Local<Private> value_key(Isolate *isolate) {
  return Private::ForApi(isolate, String::NewFromUtf8Literal(isolate, "isolated-threads.value"));
}

Local<Private> list_key(Isolate *isolate) {
  return Private::ForApi(isolate, String::NewFromUtf8Literal(isolate, "isolated-threads.list"));
}

/* transfer(value, list). Its data is the constructor of the marks. */
void transfer(const FunctionCallbackInfo<Value> &info) {
  Isolate *isolate = info.GetIsolate();
  Local<Context> context = isolate->GetCurrentContext();
  Local<Object> mark;
  if (!info.Data().As<Function>()->NewInstance(context).ToLocal(&mark)) return;
  if (mark->SetPrivate(context, value_key(isolate), info[0]).IsNothing() ||
      mark->SetPrivate(context, list_key(isolate), info[1]).IsNothing())
    return;
  info.GetReturnValue().Set(mark);
}

} // namespace

v8::MaybeLocal<Function> transfer_function(Local<Context> context) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<FunctionTemplate> marks = FunctionTemplate::New(isolate);
  marks->InstanceTemplate()->SetInternalFieldCount(1);
  Local<Function> constructor;
  if (!marks->GetFunction(context).ToLocal(&constructor)) return {};
  return Function::New(context, transfer, constructor);
}

bool read_mark(
    Local<Context> context, Local<Value> value, Local<Value> *inner, Local<Value> *list
) {
  if (!value->IsObject()) return false;
  Local<Object> object = value.As<Object>();
  /* Most objects have no internal fields, and are asked no further. */
  if (object->InternalFieldCount() != 1) return false;
  Isolate *isolate = Isolate::GetCurrent();
  return object->HasPrivate(context, list_key(isolate)).FromMaybe(false) &&
         object->GetPrivate(context, value_key(isolate)).ToLocal(inner) &&
         object->GetPrivate(context, list_key(isolate)).ToLocal(list);
}

} // namespace iso
