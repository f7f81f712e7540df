/* Clones on their way out: V8's structured clone of values, with what V8 leaves to us.
 *
 * Views are host objects to V8's serializer, so that we see each of them, and with it its buffer:
 * it is copied once, into memory that the receiver will own, and V8's bytes only name the part of
 * the message where it stands. V8 does not tell of an ArrayBuffer that it meets by itself before a
 * view of it; that one travels in the bytes, unless it was an argument. */
#include "engine/v8/v8_internal.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "core/bare.h"
#include "core/error.h"

namespace iso {
namespace {

using v8::Array;
using v8::ArrayBuffer;
using v8::ArrayBufferView;
using v8::Context;
using v8::Isolate;
using v8::Just;
using v8::Local;
using v8::Maybe;
using v8::Nothing;
using v8::Object;
using v8::SharedArrayBuffer;
using v8::String;
using v8::Value;

/* What structuredClone would throw: an error of this name. */
void throw_clone_error(Local<Context> context, const std::string &text) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<String> message = String::NewFromUtf8(isolate, text.c_str()).ToLocalChecked();
  Local<Value> error = v8::Exception::Error(message);
  Local<String> key = String::NewFromUtf8Literal(isolate, "name");
  Local<String> name = String::NewFromUtf8Literal(isolate, "DataCloneError");
  error.As<Object>()->DefineOwnProperty(context, key, name, v8::DontEnum).Check();
  isolate->ThrowException(error);
}

bool is_resizable(Local<ArrayBuffer> buffer) {
  return buffer->GetBackingStore()->IsResizableByUserJavaScript();
}

/* Lets V8's serializer write straight into the message. */
class Writer final : public v8::ValueSerializer::Delegate {
public:
  Writer(Local<Context> context, iso_message_t *message, const encode_options_t &options)
      : isolate_(Isolate::GetCurrent()), context_(context), message_(message), options_(options),
        serializer_(isolate_, this) {
    serializer_.SetTreatArrayBufferViewsAsHostObjects(true);
  }

  bool write(std::vector<Local<Value>> *values) {
    if (!options_.transfer.IsEmpty() && !take_list(options_.transfer)) return false;
    bool is_written = take_arguments(values) && write_all(*values);
    /* The buffer is the message's; releasing only ends the serializer's use of it. */
    std::pair<uint8_t *, size_t> bytes = serializer_.Release();
    message_->size = bytes.second;
    if (!is_written || options_.is_trial) return is_written;
    return copy_ranges() && move_transferred();
  }

  bool was_refused() const { return was_refused_; }

  void ThrowDataCloneError(Local<String> text) override {
    was_refused_ = true;
    isolate_->ThrowException(v8::Exception::Error(text));
  }

  Maybe<bool> WriteHostObject(Isolate *, Local<Object> object) override {
    /* An exception of a call into V8 from here would be lost on its way: it must be thrown anew. */
    v8::TryCatch try_catch(isolate_);
    Maybe<bool> is_written = write_object(object);
    if (try_catch.HasCaught()) try_catch.ReThrow();
    return is_written;
  }

  Maybe<uint32_t> GetSharedArrayBufferId(Isolate *, Local<SharedArrayBuffer> buffer) override {
    return add_part(ISO_PART_SHARED, new iso_store_s{buffer->GetBackingStore(), false});
  }

  Maybe<uint32_t> GetWasmModuleTransferId(Isolate *, Local<v8::WasmModuleObject> module) override {
    return add_part(ISO_PART_MODULE, new v8::CompiledWasmModule(module->GetCompiledModule()));
  }

  void *ReallocateBufferMemory(void *, size_t size, size_t *actual_size) override {
    if (options_.account != nullptr && !iso_account_admits(options_.account, size)) return nullptr;
    return iso_message_grow(message_, size, actual_size);
  }

