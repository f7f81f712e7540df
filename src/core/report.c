/* What a thread tells its owner while a task runs: lines of its console, and the stream that a task
 * has become. All that is posted here comes before the end of the task, which is posted later. */
#include "core/report.h"

#include "core/alloc.h"
#include "core/internal.h"

typedef struct iso_record_s {
  iso_event_t event;
  iso_thread_t *thread;
  iso_message_t *message;
} iso_record_t;

static void deliver_record(iso_event_t *event, bool alive) {
  iso_record_t *record = ISO_LIST_ITEM(event, iso_record_t, event);
  iso_thread_t *thread = record->thread;
  iso_pool_t *pool = thread->pool;
  if (alive) pool->options.callbacks->console(pool->options.data, record->message);
  iso_console_leave(&thread->console, record->message->size);
  iso_message_destroy(record->message);
  iso_free(record);
}

void iso_report__console(void *data, iso_message_t *message) {
  iso_thread_t *thread = data;
  iso_record_t *record = iso_alloc(sizeof(*record));
  if (record == NULL || !iso_console_enter(&thread->console, message->size)) {
    iso_free(record);
    iso_message_destroy(message);
    return;
  }
  record->event.deliver = deliver_record;
  record->thread = thread;
  record->message = message;
  iso_owner_post(thread->pool->owner, &record->event);
}

typedef struct iso_opening_s {
  iso_event_t event;
  iso_pool_t *pool;
  /* Alive at the delivery, for its end is posted later. */
  iso_task_t *task;
  iso_message_t message;
} iso_opening_t;

static void deliver_opening(iso_event_t *event, bool alive) {
  iso_opening_t *opening = ISO_LIST_ITEM(event, iso_opening_t, event);
  iso_pool_t *pool = opening->pool;
  if (alive) pool->options.callbacks->stream(pool->options.data, opening->task, &opening->message);
  iso_message_reset(&opening->message);
  iso_free(opening);
}

void iso_report__stream(void *data, iso_message_t *message) {
  iso_thread_t *thread = data;
  iso_pool_t *pool = thread->pool;
  iso_opening_t *opening = iso_alloc(sizeof(*opening));
  iso_task_t *task = NULL;
  if (opening != NULL) {
    opening->event.deliver = deliver_opening;
    opening->pool = pool;
    iso_message_init(&opening->message);
    iso_message_move(&opening->message, message);
    iso_mutex_lock(&pool->lock);
    task = thread->task;
    opening->task = task;
    /* Under the lock, because whoever writes the thread off posts the end of its task. */
    if (task != NULL) iso_owner_post(pool->owner, &opening->event);
    iso_mutex_unlock(&pool->lock);
  }
  if (task != NULL) return;
  /* Nobody will read the stream, which ends it. */
  if (opening != NULL) iso_message_reset(&opening->message);
  iso_message_reset(message);
  iso_free(opening);
}
