/* The limit of a thread's memory: the steps are in memory.c. */
#ifndef ISO_CORE_MEMORY_H
#define ISO_CORE_MEMORY_H

#include "core/internal.h"

/* What V8's own limit shall be. */
size_t iso_memory__v8_limit(size_t limit_bytes);
/* V8 wants more than `limit_bytes`: the new limit, if it returns. */
size_t iso_memory__full(iso_thread_t *thread, size_t limit_bytes, const iso_heap_t *heap);
/* A full collection is over. */
void iso_memory__collected(iso_thread_t *thread, const iso_heap_t *heap, uint64_t took_ns);
/* Interrupts what runs if it has more than the limit, or `bytes` are. */
void iso_memory__check(iso_thread_t *thread, size_t bytes);
/* Something has run. */
void iso_memory__ran(iso_thread_t *thread, uint64_t took_ns);
/* The limit and the use, in MB, as the message of a task that ended by it. */
void iso_memory__describe(const iso_thread_t *thread, iso_message_t *message);

#endif
