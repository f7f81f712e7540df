/* Small plain objects and arrays, made by a function of their shape (core/shape.h) that V8
 * compiles: one call for the whole value, where its deserializer adds property by property. And
 * such objects written without V8's serializer, where they are alike to what that function makes:
 * then they can have nothing that it would look for. */
#include "engine/v8/v8_internal.h"

#include <algorithm>
#include <cstdio>

#include "core/error.h"
#include "core/shape.h"

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

/* One object in this many is looked at closely; fewer and fewer where that comes to nothing. */
constexpr uint32_t kSkips = 3;
constexpr uint32_t kSkipsAtMost = 1023;
/* What is longer is seldom a shape. */
constexpr size_t kLongClone = 2048;

struct shapes_t {
  struct entry_t {
    iso_outline_t outline{};
    /* How often it has come, until it has a function; less for each other one that wants its place.
     */
    uint32_t seen = 0;
    v8::Global<Function> function;
  };

  /* How an object of a known shape is written. */
  struct pattern_t {
    const iso_outline_t *outline = nullptr;
    uint32_t number = 0;
    /* Objects as the function makes them, and the names of their properties, as they stand in the
     * shape. */
    std::vector<v8::Global<Object>> samples;
    std::vector<v8::Global<String>> keys;
  };

  /* What the functions return belongs to a context, so they are for one. */
  v8::Global<Context> context;
  entry_t entries[ISO_SHAPE_CACHE];
  /* By the numbers of their shapes. */
  std::vector<v8::Global<Function>> makers;
  /* By the maps of their objects. */
  pattern_t patterns[ISO_SHAPE_CACHE];
  /* Arrays without holes, of each of V8's kinds. */
  std::vector<v8::Global<Object>> arrays;
  uint32_t skips = 0;
  uint32_t skips_after_failure = kSkips;
};

namespace {

MaybeLocal<Function> compile(Local<Context> context, const iso_outline_t &outline) {
  Isolate *isolate = Isolate::GetCurrent();
  char text[ISO_SHAPE_SOURCE_BYTES];
  size_t size = iso_shape_source(&outline, text);
  Local<String> code;
  if (!String::NewFromUtf8(isolate, text, v8::NewStringType::kNormal, static_cast<int>(size))
           .ToLocal(&code))
    return {};
  std::vector<Local<String>> names;
  for (uint32_t i = 0; i < outline.leaf_count; i++) {
    char name[16];
    (void) std::snprintf(name, sizeof(name), "a%u", i);
    names.push_back(String::NewFromUtf8(isolate, name).ToLocalChecked());
  }
  v8::ScriptCompiler::Source source(code);
  return v8::ScriptCompiler::CompileFunction(context, &source, names.size(), names.data());
}

void use_context(Local<Context> context, shapes_t *shapes) {
  if (shapes->context == context) return;
  clear_shapes(shapes);
  shapes->context.Reset(Isolate::GetCurrent(), context);
}

/* The entry of a shape that has a function; NULL: not (yet). */
shapes_t::entry_t *find(Local<Context> context, const iso_outline_t &outline, shapes_t *shapes) {
  use_context(context, shapes);
  shapes_t::entry_t *entry = &shapes->entries[outline.hash % ISO_SHAPE_CACHE];
  if (!iso_outline_is(&entry->outline, &outline)) {
    if (entry->seen > 0 && --entry->seen > 0) return nullptr;
    entry->outline = outline;
    entry->function.Reset();
  }
  if (entry->seen < ISO_SHAPE_WORTH) entry->seen++;
  if (!entry->function.IsEmpty()) return entry;
  Local<Function> function;
  if (entry->seen < ISO_SHAPE_WORTH || !compile(context, outline).ToLocal(&function))
    return nullptr;
  entry->function.Reset(Isolate::GetCurrent(), function);
  return entry;
}

MaybeLocal<Value>
call(Local<Context> context, Local<Function> function, uint32_t leaf_count, Local<Value> *leaves) {
  Local<Value> receiver = v8::Undefined(Isolate::GetCurrent());
  return function->Call(context, receiver, static_cast<int>(leaf_count), leaves);
}

MaybeLocal<Function>
maker_of(Local<Context> context, uint32_t number, const iso_outline_t &outline, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  use_context(context, shapes);
  if (number >= shapes->makers.size()) shapes->makers.resize(number + 1);
  v8::Global<Function> &maker = shapes->makers[number];
  if (!maker.IsEmpty()) return maker.Get(isolate);
  Local<Function> function;
  if (!compile(context, outline).ToLocal(&function)) return {};
  maker.Reset(isolate, function);
  return function;
}

/* Patterns. */

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
  /* Is it alike to the sample in its place? */
  virtual bool begin_object(Local<Object> object) = 0;
  virtual MaybeLocal<Value> next(Local<Object> object, const uint8_t *key, size_t length) = 0;

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

  bool visit_object(Local<Object> object) {
    if (!begin_object(object)) return false;
    while (*at_ != '}') {
      size_t length = *at_++;
      const uint8_t *key = at_;
      Local<Value> value;
      at_ += length;
      if (!next(object, key, length).ToLocal(&value) || !visit(value)) return false;
    }
    at_++;
    return true;
  }

  bool visit_array(Local<Object> object) {
    if (!object->IsArray() || !is_plain_array(isolate_, object, shapes_)) return false;
    uint32_t length = object.As<Array>()->Length();
    uint32_t i = 0;
    for (; *at_ != ']'; i++) {
      Local<Value> value;
      if (i >= length || !object->Get(context_, i).ToLocal(&value) || !visit(value)) return false;
    }
    at_++;
    return i == length;
  }

