/* Tasks that wait, the most urgent first.
 *
 * Urgent is who has the lowest rank: the time at which a task came, less a second for each step of
 * its priority. So priorities age: a task of priority 2 overtakes only those that came at most two
 * seconds before it, and nothing starves. Among equal ranks the first come is first.
 *
 *   plain   a list of the tasks of priority 0, in their order: adding and taking cost the same for
 *           however many
 *   ranked  a binary heap of the others
 *
 * No lock of its own: whoever owns the queue says what guards it. */
#ifndef ISO_CORE_QUEUE_H
#define ISO_CORE_QUEUE_H

#include <stddef.h>

#include "core/list.h"
#include "core/task.h"

typedef struct iso_queue_s {
  iso_list_t plain;
  /* The link in `plain` that was last put before another; what comes next is looked for from here,
   * so that one queue goes into another in one walk. */
  iso_link_t *last_inserted;
  iso_task_t **ranked;
  size_t ranked_count;
  size_t ranked_capacity;
  size_t count;
} iso_queue_t;

void iso_queue_init(iso_queue_t *queue);
/* The queue must be empty. */
void iso_queue_deinit(iso_queue_t *queue);

/* Errors: ISO_ENOMEM, and the queue as it was. */
int iso_queue_push(iso_queue_t *queue, iso_task_t *task);
/* The most urgent of a queue that is not empty. */
iso_task_t *iso_queue__first(const iso_queue_t *queue);
/* The most urgent; NULL: none. */
static inline iso_task_t *iso_queue_peek(const iso_queue_t *queue) {
  return queue->count == 0 ? NULL : iso_queue__first(queue);
}
iso_task_t *iso_queue_pop(iso_queue_t *queue);
/* Takes out a task that is in this queue. */
void iso_queue_remove(iso_queue_t *queue, iso_task_t *task);

/* Is `a` to run before `b`? */
static inline bool iso_task_is_before(const iso_task_t *a, const iso_task_t *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->sequence < b->sequence;
}

#endif
