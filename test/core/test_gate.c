#include <stdatomic.h>
#include <uv.h>

#include "core/gate.h"
#include "test.h"
#include "tests.h"

enum { VISITS = 50 };

typedef struct visitors_s {
  atomic_int inside;
  atomic_int most;
} visitors_t;

static void visit(void *argument) {
  visitors_t *visitors = argument;
  for (int i = 0; i < VISITS; i++) {
    iso_gate_enter();
    int inside = atomic_fetch_add(&visitors->inside, 1) + 1;
    int most = atomic_load(&visitors->most);
    while (inside > most && !atomic_compare_exchange_weak(&visitors->most, &most, inside))
      continue;
    uv_sleep(0);
    atomic_fetch_sub(&visitors->inside, 1);
    iso_gate_leave();
  }
}

static int most_inside(int room) {
  visitors_t visitors = {0};
  uv_thread_t threads[64];
  int count = room < 32 ? 2 * room : 64;
  for (int i = 0; i < count; i++)
    CHECK(uv_thread_create(&threads[i], visit, &visitors) == 0);
  for (int i = 0; i < count; i++)
    uv_thread_join(&threads[i]);
  CHECK(atomic_load(&visitors.inside) == 0);
  return atomic_load(&visitors.most);
}

void test_gate_lets_in_no_more_than_cores_can_serve(void) {
  int room = 2 * (int) uv_available_parallelism();
  int most = most_inside(room);
  CHECK(most >= 1 && most <= room);
}

void test_gate_gives_back_only_what_was_taken(void) {
  int room = 2 * (int) uv_available_parallelism();
  /* Were these to make room, more than that could be in. */
  for (int i = 0; i < VISITS; i++)
    iso_gate_leave();
  iso_gate_enter();
  for (int i = 0; i < VISITS; i++)
    iso_gate_leave();
  CHECK(most_inside(room) <= room);
}
