/* owner and console. */
#include <stdatomic.h>

#include "core/alloc.h"
#include "core/console.h"
#include "core/error.h"
#include "fixture.h"
#include "test.h"
#include "tests.h"

/* console */

typedef struct writer_s {
  iso_console_t console;
  atomic_int entered;
  atomic_bool is_over;
} writer_t;

static void write_on(void *data) {
  writer_t *writer = data;
  while (iso_console_enter(&writer->console, 10))
    writer->entered++;
  writer->is_over = true;
}

void test_console_holds_the_writer_back(void) {
  writer_t writer = {.entered = 0};
  uv_thread_t thread;
  CHECK_OK(iso_console_init(&writer.console));
  CHECK_EQ(uv_thread_create(&thread, write_on, &writer), 0);
  while (writer.entered < ISO_CONSOLE_MAX_RECORDS)
    uv_sleep(1);
  uv_sleep(20);
  CHECK_EQ(writer.entered, ISO_CONSOLE_MAX_RECORDS);
  for (int i = 0; i < 3; i++)
    iso_console_leave(&writer.console, 10);
  while (writer.entered < ISO_CONSOLE_MAX_RECORDS + 3)
    uv_sleep(1);
  iso_console_close(&writer.console);
  CHECK_EQ(uv_thread_join(&thread), 0);
  CHECK_EQ(writer.entered, ISO_CONSOLE_MAX_RECORDS + 3);
  iso_console_deinit(&writer.console);
}

void test_console_lets_go_when_closed(void) {
  iso_console_t console;
  const size_t large = (size_t) ISO_CONSOLE_MAX_BYTES * 2;
  CHECK_OK(iso_console_init(&console));
  /* One that is larger than the bound passes alone. */
  CHECK(iso_console_enter(&console, large));
  iso_console_leave(&console, large);
  CHECK_EQ(console.bytes, 0);
  iso_console_close(&console);
  CHECK(!iso_console_enter(&console, 1));
  iso_console_deinit(&console);
}

/* owner */

typedef struct note_s {
  iso_event_t event;
  int *next;
  int number;
  bool is_alive;
} note_t;

static void deliver_note(iso_event_t *event, bool alive) {
  note_t *note = ISO_LIST_ITEM(event, note_t, event);
  CHECK_EQ(note->number, (*note->next)++);
  note->is_alive = alive;
}

enum { NOTES = 1000 };

static void init_notes(note_t *notes, int *next) {
  for (int i = 0; i < NOTES; i++)
    notes[i] = (note_t){.event = {.deliver = deliver_note}, .next = next, .number = i};
}

typedef struct poster_s {
  iso_owner_t *owner;
  note_t *notes;
} poster_t;

static void post_all(void *data) {
  poster_t *poster = data;
  for (int i = 0; i < NOTES; i++)
    iso_owner_post(poster->owner, &poster->notes[i].event);
  iso_owner_thread_ended(poster->owner);
}

void test_owner_delivers_in_order(void) {
  fixture_t fixture;
  static note_t notes[NOTES];
  int next = 0;
  uv_thread_t thread;
  fixture_init(&fixture);
  init_notes(notes, &next);
  poster_t poster = {fixture.owner, notes};
  iso_owner_thread_started(fixture.owner);
  CHECK(!iso_owner_wait_threads(fixture.owner, 1));
  CHECK_EQ(uv_thread_create(&thread, post_all, &poster), 0);
  UNTIL(&fixture, next == NOTES);
  CHECK(notes[NOTES - 1].is_alive);
  CHECK(iso_owner_wait_threads(fixture.owner, 60000));
  CHECK_EQ(uv_thread_join(&thread), 0);
  fixture_deinit(&fixture);
}

/* Answers each question after a pause that grows, so that the loop spins, gives up, or sleeps. */
enum { QUESTIONS = 200 };

typedef struct answerer_s {
  iso_owner_t *owner;
  note_t *notes;
  atomic_int asked;
} answerer_t;

static void answer_all(void *data) {
  answerer_t *answerer = data;
  for (int i = 0; i < QUESTIONS; i++) {
    while (answerer->asked <= i)
      uv_sleep(0);
    uint64_t pause = (uint64_t) (i % 8) * 30000;
    for (uint64_t until = uv_hrtime() + pause; uv_hrtime() < until;)
      continue;
    iso_owner_post(answerer->owner, &answerer->notes[i].event);
  }
}

void test_owner_hears_all_that_it_expects(void) {
  fixture_t fixture;
  static note_t notes[NOTES];
  int next = 0;
  uv_thread_t thread;
  fixture_init(&fixture);
  init_notes(notes, &next);
  answerer_t answerer = {.owner = fixture.owner, .notes = notes};
  CHECK_EQ(uv_thread_create(&thread, answer_all, &answerer), 0);
  for (int i = 0; i < QUESTIONS; i++) {
    iso_owner_expect(fixture.owner);
    answerer.asked = i + 1;
    /* Where a wake is lost, this does not end. */
    while (next == i)
      (void) uv_run(&fixture.loop, UV_RUN_ONCE);
    iso_owner_unexpect(fixture.owner);
  }
  CHECK_EQ(uv_thread_join(&thread), 0);
  fixture_deinit(&fixture);
}

static iso_owner_t *tight_owner;

static void drain_tightly(void *data) {
  (void) data;
  iso_owner_drain(tight_owner, 0);
}

