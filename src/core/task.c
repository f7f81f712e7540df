/* See task.h. */
#include "core/task.h"

#include "core/error.h"

void iso_task_init(iso_task_t *task, void (*deliver)(iso_event_t *event, bool alive)) {
  iso_list_init(&task->event.link);
  task->event.deliver = deliver;
  iso_message_init(&task->message);
  task->status = ISO_OK;
  task->priority = 0;
  task->has_key = false;
  task->timeout_ns = 0;
  task->cpu_timeout_ns = 0;
  task->is_running = false;
  task->queue = NULL;
}

void iso_task_deinit(iso_task_t *task) {
  iso_message_reset(&task->message);
}

bool iso_task_finish(iso_task_t *task, iso_owner_t *owner, int status) {
  bool has_message = status == ISO_OK || status == ISO_EXCEPTION || status == ISO_EMEMORY;
  if (!has_message) iso_message_reset(&task->message);
  task->status = status;
  return iso_owner_post(owner, &task->event);
}
