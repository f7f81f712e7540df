/* spare */
#include "core/error.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

typedef struct test_warming_s {
  iso_warming_t warming;
  int delivered;
} test_warming_t;

static void deliver(iso_event_t *event, bool alive) {
  test_warming_t *test = ISO_LIST_ITEM(event, test_warming_t, warming.event);
  (void) alive;
  test->delivered++;
}

static iso_spares_t *begin(fixture_t *fixture) {
  fixture_init(fixture);
  iso_spares_t *spares = iso_spares_create(fixture->owner, NULL);
  CHECK(spares != NULL);
  return spares;
}

static void warm(iso_spares_t *spares, fixture_t *fixture, size_t count) {
  test_warming_t test = {.warming.event.deliver = deliver};
  CHECK_OK(iso_spares_warm(spares, count, &test.warming));
  UNTIL(fixture, test.delivered == 1);
  CHECK_OK(test.warming.status);
}

static void end(iso_spares_t *spares, fixture_t *fixture) {
  if (fixture->pool != NULL) fixture_end_pool(fixture);
  iso_spares_stop(spares);
  iso_spares_stop(spares);
  iso_spares_release(spares);
  fixture_deinit(fixture);
}

void test_spare_serves_a_pool(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  warm(spares, &fixture, 1);
  size_t living = iso_threads_living();
  CHECK_EQ(living, 1);
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.spares = spares;
  fixture_start(&fixture, options, FAKE_ECHO);
  CHECK_EQ(iso_threads_living(), 1);
  test_task_t task;
  test_task_submit(&task, &fixture, FAKE_ECHO, 1);
  UNTIL(&fixture, fixture.deliveries == 1);
  CHECK_OK(task.task.status);
  test_task_deinit(&task);
  end(spares, &fixture);
}

void test_spare_is_taken_while_it_starts(void) {
  for (int i = 0; i < 50; i++) {
    fixture_t fixture;
    iso_spares_t *spares = begin(&fixture);
    test_warming_t test = {.warming.event.deliver = deliver};
    CHECK_OK(iso_spares_warm(spares, 2, &test.warming));
    iso_pool_options_t options = fixture_options(&fixture, 3);
    options.spares = spares;
    fixture_start(&fixture, options, FAKE_ECHO);
    UNTIL(&fixture, fixture.ready_count == 1 && test.delivered == 1);
    CHECK_OK(fixture.ready_status);
    end(spares, &fixture);
  }
}

void test_spare_is_dismissed(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  warm(spares, &fixture, 5);
  CHECK_EQ(iso_threads_living(), 5);
  warm(spares, &fixture, 2);
  UNTIL(&fixture, iso_threads_living() == 2);
  /* Stopped while it starts. */
  test_warming_t test = {.warming.event.deliver = deliver};
  CHECK_OK(iso_spares_warm(spares, 4, &test.warming));
  end(spares, &fixture);
  CHECK_EQ(test.delivered, 1);
  CHECK_EQ(iso_threads_living(), 0);
}

void test_spare_is_prepared(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  iso_spares_prepare(spares);
  iso_spares_prepare(spares);
  CHECK_EQ(iso_threads_living(), 1);
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.spares = spares;
  fixture_start(&fixture, options, FAKE_ECHO);
  CHECK_EQ(iso_threads_living(), 1);
  end(spares, &fixture);
  CHECK_EQ(iso_threads_living(), 0);
}

/* No pool, and nothing else that would have started the watchdog. */
void test_spare_is_prepared_in_vain(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  iso_spares_prepare(spares);
  end(spares, &fixture);
  CHECK_EQ(iso_threads_living(), 0);
}

/* Two that start at once start slowly. */
void test_spare_comes_once_a_thread_has_loaded(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 2);
  options.spares = spares;
  options.spares_wanted = -1;
  fake_gate_shut();
  fixture_start(&fixture, options, FAKE_GATE);
  fake_gate_wait(2);
  uv_sleep(20);
  CHECK_EQ(iso_threads_living(), 2);
  fake_gate_open();
  UNTIL(&fixture, fixture.ready_count == 1);
  while (iso_threads_living() != 3)
    uv_sleep(1);
  end(spares, &fixture);
}

void test_spare_comes_where_a_thread_does_not_load(void) {
  fixture_t fixture;
  iso_spares_t *spares = begin(&fixture);
  iso_pool_options_t options = fixture_options(&fixture, 1);
  options.spares = spares;
  options.spares_wanted = 2;
  fixture_start(&fixture, options, FAKE_PENDING_FOR_EVER);
  while (iso_threads_living() != 3)
    uv_sleep(1);
  end(spares, &fixture);
}
