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

/* Goes along a shape and a value. */
class Walk {
public:
  Walk(Local<Context> context, const iso_outline_t &outline, const shapes_t &shapes, met_t *met)
      : isolate_(Isolate::GetCurrent()), context_(context), at_(outline.bytes), shapes_(shapes),
        met_(met) {}
  virtual ~Walk() = default;

  bool visit(Local<Value> value) {
    uint8_t kind = *at_++;
    if (kind == '.') return visit_leaf(value);
    if (!value->IsObject()) return false;
    Local<Object> object = value.As<Object>();
    if (!meet(object)) return false;
    return kind == '{' ? visit_object(object) : visit_array(object);
  }

protected:
  virtual bool visit_leaf(Local<Value> value) = 0;
  /* It is not to be read by itself. */
  virtual bool skips_leaves() const { return false; }
  /* Is it alike to the sample in its place? */
  virtual bool begin_object(Local<Object> object) = 0;
  /* A property: its place among all of the shape, its name. */
  virtual MaybeLocal<Value>
  next(Local<Object> object, size_t index, const uint8_t *key, size_t length) = 0;

  Isolate *isolate_;
  Local<Context> context_;

private:
  /* False: it has come before, or there are too many. */
  bool meet(Local<Object> object) {
    if (met_->count == met_t::kMost) return false;
    for (size_t i = 0; i < met_->count; i++)
      if (met_->objects[i] == object) return false;
    met_->objects[met_->count++] = object;
    return true;
  }

  bool passes_leaf() {
    if (*at_ != '.' || !skips_leaves()) return false;
    at_++;
    return true;
  }

  bool visit_object(Local<Object> object) {
    if (!begin_object(object)) return false;
    while (*at_ != '}') {
      size_t length = *at_++;
      const uint8_t *key = at_;
      size_t index = key_++;
      at_ += length;
      if (passes_leaf()) continue;
      Local<Value> value;
      if (!next(object, index, key, length).ToLocal(&value) || !visit(value)) return false;
    }
    at_++;
    return true;
  }

  bool visit_array(Local<Object> object) {
    if (!object->IsArray() || !is_plain_array(isolate_, object, shapes_)) return false;
    uint32_t length = object.As<Array>()->Length();
    uint32_t i = 0;
    for (; *at_ != ']'; i++) {
      if (passes_leaf()) continue;
      Local<Value> value;
      if (i >= length || !object->Get(context_, i).ToLocal(&value) || !visit(value)) return false;
    }
    at_++;
    return i == length;
  }

  const uint8_t *at_;
  const shapes_t &shapes_;
  met_t *met_;
  size_t key_ = 0;
};

} // namespace

/* Writes the leaves. */
class Writing final : public Walk {
public:
  Writing(
      Local<Context> context, const shapes_t::pattern_t &pattern, shapes_t *shapes, met_t *met,
      iso_account_t *account, iso_message_t *message
  )
      : Walk(context, *pattern.outline, *shapes, met), pattern_(pattern), shapes_(shapes),
        met_(met), first_(met->count), account_(account), message_(message) {}

  bool write(Local<Value> value) { return visit(value) && (!skips_leaves() || read()); }

  bool put(Local<Value> leaf) { return put_leaf(isolate_, leaf, account_, message_); }

  void put_all(const v8::FunctionCallbackInfo<Value> &info) {
    is_put_ = true;
    for (int i = 0; i < info.Length() && is_put_; i++)
      is_put_ = put(info[i]);
  }

protected:
  bool visit_leaf(Local<Value> value) override { return put(value); }
  bool skips_leaves() const override { return !pattern_.reader.IsEmpty(); }
  bool begin_object(Local<Object> object) override {
    return are_alike(object, pattern_.samples[sample_++].Get(isolate_));
  }
  MaybeLocal<Value> next(Local<Object> object, size_t index, const uint8_t *, size_t) override {
    return object->Get(context_, pattern_.keys[index].Get(isolate_));
  }

private:
  bool read() {
    v8::TryCatch try_catch(isolate_);
    Local<Value> arguments[met_t::kMost + 1];
    uint32_t count = 0;
    arguments[count++] = shapes_->put.Get(isolate_);
    for (size_t i = first_; i < met_->count; i++)
      arguments[count++] = met_->objects[i];
    Writing *outer = shapes_->writing;
    shapes_->writing = this;
    bool is_called =
        !call_shape(context_, pattern_.reader.Get(isolate_), count, arguments).IsEmpty();
    shapes_->writing = outer;
    return is_called && is_put_;
  }

  const shapes_t::pattern_t &pattern_;
  shapes_t *shapes_;
  met_t *met_;
  size_t first_;
  iso_account_t *account_;
  iso_message_t *message_;
  bool is_put_ = false;
  size_t sample_ = 0;
};