  void FreeBufferMemory(void *) override {}

private:
  struct sent_t {
    /* V8 closes handle scopes between its calls to us. */
    v8::Global<ArrayBuffer> buffer;
    uint32_t part;
    bool is_transferred;
    /* Only what its views see will travel: from `begin` to `end`, copied when all are known. */
    bool is_range;
    size_t begin;
    size_t end;
  };

  bool fail(const char *text) {
    throw_error(isolate_, text);
    return false;
  }

  Maybe<uint32_t> add_part(iso_part_kind_t kind, void *object) {
    uint32_t index = 0;
    if (iso_message_add_part(message_, kind, object, &index) == ISO_OK) return Just(index);
    iso_part_t part = {kind, object, 0};
    iso_part_destroy(&part);
    fail("no memory for the message");
    return Nothing<uint32_t>();
  }

  /* From here on V8 writes the number of the buffer's part where it meets it. */
  sent_t *add_buffer(Local<ArrayBuffer> buffer) {
    uint32_t part = 0;
    if (!add_part(ISO_PART_BUFFER, nullptr).To(&part)) return nullptr;
    by_data_.emplace(buffer->Data(), sent_.size());
    sent_.push_back({v8::Global<ArrayBuffer>(isolate_, buffer), part, false, false, 0, 0});
    serializer_.TransferArrayBuffer(part, buffer);
    return &sent_.back();
  }

  sent_t *find(Local<ArrayBuffer> buffer) {
    auto found = by_data_.equal_range(buffer->Data());
    for (auto at = found.first; at != found.second; ++at) {
      if (sent_[at->second].buffer == buffer) return &sent_[at->second];
    }
    return nullptr;
  }

  bool give(const sent_t &sent, store_t store, bool is_block) {
    if (store == nullptr) return fail("no memory for the copy of an ArrayBuffer");
    message_->parts[sent.part].object = new iso_store_s{std::move(store), is_block};
    return true;
  }

  bool copy_whole(sent_t *sent) {
    sent->is_range = false;
    if (options_.is_trial) return true;
    store_t source = sent->buffer.Get(isolate_)->GetBackingStore();
    return source->IsResizableByUserJavaScript()
               ? give(*sent, copy_resizable_store(*source), false)
               : give(*sent, copy_store(source->Data(), source->ByteLength()), true);
  }

  static bool is_large(Local<ArrayBuffer> buffer) {
    return !buffer->WasDetached() && !iso_buffer_is_small(buffer->ByteLength());
  }

  Maybe<bool> write_object(Local<Object> object) {
    if (object->IsArrayBufferView()) return write_view(object.As<ArrayBufferView>());
    Local<Value> inner;
    Local<Value> list;
    bool is_pull = false;
    if (options_.functions != nullptr && read_function_mark(context_, object, &inner, &is_pull))
      return write_function(inner.As<v8::Function>(), is_pull);
    if (!read_mark(context_, object, &inner, &list)) {
      String::Utf8Value name(isolate_, object->GetConstructorName());
      fail(("#<" + std::string(*name, name.length()) + "> could not be cloned.").c_str());
      return Nothing<bool>();
    }
    if (!take_list(list)) return Nothing<bool>();
    serializer_.WriteUint32(ISO_OBJECT_TRANSFER);
    return serializer_.WriteValue(context_, inner);
  }

  Maybe<bool> write_function(Local<v8::Function> function, bool is_pull) {
    iso_callable_t *callable = callable_of(options_.functions, function, is_pull);
    uint32_t part = 0;
    serializer_.WriteUint32(ISO_OBJECT_FUNCTION);
    if (callable == nullptr) {
      fail("no memory for a function");
      return Nothing<bool>();
    }
    iso_part_kind_t kind = is_pull ? ISO_PART_STREAM : ISO_PART_FUNCTION;
    if (!add_part(kind, callable).To(&part)) return Nothing<bool>();
    serializer_.WriteUint32(part);
    return Just(true);
  }

