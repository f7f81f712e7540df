#include "core/alloc.h"
#include "core/error.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

enum { TASKS = 200 };

static void submit_all(test_task_t *tasks, int count, fixture_t *fixture, fake_op_t op) {
  for (int i = 0; i < count; i++)
    test_task_submit(&tasks[i], fixture, op, i);
}

static void deinit_all(test_task_t *tasks, int count, int status) {
  for (int i = 0; i < count; i++) {
    CHECK_EQ(tasks[i].task.status, status);
    test_task_deinit(&tasks[i]);
  }
}

static int32_t second_number(const test_task_t *task) {
  size_t offset = 0;
  iso_flat_t flat;
  CHECK_OK(iso_message_next(&task->task.message, &offset, &flat));
  CHECK_OK(iso_message_next(&task->task.message, &offset, &flat));
  return flat.integer;
}

void test_pool_runs_in_order(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  submit_all(tasks, TASKS, &fixture, FAKE_ECHO);
  UNTIL(&fixture, fixture.deliveries == TASKS);
  for (int i = 0; i < TASKS; i++) {
    CHECK_EQ(tasks[i].order, i);
    CHECK_EQ(second_number(&tasks[i]), i);
  }
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_says_how_a_task_ended(void) {
  fixture_t fixture;
  test_task_t tasks[2];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_THROW, 3);
  test_task_submit(&tasks[1], &fixture, FAKE_ECHO, 4);
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_EQ(tasks[0].task.status, ISO_EXCEPTION);
  CHECK_EQ(second_number(&tasks[0]), 3);
  CHECK_OK(tasks[1].task.status);
  test_task_deinit(&tasks[0]);
  test_task_deinit(&tasks[1]);
  fixture_deinit(&fixture);
}

