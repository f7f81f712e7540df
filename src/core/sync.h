/* Mutex and condition of libuv, dressed so that clang's -Wthread-safety (scripts/lint.js) can check
 * that functions named `..._locked` are called with their lock and that no path keeps one. */
#ifndef ISO_CORE_SYNC_H
#define ISO_CORE_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <uv.h>

#if defined(__clang__)
#define ISO_ATTRIBUTE(x) __attribute__((x))
#else
#define ISO_ATTRIBUTE(x)
#endif

#define ISO_REQUIRES(lock) ISO_ATTRIBUTE(requires_capability(lock))

typedef struct ISO_ATTRIBUTE(capability("mutex")) iso_mutex_s {
  uv_mutex_t handle;
} iso_mutex_t;

typedef uv_cond_t iso_cond_t;

enum { ISO_LINE_BYTES = 64 };

/* Begins to fetch what another core has written at `address`, which will be wanted soon. */
static inline void iso_fetch(const void *address) {
#if defined(__GNUC__)
  __builtin_prefetch(address);
#else
  (void) address;
#endif
}

/* 0, or -1 when the system has no resources for one. Every lock of ours is held for some hundred
 * instructions, so who finds it held looks again for a moment before the system puts it to sleep,
 * where there are mutexes of that kind. */
static inline int iso_mutex_init(iso_mutex_t *mutex) {
#if defined(__GLIBC__)
  pthread_mutexattr_t kind;
  if (pthread_mutexattr_init(&kind) != 0) return -1;
  (void) pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ADAPTIVE_NP);
  int status = pthread_mutex_init(&mutex->handle, &kind);
  (void) pthread_mutexattr_destroy(&kind);
  return status == 0 ? 0 : -1;
#else
  return uv_mutex_init(&mutex->handle) == 0 ? 0 : -1;
#endif
}

static inline void iso_mutex_deinit(iso_mutex_t *mutex) {
  uv_mutex_destroy(&mutex->handle);
}

/* C takes such attributes on declarations only, hence each function twice. */

static inline void iso_mutex_lock(iso_mutex_t *mutex) ISO_ATTRIBUTE(acquire_capability(*mutex))
    ISO_ATTRIBUTE(no_thread_safety_analysis);
static inline void iso_mutex_unlock(iso_mutex_t *mutex) ISO_ATTRIBUTE(release_capability(*mutex))
    ISO_ATTRIBUTE(no_thread_safety_analysis);
static inline void iso_cond_wait(iso_cond_t *cond, iso_mutex_t *mutex) ISO_REQUIRES(*mutex);
/* True when it was woken (or woke for no reason), false when `timeout_ns` went by. */
static inline bool iso_cond_wait_for(iso_cond_t *cond, iso_mutex_t *mutex, uint64_t timeout_ns)
    ISO_REQUIRES(*mutex);

#if defined(__GLIBC__)
/* As libuv does it, without the way through libuv, which is a fifth of what a free lock takes. */
static inline void iso_mutex_lock(iso_mutex_t *mutex) {
  if (pthread_mutex_lock(&mutex->handle) != 0) abort();
}

static inline void iso_mutex_unlock(iso_mutex_t *mutex) {
  if (pthread_mutex_unlock(&mutex->handle) != 0) abort();
}
#else
static inline void iso_mutex_lock(iso_mutex_t *mutex) {
  uv_mutex_lock(&mutex->handle);
}

static inline void iso_mutex_unlock(iso_mutex_t *mutex) {
  uv_mutex_unlock(&mutex->handle);
}
#endif

static inline void iso_cond_wait(iso_cond_t *cond, iso_mutex_t *mutex) {
  uv_cond_wait(cond, &mutex->handle);
}

static inline bool iso_cond_wait_for(iso_cond_t *cond, iso_mutex_t *mutex, uint64_t timeout_ns) {
  return uv_cond_timedwait(cond, &mutex->handle, timeout_ns) == 0;
}

#endif
