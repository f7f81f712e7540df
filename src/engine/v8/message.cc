/* Values of V8 to messages and back. The layout of a message is core/message.h's; here is only the
 * walk between it and V8: primitives one by one, all else through V8's structured clone. */
#include "engine/v8/v8_internal.h"

#include "core/alloc.h"
#include "core/error.h"

struct iso_store_s {
  std::shared_ptr<v8::BackingStore> backing;
};

void iso_store_destroy(iso_store_t *store) {
  delete store;
}

namespace iso {
namespace {

using v8::Context;
using v8::Isolate;
using v8::Just;
using v8::Local;
using v8::Maybe;
using v8::MaybeLocal;
using v8::Nothing;
using v8::Object;
using v8::SharedArrayBuffer;
using v8::String;
using v8::Value;

void throw_error(Isolate *isolate, const char *text) {
  isolate->ThrowException(v8::Exception::Error(String::NewFromUtf8(isolate, text).ToLocalChecked())
  );
}

/* Encoding. */

enum class Put { done, not_flat, no_memory };

int write_string(Isolate *isolate, Local<String> string, iso_message_t *message) {
  auto length = static_cast<size_t>(string->Length());
  uint8_t *characters = nullptr;
  bool two_byte = !string->IsOneByte();
  if (iso_message_put_string(message, two_byte, length, &characters) != ISO_OK) return ISO_ENOMEM;
  compat::write_characters(isolate, string, two_byte, characters);
  return ISO_OK;
}

Put put_flat(Isolate *isolate, Local<Value> value, iso_message_t *message) {
  int status = ISO_OK;
  if (value->IsInt32()) {
    status = iso_message_put_int32(message, value.As<v8::Int32>()->Value());
  } else if (value->IsNumber()) {
    status = iso_message_put_double(message, value.As<v8::Number>()->Value());
  } else if (value->IsString()) {
    status = write_string(isolate, value.As<String>(), message);
  } else if (value->IsUndefined()) {
    status = iso_message_put_tag(message, ISO_TAG_UNDEFINED);
  } else if (value->IsNull()) {
    status = iso_message_put_tag(message, ISO_TAG_NULL);
  } else if (value->IsBoolean()) {
    status = iso_message_put_tag(message, value->IsTrue() ? ISO_TAG_TRUE : ISO_TAG_FALSE);
  } else {
    return Put::not_flat;
  }
  return status == ISO_OK ? Put::done : Put::no_memory;
}

/* Lets V8's serializer write straight into the message. */
class Writer final : public v8::ValueSerializer::Delegate {
public:
  Writer(Isolate *isolate, iso_message_t *message)
      : isolate_(isolate), message_(message), serializer_(isolate, this) {}

  bool write(Local<Context> context, Local<Value> value) {
    serializer_.WriteHeader();
    bool written = serializer_.WriteValue(context, value).FromMaybe(false);
    /* The buffer is the message's; releasing only ends the serializer's use of it. */
    std::pair<uint8_t *, size_t> bytes = serializer_.Release();
    message_->size = written ? bytes.second : 0;
    return written;
  }

  void ThrowDataCloneError(Local<String> text) override {
    isolate_->ThrowException(v8::Exception::Error(text));
  }

  Maybe<uint32_t>
  GetSharedArrayBufferId(Isolate *isolate, Local<SharedArrayBuffer> buffer) override {
    for (uint32_t i = 0; i < buffers_.size(); i++) {
      if (buffers_[i] == buffer) return Just(i);
    }
    auto *store = new iso_store_s{buffer->GetBackingStore()};
    uint32_t index = 0;
    if (iso_message_add_store(message_, store, &index) != ISO_OK) {
      delete store;
      throw_error(isolate, "no memory for the message");
      return Nothing<uint32_t>();
    }
    buffers_.push_back(buffer);
    return Just(index);
  }

  void *ReallocateBufferMemory(void *, size_t size, size_t *actual_size) override {
    return iso_message_grow(message_, size, actual_size);
  }

  void FreeBufferMemory(void *) override {}

private:
  Isolate *isolate_;
  iso_message_t *message_;
  std::vector<Local<SharedArrayBuffer>> buffers_;
  v8::ValueSerializer serializer_;
};

bool encode_clone(Local<Context> context, Local<Value> value, iso_message_t *message) {
  message->is_clone = true;
  return Writer(Isolate::GetCurrent(), message).write(context, value);
}

/* Decoding. */

class Reader final : public v8::ValueDeserializer::Delegate {
public:
  Reader(Isolate *isolate, const iso_message_t *message)
      : message_(message), deserializer_(isolate, message->bytes, message->size, this) {}

