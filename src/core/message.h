/* What travels between isolates: one or more values, as bytes and side tables.
 *
 * A message is flat or a clone.
 *
 *   flat   count values, each primitive, or a tree of primitives that has a known shape: a tag byte
 *          and what follows it. Small ones fit into the message itself, so an integer in and an
 *          integer out allocate nothing.
 *   clone  the bytes of V8's structured clone: of the one value, or of an array of all of them, so
 *          that what two arguments share is still shared on the other side.
 *
 * What is not bytes stands in the side table `parts`: the memory of buffers, copied, moved or
 * shared, and what the engine has compiled. The bytes name a part by its index. In the bytes of a
 * clone, what V8 leaves to us ("host objects": views of buffers, marks) starts with an
 * iso_object_t.
 *
 * Thread: one at a time; a message is handed on whole. Owns: its bytes and its parts. It must not
 * be copied or moved in memory, for `bytes` may point into it. */
#ifndef ISO_CORE_MESSAGE_H
#define ISO_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum iso_part_kind_e {
  /* The memory of a SharedArrayBuffer: both sides own it from now on. */
  ISO_PART_SHARED,
  /* The memory of an ArrayBuffer: the receiver's alone. */
  ISO_PART_BUFFER,
  /* A compiled WebAssembly.Module, which isolates share. */
  ISO_PART_MODULE,
  /* The characters of a long string: a block (block.h), which the receiver's string may keep. */
  ISO_PART_STRING,
  /* A function: a use of an iso_callable_t (remote.h). */
  ISO_PART_FUNCTION,
  /* The same, of the function `pull` of a stream (lib/stream.js). */
  ISO_PART_STREAM,
  ISO_PART_COUNT
} iso_part_kind_t;

typedef struct iso_part_s {
  iso_part_kind_t kind;
  /* A block, or made by the engine and destroyed by its iso_part_destroy. NULL: an empty place. */
  void *object;
  /* Of ISO_PART_BUFFER: where in the sender's buffer it starts, in bytes. */
  uint64_t base;
} iso_part_t;

enum { ISO_MESSAGE_INLINE_BYTES = 128 };

typedef struct iso_message_s {
  bool is_clone;
  uint32_t count;
  size_t size;
  size_t capacity;
  uint8_t *bytes;
  iso_part_t *parts;
  uint32_t part_count;
  uint32_t part_capacity;
  /* Even, where it stands: two-byte characters are read in place. */
  uint8_t inline_bytes[ISO_MESSAGE_INLINE_BYTES];
} iso_message_t;

void iso_message_init(iso_message_t *message);
/* Frees what it holds; it is then as after init. */
void iso_message_reset(iso_message_t *message);

/* Hands all that `from` holds over to `to`, which is empty; `from` is then as after init. */
void iso_message_move(iso_message_t *to, iso_message_t *from);

/* On the heap: create/destroy where init/reset is not enough. NULL: no memory. */
iso_message_t *iso_message_create(void);
void iso_message_destroy(iso_message_t *message);

/* Makes room for `size` bytes in all, keeping what is there; says in *capacity how much there is.
 * Errors: NULL, and the message as it was. */
void *iso_message_grow(iso_message_t *message, size_t size, size_t *capacity);

/* Takes `object` and gives its index. Errors: ISO_ENOMEM, and the object is still the caller's. */
int iso_message_add_part(
    iso_message_t *message, iso_part_kind_t kind, void *object, uint32_t *index
);
/* The part that the bytes name; NULL: there is none of this kind. */
const iso_part_t *
iso_message_part(const iso_message_t *message, iso_part_kind_t kind, uint64_t index);

/* What a host object in the bytes of a clone is. */
typedef enum iso_object_e {
  /* ISO_VIEW_BYTES as below, then the buffer as a value. */
  ISO_OBJECT_VIEW,
  /* The buffer as a value, then a size, then as many bytes in which V8 describes the view: one of a
   * resizable buffer, or of a type that iso_view_type_t has not. */
  ISO_OBJECT_V8_VIEW,
  /* transfer(value, list): the value. */
  ISO_OBJECT_TRANSFER,
  /* The index of its part. */
  ISO_OBJECT_FUNCTION,
} iso_object_t;

/* Views. */

