/* What travels between isolates: one or more values, as bytes and side tables.
 *
 * A message is flat or a clone.
 *
 *   flat   count values, each primitive: a tag byte and what follows it. Small ones fit into the
 *          message itself, so an integer in and an integer out allocate nothing.
 *   clone  the bytes of V8's structured clone: of the one value, or of an array of all of them, so
 *          that what two arguments share is still shared on the other side.
 *
 * Backing stores that both sides shall own stand in `stores`; the bytes name them by index.
 *
 * Thread: one at a time; a message is handed on whole. Owns: its bytes and its stores. It must not
 * be copied or moved in memory, for `bytes` may point into it. */
#ifndef ISO_CORE_MESSAGE_H
#define ISO_CORE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A reference to a backing store; made and destroyed by the engine (engine.h). */
typedef struct iso_store_s iso_store_t;

enum { ISO_MESSAGE_INLINE_BYTES = 128 };

typedef struct iso_message_s {
  bool is_clone;
  uint32_t count;
  size_t size;
  size_t capacity;
  uint8_t *bytes;
  iso_store_t **stores;
  uint32_t store_count;
  uint32_t store_capacity;
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

/* Takes `store` and gives its index. Errors: ISO_ENOMEM, and the store is still the caller's. */
int iso_message_add_store(iso_message_t *message, iso_store_t *store, uint32_t *index);

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
} iso_flat_t;

/* Each appends one value. Errors: ISO_ENOMEM, and the message as it was. */
int iso_message_put_tag(iso_message_t *message, iso_tag_t tag);
int iso_message_put_int32(iso_message_t *message, int32_t integer);
int iso_message_put_double(iso_message_t *message, double number);
/* Gives in *characters where the caller must write `length` characters of 1 or 2 bytes. */
int iso_message_put_string(
    iso_message_t *message, bool two_byte, size_t length, uint8_t **characters
);

/* Reads the value at *offset and moves *offset behind it.
 * Errors: ISO_EMALFORMED where the bytes are not those of a value; nothing is read out of bounds.
 */
int iso_message_next(const iso_message_t *message, size_t *offset, iso_flat_t *out);

#ifdef __cplusplus
}
#endif

#endif
