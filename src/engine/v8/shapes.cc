/* Small plain objects and arrays, made by a function of their shape (core/shape.h) that V8
 * compiles: one call for the whole value, where its deserializer adds property by property. */
#include "engine/v8/shapes.h"

#include <cstdio>

#include "core/error.h"

namespace iso {

using v8::Context;
using v8::Function;
using v8::Isolate;
using v8::Local;
using v8::MaybeLocal;
using v8::String;
using v8::Value;

MaybeLocal<Function>
compile_shape(Local<Context> context, const char *text, size_t size, uint32_t parameter_count) {
  Isolate *isolate = Isolate::GetCurrent();
  Local<String> code;
  if (!String::NewFromUtf8(isolate, text, v8::NewStringType::kNormal, static_cast<int>(size))
           .ToLocal(&code))
    return {};
  std::vector<Local<String>> names;
  for (uint32_t i = 0; i < parameter_count; i++) {
    char name[16];
    (void) std::snprintf(name, sizeof(name), "a%u", i);
    names.push_back(String::NewFromUtf8(isolate, name).ToLocalChecked());
  }
  v8::ScriptCompiler::Source source(code);
  return v8::ScriptCompiler::CompileFunction(context, &source, names.size(), names.data());
}

MaybeLocal<Value> call_shape(
    Local<Context> context, Local<Function> function, uint32_t count, Local<Value> *arguments
) {
  Local<Value> receiver = v8::Undefined(Isolate::GetCurrent());
  return function->Call(context, receiver, static_cast<int>(count), arguments);
}

namespace {

MaybeLocal<Function> compile_maker(Local<Context> context, const iso_outline_t &outline) {
  char text[ISO_SHAPE_SOURCE_BYTES];
  size_t size = iso_shape_source(&outline, text);
  return compile_shape(context, text, size, outline.leaf_count);
}

void use_context(Local<Context> context, shapes_t *shapes) {
  if (shapes->context == context) return;
  clear_shapes(shapes);
  shapes->context.Reset(Isolate::GetCurrent(), context);
}

MaybeLocal<Function>
maker_of(Local<Context> context, uint32_t number, const iso_outline_t &outline, shapes_t *shapes) {
  Isolate *isolate = Isolate::GetCurrent();
  use_context(context, shapes);
  if (number >= shapes->makers.size()) shapes->makers.resize(number + 1);
  v8::Global<Function> &maker = shapes->makers[number];
  if (!maker.IsEmpty()) return maker.Get(isolate);
  Local<Function> function;
  if (!compile_maker(context, outline).ToLocal(&function)) return {};
  maker.Reset(isolate, function);
  return function;
}

} // namespace

shapes_t::entry_t *
find_shape(Local<Context> context, const iso_outline_t &outline, shapes_t *shapes) {
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
  if (entry->seen < ISO_SHAPE_WORTH || !compile_maker(context, outline).ToLocal(&function))
    return nullptr;
  entry->function.Reset(Isolate::GetCurrent(), function);
  return entry;
}

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
  shapes->put.Reset();
  shapes->check.Reset();
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
  shapes_t::entry_t *entry = find_shape(context, shape.outline, shapes);
  if (entry == nullptr) return {};
  uint32_t leaf_count = shape.outline.leaf_count;
  Local<Value> leaves[ISO_SHAPE_LEAVES];
  for (uint32_t i = 0; i < leaf_count; i++)
    if (!make_value(isolate, shape.leaves[i]).ToLocal(&leaves[i])) return {};
  return call_shape(context, entry->function.Get(isolate), leaf_count, leaves);
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
  return call_shape(context, maker, outline->leaf_count, leaves);
}

} // namespace iso