void test_pool_waits_for_pending_results(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  fixture_start(&fixture, fixture_options(&fixture, 2), FAKE_PENDING);
  submit_all(tasks, TASKS, &fixture, FAKE_PENDING);
  UNTIL(&fixture, fixture.deliveries == TASKS && fixture.ready_count == 1);
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_stops_what_runs_and_what_waits(void) {
  const fake_op_t ops[] = {FAKE_BLOCK, FAKE_PENDING_FOR_EVER, FAKE_GATE};
  for (int i = 0; i < 3; i++) {
    fixture_t fixture;
    test_task_t tasks[6];
    fixture_init(&fixture);
    fixture_start_echo(&fixture, 2);
    submit_all(tasks, 6, &fixture, ops[i]);
    if (ops[i] == FAKE_GATE) fake_gate_wait(2);
    fixture_end_pool(&fixture);
    CHECK_EQ(fixture.deliveries, 6);
    deinit_all(tasks, 6, ISO_EDISPOSED);
    fixture_deinit(&fixture);
  }
}

void test_pool_stops_while_it_starts(void) {
  const fake_op_t ops[] = {FAKE_ECHO, FAKE_BLOCK, FAKE_PENDING_FOR_EVER, FAKE_GATE};
  for (int i = 0; i < 4; i++) {
    fixture_t fixture;
    test_task_t task;
    fixture_init(&fixture);
    fixture_start(&fixture, fixture_options(&fixture, 3), ops[i]);
    test_task_submit(&task, &fixture, FAKE_BLOCK, 0);
    fixture_end_pool(&fixture);
    if (ops[i] != FAKE_ECHO) CHECK_EQ(fixture.ready_status, ISO_EDISPOSED);
    deinit_all(&task, 1, ISO_EDISPOSED);
    fixture_deinit(&fixture);
  }
}

void test_pool_fails_with_its_context(void) {
  fixture_t fixture;
  test_task_t tasks[3];
  fixture_init(&fixture);
  fixture_start(&fixture, fixture_options(&fixture, 4), FAKE_THROW);
  for (int i = 0; i < 3; i++)
    test_task_init(&tasks[i], &fixture, FAKE_ECHO, i);
  int early = iso_pool_submit(fixture.pool, &tasks[0].task);
  CHECK(early == ISO_OK || early == ISO_ECONTEXT);
  UNTIL(&fixture, fixture.has_ended);
  CHECK_EQ(fixture.ready_count, 1);
  CHECK_EQ(fixture.ready_status, ISO_ECONTEXT);
  CHECK_EQ(fixture.exits, 4);
  CHECK_EQ(fixture.started, 0);
  CHECK_EQ(iso_pool_submit(fixture.pool, &tasks[1].task), ISO_ECONTEXT);
  CHECK_EQ(iso_pool_reason(fixture.pool), ISO_ECONTEXT);
  if (early == ISO_OK) CHECK_EQ(tasks[0].task.status, ISO_ECONTEXT);
  for (int i = 0; i < 3; i++)
    iso_task_deinit(&tasks[i].task);
  fixture_deinit(&fixture);
}

/* As a Thread of JavaScript is: one that is not replaced. */
static void start_one(fixture_t *fixture) {
  fixture_init(fixture);
  iso_pool_options_t options = fixture_options(fixture, 1);
  options.may_replace = false;
  fixture_start(fixture, options, FAKE_ECHO);
}

void test_pool_of_one_ends_when_out_of_memory(void) {
  fixture_t fixture;
  test_task_t tasks[3];
  start_one(&fixture);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  test_task_submit(&tasks[1], &fixture, FAKE_HEAP_FULL, 0);
  test_task_submit(&tasks[2], &fixture, FAKE_ECHO, 0);
  fake_gate_wait(1);
  fake_gate_open();
  UNTIL(&fixture, fixture.has_ended);
  CHECK_OK(tasks[0].task.status);
  CHECK_EQ(tasks[1].task.status, ISO_EMEMORY);
  CHECK_EQ(tasks[2].task.status, ISO_EDISPOSED);
  CHECK_EQ(iso_pool_reason(fixture.pool), ISO_EMEMORY);
  CHECK_EQ(fixture.exit_statuses[0], ISO_EMEMORY);
  for (int i = 0; i < 3; i++)
    test_task_deinit(&tasks[i]);
  fixture_deinit(&fixture);
}

void test_pool_replaces_a_thread_that_died(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 3);
  for (int i = 0; i < TASKS; i++) {
    test_task_init(&tasks[i], &fixture, i % 10 == 0 ? FAKE_HEAP_FULL : FAKE_ECHO, i);
    tasks[i].task.has_key = i % 3 == 0;
    tasks[i].task.key_bucket = (uint8_t) i;
    tasks[i].task.priority = i % 4 == 0 ? 1 : 0;
    CHECK_OK(iso_pool_submit(fixture.pool, &tasks[i].task));
  }
  UNTIL(&fixture, fixture.deliveries == TASKS);
  for (int i = 0; i < TASKS; i++) {
    CHECK_EQ(tasks[i].task.status, i % 10 == 0 ? ISO_EMEMORY : ISO_OK);
    test_task_deinit(&tasks[i]);
  }
  UNTIL(&fixture, fixture.exits == TASKS / 10);
  CHECK_EQ(iso_pool_thread_count(fixture.pool), 3);
  CHECK_OK(iso_pool_reason(fixture.pool));
  fixture_deinit(&fixture);
}

void test_pool_parks_a_thread_after_a_fatal_error(void) {
  fixture_t fixture;
  test_task_t tasks[2];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_FATAL, 0);
  test_task_submit(&tasks[1], &fixture, FAKE_ECHO, 1);
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_EQ(tasks[0].task.status, ISO_EMEMORY);
  CHECK_OK(tasks[1].task.status);
  UNTIL(&fixture, fixture.exits == 1);
  CHECK_EQ(fixture.exit_statuses[0], ISO_EMEMORY);
  for (int i = 0; i < 2; i++)
    test_task_deinit(&tasks[i]);
  fixture_end_pool(&fixture);
  /* The parked thread keeps its struct, its account, its engine, and the owner: by design. */
  fixture.live_before += 4;
  fixture_deinit(&fixture);
}

