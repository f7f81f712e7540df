#include "core/alloc.h"
#include "core/error.h"
#include "core/wasm.h"
#include "test.h"
#include "tests.h"

#define HEADER 0, 'a', 's', 'm', 1, 0, 0, 0
/* Custom, of three bytes. */
#define CUSTOM 0, 3, 1, 'x', 7

enum { PAGES = 1024 };

/* A block of exactly that size, so that a sanitizer sees what reads beyond it. */
static int cap(const uint8_t *bytes, size_t size, iso_wasm_module_t *out) {
  uint8_t *block = malloc(size == 0 ? 1 : size);
  memcpy(block, bytes, size);
  int status = iso_wasm_cap_memory(block, size, PAGES, out);
  (void) iso_wasm_declared_bytes(block, size);
  free(block);
  return status;
}

static void check_capped(const uint8_t *from, size_t size, const uint8_t *to, size_t to_size) {
  iso_wasm_module_t out;
  CHECK_OK(cap(from, size, &out));
  CHECK(out.bytes != NULL && out.size == to_size && memcmp(out.bytes, to, to_size) == 0);
  iso_free(out.bytes);
}

static void check_same(const uint8_t *bytes, size_t size) {
  iso_wasm_module_t out;
  CHECK_OK(cap(bytes, size, &out));
  CHECK(out.bytes == NULL);
}

void test_wasm_memory_gets_a_ceiling(void) {
  static const uint8_t plain[] = {HEADER, CUSTOM, 5, 3, 1, 0, 1, CUSTOM};
  static const uint8_t plain_capped[] = {HEADER, CUSTOM, 5, 5, 1, 1, 1, 0x80, 8, CUSTOM};
  check_capped(plain, sizeof(plain), plain_capped, sizeof(plain_capped));
  /* Shared, with the highest maximum; of 64 bits, with a number of ten bytes; and one that is low.
   */
  static const uint8_t many[] = {HEADER, 5,    21,   3,    3,    2,    0x80, 0x80, 4, 5, 7, 0xff,
                                 0xff,   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 2, 3};
  static const uint8_t many_capped[] = {HEADER, 5, 12, 3, 3, 2, 0x80, 8, 5, 7, 0x80, 8, 1, 2, 3};
  check_capped(many, sizeof(many), many_capped, sizeof(many_capped));
  CHECK_EQ(iso_wasm_declared_bytes(many, sizeof(many)), (2 + 7 + 2) * ISO_WASM_PAGE_BYTES);
  static const uint8_t low[] = {HEADER, 5, 4, 1, 1, 1, 9};
  check_same(low, sizeof(low));
  /* What has just the ceiling stays, so doing it twice is doing it once. */
  check_same(plain_capped, sizeof(plain_capped));
}

void test_wasm_memory_that_is_too_large_is_refused(void) {
  static const uint8_t large[] = {HEADER, 5, 4, 1, 0, 0x81, 8};
  static const uint8_t exact[] = {HEADER, 5, 4, 1, 0, 0x80, 8};
  static const uint8_t exact_capped[] = {HEADER, 5, 6, 1, 1, 0x80, 8, 0x80, 8};
  iso_wasm_module_t out;
  CHECK_EQ(cap(large, sizeof(large), &out), ISO_EMEMORY);
  check_capped(exact, sizeof(exact), exact_capped, sizeof(exact_capped));
  iso_alloc_fail_at(1);
  CHECK_EQ(cap(exact, sizeof(exact), &out), ISO_ENOMEM);
  iso_alloc_fail_at(0);
}

void test_wasm_that_is_none_is_left_alone(void) {
  static const uint8_t none[] = {HEADER, CUSTOM};
  static const uint8_t flags[] = {HEADER, 5, 3, 1, 8, 1};
  static const uint8_t beyond[] = {HEADER, 5, 9, 1, 0, 1};
  static const uint8_t inverted[] = {HEADER, 5, 4, 1, 1, 9, 8};
  static const uint8_t plain[] = {HEADER, CUSTOM, 5, 3, 1, 0, 1};
  check_same(none, sizeof(none));
  check_same(flags, sizeof(flags));
  check_same(beyond, sizeof(beyond));
  check_same(inverted, sizeof(inverted));
  for (size_t size = 0; size < sizeof(plain); size++)
    check_same(plain, size);
  /* Whatever one byte is, nothing else is read. */
  for (size_t i = 0; i < sizeof(plain); i++) {
    for (int byte = 0; byte < 256; byte++) {
      uint8_t changed[sizeof(plain)];
      iso_wasm_module_t out;
      memcpy(changed, plain, sizeof(plain));
      changed[i] = (uint8_t) byte;
      if (cap(changed, sizeof(changed), &out) == ISO_OK) iso_free(out.bytes);
    }
  }
}
