/* Clones on their way in; see clone_write.cc. */
#include "engine/v8/v8_internal.h"

#include "core/error.h"

namespace iso {
namespace {

using v8::ArrayBuffer;
using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::SharedArrayBuffer;
using v8::Value;
using v8::WasmModuleObject;

constexpr const char *kMalformed = "the message is malformed";

const iso_store_s *store_of(const iso_part_t *part) {
  return static_cast<const iso_store_s *>(part->object);
}

class Reader final : public v8::ValueDeserializer::Delegate {
public:
  Reader(Local<Context> context, const iso_message_t *message, const side_t &side)
      : isolate_(Isolate::GetCurrent()), context_(context), message_(message),
        account_(side.account), functions_(side.functions),
        deserializer_(isolate_, message->bytes, message->size, this) {}

  MaybeLocal<Value> read() {
    if (!take_functions() || !take_buffers() ||
        !deserializer_.ReadHeader(context_).FromMaybe(false))
      return {};
    return deserializer_.ReadValue(context_);
  }

  MaybeLocal<Object> ReadHostObject(Isolate *) override {
    /* See WriteHostObject. */
    v8::TryCatch try_catch(isolate_);
    MaybeLocal<Object> object = read_host_object();
    if (try_catch.HasCaught()) try_catch.ReThrow();
    return object;
  }

  MaybeLocal<SharedArrayBuffer> GetSharedArrayBufferFromId(Isolate *, uint32_t id) override {
    const iso_part_t *part = iso_message_part(message_, ISO_PART_SHARED, id);
    if (part != nullptr) return SharedArrayBuffer::New(isolate_, store_of(part)->backing);
    throw_error(isolate_, kMalformed);
    return {};
  }

  MaybeLocal<WasmModuleObject> GetWasmModuleFromId(Isolate *, uint32_t id) override {
    const iso_part_t *part = iso_message_part(message_, ISO_PART_MODULE, id);
    if (part != nullptr) {
      auto *module = static_cast<const v8::CompiledWasmModule *>(part->object);
      return make_module(isolate_, *module, account_);
    }
    throw_error(isolate_, kMalformed);
    return {};
  }

private:
  MaybeLocal<Object> malformed() {
    throw_error(isolate_, kMalformed);
    return {};
  }

  MaybeLocal<Object> read_host_object() {
    uint32_t object = 0;
    if (!deserializer_.ReadUint32(&object)) return malformed();
    switch (object) {
    case ISO_OBJECT_VIEW:
      return read_view();
    case ISO_OBJECT_V8_VIEW:
      return read_v8_view();
    case ISO_OBJECT_TRANSFER:
      return read_object();
    case ISO_OBJECT_FUNCTION:
      return read_function();
    default:
      return malformed();
    }
  }

  /* Each buffer is there before the bytes name it; what they do not name is garbage. */
  bool take_buffers() {
    for (uint32_t i = 0; i < message_->part_count; i++) {
      const iso_part_t *part = iso_message_part(message_, ISO_PART_BUFFER, i);
      if (part == nullptr) continue;
      store_t store = account_ == nullptr ? store_of(part)->backing : adopt(*store_of(part));
      if (store == nullptr) return refuse();
      bool is_resizable = store->IsResizableByUserJavaScript();
      Local<ArrayBuffer> buffer = ArrayBuffer::New(isolate_, std::move(store));
      if (is_resizable && account_ != nullptr && !charge_buffer(context_, buffer, account_))
        return refuse();
      deserializer_.TransferArrayBuffer(i, buffer);
    }
    return true;
  }

  /* What is garbage here does not count, so it is collected before anything is refused. */
  store_t adopt(const iso_store_s &part) {
    store_t store = adopt_store(part, account_);
    if (store != nullptr) return store;
    isolate_->LowMemoryNotification();
    return adopt_store(part, account_);
  }

  bool refuse() {
    throw_too_large(isolate_);
    return false;
  }

  MaybeLocal<Object> read_object() {
    Local<Value> value;
    if (!deserializer_.ReadValue(context_).ToLocal(&value)) return {};
    if (!value->IsObject()) return malformed();
    return value.As<Object>();
  }

  /* V8 allows no JavaScript while it reads, and it is JavaScript that makes them. */
  bool take_functions() {
    for (uint32_t i = 0; i < message_->part_count && functions_ != nullptr; i++) {
      const iso_part_t *part = iso_message_part(message_, ISO_PART_FUNCTION, i);
      const iso_part_t *pull = iso_message_part(message_, ISO_PART_STREAM, i);
      Local<Object> function;
      if (part == nullptr && pull == nullptr) continue;
      auto *callable = static_cast<iso_callable_t *>((pull != nullptr ? pull : part)->object);
      if (!function_of(functions_, context_, callable, pull != nullptr).ToLocal(&function))
        return false;
      made_.resize(message_->part_count);
      made_[i] = function;
    }
    return true;
  }

  MaybeLocal<Object> read_function() {
    uint32_t index = 0;
    if (!deserializer_.ReadUint32(&index)) return malformed();
    if (index >= made_.size() || made_[index].IsEmpty()) return malformed();
    return made_[index];
  }

  MaybeLocal<Object> read_view() {
    const void *bytes = nullptr;
    iso_view_t view{};
    Local<Object> buffer;
    Local<Object> made;
    if (!deserializer_.ReadRawBytes(ISO_VIEW_BYTES, &bytes) ||
        iso_view_read(message_, static_cast<const uint8_t *>(bytes), &view) != ISO_OK)
      return malformed();
    if (!read_object().ToLocal(&buffer)) return {};
    return make_view(view, buffer).ToLocal(&made) ? made : malformed();
  }

  MaybeLocal<Object> read_v8_view() {
    Local<Object> buffer;
    Local<Object> made;
    uint32_t size = 0;
    const void *bytes = nullptr;
    if (!read_object().ToLocal(&buffer)) return {};
    if (!deserializer_.ReadUint32(&size) || !deserializer_.ReadRawBytes(size, &bytes))
      return malformed();
    return make_described_view(context_, buffer, static_cast<const uint8_t *>(bytes), size);
  }

  Isolate *isolate_;
  Local<Context> context_;
  const iso_message_t *message_;
  iso_account_t *account_;
  functions_t *functions_;
  /* Those of the parts, by their places. */
  std::vector<Local<Object>> made_;
  v8::ValueDeserializer deserializer_;
};

} // namespace

MaybeLocal<Value>
read_clone(Local<Context> context, const iso_message_t *message, const side_t &side) {
  return Reader(context, message, side).read();
}

} // namespace iso
