/* See watchdog.h.
 *
 * Armed watches are in one list, in no order: there are as many at most as threads, and the list is
 * walked only when a deadline comes. */
#include "core/watchdog.h"

#include <uv.h>

#include "core/error.h"
#include "core/sync.h"

enum { STACK_BYTES = 256 << 10 };

static uv_once_t once = UV_ONCE_INIT;

static struct {
  /* Written once. */
  int status;
  uv_thread_t thread;
  /* Guarded by lock. */
  iso_mutex_t lock;
  iso_cond_t changed;
  iso_list_t armed;
  /* When the thread wakes by itself; UINT64_MAX: never. */
  uint64_t wakes_ns;
  const iso_watch_t *looked_at;
} dog;

static void disarm_locked(iso_watch_t *watch) ISO_REQUIRES(dog.lock);
static void disarm_locked(iso_watch_t *watch) {
  if (watch->deadline_ns == 0) return;
  watch->deadline_ns = 0;
  iso_list_remove(&watch->link);
}

/* True: the thread sleeps too long for it. */
static bool arm_locked(iso_watch_t *watch, uint64_t deadline_ns) ISO_REQUIRES(dog.lock);
static bool arm_locked(iso_watch_t *watch, uint64_t deadline_ns) {
  if (watch->deadline_ns == 0) iso_list_append(&dog.armed, &watch->link);
  if (watch->deadline_ns == 0 || deadline_ns < watch->deadline_ns) watch->deadline_ns = deadline_ns;
  if (deadline_ns >= dog.wakes_ns) return false;
  dog.wakes_ns = deadline_ns;
  return true;
}

/* One that is due; or NULL, and when the first will be. */
static iso_watch_t *find_due_locked(uint64_t now_ns, uint64_t *first_ns) ISO_REQUIRES(dog.lock);
static iso_watch_t *find_due_locked(uint64_t now_ns, uint64_t *first_ns) {
  *first_ns = UINT64_MAX;
  for (iso_link_t *link = dog.armed.next; link != &dog.armed; link = link->next) {
    iso_watch_t *watch = ISO_LIST_ITEM(link, iso_watch_t, link);
    if (watch->deadline_ns <= now_ns) return watch;
    if (watch->deadline_ns < *first_ns) *first_ns = watch->deadline_ns;
  }
  return NULL;
}

static void look_locked(iso_watch_t *watch, uint64_t now_ns) ISO_REQUIRES(dog.lock);
static void look_locked(iso_watch_t *watch, uint64_t now_ns) {
  disarm_locked(watch);
  dog.looked_at = watch;
  iso_mutex_unlock(&dog.lock);
  uint64_t next_ns = watch->look(watch, now_ns);
  iso_mutex_lock(&dog.lock);
  if (next_ns != 0) (void) arm_locked(watch, next_ns);
  dog.looked_at = NULL;
  uv_cond_broadcast(&dog.changed);
}

static void sleep_locked(uint64_t now_ns) ISO_REQUIRES(dog.lock);
static void sleep_locked(uint64_t now_ns) {
  if (dog.wakes_ns == UINT64_MAX)
    iso_cond_wait(&dog.changed, &dog.lock);
  else
    (void) iso_cond_wait_for(&dog.changed, &dog.lock, dog.wakes_ns - now_ns);
}

static void watch_over(void *unused) {
  (void) unused;
  iso_mutex_lock(&dog.lock);
  for (;;) {
    uint64_t now_ns = uv_hrtime();
    iso_watch_t *due = find_due_locked(now_ns, &dog.wakes_ns);
    if (due != NULL)
      look_locked(due, now_ns);
    else
      sleep_locked(now_ns);
  }
}

static void start(void) {
  uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_BYTES};
  dog.status = ISO_ESTART;
  dog.wakes_ns = UINT64_MAX;
  iso_list_init(&dog.armed);
  if (iso_mutex_init(&dog.lock) != 0) return;
  if (uv_cond_init(&dog.changed) != 0) {
    iso_mutex_deinit(&dog.lock);
    return;
  }
  /* The lock stays if there is no thread: a spare closes its watch, though it is never armed. */
  if (uv_thread_create_ex(&dog.thread, &options, watch_over, NULL) == 0) dog.status = ISO_OK;
}

int iso_watchdog_start(void) {
  uv_once(&once, start);
  return dog.status;
}

void iso_watch_init(iso_watch_t *watch, uint64_t (*look)(iso_watch_t *watch, uint64_t now_ns)) {
  iso_list_init(&watch->link);
  watch->deadline_ns = 0;
  watch->look = look;
}

void iso_watch_arm(iso_watch_t *watch, uint64_t deadline_ns) {
  iso_mutex_lock(&dog.lock);
  bool is_earlier = arm_locked(watch, deadline_ns);
  iso_mutex_unlock(&dog.lock);
  /* Woken under the lock it would find it held, and sleep a second time. */
  if (is_earlier) uv_cond_broadcast(&dog.changed);
}

void iso_watch_close(iso_watch_t *watch) {
  iso_mutex_lock(&dog.lock);
  while (dog.looked_at == watch)
    iso_cond_wait(&dog.changed, &dog.lock);
  disarm_locked(watch);
  iso_mutex_unlock(&dog.lock);
}
