#include <stdlib.h>
#include <uv.h>

#include "test.h"
#include "tests.h"

unsigned test_seed(void) {
  /* No other thread changes the environment. */
  const char *given = getenv("ISO_SEED"); /* NOLINT(concurrency-mt-unsafe) */
  unsigned seed = given != NULL ? (unsigned) strtoul(given, NULL, 10) : (unsigned) uv_hrtime();
  (void) printf("ISO_SEED=%u\n", seed);
  (void) fflush(stdout);
  return seed;
}

unsigned test_random(unsigned *state, unsigned below) {
  *state = *state * 1664525U + 1013904223U;
  return (*state >> 8) % below;
}