void test_pool_survives_where_v8_gives_up(void) {
  fixture_t fixture;
  test_task_t tasks[9];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  for (int i = 0; i < 9; i++)
    test_task_submit(&tasks[i], &fixture, i % 3 == 1 ? FAKE_GIVE_UP : FAKE_ECHO, i);
  UNTIL(&fixture, fixture.deliveries == 9 && fixture.exits == 3);
  for (int i = 0; i < 9; i++) {
    CHECK_EQ(tasks[i].task.status, i % 3 == 1 ? ISO_EMEMORY : ISO_OK);
    test_task_deinit(&tasks[i]);
  }
  for (int i = 0; i < 3; i++)
    CHECK_EQ(fixture.exit_statuses[i], ISO_EMEMORY);
  fixture_deinit(&fixture);
}

/* A pool of one that runs `first`, then `last`, and ends: is its heap emptied? */
static int emptied_by(fake_op_t first, fake_op_t last) {
  fixture_t fixture;
  test_task_t tasks[2];
  fake_emptied = 0;
  start_one(&fixture);
  test_task_submit(&tasks[0], &fixture, first, 0);
  test_task_submit(&tasks[1], &fixture, last, 0);
  UNTIL(&fixture, fixture.deliveries == 2);
  for (int i = 0; i < 2; i++)
    test_task_deinit(&tasks[i]);
  fixture_deinit(&fixture);
  return fake_emptied;
}

void test_pool_empties_a_large_heap_that_was_not_left_by_a_jump(void) {
  CHECK_EQ(emptied_by(FAKE_ECHO, FAKE_ECHO), 0);
  CHECK_EQ(emptied_by(FAKE_GROW, FAKE_ECHO), 1);
  CHECK_EQ(emptied_by(FAKE_GROW, FAKE_HEAP_FULL), 1);
  CHECK_EQ(emptied_by(FAKE_GROW, FAKE_GIVE_UP), 0);
}

