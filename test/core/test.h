/* Checks that say where they failed and what they saw. A failed check ends the process: each test
 * has one of its own (core.test.js). */
#ifndef ISO_TEST_H
#define ISO_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      (void) fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                       \
      _Exit(1);                                                                                    \
    }                                                                                              \
  } while (0)

#define CHECK_EQ(a, b)                                                                             \
  do {                                                                                             \
    long long check_a = (long long) (a);                                                           \
    long long check_b = (long long) (b);                                                           \
    if (check_a != check_b) {                                                                      \
      (void) fprintf(                                                                              \
          stderr, "%s:%d: %s == %s (%lld vs %lld)\n", __FILE__, __LINE__, #a, #b, check_a, check_b \
      );                                                                                           \
      _Exit(1);                                                                                    \
    }                                                                                              \
  } while (0)

#define CHECK_OK(call) CHECK_EQ(call, ISO_OK)

#endif
