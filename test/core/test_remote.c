/* Functions called from elsewhere. The host is the fixture's loop; a thread, where one is needed,
 * is a loop of its own with a home. */
#include "core/remote.h"

#include "core/alloc.h"
#include "core/error.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

/* What the host does with calls: answers them with their arguments, or keeps them. */
static bool host_keeps;
static iso_call_t *kept;
static atomic_int begun;
static int answers;
static int last_status;
static int32_t last_number;
static iso_callable_t *host_callable;

static int32_t number_of(const iso_message_t *message) {
  iso_flat_t flat = {.tag = ISO_TAG_UNDEFINED};
  size_t offset = 0;
  if (iso_message_next(message, &offset, &flat) != ISO_OK) return -1;
  return flat.tag == ISO_TAG_INT32 ? flat.integer : -1;
}

static void echo(iso_call_t *call) {
  iso_message_t message;
  iso_message_init(&message);
  iso_call_begin(call, &message);
  iso_call_finish(call, &message, ISO_OK);
  iso_message_reset(&message);
}

static void keep(iso_call_t *call) {
  iso_message_t message;
  iso_message_init(&message);
  iso_call_begin(call, &message);
  iso_message_reset(&message);
  kept = call;
}

static void receive(const iso_arrival_t *arrival) {
  if (arrival->call != NULL) {
    atomic_fetch_add(&begun, 1);
    if (host_keeps)
      keep(arrival->call);
    else
      echo(arrival->call);
  } else if (arrival->answer != NULL) {
    answers++;
    last_status = arrival->answer->status;
    last_number = number_of(&arrival->answer->message);
    iso_call_settled(arrival->answer);
  } else if (iso_callable_released(arrival->release)) {
    iso_callable_forget(arrival->release);
    if (arrival->release == host_callable) host_callable = NULL;
  }
}

typedef struct bench_s {
  fixture_t fixture;
  iso_home_t *host;
  /* A thread's home on the same thread, for those tests that need no second one. */
  uv_async_t wake;
  iso_home_t *home;
} bench_t;

static void on_wake(uv_async_t *wake) {
  (void) wake;
}

static void bench_init(bench_t *bench) {
  fixture_init(&bench->fixture);
  CHECK_OK(iso_home_create_host(bench->fixture.owner, receive, &bench->host));
  CHECK_EQ(uv_async_init(&bench->fixture.loop, &bench->wake, on_wake), 0);
  uv_unref((uv_handle_t *) &bench->wake);
  CHECK_OK(iso_home_create_thread(&bench->wake, &bench->home));
  host_callable = iso_callable_create(bench->host, 1);
  iso_callable_retain(host_callable);
}

static void bench_deinit(bench_t *bench) {
  iso_home_close(bench->home);
  iso_home_release(bench->home);
  if (host_callable != NULL) {
    iso_callable_release(host_callable);
    UNTIL(&bench->fixture, host_callable == NULL);
  }
  iso_home_close(bench->host);
  iso_home_release(bench->host);
  uv_close((uv_handle_t *) &bench->wake, NULL);
  fixture_deinit(&bench->fixture);
}

static iso_call_t *make_call(iso_home_t *caller, iso_callable_t *target, int32_t number) {
  iso_call_t *call = iso_call_create(caller, target);
  CHECK(call != NULL);
  CHECK_OK(iso_message_put_int32(&call->message, number));
  return call;
}

static void call(iso_home_t *caller, iso_callable_t *target, int32_t number) {
  CHECK_OK(iso_call_send(make_call(caller, target, number)));
}

/* Handles one arrival of a thread as `receive` does those of the host. */
static bool serve(iso_home_t *home) {
  iso_arrival_t arrival;
  if (!iso_home_take(home, &arrival)) return false;
  if (arrival.call != NULL)
    echo(arrival.call);
  else if (arrival.answer != NULL)
    iso_call_settled(arrival.answer);
  else if (iso_callable_released(arrival.release))
    iso_callable_forget(arrival.release);
  return true;
}

