#include "core/alloc.h"
#include "core/error.h"
#include "core/queue.h"
#include "test.h"
#include "tests.h"

static void make(iso_task_t *task, int64_t rank, uint64_t sequence, int32_t priority) {
  iso_task_init(task, NULL);
  task->rank = rank;
  task->sequence = sequence;
  task->priority = priority;
}

void test_queue_orders_by_rank(void) {
  iso_queue_t queue;
  iso_task_t tasks[6];
  iso_queue_init(&queue);
  CHECK(iso_queue_peek(&queue) == NULL && iso_queue_pop(&queue) == NULL);
  /* Priority 0 lies in the list, others in the heap: both must come out as one order. */
  const struct {
    int64_t rank;
    int32_t priority;
    int place;
  } rows[] = {{10, 0, 2}, {20, 0, 4}, {5, 3, 0}, {20, 1, 5}, {10, -1, 3}, {7, 0, 1}};
  iso_task_t *expected[6];
  for (int i = 0; i < 6; i++) {
    make(&tasks[i], rows[i].rank, (uint64_t) i, rows[i].priority);
    CHECK_OK(iso_queue_push(&queue, &tasks[i]));
    CHECK(tasks[i].queue == &queue);
    expected[rows[i].place] = &tasks[i];
  }
  CHECK_EQ(queue.count, 6);
  for (int i = 0; i < 6; i++) {
    CHECK(iso_queue_peek(&queue) == expected[i]);
    CHECK(iso_queue_pop(&queue) == expected[i]);
    CHECK(expected[i]->queue == NULL);
  }
  iso_queue_deinit(&queue);
}

enum { MANY = 300 };

/* Pushes, pops and removals at random, beside an array that is searched. */
void test_queue_is_as_a_sorted_list(void) {
  unsigned state = test_seed();
  size_t before = iso_alloc_live();
  static iso_task_t tasks[MANY];
  iso_task_t *present[MANY];
  int count = 0;
  iso_queue_t queue;
  iso_queue_init(&queue);
  for (int i = 0; i < MANY; i++)
    tasks[i].queue = NULL;
  for (uint64_t step = 0; step < 20000; step++) {
    iso_task_t *task = &tasks[test_random(&state, MANY)];
    if (task->queue == NULL && test_random(&state, 3) != 0) {
      make(task, test_random(&state, 50), step, (int32_t) test_random(&state, 5) - 2);
      CHECK_OK(iso_queue_push(&queue, task));
      present[count++] = task;
    } else if (count != 0) {
      int first = 0;
      for (int i = 1; i < count; i++) {
        if (iso_task_is_before(present[i], present[first])) first = i;
      }
      CHECK(iso_queue_peek(&queue) == present[first]);
      int gone = test_random(&state, 2) == 0 ? first : (int) test_random(&state, (unsigned) count);
      if (gone == first)
        CHECK(iso_queue_pop(&queue) == present[first]);
      else
        iso_queue_remove(&queue, present[gone]);
      present[gone] = present[--count];
    }
    CHECK_EQ(queue.count, count);
  }
  while (iso_queue_pop(&queue) != NULL)
    count--;
  CHECK_EQ(count, 0);
  iso_queue_deinit(&queue);
  CHECK_EQ(iso_alloc_live(), before);
}

enum { HALF = 250000 };

/* What a thread leaves behind goes into the queues of others: in one walk, or it would take minutes
 * (the runner's patience is the check). */
void test_queue_takes_in_another(void) {
  iso_task_t *tasks = iso_alloc(sizeof(*tasks) * 2 * HALF);
  iso_queue_t queue;
  CHECK(tasks != NULL);
  iso_queue_init(&queue);
  for (int i = 0; i < 2 * HALF; i += 2) {
    make(&tasks[i], i / 100, (uint64_t) i, 0);
    CHECK_OK(iso_queue_push(&queue, &tasks[i]));
  }
  for (int i = 1; i < 2 * HALF; i += 2) {
    make(&tasks[i], i / 100, (uint64_t) i, 0);
    CHECK_OK(iso_queue_push(&queue, &tasks[i]));
  }
  for (int i = 0; i < 2 * HALF; i++)
    CHECK(iso_queue_pop(&queue) == &tasks[i]);
  iso_queue_deinit(&queue);
  iso_free(tasks);
}
