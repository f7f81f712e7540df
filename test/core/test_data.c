/* Views and blocks. */
#include "core/account.h"
#include "core/block.h"
#include "core/error.h"
#include "core/message.h"
#include "fake_engine.h"
#include "test.h"
#include "tests.h"

static iso_view_t view_at(uint32_t part_plus_1, uint64_t offset, uint64_t size) {
  return (iso_view_t){ISO_VIEW_UINT16, part_plus_1, offset, size};
}

void test_view_is_read_as_it_was_written(void) {
  iso_message_t message;
  uint8_t bytes[ISO_VIEW_BYTES];
  uint32_t index = 0;
  iso_view_t out;
  iso_message_init(&message);
  CHECK_OK(iso_message_add_part(&message, ISO_PART_BUFFER, fake_store_create(), &index));
  message.parts[index].base = 100;
  iso_view_t view = view_at(index + 1, 104, 6);
  iso_view_write(&view, bytes);
  CHECK_OK(iso_view_read(&message, bytes, &out));
  CHECK_EQ(out.offset, 4);
  CHECK_EQ(out.size, 6);
  CHECK(iso_view_fits(&out, 10));
  CHECK(!iso_view_fits(&out, 9));
  /* Before the part, of a part that is not there, of a type that is not there. */
  view = view_at(index + 1, 99, 6);
  iso_view_write(&view, bytes);
  CHECK_EQ(iso_view_read(&message, bytes, &out), ISO_EMALFORMED);
  view = view_at(index + 2, 104, 6);
  iso_view_write(&view, bytes);
  CHECK_EQ(iso_view_read(&message, bytes, &out), ISO_EMALFORMED);
  bytes[0] = ISO_VIEW_TYPE_COUNT;
  CHECK_EQ(iso_view_read(&message, bytes, &out), ISO_EMALFORMED);
  iso_message_reset(&message);
  CHECK_EQ(fake_live_stores, 0);
}

void test_view_fits_only_within_its_buffer(void) {
  const uint64_t huge = UINT64_MAX - 1;
  iso_view_t views[] = {view_at(0, huge, 4), view_at(0, 2, huge), view_at(0, huge, huge),
                        view_at(0, 1, 2),    view_at(0, 2, 3),    view_at(0, 18, 0),
                        view_at(0, 0, 18)};
  for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
    CHECK(!iso_view_fits(&views[i], 16));
  iso_view_t last = view_at(0, 16, 0);
  CHECK(iso_view_fits(&last, 16));
}

static int kept;

static void note_kept(void) {
  kept++;
}

void test_block_that_waits_for_long_is_given_back(void) {
#if defined(__linux__)
  enum { BYTES = 5 << 20 };
  iso_block_keep(2 * (size_t) BYTES, note_kept);
  void *block = iso_block_create(BYTES, false);
  iso_block_destroy(block);
  CHECK(kept > 0);
  CHECK(iso_block_trim());
  /* Wanted again: it waits anew. */
  CHECK(iso_block_create(BYTES, false) == block);
  CHECK(!iso_block_trim());
  kept = 0;
  iso_block_destroy(block);
  CHECK(kept > 0);
  CHECK(iso_block_trim());
  CHECK(!iso_block_trim());
  iso_block_keep(0, NULL);
#endif
}

void test_no_more_blocks_are_kept_than_was_said(void) {
#if defined(__linux__)
  enum { BYTES = 5 << 20, ROOM_BESIDE = 4 << 20 };
  void *one = iso_block_create(BYTES, false);
  void *other = iso_block_create(BYTES, false);
  kept = 0;
  iso_block_keep(BYTES + ROOM_BESIDE, note_kept);
  iso_block_destroy(one);
  iso_block_destroy(other);
  CHECK(kept == 1);
  CHECK(iso_block_create(BYTES, false) == one);
  iso_block_keep(0, note_kept);
  iso_block_destroy(one);
  CHECK(kept == 1);
  CHECK(!iso_block_trim());
  iso_block_keep(0, NULL);
#endif
}

void test_block_is_charged_to_who_holds_it(void) {
  static const size_t sizes[] = {0, 1, 4096, (4 << 20) - 1, 4 << 20, (9 << 20) + 5};
  iso_account_t *account = iso_account_create(16 << 20);
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    uint8_t *block = iso_block_create(sizes[i], true);
    CHECK(block != NULL);
    CHECK_EQ((uintptr_t) block % 16, 0);
    for (size_t at = 0; at < sizes[i]; at += 999)
      CHECK_EQ(block[at], 0);
    memset(block, 1, sizes[i]);
    CHECK(iso_block_charge(block, account));
    CHECK(iso_account_used(account) >= sizes[i]);
    iso_block_discharge(block);
    CHECK_EQ(iso_account_used(account), 0);
    CHECK(iso_block_charge(block, account));
    iso_block_destroy(block);
    CHECK_EQ(iso_account_used(account), 0);
  }
  uint8_t *block = iso_block_create(17 << 20, false);
  CHECK(!iso_block_charge(block, account));
  CHECK_EQ(iso_account_used(account), 0);
  iso_block_destroy(block);
  iso_block_destroy(NULL);
  CHECK(iso_block_create(SIZE_MAX - 5, false) == NULL);
  iso_account_release(account);
}

void test_block_is_reused_but_never_where_zeros_are_wanted(void) {
  enum { BYTES = 5 << 20 };
  iso_block_keep(2 * (size_t) BYTES, NULL);
  uint8_t *block = iso_block_create(BYTES, false);
  memset(block, 7, BYTES);
  iso_block_destroy(block);
  uint8_t *zeroed = iso_block_create(BYTES, true);
  for (size_t at = 0; at < BYTES; at += 999)
    CHECK_EQ(zeroed[at], 0);
#if defined(__linux__)
  uint8_t *again = iso_block_create(BYTES - 1000, false);
  CHECK(again == block);
  CHECK_EQ(iso_block_size(again), BYTES - 1000);
  iso_block_destroy(again);
#endif
  iso_block_destroy(zeroed);
  iso_block_keep(0, NULL);
}
