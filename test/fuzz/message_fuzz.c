/* A libFuzzer target: whatever the bytes of a message are, reading them reads nothing else.
 *
 *   npm run fuzz [seconds]
 *
 * The first byte says what reads the rest. The bytes stand in a block of just their size, so that
 * AddressSanitizer sees what reads beyond. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bare.h"
#include "core/block.h"
#include "core/error.h"
#include "core/message.h"
#include "core/shape.h"
#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRING_BYTES = 100, BUFFER_BYTES = 64 };

void iso_part_destroy(iso_part_t *part) {
  free(part->object);
}

static void check(bool holds, const char *what) {
  if (holds) return;
  (void) fprintf(stderr, "message_fuzz: %s\n", what);
  abort();
}

static volatile uint8_t sink;

static void touch(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    sink = bytes[i];
}

static void touch_flat(const iso_flat_t *flat) {
  if (flat->tag == ISO_TAG_STRING8) touch(flat->characters, flat->length);
  if (flat->tag != ISO_TAG_STRING16) return;
  check((uintptr_t) flat->characters % 2 == 0, "two-byte characters are not aligned");
  touch(flat->characters, flat->length * 2);
}

static void read_flat(iso_message_t *message) {
  size_t offset = 0;
  size_t before = 0;
  iso_flat_t flat;
  while (iso_message_next(message, &offset, &flat) == ISO_OK) {
    check(offset > before && offset <= message->size, "the offset does not move on");
    before = offset;
    touch_flat(&flat);
    if (flat.part_plus_1 != 0) iso_block_destroy(iso_message_take_block(message, &flat));
  }
}

static void read_shape(const iso_message_t *message) {
  iso_shape_t shape;
  char source[ISO_SHAPE_SOURCE_BYTES];
  if (!iso_shape_read(message, &shape)) return;
  check(
      shape.outline.size <= ISO_SHAPE_BYTES && shape.outline.leaf_count <= ISO_SHAPE_LEAVES,
      "a shape is too large"
  );
  for (uint32_t i = 0; i < shape.outline.leaf_count; i++)
    touch_flat(&shape.leaves[i]);
  size_t size = iso_shape_source(&shape.outline, source);
  check(size < ISO_SHAPE_SOURCE_BYTES, "the source is too long");
  for (size_t i = 0; i < size; i++)
    check(source[i] >= 0x20 && source[i] <= 0x7e, "the source is not plain");
}

static void read_view(const iso_message_t *message) {
  static const uint8_t buffer[BUFFER_BYTES];
  iso_view_t view;
  if (message->size < ISO_VIEW_BYTES) return;
  if (iso_view_read(message, message->bytes, &view) != ISO_OK) return;
  if (iso_view_fits(&view, BUFFER_BYTES)) touch(buffer + view.offset, view.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  iso_message_t message;
  uint32_t index = 0;
  if (size == 0) return 0;
  iso_message_init(&message);
  message.size = size - 1;
  message.bytes = malloc(size == 1 ? 1 : size - 1);
  if (message.bytes == NULL) return 0;
  memcpy(message.bytes, data + 1, size - 1);
  if (data[0] % 4 != 1) {
    (void
    ) iso_message_add_part(&message, ISO_PART_STRING, iso_block_create(STRING_BYTES, true), &index);
    (void) iso_message_add_part(&message, ISO_PART_BUFFER, malloc(1), &index);
    message.parts[index].base = 16;
  }
#if defined(ISO_FUZZ_FAULT)
  if (size > 2 && data[1] == 'I') touch(message.bytes, size);
#endif
  switch (data[0] % 4) {
  case 0:
    read_flat(&message);
    break;
  case 1:
    read_shape(&message);
    break;
  case 2:
    read_view(&message);
    break;
  default:
    (void) iso_message_find_bare(&message, (bool[ISO_BARE_PARTS]){false});
    break;
  }
  free(message.bytes);
  message.bytes = message.inline_bytes;
  iso_message_reset(&message);
  return 0;
}