namespace {

void on_put(const v8::FunctionCallbackInfo<Value> &info) {
  auto *shapes = static_cast<shapes_t *>(compat::external_value(info.Data().As<v8::External>()));
  shapes->writing->put_all(info);
}

/* Takes what its function has made, and keeps it as the samples of a pattern. */
class Sampling final : public Walk {
public:
  Sampling(
      Local<Context> context, const iso_outline_t &outline, const shapes_t &shapes, met_t *met,
      shapes_t::pattern_t *pattern
  )
      : Walk(context, outline, shapes, met), pattern_(pattern) {}

protected:
  bool visit_leaf(Local<Value> value) override { return !value->IsObject(); }
  bool begin_object(Local<Object> object) override {
    pattern_->samples.emplace_back(isolate_, object);
    return true;
  }
  MaybeLocal<Value> next(Local<Object> object, size_t, const uint8_t *key, size_t length) override {
    Local<String> name;
    if (!String::NewFromOneByte(
             isolate_, key, v8::NewStringType::kInternalized, static_cast<int>(length)
        )
             .ToLocal(&name))
      return {};
    pattern_->keys.emplace_back(isolate_, name);
    return object->Get(context_, name);
  }

private:
  shapes_t::pattern_t *pattern_;
};

bool make_arrays(Local<Context> context, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<Function> function;
  Local<Value> made;
  v8::ScriptCompiler::Source source(String::NewFromUtf8Literal(isolate, "return [[0], [0.5], ['']]")
  );
  if (!v8::ScriptCompiler::CompileFunction(context, &source).ToLocal(&function) ||
      !call_shape(context, function, 0, nullptr).ToLocal(&made))
    return false;
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

/* Gives a pattern its reader, if that pays. */
bool prepare(
    Local<Context> context, size_t object_count, shapes_t *shapes, shapes_t::pattern_t *pattern
) {
  constexpr uint32_t kFewLeaves = 3;
  Isolate *isolate = Isolate::GetCurrent();
  if (pattern->outline->leaf_count <= kFewLeaves) return true;
  if (shapes->put.IsEmpty()) {
    Local<Function> put;
    if (!Function::New(context, on_put, compat::external(isolate, shapes)).ToLocal(&put))
      return false;
    shapes->put.Reset(isolate, put);
  }
  char text[ISO_SHAPE_READER_BYTES];
  size_t size = iso_shape_reader(pattern->outline, text);
  Local<Function> reader;
  /* a0 is `put`. */
  if (!compile_shape(context, text, size, static_cast<uint32_t>(object_count) + 1).ToLocal(&reader))
    return false;
  pattern->reader.Reset(isolate, reader);
  return true;
}

/* Not writing, but whether it could. */
bool would_write(
    Local<Context> context, Local<Value> value, const shapes_t::pattern_t &pattern, shapes_t *shapes
) {
  iso_message_t message;
  met_t met;
  iso_message_init(&message);
  bool ok = Writing(context, pattern, shapes, &met, nullptr, &message).write(value);
  iso_message_reset(&message);
  return ok;
}

enum class Learned { yes, not_yet, no };

Learned
learn(Local<Context> context, Local<Value> value, const iso_shape_t &shape, shapes_t *shapes) {
  const shapes_t::entry_t *entry = find_shape(context, shape.outline, shapes);
  if (entry == nullptr) return Learned::not_yet;
  if (shapes->arrays.empty() && !make_arrays(context, shapes)) return Learned::no;
  shapes_t::pattern_t pattern;
  met_t met;
  Local<Value> sample;
  pattern.outline = &shape.outline;
  if (!make_sample(context, shape, *entry).ToLocal(&sample) ||
      !Sampling(context, shape.outline, *shapes, &met, &pattern).visit(sample) ||
      !prepare(context, met.count, shapes, &pattern) ||
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
    met_t *met, iso_message_t *message
) {
  if (shapes == nullptr || shapes->context != context || !value->IsObject()) return false;
  const shapes_t::pattern_t *pattern = place_of(value.As<Object>(), shapes);
  if (pattern->outline == nullptr) return false;
  if (iso_message_put_shape(message, pattern->number) != ISO_OK) return false;
  if (!Writing(context, *pattern, shapes, met, account, message).write(value)) return false;
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
  if (best == Learned::no)
    shapes->skips_after_failure = std::min(shapes->skips_after_failure * 2 + 1, kSkipsAtMost);
  else
    shapes->skips_after_failure = kSkips;
  shapes->skips = shapes->skips_after_failure;
}

} // namespace iso
