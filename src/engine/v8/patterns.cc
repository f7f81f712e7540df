/* Objects written without V8's serializer. They are alike, by what V8 knows of them, to what the
 * function of their shape makes: so they can have nothing that the serializer would look for, and
 * their leaves are all there is to write. */
#include "engine/v8/shapes.h"

#include <algorithm>

#include "core/error.h"

namespace iso {

using v8::Array;
using v8::Context;
using v8::Function;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::Object;
using v8::String;
using v8::Value;

namespace {

/* Clones that are not looked at closely between two that are; ever more where that comes to
 * nothing.
 */
constexpr uint32_t kSkips = 3;
constexpr uint32_t kSkipsAtMost = 1023;

/* What is longer is seldom a shape. */
constexpr size_t kLongClone = 2048;

shapes_t::pattern_t *place_of(Local<Object> object, shapes_t *shapes) {
  uintptr_t hash = compat::map_of(object) >> 4;
  if (object->IsArray()) hash += object.As<Array>()->Length();
  return &shapes->patterns[(hash ^ (hash >> 6)) % ISO_SHAPE_CACHE];
}

bool are_alike(Local<Object> object, Local<Object> sample) {
  return compat::map_of(object) == compat::map_of(sample) &&
         compat::elements_of(object) == compat::elements_of(sample);
}

bool is_plain_array(Isolate *isolate, Local<Object> object, const shapes_t &shapes) {
  return std::any_of(shapes.arrays.begin(), shapes.arrays.end(), [&](const auto &array) {
    return compat::map_of(array.Get(isolate)) == compat::map_of(object);
  });
}

} // namespace

/* One turn of a reader: what it does with the objects and the leaves that it meets. */
class Reading {
public:
  explicit Reading(shapes_t *shapes) : isolate_(Isolate::GetCurrent()), shapes_(shapes) {}
  virtual ~Reading() = default;

  bool read(Local<Context> context, const shapes_t::pattern_t &pattern, Local<Value> value) {
    if (!check(value)) return false;
    bool is_read = call(context, pattern, value);
    /* It would not outlive that it was caught. */
    if (was_terminated_) isolate_->TerminateExecution();
    return is_read;
  }

  bool check_all(const v8::FunctionCallbackInfo<Value> &info) {
    for (int i = 0; i < info.Length(); i++)
      if (!check(info[i])) return false;
    return true;
  }

  void put_all(const v8::FunctionCallbackInfo<Value> &info) {
    is_put_ = true;
    for (int i = 0; i < info.Length() && is_put_; i++)
      is_put_ = put(info[i]);
  }

protected:
  virtual bool check(Local<Value> value) = 0;
  virtual bool put(Local<Value> leaf) = 0;

  Isolate *isolate_;
  shapes_t *shapes_;

private:
  bool call(Local<Context> context, const shapes_t::pattern_t &pattern, Local<Value> value) {
    v8::TryCatch try_catch(isolate_);
    Local<Value> arguments[] = {value, shapes_->check.Get(isolate_), shapes_->put.Get(isolate_)};
    Reading *outer = shapes_->reading;
    shapes_->reading = this;
    bool is_called = !call_shape(context, pattern.reader.Get(isolate_), 3, arguments).IsEmpty();
    shapes_->reading = outer;
    was_terminated_ = !try_catch.CanContinue();
    return is_called && is_put_;
  }

  bool is_put_ = false;
  bool was_terminated_ = false;
};

namespace {

/* Writes the leaves. */
class Writing final : public Reading {
public:
  Writing(
      const shapes_t::pattern_t &pattern, shapes_t *shapes, iso_account_t *account,
      iso_message_t *message
  )
      : Reading(shapes), pattern_(pattern), account_(account), message_(message) {}

protected:
  bool check(Local<Value> value) override {
    if (!value->IsObject()) return false;
    const shapes_t::pattern_t::object_t &expected = pattern_.objects[next_++];
    if (!expected.is_array) return are_alike(value.As<Object>(), expected.sample.Get(isolate_));
    return value->IsArray() && is_plain_array(isolate_, value.As<Object>(), *shapes_) &&
           value.As<Array>()->Length() == expected.length;
  }

