/* Bugs on purpose: scripts/sanitize.js runs them to see that the sanitizers see. The volatile
 * pointers keep the compiler from seeing first. */
#include <stdlib.h>
#include <uv.h>

#include "test.h"

void test_faulty_use_after_free(void);
void test_faulty_race(void);
void test_faulty_leak(void);

static void *volatile hidden;

void test_faulty_use_after_free(void) {
  hidden = malloc(16);
  free(hidden);
  *(volatile char *) hidden = 1;
}

void test_faulty_leak(void) {
  hidden = malloc(4321);
  hidden = NULL;
}

static int unguarded;

static void count(void *data) {
  (void) data;
  for (int i = 0; i < 100000; i++)
    unguarded++;
}

void test_faulty_race(void) {
  uv_thread_t threads[2];
  for (int i = 0; i < 2; i++)
    uv_thread_create(&threads[i], count, NULL);
  for (int i = 0; i < 2; i++)
    uv_thread_join(&threads[i]);
  CHECK(unguarded > 0);
}
