#include "core/governor.h"
#include "core/internal.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

enum { MANY = 64, LESSONS = 640, THREADS = 4 };

/* One after the other, until the pool thinks that all tasks are as brief as these. */
static void make_brief(fixture_t *fixture) {
  test_task_t task;
  for (int i = 0; i < LESSONS; i++) {
    int before = fixture->deliveries;
    test_task_submit(&task, fixture, FAKE_ECHO, i);
    UNTIL(fixture, fixture->deliveries == before + 1);
    CHECK_OK(task.task.status);
    test_task_deinit(&task);
  }
  fixture->deliveries = 0;
}

static void learn(iso_pool_t *pool, uint64_t took_ns, int times) ISO_REQUIRES(pool->lock);
static void learn(iso_pool_t *pool, uint64_t took_ns, int times) {
  for (int i = 0; i < times; i++)
    iso_governor_learn_locked(pool, took_ns);
}

void test_governor_learns_how_long_tasks_take(void) {
  fixture_t fixture;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, THREADS);
  iso_pool_t *pool = fixture.pool;
  iso_pool__lock(pool);
  CHECK(!iso_governor_is_brief_locked(pool));
  learn(pool, 400, LESSONS);
  CHECK(iso_governor_is_brief_locked(pool));
  CHECK(iso_governor_mean_locked(pool) < 1000);
  /* One that was kept from its core is soon forgotten. */
  learn(pool, UINT64_C(1000000000), 1);
  learn(pool, 400, MANY);
  CHECK(iso_governor_is_brief_locked(pool));
  /* One long one in twenty is most of the work. */
  for (int i = 0; i < MANY; i++) {
    learn(pool, 400, 19);
    learn(pool, 800000, 1);
  }
  CHECK(!iso_governor_is_brief_locked(pool));
  learn(pool, 400, LESSONS);
  CHECK(iso_governor_is_brief_locked(pool));
  iso_pool__unlock(pool);
  fixture_deinit(&fixture);
}

void test_governor_wants_as_many_threads_as_keep_up(void) {
  fixture_t fixture;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, THREADS);
  iso_pool_t *pool = fixture.pool;
  iso_pool__lock(pool);
  size_t working = pool->governor.working;
  atomic_store(&pool->pace_ns, 300);
  learn(pool, 400, LESSONS);
  pool->governor.working = 1;
  CHECK(iso_governor_suffices_locked(pool));
  CHECK(iso_governor_looks_after_locked(pool));
  CHECK(!iso_governor_can_spare_locked(pool));
  pool->governor.working = 2;
  CHECK(iso_governor_can_spare_locked(pool));
  /* Four times as long as the loop needs. */
  learn(pool, 3700, LESSONS);
  CHECK(!iso_governor_can_spare_locked(pool));
  CHECK(!iso_governor_suffices_locked(pool));
  pool->governor.working = 5;
  CHECK(iso_governor_suffices_locked(pool));
  pool->governor.working = working;
  iso_pool__unlock(pool);
  fixture_deinit(&fixture);
}

void test_governor_wakes_another_when_a_brief_task_is_long(void) {
  fixture_t fixture;
  test_task_t stuck;
  test_task_t tasks[MANY];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  make_brief(&fixture);
  fake_gate_shut();
  test_task_submit(&stuck, &fixture, FAKE_GATE, 0);
  for (int i = 0; i < MANY; i++)
    test_task_submit(&tasks[i], &fixture, FAKE_ECHO, i);
  UNTIL(&fixture, fixture.deliveries == MANY);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == MANY + 1);
  for (int i = 0; i < MANY; i++) {
    CHECK_OK(tasks[i].task.status);
    test_task_deinit(&tasks[i]);
  }
  test_task_deinit(&stuck);
  fixture_deinit(&fixture);
}

void test_governor_wakes_all_when_none_moves(void) {
  fixture_t fixture;
  test_task_t tasks[THREADS];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, THREADS);
  make_brief(&fixture);
  fake_gate_shut();
  for (int i = 0; i < THREADS; i++)
    test_task_submit(&tasks[i], &fixture, FAKE_GATE, i);
  fake_gate_wait(THREADS);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == THREADS);
  for (int i = 0; i < THREADS; i++)
    test_task_deinit(&tasks[i]);
  fixture_deinit(&fixture);
}

void test_governor_leaves_no_task_behind_a_busy_thread(void) {
  fixture_t fixture;
  test_task_t stuck;
  test_task_t gate;
  test_task_t placed[2];
  test_task_t tasks[MANY];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  fixture_set_mean(&fixture, FIXTURE_LONG_NS);
  fake_gate_shut();
  test_task_submit(&stuck, &fixture, FAKE_BLOCK, 0);
  test_task_submit(&gate, &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  /* One on each thread; what comes later is for any. */
  for (int i = 0; i < 2; i++)
    test_task_submit(&placed[i], &fixture, FAKE_ECHO, i);
  fixture_set_mean(&fixture, 0);
  for (int i = 0; i < MANY; i++)
    test_task_submit(&tasks[i], &fixture, FAKE_ECHO, i);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == MANY + 3);
  for (int i = 0; i < 2; i++)
    CHECK(placed[i].order < tasks[0].order);
  iso_pool_cancel(fixture.pool, &stuck.task, true);
  UNTIL(&fixture, fixture.deliveries == MANY + 4);
  for (int i = 0; i < MANY; i++)
    test_task_deinit(&tasks[i]);
  for (int i = 0; i < 2; i++)
    test_task_deinit(&placed[i]);
  test_task_deinit(&gate);
  test_task_deinit(&stuck);
  fixture_deinit(&fixture);
}
