/* See fixture.h. */
#include "fixture.h"

#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/governor.h"
#include "test.h"

static void on_wake(void *data) {
  fixture_t *fixture = data;
  iso_owner_drain(fixture->owner, UINT64_C(1000000000));
}

static void on_ready(void *data, int status) {
  fixture_t *fixture = data;
  fixture->ready_count++;
  fixture->ready_status = status;
  if (status == ISO_ECONTEXT) CHECK(iso_pool_error(fixture->pool)->count == 1);
}

static void on_console(void *data, const iso_message_t *record) {
  fixture_t *fixture = data;
  CHECK(record->count == 1);
  fixture->record_count++;
}

static void on_stream(void *data, iso_task_t *task, iso_message_t *opening) {
  fixture_t *fixture = data;
  test_task_t *opened = ISO_LIST_ITEM(task, test_task_t, task);
  CHECK(opening->count == 1);
  CHECK_EQ(opened->delivered, 0);
  opened->was_opened = true;
  fixture->openings++;
}

static void on_notice(void *data, iso_notice_kind_t kind, uint64_t thread_id, int status) {
  fixture_t *fixture = data;
  (void) thread_id;
  if (kind == ISO_NOTICE_THREAD_START) fixture->started++;
  if (kind == ISO_NOTICE_DRAIN) fixture->drains++;
  if (kind == ISO_NOTICE_NEEDS_DRAIN) fixture->needs_drains++;
  if (kind != ISO_NOTICE_THREAD_EXIT) return;
  if (fixture->exits < FIXTURE_MAX_EXITS) fixture->exit_statuses[fixture->exits] = status;
  fixture->exits++;
}

static void on_ended(void *data) {
  fixture_t *fixture = data;
  fixture->has_ended = true;
}

static const iso_pool_callbacks_t callbacks = {
    .ready = on_ready,
    .console = on_console,
    .stream = on_stream,
    .notice = on_notice,
    .ended = on_ended};

static void on_closed(void *data) {
  fixture_t *fixture = data;
  fixture->is_closed = true;
}

void fixture_init(fixture_t *fixture) {
  memset(fixture, 0, sizeof(*fixture));
  fake_gate_shut();
  fixture->live_before = iso_alloc_live();
  CHECK_EQ(uv_loop_init(&fixture->loop), 0);
  CHECK_OK(iso_owner_create(&fixture->loop, on_wake, fixture, &fixture->owner));
  iso_owner_hold(fixture->owner);
}

void fixture_deinit(fixture_t *fixture) {
  if (fixture->pool != NULL) fixture_end_pool(fixture);
  CHECK(iso_owner_wait_threads(fixture->owner, 60000));
  iso_owner_close(fixture->owner, on_closed, fixture);
  UNTIL(fixture, fixture->is_closed);
  iso_owner_release(fixture->owner);
  CHECK_EQ(uv_loop_close(&fixture->loop), 0);
  CHECK_EQ(iso_alloc_live(), fixture->live_before);
}

iso_pool_options_t fixture_options(fixture_t *fixture, size_t threads) {
  return (iso_pool_options_t){
      .min_threads = threads,
      .max_threads = threads,
      .idle_timeout_ms = -1,
      .scheduler = "round-robin",
      .may_steal = true,
      .may_replace = true,
      .max_queue = SIZE_MAX,
      /* Far longer than any test: nothing is written off, unless a test wants it. */
      .grace_ns = UINT64_C(600000000000),
      .callbacks = &callbacks,
      .data = fixture,
  };
}

void fixture_start(fixture_t *fixture, iso_pool_options_t options, fake_op_t context_op) {
  options.context = iso_message_create();
  CHECK_OK(iso_message_put_int32(options.context, context_op));
  CHECK_OK(iso_pool_create(fixture->owner, &options, &fixture->pool));
}

void fixture_start_echo(fixture_t *fixture, size_t threads) {
  fixture_start(fixture, fixture_options(fixture, threads), FAKE_ECHO);
  UNTIL(fixture, fixture->ready_count == 1);
  CHECK_OK(fixture->ready_status);
}

void fixture_set_mean(fixture_t *fixture, uint64_t mean_ns) {
  iso_pool__lock(fixture->pool);
  fixture->pool->governor.sum_ns = mean_ns * ISO_BRIEF_SAMPLES;
  iso_pool__unlock(fixture->pool);
}

void fixture_end_pool(fixture_t *fixture) {
  iso_pool_stop(fixture->pool, ISO_EDISPOSED);
  UNTIL(fixture, fixture->has_ended);
  CHECK(iso_pool_has_ended(fixture->pool));
  CHECK_EQ(fixture->ready_count, 1);
  iso_pool_destroy(fixture->pool);
  fixture->pool = NULL;
}

static void deliver(iso_event_t *event, bool alive) {
  test_task_t *task = ISO_LIST_ITEM(event, test_task_t, task.event);
  CHECK(alive);
  task->delivered++;
  task->order = task->fixture->deliveries++;
  task->records_before = task->fixture->record_count;
}

void test_task_init(test_task_t *task, fixture_t *fixture, fake_op_t op, int argument) {
  memset(task, 0, sizeof(*task));
  iso_task_init(&task->task, deliver);
  task->fixture = fixture;
  CHECK_OK(iso_message_put_int32(&task->task.message, op));
  CHECK_OK(iso_message_put_int32(&task->task.message, argument));
}

void test_task_submit(test_task_t *task, fixture_t *fixture, fake_op_t op, int argument) {
  test_task_init(task, fixture, op, argument);
  CHECK_OK(iso_pool_submit(fixture->pool, &task->task));
}

void test_task_deinit(test_task_t *task) {
  CHECK_EQ(task->delivered, 1);
  iso_task_deinit(&task->task);
}
