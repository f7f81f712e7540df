/* malloc with a memory: it counts what is live, so a test can ask for zero, and it can be told to
 * fail, so every error path can be walked. All of our C allocates through it.
 *
 * Thread: any. Errors: NULL when there is no memory; for iso_realloc the old block stays valid. */
#ifndef ISO_CORE_ALLOC_H
#define ISO_CORE_ALLOC_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *iso_alloc(size_t bytes);
/* As iso_alloc, all bytes zero. */
void *iso_alloc_zeroed(size_t bytes);
void *iso_realloc(void *block, size_t bytes);
/* NULL is allowed. */
void iso_free(void *block);

/* How many blocks are allocated and not yet freed. */
size_t iso_alloc_live(void);

/* Tests only: the n-th allocation from now fails, once; 0 switches that off. */
void iso_alloc_fail_at(size_t n);

#ifdef __cplusplus
}
#endif

#endif
