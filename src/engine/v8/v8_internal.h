/* What the files of the V8 engine know of each other. */
#ifndef ISO_ENGINE_V8_INTERNAL_H
#define ISO_ENGINE_V8_INTERNAL_H

#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "core/remote.h"
#include "engine/engine.h"
#include "engine/v8/v8_compat.h"

namespace iso {
struct shapes_t;
struct charges_t;
struct functions_t;

/* Isolate data slot of ours, the engine; Node uses none in an isolate without an Environment. */
constexpr uint32_t kEngineSlot = 0;
} // namespace iso

/* The functions of src/prelude/prelude.js, made once in each isolate. */
struct iso_prelude_t {
  v8::Global<v8::Function> load;
  v8::Global<v8::Function> describe;
  v8::Global<v8::Function> describe_uncloneable;
  v8::Global<v8::Function> warn;
};

/* The object of a part that is memory. */
struct iso_store_s {
  std::shared_ptr<v8::BackingStore> backing;
  /* Does it stand on a block of core/block.h? */
  bool is_block;
};

/* What the pending promise will give. */
enum class iso_pending_t { none, load, call, stream };

struct iso_engine_s {
  v8::Isolate *isolate;
  node::MultiIsolatePlatform *platform;
  uv_loop_s *loop;
  const iso_engine_hooks_t *hooks;
  void *hooks_data;
  iso_account_t *account;
  iso::shapes_t *shapes;
  /* A HandleScope around all others: where V8 was left by a jump, theirs were not closed, and this
   * one frees what they had. */
  alignas(v8::HandleScope) unsigned char base_scope[sizeof(v8::HandleScope)];
  iso::charges_t *charges;
  /* A collection runs, since when. */
  bool is_collecting;
  uint64_t collection_start_ns;
  /* Of the current context. */
  iso::functions_t *functions;
  /* Of every context made here: code from strings may be compiled; and is not even looked at. */
  bool allow_eval;
  bool has_free_eval;

  v8::Global<v8::Context> context;
  v8::Global<v8::Function> function;
  /* The name of what makes an object awaited. */
  v8::Global<v8::String> then;
  iso_prelude_t prelude;
  /* Until it is known that others have its code; see keep_prelude. */
  v8::Global<v8::UnboundScript> prelude_script;

  iso_pending_t pending;
  v8::Global<v8::Promise> promise;
  /* Rejected with nobody to handle it, when last looked at; exceptions of V8's own jobs. */
  std::vector<v8::Global<v8::Promise>> rejections;
  std::vector<v8::Global<v8::Value>> uncaught;
};

namespace iso {

struct shapes_t;

/* What an isolate needs to decode. */
struct side_t {
  /* Of a thread, which pays for the buffers that arrive; NULL: the host does not. */
  iso_account_t *account;
  /* NULL: it keeps none. */
  shapes_t *shapes;
  /* NULL: no functions come. */
  functions_t *functions;
  /* The message is others' as well: nothing may be taken out of it. */
  bool is_shared;
};

/* create.cc. The engine is found in the isolate's slot by what V8 calls. NULL: there is none to be
 * had. */
v8::Isolate *create_bare(const iso_engine_config_t *config);
/* snapshot.cc: may isolates of this process come from V8's default snapshot? */
bool default_snapshot_fits();
/* Hears of exceptions in V8's own jobs; once it is entered. */
void listen(v8::Isolate *isolate);
void forbid_wasm(v8::Isolate *isolate);

/* shapes.cc */
shapes_t *create_shapes();
/* When its context goes. */
void clear_shapes(shapes_t *shapes);
/* Before its isolate goes. */
void destroy_shapes(shapes_t *shapes);
/* Empty: V8 must read it, and there is no exception unless the isolate is being terminated. */
v8::MaybeLocal<v8::Value>
make_shaped(v8::Local<v8::Context> context, const iso_message_t *message, shapes_t *shapes);
/* Of a flat value of this shape, whose leaves are next. Empty: an exception is pending. */
v8::MaybeLocal<v8::Value> make_known(
    v8::Local<v8::Context> context, const iso_message_t *message, size_t *offset, uint32_t number,
    shapes_t *shapes
);

/* Writes an object, without a look at what it cannot have, if it is alike in all but its leaves to
 * one that learn_shapes has met. False: it is not, and the message holds part of it. Runs none of
 * the user's code. `account`: of the thread that encodes; NULL: the host does. */
bool write_shaped(
    v8::Local<v8::Context> context, v8::Local<v8::Value> value, iso_account_t *account,
    shapes_t *shapes, iso_message_t *message
);
/* From the clone that V8 has written of them. No exception is left. */
void learn_shapes(
    v8::Local<v8::Context> context, const v8::Local<v8::Value> *values,
    const iso_message_t *message, shapes_t *shapes
);

/* message.cc. Both leave an exception pending where they fail (false, empty). */

struct encode_options_t {
  encode_options_t(iso_account_t *payer = nullptr, functions_t *sender = nullptr)
      : account(payer), functions(sender) {}

