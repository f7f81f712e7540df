/* What is kept of shapes: shapes.cc makes objects of them, patterns.cc writes such objects. */
#ifndef ISO_ENGINE_V8_SHAPES_H
#define ISO_ENGINE_V8_SHAPES_H

#include "core/shape.h"
#include "engine/v8/v8_internal.h"

namespace iso {

class Reading;

struct shapes_t {
  struct entry_t {
    iso_outline_t outline{};
    /* How often it has come, until it has a function; less for each other one that wants its place.
     */
    uint32_t seen = 0;
    v8::Global<v8::Function> function;
  };

  /* How an object of a known shape is written. */
  struct pattern_t {
    const iso_outline_t *outline = nullptr;
    uint32_t number = 0;
    /* What its reader meets: an object as the function makes it, or an array of this length. */
    struct object_t {
      v8::Global<v8::Object> sample;
      bool is_array;
      uint32_t length;
    };
    std::vector<object_t> objects;
    v8::Global<v8::Function> reader;
  };

  /* What the functions return belongs to a context, so they are for one. */
  v8::Global<v8::Context> context;
  entry_t entries[ISO_SHAPE_CACHE];
  /* By the numbers of their shapes. */
  std::vector<v8::Global<v8::Function>> makers;
  /* By the maps of their objects. */
  pattern_t patterns[ISO_SHAPE_CACHE];
  /* What readers call, and for whom they do. */
  v8::Global<v8::Function> check;
  v8::Global<v8::Function> put;
  Reading *reading = nullptr;
  /* Arrays without holes, of each of V8's kinds. */
  std::vector<v8::Global<v8::Object>> arrays;
  /* Clones that are not looked at before the next one is, and how many those were last. */
  uint32_t skips = 0;
  uint32_t last_skips = 0;
};

/* The entry of a shape that has a function; NULL: not (yet). */
shapes_t::entry_t *
find_shape(v8::Local<v8::Context> context, const iso_outline_t &outline, shapes_t *shapes);
/* A function of a0, a1, ... */
v8::MaybeLocal<v8::Function> compile_shape(
    v8::Local<v8::Context> context, const char *text, size_t size, uint32_t parameter_count
);
v8::MaybeLocal<v8::Value> call_shape(
    v8::Local<v8::Context> context, v8::Local<v8::Function> function, uint32_t count,
    v8::Local<v8::Value> *arguments
);

} // namespace iso

#endif