  /* Transfers. */

  bool refuse(uint32_t index, const char *problem) {
    throw_clone_error(context_, "transfer[" + std::to_string(index) + "] " + problem);
    return false;
  }

  bool take_list(Local<Value> list) {
    if (!list->IsArray()) return fail("a list of transfers must be an array");
    uint32_t length = list.As<Array>()->Length();
    for (uint32_t i = 0; i < length; i++) {
      Local<Value> item;
      if (!list.As<Object>()->Get(context_, i).ToLocal(&item)) return false;
      if (!item->IsArrayBuffer()) return refuse(i, "is not an ArrayBuffer that can be transferred");
      Local<ArrayBuffer> buffer = item.As<ArrayBuffer>();
      if (buffer->WasDetached()) return refuse(i, "is an ArrayBuffer that is already detached");
      if (!buffer->IsDetachable()) return refuse(i, "is an ArrayBuffer that cannot be detached");
      sent_t *sent = find(buffer);
      if (sent != nullptr && sent->is_transferred) return refuse(i, "is in the list twice");
      if (sent == nullptr) sent = add_buffer(buffer);
      if (sent == nullptr) return false;
      sent->is_transferred = true;
    }
    return true;
  }

  /* The last thing that happens, so that nothing is detached where anything has failed. */
  bool move_transferred() {
    bool is_any = false;
    for (const sent_t &sent : sent_) {
      if (sent.is_transferred && sent.buffer.Get(isolate_)->WasDetached()) return fail_changed();
      is_any = is_any || sent.is_transferred;
    }
    const iso_moves_t *moves = options_.moves;
    if (is_any && moves != nullptr && moves->admit != nullptr) {
      *options_.refusal = moves->admit(moves->data);
      if (*options_.refusal != ISO_OK) return false;
    }
    for (const sent_t &sent : sent_) {
      if (!sent.is_transferred) continue;
      Local<ArrayBuffer> buffer = sent.buffer.Get(isolate_);
      store_t store = buffer->GetBackingStore();
      if (buffer->Detach(Local<Value>()).IsNothing()) return false;
      if (options_.account != nullptr) discharge_buffer(context_, buffer);
      iso_part_t *part = &message_->parts[sent.part];
      iso_part_destroy(part);
      part->object =
          new iso_store_s{options_.account == nullptr ? store : disown_store(store), false};
    }
    return true;
  }

  bool fail_changed() {
    throw_clone_error(context_, "an ArrayBuffer was detached or resized while it was cloned");
    return false;
  }

  /* The values. */

  bool take_arguments(std::vector<Local<Value>> *values) {
    for (Local<Value> &value : *values) {
      Local<Value> list;
      while (read_mark(context_, value, &value, &list)) {
        if (!take_list(list)) return false;
      }
    }
    for (Local<Value> value : *values) {
      bool is_buffer = value->IsArrayBuffer();
      if (!is_buffer || !is_large(value.As<ArrayBuffer>())) continue;
      if (find(value.As<ArrayBuffer>()) != nullptr) continue;
      sent_t *sent = add_buffer(value.As<ArrayBuffer>());
      if (sent == nullptr || !copy_whole(sent)) return false;
    }
    return true;
  }

  bool write_all(std::vector<Local<Value>> values) {
    serializer_.WriteHeader();
    if (values.size() == 1) return serializer_.WriteValue(context_, values[0]).FromMaybe(false);
    Local<Array> array = Array::New(isolate_, values.data(), values.size());
    return serializer_.WriteValue(context_, array).FromMaybe(false);
  }

  /* Views. */