  /* Of the thread that encodes; NULL: the host does. */
  iso_account_t *account;
  /* NULL: functions do not go. */
  functions_t *functions;
  /* NULL: it keeps none. */
  shapes_t *shapes = nullptr;
  /* An array of ArrayBuffers that move; empty: there is none. */
  v8::Local<v8::Value> transfer;
  /* See iso_moves_t; what it says is put into *refusal, and encode fails without an exception. */
  const iso_moves_t *moves = nullptr;
  int *refusal = nullptr;
  /* Nothing moves: it is only to be seen whether it could. */
  bool is_trial = false;
};

bool encode(
    v8::Local<v8::Context> context, const v8::Local<v8::Value> *values, size_t count,
    iso_message_t *message, const encode_options_t &options
);
/* False: the message alone takes more than the limit; an exception is pending. */
bool fits(const iso_account_t *account, const iso_message_t *message);
/* Takes out of the message what the values can keep as it is. */
bool decode(
    v8::Local<v8::Context> context, iso_message_t *message, const side_t &side,
    std::vector<v8::Local<v8::Value>> *values
);
/* Primitive values only, into an empty message, which is empty still where it fails (false: another
 * value, or no memory; there is no exception). */
bool encode_flat(
    v8::Isolate *isolate, const v8::Local<v8::Value> *values, size_t count, iso_message_t *message
);
/* All values of a message, where they are primitive and no strings. False: they are not. */
bool decode_simple(
    v8::Isolate *isolate, const iso_message_t *message, v8::Local<v8::Value> *values
);
v8::MaybeLocal<v8::Value> make_value(v8::Isolate *isolate, const iso_flat_t &flat);
/* A primitive of a shape. False: it is none, or too long, or there is no memory. */
bool put_leaf(
    v8::Isolate *isolate, v8::Local<v8::Value> value, iso_account_t *account, iso_message_t *message
);

/* clone_write.cc, clone_read.cc: the clones among them. All values make one clone: of the one, or
 * of an array of them. */
bool write_clone(
    v8::Local<v8::Context> context, const v8::Local<v8::Value> *values, size_t count,
    iso_message_t *message, const encode_options_t &options
);
v8::MaybeLocal<v8::Value>
read_clone(v8::Local<v8::Context> context, const iso_message_t *message, const side_t &side);
void throw_error(v8::Isolate *isolate, const char *text);
/* A RangeError: the arguments do not fit into the thread. */
void throw_too_large(v8::Isolate *isolate);

/* views.cc */

/* ISO_VIEW_TYPE_COUNT: it is none of iso_view_type_t. */
iso_view_type_t view_type(v8::Local<v8::ArrayBufferView> view);
/* Empty: it does not fit into the buffer, or that is none. */
v8::MaybeLocal<v8::Object> make_view(const iso_view_t &view, v8::Local<v8::Object> buffer);

struct free_t {
  void operator()(void *block) const { std::free(block); }
};

struct view_bytes_t {
  std::unique_ptr<uint8_t, free_t> data;
  size_t size;
};

/* A view in V8's own words, the only ones that can say that a view follows the length of its
 * buffer. False: an exception is pending. */
bool describe_view(
    v8::Local<v8::Context> context, v8::Local<v8::ArrayBufferView> view, view_bytes_t *bytes
);
v8::MaybeLocal<v8::Object> make_described_view(
    v8::Local<v8::Context> context, v8::Local<v8::Object> buffer, const uint8_t *bytes, size_t size
);

/* buffers.cc */

using store_t = std::shared_ptr<v8::BackingStore>;

/* Copies that nobody pays for yet; null: no memory. */
store_t copy_store(const void *bytes, size_t size);
store_t copy_resizable_store(const v8::BackingStore &source);
/* What a thread that pays from `account` takes in; null: it cannot pay. */
store_t adopt_store(const iso_store_s &store, iso_account_t *account);
/* What leaves the thread that made it or took it in. */
store_t disown_store(const store_t &store);

/* transfer.cc */

/* The function transfer(value, list). */
v8::MaybeLocal<v8::Function> transfer_function(v8::Local<v8::Context> context);
/* What a mark that it made holds; false: the value is none. */
bool read_mark(
    v8::Local<v8::Context> context, v8::Local<v8::Value> value, v8::Local<v8::Value> *inner,
    v8::Local<v8::Value> *list
);

/* charges.cc */
charges_t *create_charges();
/* Before its isolate goes. */
void destroy_charges(charges_t *charges);
using add_native_t = const std::function<void(const char *, v8::FunctionCallback)> &;
void add_charge_natives(add_native_t add);
/* A resizable buffer that came with a message. False: its thread cannot pay. */
bool charge_buffer(
    v8::Local<v8::Context> context, v8::Local<v8::ArrayBuffer> buffer, iso_account_t *account
);
/* It has moved away. */
void discharge_buffer(v8::Local<v8::Context> context, v8::Local<v8::ArrayBuffer> buffer);

/* wasm.cc */
void add_wasm_natives(add_native_t add);
/* A module that came with a message; it is compiled anew where its memory could outgrow the limit
 * of `account` (NULL: none). */
v8::MaybeLocal<v8::WasmModuleObject> make_module(
    v8::Isolate *isolate, const v8::CompiledWasmModule &module, const iso_account_t *account
);

/* functions.cc, calls.cc */

/* Of one context, which has `home`; the others as in side_t. */
functions_t *
create_functions(v8::Isolate *isolate, iso_home_t *home, iso_account_t *account, shapes_t *shapes);
/* `hooks` is what lib/remote.js returns. */
bool open_functions(
    functions_t *functions, v8::Local<v8::Context> context, v8::Local<v8::Object> hooks
);
/* Its isolate is never used again, nor freed: lets go of what it holds elsewhere. */
void abandon_functions(functions_t *functions);
/* Before its isolate goes. What its home still gets is not handled any more. */
void destroy_functions(functions_t *functions);
/* Adds what lib/remote.js needs; *slot is looked at when one of them is called. */
void add_remote_natives(
    v8::Local<v8::Context> context, v8::Local<v8::Object> natives, functions_t **slot
);
/* What has come to a thread's home. False: nothing. */
bool take(functions_t *functions, iso_arrival_t *arrival);
/* Handles it. False: what it ran was terminated, and nothing more is to run. */
bool receive(functions_t *functions, v8::Local<v8::Context> context, const iso_arrival_t &arrival);
/* A new use of what stands for a function elsewhere; NULL: no memory. `is_pull`: a stream's. */
iso_callable_t *callable_of(functions_t *functions, v8::Local<v8::Function> function, bool is_pull);
/* The function that a callable stands for here, or the stream (where it is a stream's pull); takes
 * no use. */
v8::MaybeLocal<v8::Object> function_of(
    functions_t *functions, v8::Local<v8::Context> context, iso_callable_t *callable, bool is_pull
);
/* Is it an async iterable, which V8 would take for a plain object? False also where an exception is
 * pending. */
bool is_async_iterable(v8::Local<v8::Context> context, v8::Local<v8::Value> value);
/* A generator's stream, in `opening`, and the promise of its end. Empty: an exception is pending.
 */
v8::MaybeLocal<v8::Promise> open_stream(
    functions_t *functions, v8::Local<v8::Context> context, v8::Local<v8::Value> generator,
    iso_message_t *opening
);
/* V8 cannot write these values. If that is for the functions in them, or iterators, gives a copy
 * with marks in their places; empty otherwise, perhaps with an exception. */
v8::MaybeLocal<v8::Array>
substitute(functions_t *functions, v8::Local<v8::Context> context, v8::Local<v8::Array> values);
/* An object that stands for a function in a message. */
v8::MaybeLocal<v8::Object> make_mark(
    functions_t *functions, v8::Local<v8::Context> context, v8::Local<v8::Value> function,
    bool is_pull
);
/* False: it is none. */
bool read_function_mark(
    v8::Local<v8::Context> context, v8::Local<v8::Object> object, v8::Local<v8::Value> *function,
    bool *is_pull
);

/* natives.cc: evaluates the prelude in a new context. False: it could not be. */
bool run_prelude(iso_engine_t *engine, v8::Local<v8::Context> context);
/* Keeps for later isolates what this one has compiled of it, if it is the first. Takes a while. */
void keep_prelude(iso_engine_t *engine);

/* limits.cc */
std::shared_ptr<node::ArrayBufferAllocator> create_allocator(iso_account_t *account);
/* Has the hooks called where V8 comes to its limits. */
void catch_limits(iso_engine_t *engine);
/* Before the engine goes: V8 may collect while it disposes of the isolate. */
void unset_limits(iso_engine_t *engine);
void set_heap_limit(iso_engine_t *engine, size_t bytes);
void read_heap(v8::Isolate *isolate, iso_heap_t *out);

} // namespace iso

#endif
