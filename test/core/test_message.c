#include <math.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/message.h"
#include "fake_engine.h"
#include "test.h"
#include "tests.h"

static void put_string(iso_message_t *message, bool two_byte, const void *text, size_t length) {
  uint8_t *characters = NULL;
  CHECK_OK(iso_message_put_string(message, two_byte, length, &characters));
  memcpy(characters, text, two_byte ? length * 2 : length);
}

static const uint16_t wide[] = {0x4f60, 0x597d, 0xd83d};

/* One of each kind, and enough of them to outgrow the inline bytes. */
static void put_all(iso_message_t *message) {
  for (int round = 0; round < 4; round++) {
    CHECK_OK(iso_message_put_tag(message, ISO_TAG_UNDEFINED));
    CHECK_OK(iso_message_put_tag(message, ISO_TAG_TRUE));
    CHECK_OK(iso_message_put_int32(message, -5));
    CHECK_OK(iso_message_put_double(message, 0.1));
    put_string(message, false, "hello", 5);
    put_string(message, true, wide, 3);
    put_string(message, false, "", 0);
  }
}

enum { VALUES = 28 };

static void check_all(const iso_message_t *message) {
  size_t offset = 0;
  iso_flat_t flat;
  CHECK_EQ(message->count, VALUES);
  for (int round = 0; round < 4; round++) {
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK_EQ(flat.tag, ISO_TAG_UNDEFINED);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK_EQ(flat.tag, ISO_TAG_TRUE);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK_EQ(flat.integer, -5);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK(fabs(flat.number - 0.1) < 1e-12);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK(flat.length == 5 && memcmp(flat.characters, "hello", 5) == 0);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK_EQ(flat.tag, ISO_TAG_STRING16);
    CHECK(flat.length == 3 && memcmp(flat.characters, wide, 6) == 0);
    CHECK_EQ((uintptr_t) flat.characters % 2, 0);
    CHECK_OK(iso_message_next(message, &offset, &flat));
    CHECK_EQ(flat.length, 0);
  }
  CHECK_EQ(offset, message->size);
  CHECK_EQ(iso_message_next(message, &offset, &flat), ISO_EMALFORMED);
}

void test_message_gives_back_every_flat_value(void) {
  size_t before = iso_alloc_live();
  iso_message_t message;
  iso_message_init(&message);
  put_all(&message);
  check_all(&message);
  iso_message_reset(&message);
  CHECK_EQ(message.count, 0);
  CHECK_EQ(iso_alloc_live(), before);
  /* A small value allocates nothing. */
  CHECK_OK(iso_message_put_int32(&message, 1));
  CHECK_EQ(iso_alloc_live(), before);
}

void test_message_refuses_truncated_bytes(void) {
  iso_message_t message;
  iso_message_init(&message);
  put_all(&message);
  size_t whole = message.size;
  for (size_t size = 0; size < whole; size++) {
    /* A block of exactly that size, so that a sanitizer sees what reads beyond it. */
    iso_message_t cut = message;
    cut.bytes = malloc(size == 0 ? 1 : size);
    memcpy(cut.bytes, message.bytes, size);
    cut.size = size;
    size_t offset = 0;
    int read = 0;
    iso_flat_t flat;
    while (iso_message_next(&cut, &offset, &flat) == ISO_OK)
      read++;
    CHECK(read < VALUES);
    free(cut.bytes);
  }
  iso_message_reset(&message);
}

void test_message_survives_random_bytes(void) {
  unsigned state = test_seed();
  for (int round = 0; round < 20000; round++) {
    size_t size = test_random(&state, 64) + 1;
    iso_message_t message;
    iso_message_init(&message);
    message.bytes = malloc(size);
    message.size = size;
    for (size_t i = 0; i < size; i++) {
      /* Mostly small numbers, for tags and lengths to be right now and then. */
      unsigned value = test_random(&state, 4) == 0 ? test_random(&state, 256)
                                                   : test_random(&state, ISO_TAG_COUNT + 1);
      message.bytes[i] = (uint8_t) value;
    }
    size_t offset = 0;
    iso_flat_t flat;
    while (iso_message_next(&message, &offset, &flat) == ISO_OK) {
      CHECK(offset <= size);
      if (flat.tag < ISO_TAG_STRING8 || flat.length == 0) continue;
      size_t width = flat.tag == ISO_TAG_STRING16 ? 2 : 1;
      CHECK(flat.characters + flat.length * width <= message.bytes + size);
    }
    free(message.bytes);
  }
}

void test_message_moves(void) {
  for (int is_large = 0; is_large < 2; is_large++) {
    iso_message_t from;
    iso_message_t to;
    iso_message_init(&from);
    iso_message_init(&to);
    if (is_large)
      put_all(&from);
    else
      CHECK_OK(iso_message_put_int32(&from, 7));
    iso_message_move(&to, &from);
    CHECK_EQ(from.size, 0);
    memset(from.inline_bytes, 0xff, sizeof(from.inline_bytes));
    if (is_large) {
      check_all(&to);
    } else {
      iso_flat_t flat;
      size_t offset = 0;
      CHECK_OK(iso_message_next(&to, &offset, &flat));
      CHECK_EQ(flat.integer, 7);
    }
    iso_message_reset(&from);
    iso_message_reset(&to);
  }
}

void test_message_owns_its_parts(void) {
  size_t before = iso_alloc_live();
  iso_message_t *message = iso_message_create();
  for (uint32_t i = 0; i < 9; i++) {
    uint32_t index = 0;
    CHECK_OK(iso_message_add_part(message, ISO_PART_SHARED, fake_store_create(), &index));
    CHECK_EQ(index, i);
  }
  CHECK_EQ(fake_live_stores, 9);
  iso_message_destroy(message);
  iso_message_destroy(NULL);
  CHECK_EQ(fake_live_stores, 0);
  CHECK_EQ(iso_alloc_live(), before);
}
