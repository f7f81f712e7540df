/* Shapes, from bytes as V8's serializer writes them. */
#include <string.h>

#include "core/message.h"
#include "core/shape.h"
#include "test.h"
#include "tests.h"

/* { id: 1, t: ['a', { x: 2 }] } */
#define VALUE                                                                                      \
  "o\"\x02idI\x02\"\x01tA\x02\"\x01"                                                               \
  "ao\"\x01xI\x04{\x01$\x00\x02{\x02"

static void fill(iso_message_t *message, const char *bytes, size_t size, uint32_t count) {
  size_t capacity = 0;
  iso_message_init(message);
  memcpy(iso_message_grow(message, size, &capacity), bytes, size);
  message->size = size;
  message->count = count;
  message->is_clone = true;
}

static void check_value(const iso_shape_t *shape) {
  char source[ISO_SHAPE_SOURCE_BYTES];
  iso_shape_reader_t reader;
  static const char made[] = "return {\"id\":a0,\"t\":[a1,{\"x\":a2,},],}";
  static const char read[] =
      "const b0=a0;const b1=b0[\"t\"];if(b1===b0||!a1(b1,))return;"
      "const b2=b1[1];if(b2===b0||b2===b1||!a1(b2,))return;a2(b0[\"id\"],b1[0],b2[\"x\"],)";
  CHECK_EQ(shape->outline.leaf_count, 3);
  CHECK_EQ(shape->leaves[0].integer, 1);
  CHECK_EQ(shape->leaves[1].length, 1);
  CHECK_EQ(shape->leaves[2].integer, 2);
  CHECK_EQ(iso_shape_source(&shape->outline, source), sizeof(made) - 1);
  CHECK_EQ(memcmp(source, made, sizeof(made) - 1), 0);
  CHECK(iso_shape_read_how(&shape->outline, &reader));
  CHECK_EQ(reader.size, sizeof(read) - 1);
  CHECK_EQ(memcmp(reader.source, read, sizeof(read) - 1), 0);
  CHECK_EQ(reader.object_count, 3);
  CHECK(!reader.objects[0].is_array && reader.objects[1].is_array);
  CHECK_EQ(reader.objects[1].length, 2);
}

void test_shape_is_read_alone_and_among_others(void) {
  static const char alone[] = "\xff\x0f" VALUE;
  static const char among[] = "\xff\x0f"
                              "A\x02I\x02" VALUE "$\x00\x02";
  iso_message_t message;
  iso_shape_t shape;
  fill(&message, alone, sizeof(alone) - 1, 1);
  CHECK(iso_shape_read(&message, &shape));
  check_value(&shape);
  CHECK(iso_shape_read_value(&message, 0, &shape));
  check_value(&shape);
  CHECK(!iso_shape_read_value(&message, 1, &shape));
  iso_message_reset(&message);
  fill(&message, among, sizeof(among) - 1, 2);
  CHECK(iso_shape_read_value(&message, 1, &shape));
  check_value(&shape);
  CHECK(iso_shape_read_value(&message, 0, &shape));
  CHECK_EQ(shape.outline.leaf_count, 1);
  CHECK(!iso_shape_read_value(&message, 2, &shape));
  /* Cut off anywhere, it is none. */
  for (message.size = 0; message.size < sizeof(among) - 4; message.size++)
    CHECK(!iso_shape_read_value(&message, 1, &shape));
  iso_message_reset(&message);
}

void test_shape_has_one_number(void) {
  static const char bytes[] = "\xff\x0f" VALUE;
  iso_message_t message;
  iso_shape_t shape;
  uint32_t number = 0;
  uint32_t again = 0;
  uint32_t other = 0;
  fill(&message, bytes, sizeof(bytes) - 1, 1);
  CHECK(iso_shape_read(&message, &shape));
  CHECK(iso_outline_register(&shape.outline, &number));
  CHECK(iso_outline_register(&shape.outline, &again));
  CHECK_EQ(number, again);
  CHECK(iso_outline_is(iso_outline_known(number), &shape.outline));
  shape.outline.bytes[2]++;
  CHECK(iso_outline_register(&shape.outline, &other));
  CHECK(other != number);
  CHECK(iso_outline_known(ISO_SHAPES_KNOWN) == NULL);
  iso_message_reset(&message);
}
