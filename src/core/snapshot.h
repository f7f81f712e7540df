/* When isolates stop to come from Node's snapshot, and come from one of our own: engine.h says what
 * that saves. It is made once a process, by one of our threads, when about as much has been spent
 * on starts as it takes to make: so a process of few threads never pays for it, and one of many
 * never more than twice of what would have been best. */
#ifndef ISO_CORE_SNAPSHOT_H
#define ISO_CORE_SNAPSHOT_H

#include <stdbool.h>
#include <uv.h>

/* One more isolate is wanted. Thread: any. */
void iso_snapshot_note(void);

/* Makes the snapshot, if it is time and nobody has tried, which may take 60 ms of CPU.
 * `is_awaited`: somebody waits for what the calling thread does; it is time for a thread that
 * nobody waits for, a spare, long before. `loop`: the calling thread's own. Thread: ours, before it
 * has an isolate. */
void iso_snapshot_consider(void *platform, uv_loop_t *loop, bool is_awaited);

/* It shall not be made in this process. Thread: any. */
void iso_snapshot_forbid(void);

#endif
