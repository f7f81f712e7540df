/* Time limits, interruption, and threads that do not stop. Nothing here depends on how fast it is:
 * limits are met because the code would else go on for ever, and graces are for ever or nothing. */
#include "core/error.h"
#include "core/watchdog.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

enum { SHORT_NS = 1000000 };

/* The watchdog alone. */

typedef struct looked_s {
  iso_watch_t watch;
  uv_sem_t done;
  int looks;
  bool was_early;
  uint64_t deadline_ns;
} looked_t;

static uint64_t look_three_times(iso_watch_t *watch, uint64_t now_ns) {
  looked_t *looked = ISO_LIST_ITEM(watch, looked_t, watch);
  if (now_ns < looked->deadline_ns) looked->was_early = true;
  looked->looks++;
  looked->deadline_ns = now_ns + SHORT_NS;
  if (looked->looks < 3) return looked->deadline_ns;
  uv_sem_post(&looked->done);
  return 0;
}

void test_watchdog_looks_when_it_is_time(void) {
  looked_t looked[2] = {{.looks = 0}, {.looks = 0}};
  CHECK_OK(iso_watchdog_start());
  for (int i = 0; i < 2; i++) {
    CHECK_EQ(uv_sem_init(&looked[i].done, 0), 0);
    iso_watch_init(&looked[i].watch, look_three_times);
    looked[i].deadline_ns = uv_hrtime() + (uint64_t) (2 - i) * SHORT_NS;
    iso_watch_arm(&looked[i].watch, looked[i].deadline_ns);
    /* Later than what it is armed with, so nothing changes. */
    iso_watch_arm(&looked[i].watch, looked[i].deadline_ns + UINT64_C(1000000000000));
  }
  for (int i = 0; i < 2; i++) {
    uv_sem_wait(&looked[i].done);
    iso_watch_close(&looked[i].watch);
    CHECK_EQ(looked[i].looks, 3);
    CHECK(!looked[i].was_early);
    uv_sem_destroy(&looked[i].done);
  }
}

/* With pools. */

static iso_pool_options_t short_options(fixture_t *fixture) {
  iso_pool_options_t options = fixture_options(fixture, 1);
  options.timeout_ns = SHORT_NS;
  return options;
}

static void start(fixture_t *fixture, iso_pool_options_t options) {
  fixture_init(fixture);
  fake_renewals = 0;
  fixture_start(fixture, options, FAKE_ECHO);
}

static void check_one(fixture_t *fixture, fake_op_t op, int status) {
  test_task_t task;
  int before = fixture->deliveries;
  test_task_submit(&task, fixture, op, 0);
  UNTIL(fixture, fixture->deliveries == before + 1);
  CHECK_EQ(task.task.status, status);
  test_task_deinit(&task);
}

void test_guard_interrupts_what_takes_too_long(void) {
  const fake_op_t ops[] = {FAKE_BLOCK, FAKE_PENDING_FOR_EVER};
  fixture_t fixture;
  start(&fixture, short_options(&fixture));
  for (int i = 0; i < 6; i++)
    check_one(&fixture, ops[i % 2], ISO_ETIMEOUT);
  while (fake_renewals != 6)
    uv_sleep(1);
  CHECK_EQ(fixture.exits, 0);
  fixture_deinit(&fixture);
}

void test_guard_asks_again(void) {
  fixture_t fixture;
  iso_pool_options_t options = short_options(&fixture);
  options.grace_ns = UINT64_C(60000000000);
  start(&fixture, options);
  fake_missed = 2;
  check_one(&fixture, FAKE_BLOCK, ISO_ETIMEOUT);
  CHECK_EQ(fake_missed, 0);
  check_one(&fixture, FAKE_ECHO, ISO_OK);
  fixture_deinit(&fixture);
}

void test_guard_takes_the_limit_of_the_task(void) {
  fixture_t fixture;
  test_task_t task;
  start(&fixture, short_options(&fixture));
  test_task_init(&task, &fixture, FAKE_GATE, 0);
  task.task.timeout_ns = ISO_NO_LIMIT;
  CHECK_OK(iso_pool_submit(fixture.pool, &task.task));
  fake_gate_wait(1);
  uv_sleep(5);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 1);
  CHECK_OK(task.task.status);
  test_task_deinit(&task);
  fixture_deinit(&fixture);
}

void test_guard_counts_cpu_time_only(void) {
  fixture_t fixture;
  test_task_t waits;
  test_task_t spins;
  start(&fixture, fixture_options(&fixture, 1));
  test_task_init(&waits, &fixture, FAKE_GATE, 0);
  test_task_init(&spins, &fixture, FAKE_SPIN, 0);
  waits.task.cpu_timeout_ns = UINT64_C(20000000);
  spins.task.cpu_timeout_ns = SHORT_NS;
  CHECK_OK(iso_pool_submit(fixture.pool, &waits.task));
  CHECK_OK(iso_pool_submit(fixture.pool, &spins.task));
  fake_gate_wait(1);
  uv_sleep(50);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_OK(waits.task.status);
  CHECK_EQ(spins.task.status, ISO_ECPUTIMEOUT);
  test_task_deinit(&waits);
  test_task_deinit(&spins);
  fixture_deinit(&fixture);
}

void test_guard_keeps_the_context_if_told_to(void) {
  fixture_t fixture;
  iso_pool_options_t options = short_options(&fixture);
  options.keeps_context = true;
  start(&fixture, options);
  check_one(&fixture, FAKE_BLOCK, ISO_ETIMEOUT);
  check_one(&fixture, FAKE_ECHO, ISO_OK);
  CHECK_EQ(fake_renewals, 0);
  fixture_deinit(&fixture);
}