  /* Gives in *part_plus_1, as in iso_view_t, where the view's buffer stands. */
  bool send_buffer_of(Local<ArrayBufferView> view, uint32_t *part_plus_1) {
    Local<ArrayBuffer> buffer = view->Buffer();
    if (buffer.As<Value>()->IsSharedArrayBuffer()) return true;
    sent_t *sent = find(buffer);
    if (sent == nullptr) {
      if (!is_large(buffer)) return true;
      sent = add_buffer(buffer);
      if (sent == nullptr) return false;
      sent->is_range = !is_resizable(buffer);
      sent->begin = view->ByteOffset();
      sent->end = sent->begin + view->ByteLength();
      if (!sent->is_range && !copy_whole(sent)) return false;
    } else {
      /* Aligned for every element type, now that there is more than the one. */
      sent->begin = std::min(sent->begin, view->ByteOffset()) & ~size_t{7};
      sent->end = std::max(sent->end, view->ByteOffset() + view->ByteLength());
    }
    *part_plus_1 = sent->part + 1;
    if (!sent->is_range) return true;
    return iso_view_may_travel_alone(sent->end - sent->begin, buffer->ByteLength()) ||
           copy_whole(sent);
  }

  bool copy_ranges() {
    bool is_bare[ISO_BARE_PARTS] = {};
    auto waits = [](const sent_t &sent) { return sent.is_range && !sent.is_transferred; };
    if (std::none_of(sent_.begin(), sent_.end(), waits)) return true;
    bool is_known = iso_message_find_bare(message_, is_bare);
    for (sent_t &sent : sent_) {
      if (!waits(sent)) continue;
      Local<ArrayBuffer> buffer = sent.buffer.Get(isolate_);
      if (buffer->ByteLength() < sent.end) return fail_changed();
      if (!is_known || is_bare[sent.part]) {
        if (!copy_whole(&sent)) return false;
        continue;
      }
      const auto *bytes = static_cast<const uint8_t *>(buffer->Data());
      if (!give(sent, copy_store(bytes + sent.begin, sent.end - sent.begin), true)) return false;
      message_->parts[sent.part].base = sent.begin;
    }
    return true;
  }

  Maybe<bool> write_view(Local<ArrayBufferView> view) {
    Local<ArrayBuffer> buffer = view->Buffer();
    iso_view_t known = {view_type(view), ISO_VIEW_NO_PART, view->ByteOffset(), view->ByteLength()};
    if (!send_buffer_of(view, &known.part_plus_1)) return Nothing<bool>();
    if (known.type == ISO_VIEW_TYPE_COUNT || is_resizable(buffer)) return write_v8_view(view);
    uint8_t bytes[ISO_VIEW_BYTES];
    iso_view_write(&known, bytes);
    serializer_.WriteUint32(ISO_OBJECT_VIEW);
    serializer_.WriteRawBytes(bytes, sizeof(bytes));
    return serializer_.WriteValue(context_, buffer);
  }

  Maybe<bool> write_v8_view(Local<ArrayBufferView> view) {
    view_bytes_t bytes;
    serializer_.WriteUint32(ISO_OBJECT_V8_VIEW);
    if (serializer_.WriteValue(context_, view->Buffer()).IsNothing()) return Nothing<bool>();
    if (!describe_view(context_, view, &bytes)) return Nothing<bool>();
    serializer_.WriteUint32(static_cast<uint32_t>(bytes.size));
    serializer_.WriteRawBytes(bytes.data.get(), bytes.size);
    return Just(true);
  }

  Isolate *isolate_;
  Local<Context> context_;
  iso_message_t *message_;
  const encode_options_t &options_;
  bool was_refused_ = false;
  std::vector<sent_t> sent_;
  std::unordered_multimap<void *, size_t> by_data_;
  v8::ValueSerializer serializer_;
};

} // namespace

void throw_too_large(Isolate *isolate) {
  Local<Value> error = v8::Exception::RangeError(String::NewFromUtf8Literal(
      isolate, "The arguments take more memory than memoryLimit leaves for them"
  ));
  /* Without the code it is an error all the same. */
  (void) error.As<Object>()
      ->Set(
          isolate->GetCurrentContext(), String::NewFromUtf8Literal(isolate, "code"),
          String::NewFromUtf8Literal(isolate, "ERR_THREAD_OUT_OF_MEMORY")
      )
      .IsNothing();
  isolate->ThrowException(error);
}