void test_pool_prints_before_it_settles(void) {
  fixture_t fixture;
  test_task_t tasks[2];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_LOG, 5000);
  test_task_submit(&tasks[1], &fixture, FAKE_LOG, 7);
  UNTIL(&fixture, fixture.deliveries == 2);
  CHECK_EQ(tasks[0].records_before, 5000);
  CHECK_EQ(tasks[1].records_before, 5007);
  deinit_all(tasks, 2, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_opens_streams(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  for (int i = 0; i < TASKS; i++)
    test_task_submit(&tasks[i], &fixture, i % 2 == 0 ? FAKE_STREAM : FAKE_ECHO, i);
  UNTIL(&fixture, fixture.deliveries == TASKS);
  CHECK_EQ(fixture.openings, TASKS / 2);
  for (int i = 0; i < TASKS; i++)
    CHECK_EQ(tasks[i].was_opened, i % 2 == 0);
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_stops_a_thread_that_is_held_back(void) {
  fixture_t fixture;
  test_task_t task;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&task, &fixture, FAKE_LOG, 1 << 30);
  UNTIL(&fixture, fixture.record_count > 0);
  fixture_end_pool(&fixture);
  CHECK(fixture.record_count < 1 << 20);
  deinit_all(&task, 1, ISO_EDISPOSED);
  fixture_deinit(&fixture);
}

/* Which of the first threads' queues hold how many, with one task at the gate on each. */
void test_pool_strict_round_robin(void) {
  fixture_t fixture;
  static test_task_t tasks[12];
  iso_thread_stats_t threads[3];
  iso_pool_stats_t stats;
  size_t count = 0;
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 3);
  options.may_steal = false;
  fixture_start(&fixture, options, FAKE_ECHO);
  submit_all(tasks, 12, &fixture, FAKE_GATE);
  fake_gate_wait(3);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, threads, 3, &count));
  CHECK_EQ(count, 3);
  for (int i = 0; i < 3; i++)
    CHECK_EQ(threads[i].queued, 3);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 12);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, threads, 3, &count));
  for (int i = 0; i < 3; i++)
    CHECK_EQ(threads[i].tasks, 4);
  CHECK_EQ(stats.counts.stolen, 0);
  deinit_all(tasks, 12, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_steals(void) {
  fixture_t fixture;
  static test_task_t tasks[11];
  iso_pool_stats_t stats;
  size_t count = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  fixture_set_mean(&fixture, FIXTURE_LONG_NS);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  submit_all(tasks + 1, 10, &fixture, FAKE_ECHO);
  /* The gate is shut: the other thread does all of them, those placed on the busy one too. */
  UNTIL(&fixture, fixture.deliveries == 10);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, NULL, 0, &count));
  /* Perhaps the first one was stolen as well. */
  CHECK(stats.counts.stolen == 5 || stats.counts.stolen == 6);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 11);
  deinit_all(tasks, 11, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_least_loaded(void) {
  fixture_t fixture;
  test_task_t tasks[5];
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 2);
  options.scheduler = "least-loaded";
  options.may_steal = false;
  fixture_start(&fixture, options, FAKE_ECHO);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  for (int i = 1; i < 5; i++) {
    test_task_submit(&tasks[i], &fixture, FAKE_ECHO, i);
    UNTIL(&fixture, fixture.deliveries == i);
  }
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 5);
  deinit_all(tasks, 5, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_keeps_keys_on_their_thread(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  iso_thread_stats_t threads[4];
  iso_pool_stats_t stats;
  size_t count = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 4);
  /* One key: one thread does all, in order, however idle the others are. */
  for (int i = 0; i < TASKS; i++) {
    test_task_init(&tasks[i], &fixture, FAKE_ECHO, i);
    tasks[i].task.has_key = true;
    tasks[i].task.key_bucket = 77;
    CHECK_OK(iso_pool_submit(fixture.pool, &tasks[i].task));
  }
  UNTIL(&fixture, fixture.deliveries == TASKS);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, threads, 4, &count));
  int used = 0;
  for (size_t i = 0; i < count; i++)
    used += threads[i].tasks != 0;
  CHECK_EQ(used, 1);
  for (int i = 0; i < TASKS; i++)
    CHECK_EQ(tasks[i].order, i);
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_priorities_and_ageing(void) {
  fixture_t fixture;
  test_task_t tasks[5];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  const int priorities[] = {0, 0, -1, 1, 1};
  for (int i = 1; i < 5; i++) {
    test_task_init(&tasks[i], &fixture, FAKE_ECHO, i);
    tasks[i].task.priority = priorities[i];
    CHECK_OK(iso_pool_submit(fixture.pool, &tasks[i].task));
  }
  /* As if the lowest had come five seconds before: it has aged past the others. */
  CHECK(iso_pool_cancel(fixture.pool, &tasks[2].task, false));
  UNTIL(&fixture, fixture.deliveries == 1);
  CHECK_EQ(tasks[2].task.status, ISO_ECANCELED);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 5);
  CHECK_EQ(tasks[0].order, 1);
  CHECK_EQ(tasks[3].order, 2);
  CHECK_EQ(tasks[4].order, 3);
  CHECK_EQ(tasks[1].order, 4);
  /* A step of priority is worth a second: the ranks say so. */
  CHECK_EQ((tasks[1].task.rank - tasks[3].task.rank + 50) / 1000, 1);
  for (int i = 0; i < 5; i++)
    test_task_deinit(&tasks[i]);
  fixture_deinit(&fixture);
}

