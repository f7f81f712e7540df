/* See alloc.h. The counters are relaxed: they order nothing, and are read when all is quiet. */
#include "core/alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

static atomic_size_t live_blocks;
static atomic_size_t fail_countdown;

static bool must_fail(void) {
  if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0) return false;
  return atomic_fetch_sub_explicit(&fail_countdown, 1, memory_order_relaxed) == 1;
}

static void *counted(void *block) {
  if (block != NULL) atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
  return block;
}

void *iso_alloc(size_t bytes) {
  return must_fail() ? NULL : counted(malloc(bytes));
}

void *iso_alloc_zeroed(size_t bytes) {
  return must_fail() ? NULL : counted(calloc(1, bytes));
}

void *iso_realloc(void *block, size_t bytes) {
  if (block == NULL) return iso_alloc(bytes);
  return must_fail() ? NULL : realloc(block, bytes);
}

void iso_free(void *block) {
  if (block == NULL) return;
  atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
  free(block);
}

size_t iso_alloc_live(void) {
  return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}

void iso_alloc_fail_at(size_t n) {
  atomic_store_explicit(&fail_countdown, n, memory_order_relaxed);
}
