/* See message.h. A flat value in bytes:
 *
 *   undefined null false true   tag
 *   int32                       tag, 4 bytes
 *   double                      tag, 8 bytes
 *   string8                     tag, length (8 bytes), characters
 *   string16                    tag, length (8 bytes), 0 or 1 byte so that they are even,
 *                               characters
 *   far string8, 16             tag, length (8 bytes), index of the part (4 bytes)
 *   shaped                      tag, number of the shape (4 bytes), its leaves
 *
 * Numbers are in this machine's order: a message never leaves its process. */
#include "core/message.h"

#include <string.h>

#include "core/alloc.h"
#include "core/block.h"
#include "core/error.h"
#include "engine/engine.h"

void iso_message_init(iso_message_t *message) {
  message->is_clone = false;
  message->count = 0;
  message->size = 0;
  message->capacity = ISO_MESSAGE_INLINE_BYTES;
  message->bytes = message->inline_bytes;
  message->parts = NULL;
  message->part_count = 0;
  message->part_capacity = 0;
}

static void destroy_part(iso_part_t *part) {
  if (part->kind == ISO_PART_STRING)
    iso_block_destroy(part->object);
  else
    iso_part_destroy(part);
}

void iso_message_reset(iso_message_t *message) {
  if (message->bytes != message->inline_bytes) iso_free(message->bytes);
  for (uint32_t i = 0; i < message->part_count; i++)
    destroy_part(&message->parts[i]);
  iso_free(message->parts);
  iso_message_init(message);
}

void iso_message_move(iso_message_t *to, iso_message_t *from) {
  memcpy(to, from, offsetof(iso_message_t, inline_bytes));
  if (from->bytes == from->inline_bytes) {
    to->bytes = to->inline_bytes;
    memcpy(to->inline_bytes, from->inline_bytes, from->size);
  }
  iso_message_init(from);
}

iso_message_t *iso_message_create(void) {
  iso_message_t *message = iso_alloc(sizeof(*message));
  if (message != NULL) iso_message_init(message);
  return message;
}

void iso_message_destroy(iso_message_t *message) {
  if (message == NULL) return;
  iso_message_reset(message);
  iso_free(message);
}

void *iso_message_grow(iso_message_t *message, size_t size, size_t *capacity) {
  if (size > message->capacity) {
    bool is_inline = message->bytes == message->inline_bytes;
    uint8_t *bytes = iso_realloc(is_inline ? NULL : message->bytes, size);
    if (bytes == NULL) return NULL;
    if (is_inline) memcpy(bytes, message->inline_bytes, ISO_MESSAGE_INLINE_BYTES);
    message->bytes = bytes;
    message->capacity = size;
  }
  *capacity = message->capacity;
  return message->bytes;
}

int iso_message_add_part(
    iso_message_t *message, iso_part_kind_t kind, void *object, uint32_t *index
) {
  if (message->part_count == message->part_capacity) {
    uint32_t capacity = message->part_capacity == 0 ? 4 : message->part_capacity * 2;
    iso_part_t *parts = iso_realloc(message->parts, capacity * sizeof(*parts));
    if (parts == NULL) return ISO_ENOMEM;
    message->parts = parts;
    message->part_capacity = capacity;
  }
  *index = message->part_count;
  message->parts[message->part_count++] = (iso_part_t){.kind = kind, .object = object};
  return ISO_OK;
}

const iso_part_t *
iso_message_part(const iso_message_t *message, iso_part_kind_t kind, uint64_t index) {
  if (index >= message->part_count) return NULL;
  const iso_part_t *part = &message->parts[index];
  return part->kind == kind && part->object != NULL ? part : NULL;
}

/* Room for `bytes` more at the end, growing by doubling; NULL when there is no memory. */
static uint8_t *extend(iso_message_t *message, size_t bytes) {
  size_t needed = message->size + bytes;
  if (needed < bytes) return NULL;
  if (needed > message->capacity) {
    size_t wanted = needed > message->capacity * 2 ? needed : message->capacity * 2;
    size_t capacity = 0;
    if (iso_message_grow(message, wanted, &capacity) == NULL) return NULL;
  }
  uint8_t *end = message->bytes + message->size;
  message->size = needed;
  return end;
}