void test_pool_grows_and_shrinks(void) {
  fixture_t fixture;
  test_task_t tasks[4];
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 0);
  options.max_threads = 3;
  options.idle_timeout_ms = 10;
  fixture_start(&fixture, options, FAKE_ECHO);
  UNTIL(&fixture, fixture.ready_count == 1);
  CHECK_EQ(iso_pool_thread_count(fixture.pool), 0);
  submit_all(tasks, 4, &fixture, FAKE_GATE);
  fake_gate_wait(3);
  CHECK_EQ(iso_pool_thread_count(fixture.pool), 3);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 4 && fixture.exits == 3);
  CHECK_EQ(iso_pool_thread_count(fixture.pool), 0);
  CHECK_EQ(fixture.exit_statuses[0], ISO_OK);
  deinit_all(tasks, 4, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_ends_without_a_thread(void) {
  for (int is_closed = 0; is_closed < 2; is_closed++) {
    fixture_t fixture;
    fixture_init(&fixture);
    iso_pool_options_t options = fixture_options(&fixture, 0);
    options.max_threads = 1;
    fixture_start(&fixture, options, FAKE_ECHO);
    if (is_closed) iso_pool_close(fixture.pool);
    fixture_end_pool(&fixture);
    fixture_deinit(&fixture);
  }
}

void test_pool_resizes(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  const size_t sizes[] = {4, 1, 3, 2, 6, 1};
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  int made = 0;
  for (int i = 0; i < 6; i++) {
    for (int j = 0; j < 30; j++, made++) {
      test_task_init(&tasks[made], &fixture, FAKE_ECHO, made);
      tasks[made].task.has_key = j % 2 == 0;
      tasks[made].task.key_bucket = (uint8_t) j;
      CHECK_OK(iso_pool_submit(fixture.pool, &tasks[made].task));
    }
    CHECK_OK(iso_pool_resize(fixture.pool, sizes[i], sizes[i]));
    CHECK_EQ(iso_pool_thread_count(fixture.pool), sizes[i]);
  }
  UNTIL(&fixture, fixture.deliveries == made);
  deinit_all(tasks, made, ISO_OK);
  /* 2 + 2 + 2 + 4 came, all but one went. */
  UNTIL(&fixture, fixture.exits == 9);
  fixture_deinit(&fixture);
}

void test_pool_recycles(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 2);
  options.max_tasks_per_thread = 10;
  fixture_start(&fixture, options, FAKE_ECHO);
  for (int i = 0; i < TASKS; i++) {
    test_task_submit(&tasks[i], &fixture, FAKE_ECHO, i);
    UNTIL(&fixture, fixture.deliveries == i + 1);
    /* Never a moment without one that serves. */
    CHECK_EQ(iso_pool_thread_count(fixture.pool), 2);
  }
  UNTIL(&fixture, fixture.exits > 0);
  for (int i = 0; i < fixture.exits; i++)
    CHECK_OK(fixture.exit_statuses[i]);
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_refuses_beyond_its_queue(void) {
  fixture_t fixture;
  test_task_t tasks[5];
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.max_queue = 2;
  fixture_start(&fixture, options, FAKE_ECHO);
  submit_all(tasks, 1, &fixture, FAKE_GATE);
  fake_gate_wait(1);
  submit_all(tasks + 1, 2, &fixture, FAKE_ECHO);
  CHECK(iso_pool_needs_drain(fixture.pool));
  test_task_init(&tasks[3], &fixture, FAKE_ECHO, 3);
  CHECK_EQ(iso_pool_submit(fixture.pool, &tasks[3].task), ISO_EFULL);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 3 && fixture.drains == 1);
  CHECK_EQ(fixture.needs_drains, 1);
  CHECK(!iso_pool_needs_drain(fixture.pool));
  CHECK_OK(iso_pool_submit(fixture.pool, &tasks[3].task));
  UNTIL(&fixture, fixture.deliveries == 4);
  deinit_all(tasks, 4, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_cancels_what_waits(void) {
  fixture_t fixture;
  test_task_t tasks[4];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  submit_all(tasks, 4, &fixture, FAKE_GATE);
  fake_gate_wait(1);
  CHECK(!iso_pool_cancel(fixture.pool, &tasks[0].task, false));
  CHECK(iso_pool_cancel(fixture.pool, &tasks[2].task, false));
  CHECK(!iso_pool_cancel(fixture.pool, &tasks[2].task, false));
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == 4);
  for (int i = 0; i < 4; i++) {
    CHECK_EQ(tasks[i].task.status, i == 2 ? ISO_ECANCELED : ISO_OK);
    test_task_deinit(&tasks[i]);
  }
  fixture_deinit(&fixture);
}

/* Submitted while nobody sleeps, tasks are left without the lock: whoever asks finds them. */
void test_pool_finds_what_was_left_for_its_threads(void) {
  enum { MANY = 1500, CANCELED = 700, HIGH_WATER = 1024 };
  fixture_t fixture;
  static test_task_t tasks[MANY];
  iso_thread_stats_t thread;
  iso_pool_stats_t stats;
  size_t count = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  for (int i = 1; i < MANY; i++) {
    test_task_submit(&tasks[i], &fixture, FAKE_ECHO, i);
    if (i % 100 != 0 && i != HIGH_WATER - 1 && i != HIGH_WATER) continue;
    CHECK_EQ(iso_pool_needs_drain(fixture.pool), i >= HIGH_WATER);
    CHECK_OK(iso_pool_stats(fixture.pool, &stats, &thread, 1, &count));
    CHECK_EQ(stats.queued, i);
  }
  UNTIL(&fixture, fixture.needs_drains == 1);
  CHECK(iso_pool_cancel(fixture.pool, &tasks[CANCELED].task, false));
  CHECK(iso_pool_cancel(fixture.pool, &tasks[MANY - 1].task, false));
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == MANY && fixture.drains == 1);
  CHECK_EQ(fixture.needs_drains, 1);
  for (int i = 0; i < MANY; i++) {
    bool was_canceled = i == CANCELED || i == MANY - 1;
    CHECK_EQ(tasks[i].task.status, was_canceled ? ISO_ECANCELED : ISO_OK);
    if (!was_canceled) CHECK_EQ(tasks[i].order, i < CANCELED ? i + 2 : i + 1);
    test_task_deinit(&tasks[i]);
  }
  fixture_deinit(&fixture);
}