  bool put(Local<Value> leaf) override { return put_leaf(isolate_, leaf, account_, message_); }

private:
  const shapes_t::pattern_t &pattern_;
  iso_account_t *account_;
  iso_message_t *message_;
  size_t next_ = 0;
};

/* Keeps the objects that the function of a shape has made as the pattern's samples. */
class Sampling final : public Reading {
public:
  Sampling(shapes_t::pattern_t *pattern, shapes_t *shapes) : Reading(shapes), pattern_(pattern) {}

protected:
  bool check(Local<Value> value) override {
    pattern_->objects[next_++].sample.Reset(isolate_, value.As<Object>());
    return true;
  }
  bool put(Local<Value>) override { return true; }

private:
  shapes_t::pattern_t *pattern_;
  size_t next_ = 0;
};

shapes_t *shapes_of(const v8::FunctionCallbackInfo<Value> &info) {
  return static_cast<shapes_t *>(compat::external_value(info.Data().As<v8::External>()));
}

void on_check(const v8::FunctionCallbackInfo<Value> &info) {
  info.GetReturnValue().Set(shapes_of(info)->reading->check_all(info));
}

void on_put(const v8::FunctionCallbackInfo<Value> &info) {
  shapes_of(info)->reading->put_all(info);
}

bool make_arrays(Local<Context> context, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<Function> function;
  Local<Value> made;
  v8::ScriptCompiler::Source source(String::NewFromUtf8Literal(isolate, "return [[0], [0.5], ['']]")
  );
  if (!v8::ScriptCompiler::CompileFunction(context, &source).ToLocal(&function) ||
      !call_shape(context, function, 0, nullptr).ToLocal(&made))
    return false;
  shapes->arrays.clear();
  for (uint32_t i = 0; i < 3; i++) {
    Local<Value> array;
    if (!made.As<Object>()->Get(context, i).ToLocal(&array)) return false;
    shapes->arrays.emplace_back(isolate, array.As<Object>());
  }
  return true;
}

/* What the function of the shape makes of leaves that look like these, and hold nothing of them. */
MaybeLocal<Value>
make_sample(Local<Context> context, const iso_shape_t &shape, const shapes_t::entry_t &entry) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<Value> leaves[ISO_SHAPE_LEAVES];
  for (uint32_t i = 0; i < shape.outline.leaf_count; i++) {
    bool is_string = shape.leaves[i].tag >= ISO_TAG_STRING8;
    if (is_string)
      leaves[i] = String::Empty(isolate);
    else if (!make_value(isolate, shape.leaves[i]).ToLocal(&leaves[i]))
      return {};
  }
  return call_shape(context, entry.function.Get(isolate), shape.outline.leaf_count, leaves);
}

bool make_natives(Local<Context> context, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<v8::External> data = compat::external(isolate, shapes);
  Local<Function> check;
  Local<Function> put;
  if (!Function::New(context, on_check, data).ToLocal(&check) ||
      !Function::New(context, on_put, data).ToLocal(&put))
    return false;
  shapes->check.Reset(isolate, check);
  shapes->put.Reset(isolate, put);
  return true;
}

/* Gives a pattern its reader. */
bool make_reader(Local<Context> context, shapes_t::pattern_t *pattern) {
  constexpr uint32_t kParameters = 3;
  iso_shape_reader_t how;
  Local<Function> reader;
  if (!iso_shape_read_how(pattern->outline, &how) ||
      !compile_shape(context, how.source, how.size, kParameters).ToLocal(&reader))
    return false;
  pattern->reader.Reset(Isolate::GetCurrent(), reader);
  for (uint32_t i = 0; i < how.object_count; i++)
    pattern->objects.push_back({{}, how.objects[i].is_array, how.objects[i].length});
  return true;
}

/* Not writing, but whether it could. */
bool would_write(
    Local<Context> context, Local<Value> value, const shapes_t::pattern_t &pattern, shapes_t *shapes
) {
  iso_message_t message;
  iso_message_init(&message);
  bool ok = Writing(pattern, shapes, nullptr, &message).read(context, pattern, value);
  iso_message_reset(&message);
  return ok;
}

enum class Learned { yes, not_yet, no };

Learned
learn(Local<Context> context, Local<Value> value, const iso_shape_t &shape, shapes_t *shapes) {
  const shapes_t::entry_t *entry = find_shape(context, shape.outline, shapes);
  if (entry == nullptr) return Learned::not_yet;
  if (shapes->put.IsEmpty() && !(make_arrays(context, shapes) && make_natives(context, shapes)))
    return Learned::no;
  shapes_t::pattern_t pattern;
  Local<Value> sample;
  pattern.outline = &shape.outline;
  if (!make_sample(context, shape, *entry).ToLocal(&sample)) return Learned::no;
  /* Most of what never will be alike is told before anything is compiled for it. */
  bool is_other = !sample->IsArray() && !are_alike(value.As<Object>(), sample.As<Object>());
  if (is_other || !make_reader(context, &pattern) ||
      !Sampling(&pattern, shapes).read(context, pattern, sample) ||
      !would_write(context, value, pattern, shapes) ||
      !iso_outline_register(&shape.outline, &pattern.number))
    return Learned::no;
  pattern.outline = iso_outline_known(pattern.number);
  *place_of(value.As<Object>(), shapes) = std::move(pattern);
  return Learned::yes;
}

} // namespace

bool write_shaped(
    Local<Context> context, Local<Value> value, iso_account_t *account, shapes_t *shapes,
    iso_message_t *message
) {
  if (shapes == nullptr || shapes->context != context || !value->IsObject()) return false;
  const shapes_t::pattern_t *pattern = place_of(value.As<Object>(), shapes);
  if (pattern->outline == nullptr) return false;
  if (iso_message_put_shape(message, pattern->number) != ISO_OK) return false;
  if (!Writing(*pattern, shapes, account, message).read(context, *pattern, value)) return false;
  iso_message_close_shape(message, pattern->outline->leaf_count);
  return true;
}

void learn_shapes(
    Local<Context> context, const Local<Value> *values, const iso_message_t *message,
    shapes_t *shapes
) {
  if (shapes->skips != 0) {
    shapes->skips--;
    return;
  }
  v8::TryCatch try_catch(Isolate::GetCurrent());
  Learned best = Learned::no;
  for (uint32_t i = 0; i < message->count && message->size <= kLongClone; i++) {
    iso_shape_t shape;
    if (!values[i]->IsObject()) continue;
    if (!iso_shape_read_value(message, i, &shape)) break;
    best = std::min(best, learn(context, values[i], shape, shapes));
  }
  uint32_t more = std::min(std::max(shapes->last_skips, kSkips) * 2 + 1, kSkipsAtMost);
  shapes->last_skips = best == Learned::no ? more : kSkips;
  shapes->skips = shapes->last_skips;
}

} // namespace iso