/* Appends a tag and `payload_size` bytes of `payload`. */
static int put(iso_message_t *message, iso_tag_t tag, const void *payload, size_t payload_size) {
  uint8_t *end = extend(message, 1 + payload_size);
  if (end == NULL) return ISO_ENOMEM;
  end[0] = (uint8_t) tag;
  if (payload_size != 0) memcpy(end + 1, payload, payload_size);
  message->count++;
  return ISO_OK;
}

int iso_message_put_tag(iso_message_t *message, iso_tag_t tag) {
  return put(message, tag, NULL, 0);
}

int iso_message_put_int32(iso_message_t *message, int32_t integer) {
  return put(message, ISO_TAG_INT32, &integer, sizeof(integer));
}

int iso_message_put_double(iso_message_t *message, double number) {
  return put(message, ISO_TAG_DOUBLE, &number, sizeof(number));
}

int iso_message_put_shape(iso_message_t *message, uint32_t number) {
  return put(message, ISO_TAG_SHAPED, &number, sizeof(number));
}

void iso_message_close_shape(iso_message_t *message, uint32_t leaf_count) {
  message->count -= leaf_count;
}

/* A string from this size on is worth a block, which the receiver takes over as it is. */
enum { FAR_STRING_BYTES = 64 << 10 };

static int
put_far_string(iso_message_t *message, bool two_byte, size_t length, uint8_t **characters) {
  uint64_t length_field = length;
  uint32_t index = 0;
  uint8_t payload[sizeof(length_field) + sizeof(index)] = {0};
  size_t size = message->size;
  int status =
      put(message, two_byte ? ISO_TAG_FAR_STRING16 : ISO_TAG_FAR_STRING8, payload, sizeof(payload));
  if (status != ISO_OK) return status;
  void *block = iso_block_create(two_byte ? length * 2 : length, false);
  if (block == NULL || iso_message_add_part(message, ISO_PART_STRING, block, &index) != ISO_OK) {
    iso_block_destroy(block);
    message->size = size;
    message->count--;
    return ISO_ENOMEM;
  }
  memcpy(message->bytes + size + 1, &length_field, sizeof(length_field));
  memcpy(message->bytes + size + 1 + sizeof(length_field), &index, sizeof(index));
  *characters = block;
  return ISO_OK;
}

int iso_message_put_string(
    iso_message_t *message, bool two_byte, size_t length, uint8_t **characters
) {
  if (length >= FAR_STRING_BYTES) return put_far_string(message, two_byte, length, characters);
  uint64_t length_field = length;
  size_t header = 1 + sizeof(length_field);
  size_t padding = two_byte && (message->size + header) % 2 != 0 ? 1 : 0;
  uint8_t *end = extend(message, header + padding + (two_byte ? length * 2 : length));
  if (end == NULL) return ISO_ENOMEM;
  end[0] = (uint8_t) (two_byte ? ISO_TAG_STRING16 : ISO_TAG_STRING8);
  memcpy(end + 1, &length_field, sizeof(length_field));
  if (padding != 0) end[header] = 0;
  message->count++;
  *characters = end + header + padding;
  return ISO_OK;
}

/* Copies `size` bytes at *offset to `out` and moves on; false where they are not all there. */
static bool read_bytes(const iso_message_t *message, size_t *offset, void *out, size_t size) {
  if (size > message->size - *offset) return false;
  memcpy(out, message->bytes + *offset, size);
  *offset += size;
  return true;
}

static bool read_string(const iso_message_t *message, size_t *offset, iso_flat_t *out) {
  size_t width = out->tag == ISO_TAG_STRING16 ? 2 : 1;
  uint64_t length = 0;
  if (!read_bytes(message, offset, &length, sizeof(length))) return false;
  if (width == 2 && *offset % 2 != 0) {
    uint8_t padding = 0;
    if (!read_bytes(message, offset, &padding, 1)) return false;
  }
  if (length > (message->size - *offset) / width) return false;
  out->characters = message->bytes + *offset;
  out->length = (size_t) length;
  *offset += (size_t) length * width;
  return true;
}