void test_pool_refuses_what_was_left_when_it_stopped(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  test_task_submit(&tasks[0], &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  submit_all(tasks + 1, TASKS - 1, &fixture, FAKE_ECHO);
  iso_pool_stop(fixture.pool, ISO_EDISPOSED);
  UNTIL(&fixture, fixture.deliveries == TASKS);
  deinit_all(tasks, TASKS, ISO_EDISPOSED);
  fixture_deinit(&fixture);
}

static void init_all(test_task_t *tasks, iso_task_t **given, int count, fixture_t *fixture) {
  for (int i = 0; i < count; i++) {
    test_task_init(&tasks[i], fixture, FAKE_ECHO, i);
    given[i] = &tasks[i].task;
  }
}

/* Some to a pool that sleeps, and some behind those to one that works, which are left for it. */
void test_pool_takes_many_at_once_in_their_order(void) {
  enum { FIRST = 60, ONE = 1, REST = TASKS - FIRST - ONE };
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  iso_task_t *given[TASKS];
  size_t submitted = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 1);
  init_all(tasks, given, TASKS, &fixture);
  CHECK_OK(iso_pool_submit_all(fixture.pool, given, FIRST, &submitted));
  CHECK_EQ(submitted, FIRST);
  CHECK_OK(iso_pool_submit(fixture.pool, given[FIRST]));
  CHECK_OK(iso_pool_submit_all(fixture.pool, given + FIRST + ONE, REST, &submitted));
  CHECK_EQ(submitted, REST);
  UNTIL(&fixture, fixture.deliveries == TASKS);
  for (int i = 0; i < TASKS; i++) {
    CHECK_EQ(tasks[i].order, i);
    CHECK_EQ(second_number(&tasks[i]), i);
  }
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_takes_as_many_of_many_as_it_may(void) {
  enum { ALL = 6, TAKEN = 2 };
  fixture_t fixture;
  test_task_t gate;
  test_task_t tasks[ALL];
  iso_task_t *given[ALL];
  size_t submitted = 0;
  fixture_init(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.max_queue = TAKEN;
  fixture_start(&fixture, options, FAKE_ECHO);
  test_task_submit(&gate, &fixture, FAKE_GATE, 0);
  fake_gate_wait(1);
  init_all(tasks, given, ALL, &fixture);
  CHECK_EQ(iso_pool_submit_all(fixture.pool, given, ALL, &submitted), ISO_EFULL);
  CHECK_EQ(submitted, TAKEN);
  fake_gate_open();
  UNTIL(&fixture, fixture.deliveries == TAKEN + 1);
  iso_pool_stop(fixture.pool, ISO_EDISPOSED);
  CHECK_EQ(
      iso_pool_submit_all(fixture.pool, given + TAKEN, ALL - TAKEN, &submitted), ISO_EDISPOSED
  );
  CHECK_EQ(submitted, 0);
  for (int i = 0; i < ALL; i++)
    CHECK_EQ(tasks[i].delivered, i < TAKEN);
  deinit_all(&gate, 1, ISO_OK);
  deinit_all(tasks, TAKEN, ISO_OK);
  for (int i = TAKEN; i < ALL; i++)
    iso_task_deinit(&tasks[i].task);
  fixture_deinit(&fixture);
}

/* One task after the other, given when the threads still spin, go to sleep, or have. */
void test_pool_hears_what_is_left_as_it_falls_asleep(void) {
  enum { ROUNDS = 4000, STEPS = 61, NS_A_STEP = 2000 };
  for (size_t threads = 1; threads <= 2; threads++) {
    fixture_t fixture;
    test_task_t task;
    fixture_init(&fixture);
    fixture_start_echo(&fixture, threads);
    for (int i = 0; i < ROUNDS; i++) {
      uint64_t pause = (uint64_t) (i % STEPS) * NS_A_STEP;
      for (uint64_t until = uv_hrtime() + pause; uv_hrtime() < until;)
        continue;
      test_task_submit(&task, &fixture, FAKE_ECHO, i);
      UNTIL(&fixture, fixture.deliveries == i + 1);
      test_task_deinit(&task);
    }
    fixture_deinit(&fixture);
  }
}

void test_pool_closes(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  test_task_t late;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  submit_all(tasks, TASKS, &fixture, FAKE_GATE);
  iso_pool_close(fixture.pool);
  test_task_init(&late, &fixture, FAKE_ECHO, 0);
  CHECK_EQ(iso_pool_submit(fixture.pool, &late.task), ISO_ECLOSED);
  fake_gate_open();
  UNTIL(&fixture, fixture.has_ended);
  CHECK_EQ(fixture.deliveries, TASKS);
  CHECK_EQ(iso_pool_submit(fixture.pool, &late.task), ISO_EDISPOSED);
  iso_task_deinit(&late.task);
  deinit_all(tasks, TASKS, ISO_OK);
  fixture_deinit(&fixture);
}

void test_pool_submits_to_each(void) {
  fixture_t fixture;
  test_task_t tasks[4];
  iso_task_t *pointers[4];
  iso_thread_stats_t threads[3];
  iso_pool_stats_t stats;
  size_t submitted = 0;
  size_t count = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 3);
  for (int i = 0; i < 4; i++) {
    test_task_init(&tasks[i], &fixture, FAKE_ECHO, i);
    pointers[i] = &tasks[i].task;
  }
  CHECK_OK(iso_pool_submit_each(fixture.pool, pointers, 4, &submitted));
  CHECK_EQ(submitted, 3);
  UNTIL(&fixture, fixture.deliveries == 3);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, threads, 3, &count));
  for (int i = 0; i < 3; i++)
    CHECK_EQ(threads[i].tasks, 1);
  deinit_all(tasks, 3, ISO_OK);
  iso_task_deinit(&tasks[3].task);
  fixture_deinit(&fixture);
}

void test_pool_counts(void) {
  fixture_t fixture;
  static test_task_t tasks[TASKS];
  iso_pool_stats_t stats;
  size_t count = 0;
  fixture_init(&fixture);
  fixture_start_echo(&fixture, 2);
  for (int i = 0; i < TASKS; i++)
    test_task_submit(&tasks[i], &fixture, i % 4 == 0 ? FAKE_THROW : FAKE_ECHO, i);
  UNTIL(&fixture, fixture.deliveries == TASKS);
  CHECK_OK(iso_pool_stats(fixture.pool, &stats, NULL, 0, &count));
  CHECK_EQ(stats.counts.completed, TASKS * 3 / 4);
  CHECK_EQ(stats.counts.failed, TASKS / 4);
  CHECK_EQ(stats.run_time.count, TASKS);
  CHECK_EQ(stats.wait_time.count, TASKS);
  CHECK_EQ(stats.queued, 0);
  CHECK_EQ(stats.running, 0);
  CHECK_EQ(stats.idle, 2);
  for (int i = 0; i < TASKS; i++)
    test_task_deinit(&tasks[i]);
  fixture_deinit(&fixture);
}
