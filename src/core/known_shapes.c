/* The shapes that the process knows by a number: see shape.h. */
#include <stdatomic.h>

#include "core/shape.h"
#include "core/sync.h"

/* Those below the count never change; it is written under the lock, and released. */
static iso_outline_t known[ISO_SHAPES_KNOWN];
static atomic_uint known_count;
static uv_once_t once = UV_ONCE_INIT;
static iso_mutex_t known_lock;
static bool has_lock;

static void init(void) {
  has_lock = iso_mutex_init(&known_lock) == 0;
}

const iso_outline_t *iso_outline_known(uint32_t number) {
  if (number >= atomic_load_explicit(&known_count, memory_order_acquire)) return NULL;
  return &known[number];
}

static bool find(const iso_outline_t *outline, uint32_t count, uint32_t *number) {
  for (*number = 0; *number < count; ++*number)
    if (iso_outline_is(&known[*number], outline)) return true;
  return false;
}

bool iso_outline_register(const iso_outline_t *outline, uint32_t *number) {
  uv_once(&once, init);
  if (!has_lock) return false;
  iso_mutex_lock(&known_lock);
  uint32_t count = atomic_load_explicit(&known_count, memory_order_relaxed);
  bool ok = find(outline, count, number);
  if (!ok && count < ISO_SHAPES_KNOWN) {
    known[count] = *outline;
    *number = count;
    atomic_store_explicit(&known_count, count + 1, memory_order_release);
    ok = true;
  }
  iso_mutex_unlock(&known_lock);
  return ok;
}