static void note_closed(void *data) {
  *(bool *) data = true;
}

void test_owner_stops_at_its_budget(void) {
  uv_loop_t loop;
  static note_t notes[NOTES];
  int next = 0;
  bool is_closed = false;
  CHECK_EQ(uv_loop_init(&loop), 0);
  CHECK_OK(iso_owner_create(&loop, drain_tightly, NULL, &tight_owner));
  iso_owner_hold(tight_owner);
  init_notes(notes, &next);
  for (int i = 0; i < NOTES; i++)
    iso_owner_post(tight_owner, &notes[i].event);
  (void) uv_run(&loop, UV_RUN_ONCE);
  CHECK(next > 0 && next < NOTES);
  while (next < NOTES)
    (void) uv_run(&loop, UV_RUN_ONCE);
  iso_owner_unhold(tight_owner);
  /* Nothing holds the loop any more. */
  CHECK_EQ(uv_run(&loop, UV_RUN_DEFAULT), 0);
  iso_owner_close(tight_owner, note_closed, &is_closed);
  while (!is_closed)
    (void) uv_run(&loop, UV_RUN_ONCE);
  iso_owner_release(tight_owner);
  CHECK_EQ(uv_loop_close(&loop), 0);
}

void test_owner_lingers_for_what_is_posted_last(void) {
  fixture_t fixture;
  static note_t notes[NOTES];
  int next = 0;
  fixture_init(&fixture);
  init_notes(notes, &next);
  iso_owner_post(fixture.owner, &notes[0].event);
  CHECK(iso_owner_linger(fixture.owner, &notes[0].event));
  iso_owner_post(fixture.owner, &notes[1].event);
  CHECK(iso_owner_linger(fixture.owner, &notes[1].event));
  CHECK(!iso_owner_linger(fixture.owner, &notes[0].event));
  /* That was in vain, so some others are not waited for. */
  CHECK(!iso_owner_linger(fixture.owner, &notes[1].event));
  UNTIL(&fixture, next == 2);
  fixture_deinit(&fixture);
}

typedef struct caller_s {
  fixture_t fixture;
  note_t notes[NOTES];
  /* How many are wanted. */
  atomic_int wanted;
} caller_t;

static void post_what_is_wanted(void *data) {
  caller_t *caller = data;
  for (int i = 0; i < NOTES; i++) {
    while (caller->wanted <= i)
      ;
    iso_owner_post(caller->fixture.owner, &caller->notes[i].event);
  }
}

/* Nobody wakes the loop for what is posted while it looks. */
void test_owner_hears_what_comes_while_it_lingers(void) {
  static caller_t caller;
  uv_thread_t thread;
  int next = 0;
  caller.wanted = 0;
  fixture_init(&caller.fixture);
  init_notes(caller.notes, &next);
  CHECK_EQ(uv_thread_create(&thread, post_what_is_wanted, &caller), 0);
  for (int i = 0; i < NOTES; i++) {
    caller.wanted = i + 1;
    (void) iso_owner_linger(caller.fixture.owner, &caller.notes[i].event);
    UNTIL(&caller.fixture, next == i + 1);
  }
  CHECK_EQ(uv_thread_join(&thread), 0);
  fixture_deinit(&caller.fixture);
}

void test_owner_frees_what_is_left_at_close(void) {
  fixture_t fixture;
  static note_t notes[NOTES];
  int next = 0;
  fixture_init(&fixture);
  init_notes(notes, &next);
  for (int i = 0; i < NOTES - 1; i++) {
    notes[i].is_alive = true;
    iso_owner_post(fixture.owner, &notes[i].event);
  }
  iso_owner_retain(fixture.owner);
  iso_owner_t *owner = fixture.owner;
  fixture.live_before++;
  fixture_deinit(&fixture);
  CHECK_EQ(next, NOTES - 1);
  CHECK(!notes[0].is_alive && !notes[NOTES - 2].is_alive);
  /* A late thread still may post, to nowhere. */
  notes[NOTES - 1].is_alive = true;
  iso_owner_post(owner, &notes[NOTES - 1].event);
  CHECK(!notes[NOTES - 1].is_alive);
  iso_owner_release(owner);
}

typedef struct last_word_s {
  iso_event_t event;
  iso_owner_t *owner;
} last_word_t;

static void deliver_last_word(iso_event_t *event, bool alive) {
  CHECK(alive);
  iso_owner_silence(ISO_LIST_ITEM(event, last_word_t, event)->owner);
}

/* As by a process.exit() in what a promise calls. */
void test_owner_may_be_silenced_by_a_delivery(void) {
  fixture_t fixture;
  static note_t notes[NOTES];
  int next = 0;
  fixture_init(&fixture);
  init_notes(notes, &next);
  last_word_t word = {.event = {.deliver = deliver_last_word}, .owner = fixture.owner};
  notes[1].is_alive = true;
  notes[2].is_alive = true;
  iso_owner_post(fixture.owner, &notes[0].event);
  iso_owner_post(fixture.owner, &word.event);
  iso_owner_post(fixture.owner, &notes[1].event);
  UNTIL(&fixture, next == 2);
  CHECK(notes[0].is_alive && !notes[1].is_alive);
  iso_owner_post(fixture.owner, &notes[2].event);
  CHECK(!notes[2].is_alive);
  CHECK_EQ(next, 3);
  fixture_deinit(&fixture);
}
