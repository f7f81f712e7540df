/* See snapshot.h. */
#include "core/snapshot.h"

#include <stdatomic.h>

#include "engine/engine.h"

enum {
  /* A start from it is 3 ms shorter, and it takes 40 to 60 ms to make. */
  WORTH_IT = 16,
  /* Where all threads are awaited, as in a pool of many that starts at once, one of them has to. */
  WORTH_A_WAIT = 2 * WORTH_IT
};

/* Relaxed: a start more or less makes no difference. */
static atomic_uint wanted;
/* Whoever sets it makes the snapshot, or nobody does. */
static atomic_flag is_decided = ATOMIC_FLAG_INIT;

void iso_snapshot_note(void) {
  atomic_fetch_add_explicit(&wanted, 1, memory_order_relaxed);
}

void iso_snapshot_consider(void *platform, uv_loop_t *loop, bool is_awaited) {
  unsigned worth = is_awaited ? WORTH_A_WAIT : WORTH_IT;
  if (atomic_load_explicit(&wanted, memory_order_relaxed) < worth) return;
  if (!iso_engine_can_make_snapshot()) return;
  if (!atomic_flag_test_and_set(&is_decided)) iso_engine_make_snapshot(platform, loop);
}

void iso_snapshot_forbid(void) {
  (void) atomic_flag_test_and_set(&is_decided);
}
