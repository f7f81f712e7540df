/* The memory of large dead blocks is kept for the next one (block.c), but not for long. */
#ifndef ISO_CORE_KEPT_BLOCKS_H
#define ISO_CORE_KEPT_BLOCKS_H

/* From now on the watchdog gives back what no block has wanted for a second or two. The watchdog
 * has been started. Thread: any, any number of times. */
void iso_kept_blocks_watch(void);

#endif
