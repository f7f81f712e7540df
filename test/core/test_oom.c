/* Every allocation fails once, in its turn: nothing may break, and nothing be left. */
#include "core/alloc.h"
#include "core/error.h"
#include "core/queue.h"
#include "engine/engine.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

void test_oom_of_messages(void) {
  size_t before = iso_alloc_live();
  for (size_t n = 1;; n++) {
    bool failed = false;
    iso_alloc_fail_at(n);
    iso_message_t *message = iso_message_create();
    if (message != NULL) {
      for (int i = 0; i < 100; i++) {
        uint32_t count = message->count;
        if (iso_message_put_int32(message, i) == ISO_OK) continue;
        failed = true;
        CHECK_EQ(message->count, count);
      }
      void *store = fake_store_create();
      uint32_t index = 0;
      if (store == NULL) {
        failed = true;
        fake_live_stores--;
      } else if (iso_message_add_part(message, ISO_PART_SHARED, store, &index) != ISO_OK) {
        failed = true;
        iso_part_t part = {.kind = ISO_PART_SHARED, .object = store};
        iso_part_destroy(&part);
      }
      iso_message_destroy(message);
    }
    iso_alloc_fail_at(0);
    CHECK_EQ(iso_alloc_live(), before);
    if (message != NULL && !failed) break;
  }
}

void test_oom_of_queues(void) {
  enum { TASKS = 40 };
  size_t before = iso_alloc_live();
  for (size_t n = 1;; n++) {
    iso_queue_t queue;
    iso_task_t tasks[TASKS];
    size_t pushed = 0;
    iso_queue_init(&queue);
    iso_alloc_fail_at(n);
    for (int i = 0; i < TASKS; i++) {
      iso_task_init(&tasks[i], NULL);
      tasks[i].rank = i;
      tasks[i].priority = 1;
      if (iso_queue_push(&queue, &tasks[i]) == ISO_OK) pushed++;
      CHECK_EQ(queue.count, pushed);
    }
    iso_alloc_fail_at(0);
    while (iso_queue_pop(&queue) != NULL)
      pushed--;
    CHECK_EQ(pushed, 0);
    bool is_over = tasks[TASKS - 1].queue == NULL && n > 4;
    iso_queue_deinit(&queue);
    CHECK_EQ(iso_alloc_live(), before);
    if (is_over) break;
  }
}

/* Threads allocate as well, so it is not always the same one that fails; whatever it is, the pool
 * is made and works or ends, or is not made at all. */
void test_oom_of_pools(void) {
  for (size_t n = 1; n <= 40; n++) {
    fixture_t fixture;
    fixture_init(&fixture);
    iso_pool_options_t options = fixture_options(&fixture, 2);
    options.context = iso_message_create();
    CHECK_OK(iso_message_put_int32(options.context, FAKE_ECHO));
    iso_alloc_fail_at(n);
    int status = iso_pool_create(fixture.owner, &options, &fixture.pool);
    if (status != ISO_OK) {
      CHECK(status == ISO_ENOMEM || status == ISO_ESTART);
      iso_alloc_fail_at(0);
      iso_message_destroy(options.context);
      fixture.pool = NULL;
    } else {
      UNTIL(&fixture, fixture.ready_count == 1);
      iso_alloc_fail_at(0);
      if (fixture.ready_status == ISO_OK) {
        test_task_t task;
        test_task_submit(&task, &fixture, FAKE_ECHO, 1);
        UNTIL(&fixture, fixture.deliveries == 1);
        CHECK_OK(task.task.status);
        test_task_deinit(&task);
      }
    }
    fixture_deinit(&fixture);
  }
}

/* Of a pool of one, whose thread dies with tasks behind it: another takes its place, or cannot be
 * had. Each of them is told, once. */
void test_oom_of_replacements(void) {
  enum { TASKS = 8 };
  int refused = 0;
  for (size_t n = 1; n <= 12; n++) {
    fixture_t fixture;
    test_task_t tasks[TASKS];
    fixture_init(&fixture);
    fixture_start_echo(&fixture, 1);
    fake_gate_shut();
    for (int i = 0; i < TASKS; i++) {
      fake_op_t op = i == 0 ? FAKE_GATE : i == 1 ? FAKE_HEAP_FULL : FAKE_ECHO;
      test_task_init(&tasks[i], &fixture, op, i);
      tasks[i].task.has_key = i % 3 == 2;
      tasks[i].task.key_bucket = (uint8_t) i;
      CHECK_OK(iso_pool_submit(fixture.pool, &tasks[i].task));
    }
    fake_gate_wait(1);
    iso_alloc_fail_at(n);
    fake_gate_open();
    UNTIL(&fixture, fixture.deliveries == TASKS);
    iso_alloc_fail_at(0);
    CHECK_OK(tasks[0].task.status);
    CHECK_EQ(tasks[1].task.status, ISO_EMEMORY);
    for (int i = 2; i < TASKS; i++) {
      CHECK_EQ(tasks[i].delivered, 1);
      if (tasks[i].task.status != ISO_OK) refused++;
    }
    for (int i = 0; i < TASKS; i++)
      test_task_deinit(&tasks[i]);
    fixture_deinit(&fixture);
  }
  CHECK(refused > 0);
}
