/* The way of a thread's console to its host: bounded, so that a thread which logs without end is
 * held back and not the memory filled.
 *
 *   thread:  iso_console_enter ──> owner's events ──> host prints ──> iso_console_leave
 *
 * The writer waits while too much is on its way, until the host has printed or the console is
 * closed. */
#ifndef ISO_CORE_CONSOLE_H
#define ISO_CORE_CONSOLE_H

#include "core/message.h"
#include "core/owner.h"
#include "core/sync.h"

/* On its way at most; whichever comes first. */
enum { ISO_CONSOLE_MAX_RECORDS = 1024, ISO_CONSOLE_MAX_BYTES = 1 << 20 };

typedef struct iso_console_s {
  /* Guarded by lock. */
  iso_mutex_t lock;
  iso_cond_t room;
  size_t records;
  size_t bytes;
  bool closed;
} iso_console_t;

/* Errors: ISO_ESTART. */
int iso_console_init(iso_console_t *console);
void iso_console_deinit(iso_console_t *console);

/* Counts `bytes` in, waiting for room. Thread: the writer. False: closed, nothing counted. */
bool iso_console_enter(iso_console_t *console, size_t bytes);
/* Counts them out. Thread: any. */
void iso_console_leave(iso_console_t *console, size_t bytes);
/* Lets a waiting writer go, and every later one until it is opened again. Thread: any. */
void iso_console_close(iso_console_t *console);
void iso_console_open(iso_console_t *console);

#endif