static bool read_far_string(const iso_message_t *message, size_t *offset, iso_flat_t *out) {
  uint64_t length = 0;
  uint32_t index = 0;
  if (!read_bytes(message, offset, &length, sizeof(length))) return false;
  if (!read_bytes(message, offset, &index, sizeof(index))) return false;
  const iso_part_t *part = iso_message_part(message, ISO_PART_STRING, index);
  size_t width = out->tag == ISO_TAG_FAR_STRING16 ? 2 : 1;
  if (part == NULL || length > iso_block_size(part->object) / width) return false;
  out->tag = width == 2 ? ISO_TAG_STRING16 : ISO_TAG_STRING8;
  out->characters = part->object;
  out->length = (size_t) length;
  out->part_plus_1 = index + 1;
  return true;
}

void *iso_message_take_block(iso_message_t *message, const iso_flat_t *flat) {
  if (flat->part_plus_1 == 0) return NULL;
  iso_part_t *part = &message->parts[flat->part_plus_1 - 1];
  void *block = part->object;
  part->object = NULL;
  return block;
}

int iso_message_next(const iso_message_t *message, size_t *offset, iso_flat_t *out) {
  uint8_t tag = 0;
  bool ok = *offset <= message->size && read_bytes(message, offset, &tag, 1) && tag < ISO_TAG_COUNT;
  if (!ok) return ISO_EMALFORMED;
  out->tag = (iso_tag_t) tag;
  out->part_plus_1 = 0;
  switch (out->tag) {
  case ISO_TAG_INT32:
  case ISO_TAG_SHAPED:
    ok = read_bytes(message, offset, &out->integer, sizeof(out->integer));
    break;
  case ISO_TAG_DOUBLE:
    ok = read_bytes(message, offset, &out->number, sizeof(out->number));
    break;
  case ISO_TAG_STRING8:
  case ISO_TAG_STRING16:
    ok = read_string(message, offset, out);
    break;
  case ISO_TAG_FAR_STRING8:
  case ISO_TAG_FAR_STRING16:
    ok = read_far_string(message, offset, out);
    break;
  default:
    break;
  }
  return ok ? ISO_OK : ISO_EMALFORMED;
}

/* Views: type and part (4 bytes each), offset and size (8 bytes each). */

size_t iso_view_element_bytes(iso_view_type_t type) {
  static const uint8_t bytes[ISO_VIEW_TYPE_COUNT] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 1};
  return bytes[type];
}

void iso_view_write(const iso_view_t *view, uint8_t bytes[ISO_VIEW_BYTES]) {
  uint32_t type = view->type;
  memcpy(bytes, &type, 4);
  memcpy(bytes + 4, &view->part_plus_1, 4);
  memcpy(bytes + 8, &view->offset, 8);
  memcpy(bytes + 16, &view->size, 8);
}

int iso_view_read(
    const iso_message_t *message, const uint8_t bytes[ISO_VIEW_BYTES], iso_view_t *out
) {
  uint32_t type = 0;
  iso_view_t view = {.type = ISO_VIEW_UINT8};
  memcpy(&type, bytes, 4);
  memcpy(&view.part_plus_1, bytes + 4, 4);
  memcpy(&view.offset, bytes + 8, 8);
  memcpy(&view.size, bytes + 16, 8);
  if (type >= ISO_VIEW_TYPE_COUNT) return ISO_EMALFORMED;
  view.type = (iso_view_type_t) type;
  if (view.part_plus_1 != ISO_VIEW_NO_PART) {
    const iso_part_t *part = iso_message_part(message, ISO_PART_BUFFER, view.part_plus_1 - 1);
    if (part == NULL || part->base > view.offset) return ISO_EMALFORMED;
    view.offset -= part->base;
  }
  *out = view;
  return ISO_OK;
}

bool iso_view_fits(const iso_view_t *view, uint64_t buffer_bytes) {
  uint64_t element = iso_view_element_bytes(view->type);
  return view->offset <= buffer_bytes && view->size <= buffer_bytes - view->offset &&
         view->offset % element == 0 && view->size % element == 0;
}

/* A part costs some allocations, so a buffer must be larger than this to be worth one. */
enum { SMALL_BUFFER_BYTES = 2048 };

bool iso_buffer_is_small(uint64_t buffer_bytes) {
  return buffer_bytes <= SMALL_BUFFER_BYTES;
}

bool iso_view_may_travel_alone(uint64_t view_bytes, uint64_t buffer_bytes) {
  return !iso_buffer_is_small(buffer_bytes) && view_bytes <= buffer_bytes / 2;
}