void throw_error(Isolate *isolate, const char *text) {
  Local<String> message = String::NewFromUtf8(isolate, text).ToLocalChecked();
  isolate->ThrowException(v8::Exception::Error(message));
}

namespace {

/* V8 refuses functions before it asks us: those among the values themselves are replaced at once.
 * False: an exception is pending. */
bool replace_functions(
    Local<Context> context, functions_t *functions, std::vector<Local<Value>> *values
) {
  auto is_function = [](Local<Value> value) { return value->IsFunction(); };
  if (std::none_of(values->begin(), values->end(), is_function)) return true;
  std::vector<Local<Value>> given = *values;
  for (size_t i = 0; i < given.size(); i++) {
    Local<Object> mark;
    if (!given[i]->IsFunction()) continue;
    /* The same one twice: V8 then knows it again. */
    size_t first = 0;
    while (given[first] != given[i])
      first++;
    if (first < i)
      (*values)[i] = (*values)[first];
    else if (make_mark(functions, context, given[i], false).ToLocal(&mark))
      (*values)[i] = mark;
    else
      return false;
  }
  return true;
}

/* Those deeper in the values when V8 has refused, and async iterables before it takes them for
 * plain objects. False: there are none, or an exception is pending. */
bool replace_deeply(
    Local<Context> context, functions_t *functions, std::vector<Local<Value>> *values
) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<Array> copies;
  Local<Array> array = Array::New(isolate, values->data(), values->size());
  if (!substitute(functions, context, array).ToLocal(&copies)) return false;
  for (uint32_t i = 0; i < values->size(); i++)
    if (!copies->Get(context, i).ToLocal(&(*values)[i])) return false;
  return true;
}

bool has_iterables(Local<Context> context, const std::vector<Local<Value>> &values) {
  return std::any_of(values.begin(), values.end(), [&](Local<Value> value) {
    return is_async_iterable(context, value);
  });
}

/* False: `try_catch` has why. */
bool write_with_functions(
    Local<Context> context, std::vector<Local<Value>> values, iso_message_t *message,
    const encode_options_t &options, v8::TryCatch *try_catch
) {
  functions_t *functions = options.functions;
  if (!replace_functions(context, functions, &values)) return false;
  if (has_iterables(context, values) && !replace_deeply(context, functions, &values)) return false;
  if (try_catch->HasCaught()) return false;
  {
    std::vector<Local<Value>> given = values;
    Writer writer(context, message, options);
    if (writer.write(&given)) return true;
    if (!writer.was_refused() || !try_catch->CanContinue()) return false;
  }
  Local<Value> exception = try_catch->Exception();
  try_catch->Reset();
  if (!replace_deeply(context, functions, &values)) {
    if (!try_catch->HasCaught()) Isolate::GetCurrent()->ThrowException(exception);
    return false;
  }
  iso_message_reset(message);
  message->is_clone = true;
  message->count = static_cast<uint32_t>(values.size());
  return Writer(context, message, options).write(&values);
}

} // namespace

bool write_clone(
    Local<Context> context, const Local<Value> *values, size_t count, iso_message_t *message,
    const encode_options_t &options
) {
  Isolate *isolate = Isolate::GetCurrent();
  std::vector<Local<Value>> all(values, values + count);
  if (options.functions == nullptr) return Writer(context, message, options).write(&all);
  v8::TryCatch try_catch(isolate);
  if (write_with_functions(context, std::move(all), message, options, &try_catch)) return true;
  /* A termination would not survive being thrown anew. */
  if (try_catch.CanContinue())
    try_catch.ReThrow();
  else
    isolate->TerminateExecution();
  return false;
}

} // namespace iso
