/* The one thread of the process that watches the clock for all others. It sleeps for as long as
 * nothing is armed, and starts when something first is; it is never ended.
 *
 * A watch is armed with the moment at which to look again, and is looked at no earlier. It need not
 * be disarmed: whoever is called and finds nothing to do says so, which is far cheaper than two
 * calls for every task.
 *
 * Thread: any, for every function. */
#ifndef ISO_CORE_WATCHDOG_H
#define ISO_CORE_WATCHDOG_H

#include <stdint.h>

#include "core/list.h"

/* Embedded in what is watched. */
typedef struct iso_watch_s {
  /* Guarded by the watchdog's lock. */
  iso_link_t link;
  /* On the clock of uv_hrtime; 0: not armed. */
  uint64_t deadline_ns;
  /* Called on the watchdog's thread with none of its locks held, at the deadline or later. Returns
   * the next deadline; 0: none, unless it was armed meanwhile. Must not block for long, for all
   * others wait. */
  uint64_t (*look)(struct iso_watch_s *watch, uint64_t now_ns);
} iso_watch_t;

/* Starts the watchdog's thread, if that has not been done. Errors: ISO_ESTART. */
int iso_watchdog_start(void);

void iso_watch_init(iso_watch_t *watch, uint64_t (*look)(iso_watch_t *watch, uint64_t now_ns));

/* Has it looked at by `deadline_ns`, if that is not already so. */
void iso_watch_arm(iso_watch_t *watch, uint64_t deadline_ns);

/* After this it is not looked at any more: one that is being looked at is waited for, so no lock
 * that `look` takes may be held. */
void iso_watch_close(iso_watch_t *watch);

#endif