typedef enum iso_view_type_e {
  ISO_VIEW_INT8,
  ISO_VIEW_UINT8,
  ISO_VIEW_UINT8_CLAMPED,
  ISO_VIEW_INT16,
  ISO_VIEW_UINT16,
  ISO_VIEW_INT32,
  ISO_VIEW_UINT32,
  ISO_VIEW_FLOAT32,
  ISO_VIEW_FLOAT64,
  ISO_VIEW_BIGINT64,
  ISO_VIEW_BIGUINT64,
  ISO_VIEW_DATA,
  ISO_VIEW_TYPE_COUNT
} iso_view_type_t;

enum { ISO_VIEW_BYTES = 24, ISO_VIEW_NO_PART = 0 };

typedef struct iso_view_s {
  iso_view_type_t type;
  /* The index of its buffer's part, plus 1; ISO_VIEW_NO_PART: the buffer travels in the bytes. */
  uint32_t part_plus_1;
  /* In bytes; the offset is that in the sender's buffer. */
  uint64_t offset;
  uint64_t size;
} iso_view_t;

size_t iso_view_element_bytes(iso_view_type_t type);
void iso_view_write(const iso_view_t *view, uint8_t bytes[ISO_VIEW_BYTES]);
/* Reads a view of `message` and moves its offset into the buffer as it arrives.
 * Errors: ISO_EMALFORMED. */
int iso_view_read(
    const iso_message_t *message, const uint8_t bytes[ISO_VIEW_BYTES], iso_view_t *out
);
/* Does the view lie within a buffer of so many bytes, and on whole elements? */
bool iso_view_fits(const iso_view_t *view, uint64_t buffer_bytes);

/* How buffers travel. */

/* Does a buffer of this size travel in the bytes, and not as a part? */
bool iso_buffer_is_small(uint64_t buffer_bytes);
/* Might a view of `view_bytes` travel without the rest of its buffer? */
bool iso_view_may_travel_alone(uint64_t view_bytes, uint64_t buffer_bytes);

/* Flat values. */

typedef enum iso_tag_e {
  ISO_TAG_UNDEFINED,
  ISO_TAG_NULL,
  ISO_TAG_FALSE,
  ISO_TAG_TRUE,
  ISO_TAG_INT32,
  ISO_TAG_DOUBLE,
  /* One byte a character (Latin-1), two bytes a character (UTF-16, of this machine's order). */
  ISO_TAG_STRING8,
  ISO_TAG_STRING16,
  /* The same, long, in a part of the message. Values are read as ISO_TAG_STRING8 and 16. */
  ISO_TAG_FAR_STRING8,
  ISO_TAG_FAR_STRING16,
  /* An object or array of a known shape (shape.h), whose leaves follow as values of their own. */
  ISO_TAG_SHAPED,
  ISO_TAG_COUNT
} iso_tag_t;

typedef struct iso_flat_s {
  iso_tag_t tag;
  int32_t integer;
  double number;
  /* Inside the message, valid as long as it is; two-byte characters are aligned for uint16_t. */
  const uint8_t *characters;
  /* In characters. */
  size_t length;
  /* The index of the part in which the characters stand, plus 1; 0: in none. */
  uint32_t part_plus_1;
} iso_flat_t;

/* Each appends one value. Errors: ISO_ENOMEM, and the message as it was. */
int iso_message_put_tag(iso_message_t *message, iso_tag_t tag);
int iso_message_put_int32(iso_message_t *message, int32_t integer);
int iso_message_put_double(iso_message_t *message, double number);
/* The leaves are to be put next; iso_message_close_shape then counts all of it as one value. */
int iso_message_put_shape(iso_message_t *message, uint32_t number);
void iso_message_close_shape(iso_message_t *message, uint32_t leaf_count);
/* Gives in *characters where the caller must write `length` characters of 1 or 2 bytes. Long
 * strings get a part of their own. */
int iso_message_put_string(
    iso_message_t *message, bool two_byte, size_t length, uint8_t **characters
);

/* Gives away the block in which the characters of a flat value stand: from now on the caller owns
 * it. NULL: they stand in none. */
void *iso_message_take_block(iso_message_t *message, const iso_flat_t *flat);

/* Reads the value at *offset and moves *offset behind it.
 * Errors: ISO_EMALFORMED where the bytes are not those of a value; nothing is read out of bounds.
 */
int iso_message_next(const iso_message_t *message, size_t *offset, iso_flat_t *out);

#ifdef __cplusplus
}
#endif

#endif