void test_remote_calls_a_thread(void) {
  bench_t bench;
  bench_init(&bench);
  iso_callable_t *callable = iso_callable_create(bench.home, 7);
  CHECK(!iso_home_is_used(bench.home));
  iso_callable_retain(callable);
  CHECK(iso_home_is_used(bench.home));
  CHECK(iso_callable_home(callable) == bench.home);
  CHECK_EQ(iso_callable_id(callable), 7);
  call(bench.host, callable, 42);
  CHECK(iso_home_has_arrivals(bench.home));
  CHECK(serve(bench.home));
  CHECK(!serve(bench.home));
  UNTIL(&bench.fixture, answers == 1);
  CHECK_OK(last_status);
  CHECK_EQ(last_number, 42);
  /* The last use takes the function with it. */
  iso_callable_release(callable);
  CHECK(!iso_home_is_used(bench.home));
  CHECK(serve(bench.home));
  bench_deinit(&bench);
}

/* The thread's side of the tests below. */
typedef struct side_s {
  bench_t *bench;
  atomic_int sent;
  atomic_int status;
  int32_t number;
} side_t;

static void call_sync(void *data) {
  side_t *side = data;
  iso_call_t *made = make_call(side->bench->home, host_callable, 5);
  made->is_sync = true;
  int status = iso_call_send(made);
  if (status == ISO_OK) status = iso_call_wait(made);
  if (status == ISO_OK) side->number = number_of(&made->message);
  iso_call_release(made);
  atomic_store(&side->sent, 1);
  atomic_store(&side->status, status);
  uv_async_send(&side->bench->wake);
}

void test_remote_waits_for_the_host(void) {
  bench_t bench;
  bench_init(&bench);
  side_t side = {.bench = &bench};
  uv_thread_t thread;
  CHECK_EQ(uv_thread_create(&thread, call_sync, &side), 0);
  UNTIL(&bench.fixture, atomic_load(&side.sent) == 1);
  uv_thread_join(&thread);
  CHECK_OK(side.status);
  CHECK_EQ(side.number, 5);
  bench_deinit(&bench);
}

enum { MANY = 3 * ISO_CALLS_UNREAD };

static void call_much(void *data) {
  side_t *side = data;
  for (int i = 0; i < MANY; i++) {
    iso_call_t *made = make_call(side->bench->home, host_callable, i);
    int status = iso_call_send(made);
    if (status != ISO_OK) {
      iso_call_release(made);
      atomic_store(&side->status, status);
      return;
    }
    atomic_fetch_add(&side->sent, 1);
  }
}

void test_remote_holds_back_who_is_faster(void) {
  bench_t bench;
  bench_init(&bench);
  side_t side = {.bench = &bench};
  uv_thread_t thread;
  CHECK_EQ(uv_thread_create(&thread, call_much, &side), 0);
  while (atomic_load(&begun) < MANY) {
    int before = atomic_load(&begun);
    CHECK(atomic_load(&side.sent) <= before + ISO_CALLS_UNREAD);
    iso_owner_drain(bench.fixture.owner, 1);
  }
  uv_thread_join(&thread);
  CHECK_OK(side.status);
  while (serve(bench.home)) {
  }
  bench_deinit(&bench);
}

void test_remote_refuses_beyond_its_queue(void) {
  bench_t bench;
  bench_init(&bench);
  iso_callable_t *callable = iso_callable_create(bench.home, 1);
  iso_callable_retain(callable);
  for (int i = 0; i < ISO_CALLS_UNANSWERED; i++)
    call(bench.host, callable, i);
  iso_call_t *refused = make_call(bench.host, callable, 1);
  CHECK_EQ(iso_call_send(refused), ISO_EFULL);
  iso_call_release(refused);
  /* One answer makes room for one call. */
  CHECK(serve(bench.home));
  UNTIL(&bench.fixture, answers == 1);
  call(bench.host, callable, 1);
  iso_home_close(bench.home);
  UNTIL(&bench.fixture, answers == ISO_CALLS_UNANSWERED + 1);
  CHECK_EQ(last_status, ISO_EDISPOSED);
  iso_callable_release(callable);
  iso_callable_forget(callable);
  bench_deinit(&bench);
}