  const uint8_t *at_;
  const shapes_t &shapes_;
  met_t *met_;
};

/* Writes the leaves. */
class Writing final : public Walk {
public:
  Writing(
      Local<Context> context, const shapes_t::pattern_t &pattern, const shapes_t &shapes,
      met_t *met, iso_account_t *account, iso_message_t *message
  )
      : Walk(context, *pattern.outline, shapes, met), pattern_(pattern), account_(account),
        message_(message) {}

protected:
  bool visit_leaf(Local<Value> value) override {
    return put_leaf(isolate_, value, account_, message_);
  }
  bool begin_object(Local<Object> object) override {
    return are_alike(object, pattern_.samples[sample_++].Get(isolate_));
  }
  MaybeLocal<Value> next(Local<Object> object, const uint8_t *, size_t) override {
    return object->Get(context_, pattern_.keys[key_++].Get(isolate_));
  }

private:
  const shapes_t::pattern_t &pattern_;
  iso_account_t *account_;
  iso_message_t *message_;
  size_t sample_ = 0;
  size_t key_ = 0;
};

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
  MaybeLocal<Value> next(Local<Object> object, const uint8_t *key, size_t length) override {
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
      !call(context, function, 0, nullptr).ToLocal(&made))
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
  return call(context, entry.function.Get(isolate), shape.outline.leaf_count, leaves);
}

/* Not writing, but whether it could. */
bool would_write(
    Local<Context> context, Local<Value> value, const shapes_t::pattern_t &pattern,
    const shapes_t &shapes
) {
  iso_message_t message;
  met_t met;
  iso_message_init(&message);
  bool ok = Writing(context, pattern, shapes, &met, nullptr, &message).visit(value);
  iso_message_reset(&message);
  return ok;
}

enum class Learned { yes, not_yet, no };

Learned
learn(Local<Context> context, Local<Value> value, const iso_shape_t &shape, shapes_t *shapes) {
  const shapes_t::entry_t *entry = find(context, shape.outline, shapes);
  if (entry == nullptr) return Learned::not_yet;
  if (shapes->arrays.empty() && !make_arrays(context, shapes)) return Learned::no;
  shapes_t::pattern_t pattern;
  met_t met;
  Local<Value> sample;
  pattern.outline = &shape.outline;
  if (!make_sample(context, shape, *entry).ToLocal(&sample) ||
      !Sampling(context, shape.outline, *shapes, &met, &pattern).visit(sample) ||
      !would_write(context, value, pattern, *shapes) ||
      !iso_outline_register(&shape.outline, &pattern.number))
    return Learned::no;
  pattern.outline = iso_outline_known(pattern.number);
  *place_of(value.As<Object>(), shapes) = std::move(pattern);
  return Learned::yes;
}

} // namespace

shapes_t *create_shapes() {
  return new shapes_t;
}

void clear_shapes(shapes_t *shapes) {
  shapes->context.Reset();
  for (shapes_t::entry_t &entry : shapes->entries)
    entry = {};
  for (shapes_t::pattern_t &pattern : shapes->patterns)
    pattern = {};
  shapes->makers.clear();
  shapes->arrays.clear();
  shapes->skips = 0;
}

void destroy_shapes(shapes_t *shapes) {
  delete shapes;
}

MaybeLocal<Value>
make_shaped(Local<Context> context, const iso_message_t *message, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  iso_shape_t shape;
  if (!iso_shape_read(message, &shape)) return {};
  shapes_t::entry_t *entry = find(context, shape.outline, shapes);
  if (entry == nullptr) return {};
  uint32_t leaf_count = shape.outline.leaf_count;
  Local<Value> leaves[ISO_SHAPE_LEAVES];
  for (uint32_t i = 0; i < leaf_count; i++)
    if (!make_value(isolate, shape.leaves[i]).ToLocal(&leaves[i])) return {};
  return call(context, entry->function.Get(isolate), leaf_count, leaves);
}

MaybeLocal<Value> make_known(
    Local<Context> context, const iso_message_t *message, size_t *offset, uint32_t number,
    shapes_t *shapes
) {
  Isolate *isolate = Isolate::GetCurrent();
  const iso_outline_t *outline = iso_outline_known(number);
  Local<Value> leaves[ISO_SHAPE_LEAVES];
  bool ok = outline != nullptr;
  for (uint32_t i = 0; ok && i < outline->leaf_count; i++) {
    iso_flat_t flat{};
    ok = iso_message_next(message, offset, &flat) == ISO_OK && flat.tag != ISO_TAG_SHAPED;
    if (ok && !make_value(isolate, flat).ToLocal(&leaves[i])) return {};
  }
  if (!ok) {
    throw_error(isolate, "the message is malformed");
    return {};
  }
  Local<Function> maker;
  if (!maker_of(context, number, *outline, shapes).ToLocal(&maker)) return {};
  return call(context, maker, outline->leaf_count, leaves);
}

bool write_shaped(
    Local<Context> context, Local<Value> value, iso_account_t *account, shapes_t *shapes,
    met_t *met, iso_message_t *message
) {
  if (shapes == nullptr || shapes->context != context || !value->IsObject()) return false;
  const shapes_t::pattern_t *pattern = place_of(value.As<Object>(), shapes);
  if (pattern->outline == nullptr) return false;
  if (iso_message_put_shape(message, pattern->number) != ISO_OK) return false;
  if (!Writing(context, *pattern, *shapes, met, account, message).visit(value)) return false;
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
