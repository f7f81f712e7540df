/* See machine.h. */
#include "core/machine.h"

#include <uv.h>

uint64_t iso_machine_memory(void) {
  uint64_t all = uv_get_total_memory();
  /* Of a control group; 0: none, and very much: one that sets no limit. */
  uint64_t constrained = uv_get_constrained_memory();
  return constrained != 0 && constrained < all ? constrained : all;
}