void test_remote_answers_for_who_closes(void) {
  bench_t bench;
  bench_init(&bench);
  iso_callable_t *callable = iso_callable_create(bench.home, 1);
  iso_callable_retain(callable);
  iso_arrival_t arrival;
  call(bench.host, callable, 1);
  CHECK(iso_home_take(bench.home, &arrival));
  keep(arrival.call);
  iso_home_close(bench.home);
  UNTIL(&bench.fixture, answers == 1);
  CHECK_EQ(last_status, ISO_EDISPOSED);
  /* Who has been faster counts. */
  iso_call_finish(kept, NULL, ISO_OK);
  /* And what comes now has its answer at once. */
  call(bench.host, callable, 1);
  UNTIL(&bench.fixture, answers == 2);
  CHECK_EQ(last_status, ISO_EDISPOSED);
  iso_callable_release(callable);
  iso_callable_forget(callable);
  bench_deinit(&bench);
}

void test_remote_lets_go_of_who_waits(void) {
  for (int closes = 0; closes < 2; closes++) {
    bench_t bench;
    bench_init(&bench);
    side_t side = {.bench = &bench};
    uv_thread_t thread;
    host_keeps = true;
    kept = NULL;
    CHECK_EQ(uv_thread_create(&thread, call_sync, &side), 0);
    UNTIL(&bench.fixture, kept != NULL);
    if (closes)
      iso_home_close(bench.home);
    else
      iso_home_interrupt(bench.home);
    UNTIL(&bench.fixture, atomic_load(&side.sent) == 1);
    uv_thread_join(&thread);
    CHECK_EQ(side.status, ISO_ETERMINATED);
    iso_call_finish(kept, NULL, ISO_OK);
    /* The next one waits again. */
    host_keeps = false;
    iso_home_resume(bench.home);
    if (!closes) {
      atomic_store(&side.sent, 0);
      CHECK_EQ(uv_thread_create(&thread, call_sync, &side), 0);
      UNTIL(&bench.fixture, atomic_load(&side.sent) == 1);
      uv_thread_join(&thread);
      CHECK_OK(side.status);
    }
    bench_deinit(&bench);
  }
}

void test_remote_keeps_what_is_used_again(void) {
  bench_t bench;
  bench_init(&bench);
  iso_arrival_t arrival;
  iso_callable_t *callable = iso_callable_create(bench.home, 1);
  iso_callable_retain(callable);
  iso_callable_release(callable);
  /* Its home sends it out again before it has heard. */
  iso_callable_retain(callable);
  CHECK(iso_home_take(bench.home, &arrival));
  CHECK(arrival.release == callable);
  CHECK(!iso_callable_released(callable));
  iso_callable_release(callable);
  CHECK(iso_home_take(bench.home, &arrival));
  CHECK(iso_callable_released(callable));
  iso_callable_forget(callable);
  bench_deinit(&bench);
}

void test_remote_takes_answers_alone(void) {
  bench_t bench;
  bench_init(&bench);
  iso_arrival_t arrival;
  iso_callable_t *callable = iso_callable_create(bench.home, 1);
  iso_callable_retain(callable);
  call(bench.host, callable, 1);
  CHECK(!iso_home_take_answer(bench.home, &arrival));
  call(bench.home, host_callable, 2);
  UNTIL(&bench.fixture, atomic_load(&begun) == 1);
  CHECK(iso_home_take_answer(bench.home, &arrival));
  CHECK_EQ(number_of(&arrival.answer->message), 2);
  iso_call_settled(arrival.answer);
  CHECK(serve(bench.home));
  UNTIL(&bench.fixture, answers == 1);
  iso_callable_release(callable);
  CHECK(serve(bench.home));
  bench_deinit(&bench);
}

