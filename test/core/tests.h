/* The prototypes of all tests. */
#ifndef ISO_TESTS_H
#define ISO_TESTS_H

#include "list.h"

#define XX(name) void test_##name(void);
ISO_TESTS(XX)
#undef XX

/* Random numbers that a seed brings back; the seed is ISO_SEED, or a new one, and is printed. */
unsigned test_seed(void);
unsigned test_random(unsigned *state, unsigned below);

#endif
