#include <stdatomic.h>
#include <uv.h>

#include "core/snapshot.h"
#include "fake_engine.h"
#include "test.h"
#include "tests.h"

enum { WORTH_IT = 16, WORTH_A_WAIT = 32, THREADS = 8, TURNS = 100 };

static void note(int times) {
  for (int i = 0; i < times; i++)
    iso_snapshot_note();
}

/* How many there have been once this one is through. */
static int consider(bool is_awaited) {
  iso_snapshot_consider(NULL, uv_default_loop(), is_awaited);
  return atomic_load(&fake_snapshots);
}

void test_snapshot_is_made_once_it_pays(void) {
  atomic_store(&fake_can_make_snapshot, true);
  note(WORTH_IT - 1);
  CHECK_EQ(consider(false), 0);
  note(1);
  CHECK_EQ(consider(false), 1);
  note(WORTH_IT);
  CHECK_EQ(consider(false), 1);
  CHECK_EQ(consider(true), 1);
}

void test_snapshot_is_put_off_where_somebody_waits(void) {
  atomic_store(&fake_can_make_snapshot, true);
  note(WORTH_A_WAIT - 1);
  CHECK_EQ(consider(true), 0);
  note(1);
  CHECK_EQ(consider(true), 1);
}

void test_snapshot_needs_an_engine_before(void) {
  note(WORTH_A_WAIT);
  CHECK_EQ(consider(false), 0);
  atomic_store(&fake_can_make_snapshot, true);
  CHECK_EQ(consider(false), 1);
}

void test_snapshot_can_be_forbidden(void) {
  atomic_store(&fake_can_make_snapshot, true);
  iso_snapshot_forbid();
  note(WORTH_A_WAIT);
  CHECK_EQ(consider(false), 0);
}

static void start_many(void *argument) {
  (void) argument;
  for (int i = 0; i < TURNS; i++) {
    iso_snapshot_note();
    iso_snapshot_consider(NULL, NULL, i % 2 == 0);
  }
}

void test_snapshot_is_made_by_one_of_many(void) {
  uv_thread_t threads[THREADS];
  atomic_store(&fake_can_make_snapshot, true);
  for (int i = 0; i < THREADS; i++)
    CHECK(uv_thread_create(&threads[i], start_many, NULL) == 0);
  for (int i = 0; i < THREADS; i++)
    uv_thread_join(&threads[i]);
  CHECK_EQ(atomic_load(&fake_snapshots), 1);
}
