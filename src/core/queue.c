/* See queue.h. */
#include "core/queue.h"

#include "core/alloc.h"
#include "core/error.h"

void iso_queue_init(iso_queue_t *queue) {
  iso_list_init(&queue->plain);
  queue->last_inserted = &queue->plain;
  queue->ranked = NULL;
  queue->ranked_count = 0;
  queue->ranked_capacity = 0;
  queue->count = 0;
}

void iso_queue_deinit(iso_queue_t *queue) {
  iso_free((void *) queue->ranked);
}

static iso_task_t *task_of(iso_link_t *link) {
  return ISO_LIST_ITEM(link, iso_task_t, event.link);
}

static bool is_before_link(const iso_queue_t *queue, const iso_task_t *task, iso_link_t *link) {
  return link == &queue->plain || iso_task_is_before(task, task_of(link));
}

/* Nearly always the place is the end; only tasks that move between queues come out of order. */
static void push_plain(iso_queue_t *queue, iso_task_t *task) {
  iso_link_t *end = &queue->plain;
  iso_link_t *next = end;
  if (end->prev != end && iso_task_is_before(task, task_of(end->prev))) {
    next = queue->last_inserted;
    while (next->prev != end && iso_task_is_before(task, task_of(next->prev)))
      next = next->prev;
    while (!is_before_link(queue, task, next))
      next = next->next;
    queue->last_inserted = &task->event.link;
  }
  iso_list_append(next, &task->event.link);
}

/* The heap: each is before its children, at 2i + 1 and 2i + 2. */

static void place(iso_queue_t *queue, size_t index, iso_task_t *task) {
  queue->ranked[index] = task;
  task->heap_index = index;
}

static void sift_up(iso_queue_t *queue, size_t index, iso_task_t *task) {
  while (index > 0) {
    size_t parent = (index - 1) / 2;
    if (!iso_task_is_before(task, queue->ranked[parent])) break;
    place(queue, index, queue->ranked[parent]);
    index = parent;
  }
  place(queue, index, task);
}

static void sift_down(iso_queue_t *queue, size_t index, iso_task_t *task) {
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= queue->ranked_count) break;
    if (child + 1 < queue->ranked_count &&
        iso_task_is_before(queue->ranked[child + 1], queue->ranked[child]))
      child++;
    if (!iso_task_is_before(queue->ranked[child], task)) break;
    place(queue, index, queue->ranked[child]);
    index = child;
  }
  place(queue, index, task);
}

static int push_ranked(iso_queue_t *queue, iso_task_t *task) {
  if (queue->ranked_count == queue->ranked_capacity) {
    size_t capacity = queue->ranked_capacity == 0 ? 16 : queue->ranked_capacity * 2;
    iso_task_t **ranked = iso_realloc((void *) queue->ranked, capacity * sizeof(*ranked));
    if (ranked == NULL) return ISO_ENOMEM;
    queue->ranked = ranked;
    queue->ranked_capacity = capacity;
  }
  sift_up(queue, queue->ranked_count++, task);
  return ISO_OK;
}

static void remove_ranked(iso_queue_t *queue, iso_task_t *task) {
  size_t index = task->heap_index;
  iso_task_t *last = queue->ranked[--queue->ranked_count];
  if (last == task) return;
  if (iso_task_is_before(last, task))
    sift_up(queue, index, last);
  else
    sift_down(queue, index, last);
}

int iso_queue_push(iso_queue_t *queue, iso_task_t *task) {
  if (task->priority == 0) {
    push_plain(queue, task);
  } else {
    int status = push_ranked(queue, task);
    if (status != ISO_OK) return status;
  }
  task->queue = queue;
  queue->count++;
  return ISO_OK;
}

iso_task_t *iso_queue__first(const iso_queue_t *queue) {
  iso_task_t *plain = iso_list_empty(&queue->plain) ? NULL : task_of(queue->plain.next);
  iso_task_t *ranked = queue->ranked_count == 0 ? NULL : queue->ranked[0];
  if (plain == NULL || ranked == NULL) return plain == NULL ? ranked : plain;
  return iso_task_is_before(ranked, plain) ? ranked : plain;
}

void iso_queue_remove(iso_queue_t *queue, iso_task_t *task) {
  if (task->priority == 0) {
    if (queue->last_inserted == &task->event.link) queue->last_inserted = task->event.link.next;
    iso_list_remove(&task->event.link);
  } else {
    remove_ranked(queue, task);
  }
  task->queue = NULL;
  queue->count--;
}

iso_task_t *iso_queue_pop(iso_queue_t *queue) {
  iso_task_t *task = iso_queue_peek(queue);
  if (task != NULL) iso_queue_remove(queue, task);
  return task;
}
