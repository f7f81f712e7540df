/* How many isolates of the process are made at a time. Each takes some milliseconds of a core:
 * fifty that begin together hold each other up, and the first is as late as the last. Twice as many
 * as there are cores may, so that none is idle while the next one wakes. */
#ifndef ISO_CORE_GATE_H
#define ISO_CORE_GATE_H

/* Waits until there is room for the calling thread, which has to leave. Where the system has no
 * semaphore left, all may. */
void iso_gate_enter(void);

/* Nothing happens to a thread that is not in. */
void iso_gate_leave(void);

#endif