/* Waits for the release of its only function, and frees all at once. */
static void end_with_last_use(void *data) {
  iso_home_t *home = data;
  iso_arrival_t arrival;
  while (!iso_home_take(home, &arrival)) {
  }
  if (iso_callable_released(arrival.release)) iso_callable_forget(arrival.release);
  iso_home_close(home);
  iso_home_release(home);
}

void test_remote_home_may_end_with_its_last_use(void) {
  bench_t bench;
  bench_init(&bench);
  for (int i = 0; i < 500; i++) {
    uv_thread_t thread;
    iso_home_t *home = NULL;
    CHECK_OK(iso_home_create_thread(&bench.wake, &home));
    iso_callable_t *callable = iso_callable_create(home, 1);
    iso_callable_retain(callable);
    CHECK_EQ(uv_thread_create(&thread, end_with_last_use, home), 0);
    iso_callable_release(callable);
    uv_thread_join(&thread);
  }
  bench_deinit(&bench);
}

/* With pools. */

static void export_one(bench_t *bench) {
  test_task_t task;
  int before = bench->fixture.deliveries;
  test_task_submit(&task, &bench->fixture, FAKE_EXPORT, 0);
  UNTIL(&bench->fixture, bench->fixture.deliveries == before + 1);
  CHECK_OK(task.task.status);
  test_task_deinit(&task);
}

void test_remote_calls_of_a_pool(void) {
  enum { CALLS = 1000 };
  bench_t bench;
  bench_init(&bench);
  fixture_start_echo(&bench.fixture, 1);
  export_one(&bench);
  for (int i = 0; i < CALLS; i++)
    call(bench.host, fake_exported, i);
  UNTIL(&bench.fixture, answers == CALLS);
  CHECK_OK(last_status);
  CHECK_EQ(last_number, CALLS - 1);
  fixture_end_pool(&bench.fixture);
  call(bench.host, fake_exported, 1);
  UNTIL(&bench.fixture, answers == CALLS + 1);
  CHECK_EQ(last_status, ISO_EDISPOSED);
  iso_callable_release(fake_exported);
  bench_deinit(&bench);
}

void test_remote_functions_go_with_their_context(void) {
  bench_t bench;
  test_task_t task;
  bench_init(&bench);
  fixture_start_echo(&bench.fixture, 1);
  export_one(&bench);
  test_task_init(&task, &bench.fixture, FAKE_BLOCK, 0);
  task.task.timeout_ns = 1000000;
  CHECK_OK(iso_pool_submit(bench.fixture.pool, &task.task));
  UNTIL(&bench.fixture, task.delivered == 1);
  CHECK_EQ(task.task.status, ISO_ETIMEOUT);
  test_task_deinit(&task);
  call(bench.host, fake_exported, 1);
  UNTIL(&bench.fixture, answers == 1);
  CHECK_EQ(last_status, ISO_EDISPOSED);
  iso_callable_release(fake_exported);
  /* Those of the new one are callable. */
  export_one(&bench);
  call(bench.host, fake_exported, 1);
  UNTIL(&bench.fixture, answers == 2);
  CHECK_OK(last_status);
  iso_callable_release(fake_exported);
  bench_deinit(&bench);
}

void test_remote_functions_keep_an_abandoned_pool(void) {
  bench_t bench;
  bench_init(&bench);
  fixture_start_echo(&bench.fixture, 2);
  export_one(&bench);
  iso_pool_abandon(bench.fixture.pool);
  call(bench.host, fake_exported, 1);
  UNTIL(&bench.fixture, answers == 1);
  CHECK_OK(last_status);
  CHECK(!bench.fixture.has_ended);
  iso_callable_release(fake_exported);
  UNTIL(&bench.fixture, bench.fixture.has_ended);
  bench_deinit(&bench);
}

