/* See kept_blocks.h. */
#include "core/kept_blocks.h"

#include <uv.h>

#include "core/block.h"
#include "core/machine.h"
#include "core/watchdog.h"

enum {
  /* A large task has two, what goes in and what comes out, and both sides may be late by one to
   * collect what they have dropped: four of 64 MB, with their headers. */
  MOST_KEPT_BYTES = (256 << 20) + (1 << 20),
  /* Where memory is short, a part of it: one in so many. */
  SHARE_OF_MEMORY = 16,
};

static const uint64_t patience_ns = UINT64_C(1000000000);

static uv_once_t once = UV_ONCE_INIT;
static iso_watch_t watch;

static uint64_t look(iso_watch_t *unused, uint64_t now_ns) {
  (void) unused;
  return iso_block_trim() ? now_ns + patience_ns : 0;
}

static void on_kept(void) {
  iso_watch_arm(&watch, uv_hrtime() + patience_ns);
}

static void start(void) {
  uint64_t share = iso_machine_memory() / SHARE_OF_MEMORY;
  iso_watch_init(&watch, look);
  iso_block_keep(share < MOST_KEPT_BYTES ? (size_t) share : MOST_KEPT_BYTES, on_kept);
}

void iso_kept_blocks_watch(void) {
  uv_once(&once, start);
}