void test_guard_bounds_the_context(void) {
  fixture_t fixture;
  test_task_t task;
  iso_pool_options_t options = short_options(&fixture);
  fixture_init(&fixture);
  fixture_start(&fixture, options, FAKE_BLOCK);
  test_task_submit(&task, &fixture, FAKE_ECHO, 0);
  UNTIL(&fixture, fixture.ready_count == 1 && fixture.deliveries == 1);
  CHECK_EQ(fixture.ready_status, ISO_ETIMEOUT);
  CHECK_EQ(task.task.status, ISO_ETIMEOUT);
  test_task_deinit(&task);
  UNTIL(&fixture, fixture.has_ended);
  iso_pool_destroy(fixture.pool);
  fixture.pool = NULL;
  fixture_deinit(&fixture);
}

void test_guard_interrupts_what_is_cancelled(void) {
  fixture_t fixture;
  test_task_t tasks[3];
  start(&fixture, fixture_options(&fixture, 1));
  for (int i = 0; i < 3; i++)
    test_task_submit(&tasks[i], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  CHECK(iso_pool_cancel(fixture.pool, &tasks[0].task, true));
  fake_gate_wait(2);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 3);
  for (int i = 0; i < 3; i++) {
    CHECK_EQ(tasks[i].task.status, i == 0 ? ISO_ECANCELED : ISO_OK);
    test_task_deinit(&tasks[i]);
  }
  CHECK_EQ(fake_renewals, 1);
  fixture_deinit(&fixture);
}

void test_guard_interrupts_a_writer_that_is_held_back(void) {
  fixture_t fixture;
  test_task_t task;
  start(&fixture, fixture_options(&fixture, 1));
  test_task_init(&task, &fixture, FAKE_LOG, 100000);
  task.task.timeout_ns = SHORT_NS;
  CHECK_OK(iso_pool_submit(fixture.pool, &task.task));
  /* Nobody prints meanwhile. */
  while (fake_renewals == 0)
    uv_sleep(1);
  UNTIL(&fixture, fixture.deliveries == 1);
  CHECK_EQ(task.task.status, ISO_ETIMEOUT);
  test_task_deinit(&task);
  int printed = fixture.record_count;
  test_task_submit(&task, &fixture, FAKE_LOG, 3);
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_EQ(fixture.record_count, printed + 3);
  test_task_deinit(&task);
  fixture_deinit(&fixture);
}

static size_t lost(fixture_t *fixture) {
  iso_pool_stats_t stats;
  size_t count = 0;
  CHECK_OK(iso_pool_stats(fixture->pool, &stats, NULL, 0, &count));
  return (size_t) (stats.counts.lost - stats.counts.found);
}

void test_guard_writes_off_a_thread_that_does_not_stop(void) {
  fixture_t fixture;
  test_task_t waiting;
  iso_pool_options_t options = short_options(&fixture);
  options.grace_ns = SHORT_NS;
  start(&fixture, options);
  test_task_t deaf;
  test_task_submit(&deaf, &fixture, FAKE_DEAF, 0);
  test_task_submit(&waiting, &fixture, FAKE_ECHO, 0);
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_EQ(deaf.task.status, ISO_ETIMEOUT);
  CHECK_OK(waiting.task.status);
  test_task_deinit(&deaf);
  test_task_deinit(&waiting);
  UNTIL(&fixture, fixture.exits == 1);
  CHECK_EQ(fixture.exit_statuses[0], ISO_ELOST);
  CHECK_EQ(lost(&fixture), 1);
  fake_gate_open();
  UNTIL(&fixture, lost(&fixture) == 0);
  check_one(&fixture, FAKE_ECHO, ISO_OK);
  fixture_deinit(&fixture);
}

void test_guard_ends_a_pool_whose_thread_does_not_stop(void) {
  fixture_t fixture;
  test_task_t deaf;
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.grace_ns = SHORT_NS;
  start(&fixture, options);
  test_task_submit(&deaf, &fixture, FAKE_DEAF, 0);
  fake_gate_wait(1);
  fixture_end_pool(&fixture);
  CHECK_EQ(deaf.task.status, ISO_EDISPOSED);
  test_task_deinit(&deaf);
  fake_gate_open();
  fixture_deinit(&fixture);
}

void test_guard_ends_a_thread_of_its_own_that_does_not_stop(void) {
  fixture_t fixture;
  test_task_t deaf;
  test_task_t late;
  iso_pool_options_t options = short_options(&fixture);
  options.grace_ns = SHORT_NS;
  options.may_replace = false;
  start(&fixture, options);
  test_task_submit(&deaf, &fixture, FAKE_DEAF, 0);
  UNTIL(&fixture, fixture.has_ended);
  CHECK_EQ(deaf.task.status, ISO_ETIMEOUT);
  CHECK_EQ(iso_pool_reason(fixture.pool), ISO_ELOST);
  test_task_init(&late, &fixture, FAKE_ECHO, 0);
  CHECK_EQ(iso_pool_submit(fixture.pool, &late.task), ISO_EDISPOSED);
  iso_task_deinit(&late.task);
  test_task_deinit(&deaf);
  iso_pool_destroy(fixture.pool);
  fixture.pool = NULL;
  fake_gate_open();
  fixture_deinit(&fixture);
}