void test_oom_of_calls(void) {
  for (size_t n = 1;; n++) {
    iso_home_t *home = NULL;
    uv_async_t wake;
    size_t before = iso_alloc_live();
    iso_alloc_fail_at(n);
    int status = iso_home_create_thread(&wake, &home);
    iso_callable_t *callable = status == ISO_OK ? iso_callable_create(home, 1) : NULL;
    if (callable != NULL) iso_callable_retain(callable);
    iso_call_t *made = callable != NULL ? iso_call_create(home, callable) : NULL;
    iso_alloc_fail_at(0);
    bool is_whole = made != NULL;
    if (made != NULL) iso_call_release(made);
    if (home != NULL) iso_home_close(home);
    if (callable != NULL) iso_callable_release(callable);
    if (callable != NULL) iso_callable_forget(callable);
    iso_home_release(home);
    CHECK_EQ(iso_alloc_live(), before);
    if (is_whole) return;
  }
}

/* Threads that call the host, which calls them, while their homes are interrupted and closed. */

enum { THREADS = 3, ROUNDS = 300 };

typedef struct actor_s {
  uv_thread_t thread;
  uv_loop_t loop;
  uv_async_t wake;
  iso_home_t *home;
  iso_callable_t *callable;
  unsigned seed;
  atomic_bool is_done;
} actor_t;

static void act(void *data) {
  actor_t *actor = data;
  for (int i = 0; i < ROUNDS; i++) {
    iso_call_t *made = make_call(actor->home, host_callable, i);
    made->is_sync = test_random(&actor->seed, 2) == 0;
    bool is_sync = made->is_sync;
    int status = iso_call_send(made);
    if (is_sync && status == ISO_OK) (void) iso_call_wait(made);
    if (is_sync || status != ISO_OK) iso_call_release(made);
    if (status == ISO_ETERMINATED) iso_home_resume(actor->home);
    while (test_random(&actor->seed, 3) != 0 && serve(actor->home)) {
    }
    (void) uv_run(&actor->loop, UV_RUN_NOWAIT);
  }
  iso_home_close(actor->home);
  atomic_store(&actor->is_done, true);
}

static bool all_done(actor_t *actors) {
  bool is_done = true;
  for (int i = 0; i < THREADS; i++)
    is_done = is_done && atomic_load(&actors[i].is_done);
  return is_done;
}

void test_stress_of_calls(void) {
  unsigned seed = test_seed();
  int calls = 0;
  bench_t bench;
  actor_t actors[THREADS];
  memset(actors, 0, sizeof(actors));
  bench_init(&bench);
  for (int i = 0; i < THREADS; i++) {
    CHECK_EQ(uv_loop_init(&actors[i].loop), 0);
    CHECK_EQ(uv_async_init(&actors[i].loop, &actors[i].wake, on_wake), 0);
    CHECK_OK(iso_home_create_thread(&actors[i].wake, &actors[i].home));
    actors[i].callable = iso_callable_create(actors[i].home, 1);
    iso_callable_retain(actors[i].callable);
    actors[i].seed = seed + (unsigned) i;
    CHECK_EQ(uv_thread_create(&actors[i].thread, act, &actors[i]), 0);
  }
  while (!all_done(actors)) {
    actor_t *actor = &actors[test_random(&seed, THREADS)];
    if (test_random(&seed, 4) == 0) iso_home_interrupt(actor->home);
    if (test_random(&seed, 2) == 0) {
      call(bench.host, actor->callable, 1);
      calls++;
    }
    (void) uv_run(&bench.fixture.loop, UV_RUN_NOWAIT);
  }
  UNTIL(&bench.fixture, answers == calls);
  for (int i = 0; i < THREADS; i++) {
    uv_thread_join(&actors[i].thread);
    iso_callable_release(actors[i].callable);
    iso_callable_forget(actors[i].callable);
    iso_home_release(actors[i].home);
    uv_close((uv_handle_t *) &actors[i].wake, NULL);
    (void) uv_run(&actors[i].loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&actors[i].loop), 0);
  }
  bench_deinit(&bench);
}
