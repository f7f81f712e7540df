/* An intrusive doubly linked list: the link lives inside the item, so adding allocates nothing and
 * removing needs no search. The list's head is itself a link; an empty list points at itself.
 *
 *   head <-> a <-> b <-> head
 *
 * No locking here: whoever owns the list says in its own header what guards it. */
#ifndef ISO_CORE_LIST_H
#define ISO_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct iso_link_s {
  struct iso_link_s *next;
  struct iso_link_s *prev;
} iso_link_t;

typedef iso_link_t iso_list_t;

/* The struct of type `type` whose member `member` is this link. */
#define ISO_LIST_ITEM(link, type, member) ((type *) ((char *) (link) -offsetof(type, member)))

static inline void iso_list_init(iso_list_t *list) {
  list->next = list;
  list->prev = list;
}

static inline bool iso_list_empty(const iso_list_t *list) {
  return list->next == list;
}

static inline void iso_list_append(iso_list_t *list, iso_link_t *link) {
  link->prev = list->prev;
  link->next = list;
  list->prev->next = link;
  list->prev = link;
}

static inline void iso_list_prepend(iso_list_t *list, iso_link_t *link) {
  iso_list_append(list->next, link);
}

static inline void iso_list_remove(iso_link_t *link) {
  link->prev->next = link->next;
  link->next->prev = link->prev;
  iso_list_init(link);
}

/* The first link, taken out of the list; NULL when the list is empty. */
static inline iso_link_t *iso_list_shift(iso_list_t *list) {
  if (iso_list_empty(list)) return NULL;
  iso_link_t *link = list->next;
  iso_list_remove(link);
  return link;
}

/* Moves everything in `from`, in its order, to the end of `to`. */
static inline void iso_list_splice(iso_list_t *to, iso_list_t *from) {
  if (iso_list_empty(from)) return;
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  iso_list_init(from);
}

#endif
