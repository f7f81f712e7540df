/* Messages, to and from V8: primitives one by one, all else as one clone. The format is
 * core/message.h's; here is only the walk. */
#include "engine/v8/v8_internal.h"

#include <cmath>

#include "core/block.h"
#include "core/error.h"

namespace iso {
namespace {

using v8::Context;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::String;
using v8::Value;

enum class Put { done, not_flat, no_memory };

/* `account`: of the thread that encodes; NULL: the host does. */
int write_string(
    Isolate *isolate, Local<String> string, iso_account_t *account, iso_message_t *message
) {
  auto length = static_cast<size_t>(string->Length());
  uint8_t *characters = nullptr;
  bool two_byte = !string->IsOneByte();
  if (account != nullptr && !iso_account_admits(account, two_byte ? length * 2 : length))
    return ISO_ENOMEM;
  if (iso_message_put_string(message, two_byte, length, &characters) != ISO_OK) return ISO_ENOMEM;
  compat::write_characters(isolate, string, two_byte, characters);
  return ISO_OK;
}

Put put_flat(Isolate *isolate, Local<Value> value, iso_account_t *account, iso_message_t *message) {
  int status = ISO_OK;
  if (value->IsInt32()) {
    status = iso_message_put_int32(message, value.As<v8::Int32>()->Value());
  } else if (value->IsNumber()) {
    status = iso_message_put_double(message, value.As<v8::Number>()->Value());
  } else if (value->IsString()) {
    status = write_string(isolate, value.As<String>(), account, message);
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

MaybeLocal<Value> make_string(Isolate *isolate, const iso_flat_t &flat) {
  if (flat.length > static_cast<size_t>(String::kMaxLength)) {
    throw_error(isolate, "the message is malformed");
    return {};
  }
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

/* The characters of a string of V8, in a block that it owns. */
template <typename Base, typename Character> class Resource final : public Base {
public:
  Resource(void *block, size_t length) : block_(block), length_(length) {}
  ~Resource() override { iso_block_destroy(block_); }
  const Character *data() const override { return static_cast<const Character *>(block_); }
  size_t length() const override { return length_; }

private:
  void *block_;
  size_t length_;
};

using OneByteResource = Resource<String::ExternalOneByteStringResource, char>;
using TwoByteResource = Resource<String::ExternalStringResource, uint16_t>;

/* What is garbage here does not count, so it is collected before anything is refused. */
bool charge(Isolate *isolate, void *block, iso_account_t *account) {
  if (iso_block_charge(block, account)) return true;
  isolate->LowMemoryNotification();
  return iso_block_charge(block, account);
}

/* A string on the block that the message gives away. */
MaybeLocal<Value> make_external(
    Isolate *isolate, iso_message_t *message, const iso_flat_t &flat, const side_t &side
) {
  void *block = iso_message_take_block(message, &flat);
  if (side.account != nullptr && !charge(isolate, block, side.account)) {
    iso_block_destroy(block);
    throw_too_large(isolate);
    return {};
  }
  /* V8 takes the resource over, unless it refuses the string. */
  Local<String> made;
  if (flat.tag == ISO_TAG_STRING8) {
    auto resource = std::make_unique<OneByteResource>(block, flat.length);
    if (!String::NewExternalOneByte(isolate, resource.get()).ToLocal(&made)) return {};
    (void) resource.release();
  } else {
    auto resource = std::make_unique<TwoByteResource>(block, flat.length);
    if (!String::NewExternalTwoByte(isolate, resource.get()).ToLocal(&made)) return {};
    (void) resource.release();
  }
  /* V8 has it, which the analyzer cannot know. */
  return made; // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
}

bool decode_flat(
    Local<Context> context, iso_message_t *message, const side_t &side,
    std::vector<Local<Value>> *values
) {
  Isolate *isolate = Isolate::GetCurrent();
  size_t offset = 0;
  for (uint32_t i = 0; i < message->count; i++) {
    iso_flat_t flat{};
    Local<Value> value;
    if (iso_message_next(message, &offset, &flat) != ISO_OK) {
      throw_error(isolate, "the message is malformed");
      return false;
    }
    MaybeLocal<Value> made;
    if (flat.tag == ISO_TAG_SHAPED)
      made =
          make_known(context, message, &offset, static_cast<uint32_t>(flat.integer), side.shapes);
    else if (flat.part_plus_1 != 0 && !side.is_shared)
      made = make_external(isolate, message, flat, side);
    else
      made = make_value(isolate, flat);
    if (!made.ToLocal(&value)) return false;
    values->push_back(value);
  }
  return true;
}

} // namespace

MaybeLocal<Value> make_value(Isolate *isolate, const iso_flat_t &flat) {
  switch (flat.tag) {
  case ISO_TAG_INT32:
    return v8::Integer::New(isolate, flat.integer);
  case ISO_TAG_DOUBLE:
    /* One of the NaNs is V8's own mark for a hole. */
    return v8::Number::New(isolate, std::isnan(flat.number) ? NAN : flat.number);
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

bool put_leaf(
    Isolate *isolate, Local<Value> value, iso_account_t *account, iso_message_t *message
) {
  constexpr int kLongLeaf = 4096;
  if (value->IsString() && value.As<String>()->Length() > kLongLeaf) return false;
  return put_flat(isolate, value, account, message) == Put::done;
}

bool encode_flat(
    Isolate *isolate, const Local<Value> *values, size_t count, iso_message_t *message
) {
  for (size_t i = 0; i < count; i++) {
    if (put_flat(isolate, values[i], nullptr, message) == Put::done) continue;
    iso_message_reset(message);
    return false;
  }
  return true;
}

bool decode_simple(Isolate *isolate, const iso_message_t *message, Local<Value> *values) {
  size_t offset = 0;
  if (message->is_clone) return false;
  for (uint32_t i = 0; i < message->count; i++) {
    iso_flat_t flat{};
    if (iso_message_next(message, &offset, &flat) != ISO_OK) return false;
    if (flat.tag >= ISO_TAG_STRING8) return false;
    if (!make_value(isolate, flat).ToLocal(&values[i])) return false;
  }
  return true;
}

bool encode(
    Local<Context> context, const Local<Value> *values, size_t count, iso_message_t *message,
    const encode_options_t &options
) {
  Isolate *isolate = Isolate::GetCurrent();
  bool is_flat = options.transfer.IsEmpty();
  /* Two objects may be one, or have one in them, which must arrive as one. */
  bool has_object = false;
  for (size_t i = 0; i < count && is_flat; i++) {
    Put put = put_flat(isolate, values[i], options.account, message);
    if (put == Put::no_memory) {
      throw_error(isolate, "no memory for the message");
      return false;
    }
    is_flat = put == Put::done;
    if (is_flat || has_object) continue;
    has_object = write_shaped(context, values[i], options.account, options.shapes, message);
    is_flat = has_object;
  }
  if (is_flat) return true;
  /* One value that is not primitive makes a clone of all of them. */
  iso_message_reset(message);
  message->is_clone = true;
  message->count = static_cast<uint32_t>(count);
  if (!write_clone(context, values, count, message, options)) return false;
  if (options.shapes != nullptr) learn_shapes(context, values, message, options.shapes);
  return true;
}

bool fits(const iso_account_t *account, const iso_message_t *message) {
  size_t limit = iso_account_limit(account);
  if (limit == 0 || message->size <= limit) return true;
  throw_too_large(Isolate::GetCurrent());
  return false;
}

bool decode(
    Local<Context> context, iso_message_t *message, const side_t &side,
    std::vector<Local<Value>> *values
) {
  if (!message->is_clone) return decode_flat(context, message, side, values);
  Local<Value> value;
  if (side.shapes != nullptr && make_shaped(context, message, side.shapes).ToLocal(&value)) {
    /* Done. */
  } else if (!read_clone(context, message, side).ToLocal(&value)) {
    return false;
  }
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
