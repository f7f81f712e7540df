/* See kept_blocks.h. */
#include "core/kept_blocks.h"

#include <uv.h>

#include "core/block.h"
#include "core/watchdog.h"

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
  iso_watch_init(&watch, look);
  iso_block_when_kept(on_kept);
}

void iso_kept_blocks_watch(void) {
  uv_once(&once, start);
}
