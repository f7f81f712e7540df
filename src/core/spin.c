/* See spin.h. */
#include "core/spin.h"

#include <stdatomic.h>

int iso_spin_bound(void) {
  /* The bound plus 1; relaxed, for whoever finds none makes the same. */
  static atomic_int known;
  int bound = atomic_load_explicit(&known, memory_order_relaxed);
  if (bound == 0) {
    bound = (int) uv_available_parallelism();
    atomic_store_explicit(&known, bound, memory_order_relaxed);
  }
  return bound - 1;
}
