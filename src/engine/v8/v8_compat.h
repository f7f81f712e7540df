/* Every difference between the V8s of the supported Node lines, and nothing else.
 *
 *   Node 20: V8 11.3    Node 22: V8 12.4    Node 24: V8 13.6    Node 26: V8 14.6 */
#ifndef ISO_ENGINE_V8_COMPAT_H
#define ISO_ENGINE_V8_COMPAT_H

#include <memory>

/* Their headers are not ours to warn about. */
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <node.h>
#include <v8-snapshot.h>
#include <v8.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

namespace iso::compat {

/* From V8 12 on an origin no longer needs the isolate. */
inline v8::ScriptOrigin
origin(v8::Isolate *isolate, v8::Local<v8::Value> file, int line, int column) {
#if V8_MAJOR_VERSION >= 12
  (void) isolate;
  return v8::ScriptOrigin(file, line, column);
#else
  return v8::ScriptOrigin(isolate, file, line, column);
#endif
}

/* From Node 24 on the platform disposes of the isolate, in the one right order. */
inline void dispose_isolate(node::MultiIsolatePlatform *platform, v8::Isolate *isolate) {
#if NODE_MAJOR_VERSION >= 24
  platform->DisposeIsolate(isolate);
#else
  platform->UnregisterIsolate(isolate);
  isolate->Dispose();
#endif
}

/* The layouts of the read-only heap (snapshot.cc) that V8's default snapshot shares with Node's:
 * see scripts/layouts.js, which finds them. None up to V8 11, where a snapshot names an object of
 * that heap by how many came before it in the snapshot itself. */
#if V8_MAJOR_VERSION >= 14
constexpr uint64_t kLayoutsOfBoth[] = {0x231cf6a9e0355717, 0x88c9013b42c67037, 0xacf25190870e14df};
#elif V8_MAJOR_VERSION >= 13
constexpr uint64_t kLayoutsOfBoth[] = {0xb2c37776f875179f, 0xb8cbf87713c71da7, 0x6df0025051066e07};
#elif V8_MAJOR_VERSION >= 12
constexpr uint64_t kLayoutsOfBoth[] = {
    0x6c696ac2724bd4af, 0x702d354481ae254f, 0x73e24ce38a14899f,
    0x8c13a1be9e7f397f, 0xbeb8878f0a780f9f,
};
#else
constexpr uint64_t kLayoutsOfBoth[] = {0};
#endif

/* From V8 13 on the pages of an isolate that is disposed of are kept for the next one, and are
 * freed by a task that another isolate, whichever V8 picks, is to run 8 seconds later. What a
 * collection frees under pressure goes back to the system at once. */
inline void give_pages_back(v8::Isolate *isolate) {
#if V8_MAJOR_VERSION >= 13
  isolate->MemoryPressureNotification(v8::MemoryPressureLevel::kCritical);
#else
  (void) isolate;
#endif
}

/* From V8 13 on the writers are named Write*V2 and say their lengths in other types. */
inline void write_characters(
    v8::Isolate *isolate, v8::Local<v8::String> string, bool two_byte, uint8_t *characters
) {
  auto *wide = reinterpret_cast<uint16_t *>(characters);
#if V8_MAJOR_VERSION >= 13
  auto length = static_cast<uint32_t>(string->Length());
  if (two_byte)
    string->WriteV2(isolate, 0, length, wide);
  else
    string->WriteOneByteV2(isolate, 0, length, characters);
#else
  int length = string->Length();
  int options = v8::String::NO_NULL_TERMINATION;
  if (two_byte)
    string->Write(isolate, wide, 0, length, options);
  else
    string->WriteOneByte(isolate, characters, 0, length, options);
#endif
}

/* From V8 14 on an external pointer carries a tag. */
inline v8::Local<v8::External> external(v8::Isolate *isolate, void *pointer) {
#if V8_MAJOR_VERSION >= 14
  return v8::External::New(isolate, pointer, v8::kExternalPointerTypeTagDefault);
#else
  return v8::External::New(isolate, pointer);
#endif
}

inline void *external_value(v8::Local<v8::External> external) {
#if V8_MAJOR_VERSION >= 14
  return external->Value(v8::kExternalPointerTypeTagDefault);
#else
  return external->Value();
#endif
}

/* What V8 knows of an object without looking at its properties: its map says which those are, where
 * they stand, that they are values and no accessors, and its prototype; its elements are what has
 * an index. Both words have stood there since long before V8 11. */
inline v8::internal::Address word_of(v8::Local<v8::Object> object, int index) {
  using v8::internal::Internals;
  static_assert(Internals::kHeapObjectMapOffset == 0);
  static_assert(Internals::kJSObjectHeaderSize == 3 * v8::internal::kApiTaggedSize);
  v8::internal::Address address = v8::internal::ValueHelper::ValueAsAddress(*object);
  return Internals::ReadTaggedPointerField(address, index * v8::internal::kApiTaggedSize);
}

inline v8::internal::Address map_of(v8::Local<v8::Object> object) {
  return word_of(object, 0);
}

inline v8::internal::Address elements_of(v8::Local<v8::Object> object) {
  return word_of(object, 2);
}

} // namespace iso::compat

#endif
