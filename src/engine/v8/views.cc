/* Views of buffers: what kind one is, making one, and those that only V8 can describe. */
#include "engine/v8/v8_internal.h"

namespace iso {
namespace {

using v8::ArrayBuffer;
using v8::ArrayBufferView;
using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::Maybe;
using v8::MaybeLocal;
using v8::Object;
using v8::SharedArrayBuffer;
using v8::Value;

template <typename Buffer> Local<Object> make(const iso_view_t &view, Local<Buffer> buffer) {
  auto offset = static_cast<size_t>(view.offset);
  auto length = static_cast<size_t>(view.size / iso_view_element_bytes(view.type));
  switch (view.type) {
  case ISO_VIEW_INT8:
    return v8::Int8Array::New(buffer, offset, length);
  case ISO_VIEW_UINT8_CLAMPED:
    return v8::Uint8ClampedArray::New(buffer, offset, length);
  case ISO_VIEW_INT16:
    return v8::Int16Array::New(buffer, offset, length);
  case ISO_VIEW_UINT16:
    return v8::Uint16Array::New(buffer, offset, length);
  case ISO_VIEW_INT32:
    return v8::Int32Array::New(buffer, offset, length);
  case ISO_VIEW_UINT32:
    return v8::Uint32Array::New(buffer, offset, length);
  case ISO_VIEW_FLOAT32:
    return v8::Float32Array::New(buffer, offset, length);
  case ISO_VIEW_FLOAT64:
    return v8::Float64Array::New(buffer, offset, length);
  case ISO_VIEW_BIGINT64:
    return v8::BigInt64Array::New(buffer, offset, length);
  case ISO_VIEW_BIGUINT64:
    return v8::BigUint64Array::New(buffer, offset, length);
  case ISO_VIEW_DATA:
    return v8::DataView::New(buffer, offset, length);
  default:
    return v8::Uint8Array::New(buffer, offset, length);
  }
}

/* The buffer is number 0 of what is transferred to the other side of a little message of its own.
 */
class ViewWriter final : public v8::ValueSerializer::Delegate {
public:
  explicit ViewWriter(Isolate *isolate) : isolate_(isolate), serializer_(isolate, this) {}

  bool write(Local<Context> context, Local<ArrayBufferView> view, view_bytes_t *bytes) {
    Local<ArrayBuffer> buffer = view->Buffer();
    if (!buffer.As<Value>()->IsSharedArrayBuffer()) serializer_.TransferArrayBuffer(0, buffer);
    serializer_.WriteHeader();
    bool is_written = serializer_.WriteValue(context, view).FromMaybe(false);
    std::pair<uint8_t *, size_t> written = serializer_.Release();
    bytes->data.reset(written.first);
    bytes->size = written.second;
    return is_written;
  }

  void ThrowDataCloneError(Local<v8::String> text) override {
    isolate_->ThrowException(v8::Exception::Error(text));
  }

  Maybe<uint32_t> GetSharedArrayBufferId(Isolate *, Local<SharedArrayBuffer>) override {
    return v8::Just(0U);
  }

private:
  Isolate *isolate_;
  v8::ValueSerializer serializer_;
};

class ViewReader final : public v8::ValueDeserializer::Delegate {
public:
  ViewReader(Isolate *isolate, Local<Object> buffer, const uint8_t *bytes, size_t size)
      : buffer_(buffer), deserializer_(isolate, bytes, size, this) {}

  MaybeLocal<Object> read(Local<Context> context) {
    Local<Value> view;
    if (buffer_->IsArrayBuffer()) deserializer_.TransferArrayBuffer(0, buffer_.As<ArrayBuffer>());
    if (!deserializer_.ReadHeader(context).FromMaybe(false) ||
        !deserializer_.ReadValue(context).ToLocal(&view) || !view->IsArrayBufferView())
      return {};
    return view.As<Object>();
  }

  MaybeLocal<SharedArrayBuffer> GetSharedArrayBufferFromId(Isolate *, uint32_t) override {
    if (!buffer_->IsSharedArrayBuffer()) return {};
    return buffer_.As<SharedArrayBuffer>();
  }

private:
  Local<Object> buffer_;
  v8::ValueDeserializer deserializer_;
};

} // namespace

iso_view_type_t view_type(Local<ArrayBufferView> view) {
  if (view->IsUint8Array()) return ISO_VIEW_UINT8;
  if (view->IsFloat64Array()) return ISO_VIEW_FLOAT64;
  if (view->IsFloat32Array()) return ISO_VIEW_FLOAT32;
  if (view->IsInt32Array()) return ISO_VIEW_INT32;
  if (view->IsUint32Array()) return ISO_VIEW_UINT32;
  if (view->IsInt16Array()) return ISO_VIEW_INT16;
  if (view->IsUint16Array()) return ISO_VIEW_UINT16;
  if (view->IsInt8Array()) return ISO_VIEW_INT8;
  if (view->IsUint8ClampedArray()) return ISO_VIEW_UINT8_CLAMPED;
  if (view->IsBigInt64Array()) return ISO_VIEW_BIGINT64;
  if (view->IsBigUint64Array()) return ISO_VIEW_BIGUINT64;
  return view->IsDataView() ? ISO_VIEW_DATA : ISO_VIEW_TYPE_COUNT;
}

MaybeLocal<Object> make_view(const iso_view_t &view, Local<Object> buffer) {
  if (buffer->IsArrayBuffer()) {
    Local<ArrayBuffer> own = buffer.As<ArrayBuffer>();
    if (iso_view_fits(&view, own->ByteLength())) return make(view, own);
  } else if (buffer->IsSharedArrayBuffer()) {
    Local<SharedArrayBuffer> shared = buffer.As<SharedArrayBuffer>();
    if (iso_view_fits(&view, shared->ByteLength())) return make(view, shared);
  }
  return {};
}

bool describe_view(Local<Context> context, Local<ArrayBufferView> view, view_bytes_t *bytes) {
  return ViewWriter(Isolate::GetCurrent()).write(context, view, bytes);
}

MaybeLocal<Object> make_described_view(
    Local<Context> context, Local<Object> buffer, const uint8_t *bytes, size_t size
) {
  return ViewReader(Isolate::GetCurrent(), buffer, bytes, size).read(context);
}

} // namespace iso
