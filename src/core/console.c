/* See console.h. */
#include "core/console.h"

#include "core/error.h"

int iso_console_init(iso_console_t *console) {
  if (iso_mutex_init(&console->lock) != 0) return ISO_ESTART;
  if (uv_cond_init(&console->room) != 0) {
    iso_mutex_deinit(&console->lock);
    return ISO_ESTART;
  }
  console->records = 0;
  console->bytes = 0;
  console->closed = false;
  return ISO_OK;
}

void iso_console_deinit(iso_console_t *console) {
  uv_cond_destroy(&console->room);
  iso_mutex_deinit(&console->lock);
}

/* A record larger than the whole bound passes when nothing else is on its way. */
static bool is_full_locked(const iso_console_t *console, size_t bytes) ISO_REQUIRES(console->lock);

static bool is_full_locked(const iso_console_t *console, size_t bytes) {
  return console->records >= ISO_CONSOLE_MAX_RECORDS ||
         (console->records != 0 && console->bytes + bytes > ISO_CONSOLE_MAX_BYTES);
}

bool iso_console_enter(iso_console_t *console, size_t bytes) {
  iso_mutex_lock(&console->lock);
  while (!console->closed && is_full_locked(console, bytes))
    iso_cond_wait(&console->room, &console->lock);
  bool entered = !console->closed;
  if (entered) {
    console->records++;
    console->bytes += bytes;
  }
  iso_mutex_unlock(&console->lock);
  return entered;
}

void iso_console_leave(iso_console_t *console, size_t bytes) {
  iso_mutex_lock(&console->lock);
  console->records--;
  console->bytes -= bytes;
  uv_cond_signal(&console->room);
  iso_mutex_unlock(&console->lock);
}

void iso_console_open(iso_console_t *console) {
  iso_mutex_lock(&console->lock);
  console->closed = false;
  iso_mutex_unlock(&console->lock);
}

void iso_console_close(iso_console_t *console) {
  iso_mutex_lock(&console->lock);
  console->closed = true;
  uv_cond_broadcast(&console->room);
  iso_mutex_unlock(&console->lock);
}
