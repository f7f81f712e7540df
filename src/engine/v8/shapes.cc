/* Small plain objects and arrays, made by a function of their shape (core/shape.h) that V8
 * compiles: one call for the whole value, where its deserializer adds property by property. */
#include "engine/v8/v8_internal.h"

#include <algorithm>
#include <cstdio>

#include "core/shape.h"

namespace iso {

using v8::Context;
using v8::Function;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::String;
using v8::Value;

struct shapes_t {
  struct entry_t {
    std::vector<uint8_t> bytes;
    /* How often it has come, until it has a function; less for each other one that wants its place.
     */
    uint32_t seen = 0;
    v8::Global<Function> function;
  };

  /* What the functions return belongs to a context, so they are for one. */
  v8::Global<Context> context;
  entry_t entries[ISO_SHAPE_CACHE];
};

namespace {

MaybeLocal<Function> compile(Local<Context> context, const iso_shape_t &shape) {
  Isolate *isolate = Isolate::GetCurrent();
  char text[ISO_SHAPE_SOURCE_BYTES];
  size_t size = iso_shape_source(&shape, text);
  Local<String> code;
  if (!String::NewFromUtf8(isolate, text, v8::NewStringType::kNormal, static_cast<int>(size))
           .ToLocal(&code))
    return {};
  std::vector<Local<String>> names;
  for (uint32_t i = 0; i < shape.leaf_count; i++) {
    char name[16];
    (void) std::snprintf(name, sizeof(name), "a%u", i);
    names.push_back(String::NewFromUtf8(isolate, name).ToLocalChecked());
  }
  v8::ScriptCompiler::Source source(code);
  return v8::ScriptCompiler::CompileFunction(context, &source, names.size(), names.data());
}

/* The entry of a shape that has a function; NULL: not (yet). */
shapes_t::entry_t *find(Local<Context> context, const iso_shape_t &shape, shapes_t *shapes) {
  if (shapes->context != context) {
    clear_shapes(shapes);
    shapes->context.Reset(Isolate::GetCurrent(), context);
  }
  shapes_t::entry_t *entry = &shapes->entries[shape.hash % ISO_SHAPE_CACHE];
  bool is_same = entry->bytes.size() == shape.size &&
                 std::equal(entry->bytes.begin(), entry->bytes.end(), shape.bytes);
  if (!is_same) {
    if (entry->seen > 0 && --entry->seen > 0) return nullptr;
    entry->bytes.assign(shape.bytes, shape.bytes + shape.size);
    entry->function.Reset();
  }
  if (entry->seen < ISO_SHAPE_WORTH) entry->seen++;
  if (!entry->function.IsEmpty()) return entry;
  Local<Function> function;
  if (entry->seen < ISO_SHAPE_WORTH || !compile(context, shape).ToLocal(&function)) return nullptr;
  entry->function.Reset(Isolate::GetCurrent(), function);
  return entry;
}

} // namespace

shapes_t *create_shapes() {
  return new shapes_t;
}

void clear_shapes(shapes_t *shapes) {
  shapes->context.Reset();
  for (shapes_t::entry_t &entry : shapes->entries)
    entry = {};
}

void destroy_shapes(shapes_t *shapes) {
  delete shapes;
}

MaybeLocal<Value>
make_shaped(Local<Context> context, const iso_message_t *message, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  iso_shape_t shape;
  if (!iso_shape_read(message, &shape)) return {};
  shapes_t::entry_t *entry = find(context, shape, shapes);
  if (entry == nullptr) return {};
  Local<Value> leaves[ISO_SHAPE_LEAVES];
  for (uint32_t i = 0; i < shape.leaf_count; i++)
    if (!make_value(isolate, shape.leaves[i]).ToLocal(&leaves[i])) return {};
  return entry->function.Get(isolate)->Call(
      context, v8::Undefined(isolate), static_cast<int>(shape.leaf_count), leaves
  );
}

} // namespace iso
