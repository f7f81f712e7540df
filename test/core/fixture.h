/* What tests of owner and pool need: a loop with an owner, a pool that keeps account of what it was
 * told, tasks that know how they ended. */
#ifndef ISO_FIXTURE_H
#define ISO_FIXTURE_H

#include <uv.h>

#include "core/pool.h"
#include "fake_engine.h"

enum { FIXTURE_MAX_EXITS = 64 };

typedef struct fixture_s {
  uv_loop_t loop;
  iso_owner_t *owner;
  size_t live_before;
  /* Tasks that have become streams. */
  int openings;
  bool is_closed;

  iso_pool_t *pool;
  int ready_count;
  int ready_status;
  bool has_ended;
  int record_count;
  int started;
  int exits;
  int exit_statuses[FIXTURE_MAX_EXITS];
  int drains;
  int needs_drains;
  /* Tasks delivered so far. */
  int deliveries;
} fixture_t;

typedef struct test_task_s {
  iso_task_t task;
  fixture_t *fixture;
  int delivered;
  /* The how manieth delivery this was, from 0. */
  int order;
  /* Records printed before it. */
  int records_before;
  bool was_opened;
} test_task_t;

void fixture_init(fixture_t *fixture);
/* Ends what is left, and checks that nothing is. */
void fixture_deinit(fixture_t *fixture);

/* Options of a pool of `threads` that runs FAKE_ECHO contexts. */
iso_pool_options_t fixture_options(fixture_t *fixture, size_t threads);
/* Creates; the context is `context_op`. */
void fixture_start(fixture_t *fixture, iso_pool_options_t options, fake_op_t context_op);
/* Both at once, and waits for ready. */
void fixture_start_echo(fixture_t *fixture, size_t threads);

void test_task_init(test_task_t *task, fixture_t *fixture, fake_op_t op, int argument);
/* Init and submit. */
void test_task_submit(test_task_t *task, fixture_t *fixture, fake_op_t op, int argument);
void test_task_deinit(test_task_t *task);

/* Turns the loop until the condition holds. */
#define UNTIL(fixture, condition)                                                                  \
  while (!(condition))                                                                             \
  (void) uv_run(&(fixture)->loop, UV_RUN_ONCE)

/* The pool thinks that tasks take so long. */
void fixture_set_mean(fixture_t *fixture, uint64_t mean_ns);
/* So long that for as long as a test lasts no task is taken for a brief one. */
#define FIXTURE_LONG_NS (UINT64_C(1) << 40)

/* Stops the pool, waits for the end, destroys it. */
void fixture_end_pool(fixture_t *fixture);

#endif