  MaybeLocal<Value> read(Local<Context> context) {
    if (!deserializer_.ReadHeader(context).FromMaybe(false)) return {};
    return deserializer_.ReadValue(context);
  }

  MaybeLocal<SharedArrayBuffer> GetSharedArrayBufferFromId(Isolate *isolate, uint32_t id) override {
    if (id >= message_->store_count) {
      throw_error(isolate, "the message names a buffer that it does not hold");
      return {};
    }
    return SharedArrayBuffer::New(isolate, message_->stores[id]->backing);
  }

private:
  const iso_message_t *message_;
  v8::ValueDeserializer deserializer_;
};

MaybeLocal<Value> make_string(Isolate *isolate, const iso_flat_t &flat) {
  if (flat.length > static_cast<size_t>(String::kMaxLength)) return {};
  auto length = static_cast<int>(flat.length);
  MaybeLocal<String> string =
      flat.tag == ISO_TAG_STRING8
          ? String::NewFromOneByte(isolate, flat.characters, v8::NewStringType::kNormal, length)
          : String::NewFromTwoByte(
                isolate, reinterpret_cast<const uint16_t *>(flat.characters),
                v8::NewStringType::kNormal, length
            );
  Local<String> made;
  if (!string.ToLocal(&made)) return {};
  return made;
}

MaybeLocal<Value> make_value(Isolate *isolate, const iso_flat_t &flat) {
  switch (flat.tag) {
  case ISO_TAG_INT32:
    return v8::Integer::New(isolate, flat.integer);
  case ISO_TAG_DOUBLE:
    return v8::Number::New(isolate, flat.number);
  case ISO_TAG_NULL:
    return v8::Null(isolate);
  case ISO_TAG_TRUE:
    return v8::True(isolate);
  case ISO_TAG_FALSE:
    return v8::False(isolate);
  case ISO_TAG_STRING8:
  case ISO_TAG_STRING16:
    return make_string(isolate, flat);
  default:
    return v8::Undefined(isolate);
  }
}

bool decode_flat(
    Isolate *isolate, const iso_message_t *message, std::vector<Local<Value>> *values
) {
  size_t offset = 0;
  for (uint32_t i = 0; i < message->count; i++) {
    iso_flat_t flat{};
    Local<Value> value;
    if (iso_message_next(message, &offset, &flat) != ISO_OK ||
        !make_value(isolate, flat).ToLocal(&value)) {
      throw_error(isolate, "the message is malformed");
      return false;
    }
    values->push_back(value);
  }
  return true;
}

} // namespace

bool encode(
    Local<Context> context, const Local<Value> *values, size_t count, iso_message_t *message
) {
  Isolate *isolate = Isolate::GetCurrent();
  for (size_t i = 0; i < count; i++) {
    Put put = put_flat(isolate, values[i], message);
    if (put == Put::no_memory) {
      throw_error(isolate, "no memory for the message");
      return false;
    }
    if (put == Put::done) continue;
    /* One value that is not primitive makes a clone of all of them. */
    iso_message_reset(message);
    bool is_cloned =
        count == 1 ? encode_clone(context, values[0], message)
                   : encode_clone(
                         context,
                         v8::Array::New(isolate, const_cast<Local<Value> *>(values), count), message
                     );
    message->count = static_cast<uint32_t>(count);
    return is_cloned;
  }
  return true;
}

bool decode(
    Local<Context> context, const iso_message_t *message, std::vector<Local<Value>> *values
) {
  Isolate *isolate = Isolate::GetCurrent();
  if (!message->is_clone) return decode_flat(isolate, message, values);
  Local<Value> value;
  if (!Reader(isolate, message).read(context).ToLocal(&value)) return false;
  if (message->count == 1) {
    values->push_back(value);
    return true;
  }
  for (uint32_t i = 0; i < message->count; i++) {
    Local<Value> element;
    if (!value.As<Object>()->Get(context, i).ToLocal(&element)) return false;
    values->push_back(element);
  }
  return true;
}

} // namespace iso
