/* Everything at random, from one seed: runs, priorities, keys, sizes, deaths, cancels, closes.
 * Every task is delivered once, tasks of one key and priority keep their order, the counts add up.
 */
#include "core/alloc.h"
#include "core/error.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

enum { ROUNDS = 40, TASKS = 600, KEYS = 5 };

static const char *const schedulers[] = {"round-robin", "least-loaded", "shared", "random"};

typedef struct world_s {
  fixture_t fixture;
  unsigned state;
  test_task_t *tasks;
  int submitted;
} world_t;

static fake_op_t random_op(unsigned *state) {
  unsigned dice = test_random(state, 100);
  if (dice < 4) return FAKE_HEAP_FULL;
  if (dice < 10) return FAKE_PENDING;
  if (dice < 15) return FAKE_THROW;
  if (dice < 18) return FAKE_LOG;
  if (dice < 22) return FAKE_STREAM;
  return FAKE_ECHO;
}

static void submit_one(world_t *world) {
  test_task_t *task = &world->tasks[world->submitted];
  test_task_init(task, &world->fixture, random_op(&world->state), 3);
  if (test_random(&world->state, 3) == 0) {
    task->task.has_key = true;
    task->task.key_bucket = (uint8_t) test_random(&world->state, KEYS);
  } else if (test_random(&world->state, 4) == 0) {
    task->task.priority = (int32_t) test_random(&world->state, 7) - 3;
  }
  int status = iso_pool_submit(world->fixture.pool, &task->task);
  if (status == ISO_OK) {
    world->submitted++;
    return;
  }
  CHECK(status == ISO_EFULL || status == ISO_ECLOSED || status == ISO_EDISPOSED);
  iso_task_deinit(&task->task);
}

static void submit_some(world_t *world) {
  enum { MOST = 20 };
  iso_task_t *given[MOST];
  size_t count = 1 + test_random(&world->state, MOST);
  size_t submitted = 0;
  if (count > (size_t) (TASKS - world->submitted)) return;
  test_task_t *tasks = &world->tasks[world->submitted];
  for (size_t i = 0; i < count; i++) {
    test_task_init(&tasks[i], &world->fixture, random_op(&world->state), 3);
    given[i] = &tasks[i].task;
  }
  int status = iso_pool_submit_all(world->fixture.pool, given, count, &submitted);
  CHECK((status == ISO_OK) == (submitted == count));
  world->submitted += (int) submitted;
  for (size_t i = submitted; i < count; i++)
    iso_task_deinit(&tasks[i].task);
}

static void act(world_t *world) {
  unsigned *state = &world->state;
  unsigned dice = test_random(state, 100);
  if (dice < 3) {
    size_t most = test_random(state, 5) + 1;
    (void) iso_pool_resize(world->fixture.pool, test_random(state, (unsigned) most + 1), most);
  } else if (dice < 8 && world->submitted > 0) {
    test_task_t *task = &world->tasks[test_random(state, (unsigned) world->submitted)];
    if (task->delivered == 0)
      (void) iso_pool_cancel(world->fixture.pool, &task->task, test_random(state, 2) == 0);
  } else if (dice < 10) {
    submit_some(world);
  } else if (dice < 22) {
    (void) uv_run(&world->fixture.loop, UV_RUN_NOWAIT);
  } else {
    submit_one(world);
  }
}

static void check_tasks(world_t *world) {
  int last_of_key[KEYS];
  for (int i = 0; i < KEYS; i++)
    last_of_key[i] = -1;
  for (int i = 0; i < world->submitted; i++) {
    test_task_t *task = &world->tasks[i];
    CHECK_EQ(task->delivered, 1);
    /* Those that have run came in the order of their key; others may end at any time. */
    bool has_run = task->task.status == ISO_OK || task->task.status == ISO_EXCEPTION;
    if (task->task.has_key && has_run) {
      CHECK(task->order > last_of_key[task->task.key_bucket]);
      last_of_key[task->task.key_bucket] = task->order;
    }
    iso_task_deinit(&task->task);
  }
}

static void check_counts(world_t *world, uint64_t submitted) {
  iso_pool_stats_t stats;
  size_t count = 0;
  CHECK_OK(iso_pool_stats(world->fixture.pool, &stats, NULL, 0, &count));
  CHECK(stats.counts.completed + stats.counts.failed <= submitted);
  CHECK_EQ(stats.queued, 0);
  CHECK_EQ(stats.running, 0);
}

static void live_once(unsigned *state) {
  world_t world = {.state = *state};
  fixture_init(&world.fixture);
  world.tasks = calloc(TASKS, sizeof(test_task_t));
  iso_pool_options_t options = fixture_options(&world.fixture, test_random(&world.state, 4));
  options.max_threads = options.min_threads + 1 + test_random(&world.state, 3);
  options.idle_timeout_ms = (int64_t) test_random(&world.state, 3) - 1;
  options.scheduler = schedulers[test_random(&world.state, 4)];
  options.may_steal = test_random(&world.state, 2) == 0;
  options.max_tasks_per_thread = test_random(&world.state, 3) == 0 ? 7 : 0;
  options.max_queue = test_random(&world.state, 3) == 0 ? 50 : SIZE_MAX;
  fixture_start(&world.fixture, options, FAKE_ECHO);

  for (int step = 0; step < 2000 && world.submitted < TASKS; step++)
    act(&world);
  unsigned end = test_random(&world.state, 3);
  if (end == 0) iso_pool_stop(world.fixture.pool, ISO_EDISPOSED);
  if (end == 1) iso_pool_close(world.fixture.pool);
  UNTIL(&world.fixture, world.fixture.deliveries == world.submitted);
  if (end != 2) UNTIL(&world.fixture, world.fixture.has_ended);
  check_counts(&world, (uint64_t) world.submitted);
  check_tasks(&world);
  fixture_deinit(&world.fixture);
  free(world.tasks);
  *state = world.state;
}

void test_stress_of_pools(void) {
  unsigned state = test_seed();
  for (int round = 0; round < ROUNDS; round++)
    live_once(&state);
}
