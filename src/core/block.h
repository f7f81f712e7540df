/* Memory for the bytes of one buffer, and the account that pays for it.
 *
 * A block is what an ArrayBuffer's backing store stands on: those that code in a thread makes, and
 * those that a message copies. Blocks of several megabytes lie on huge pages where the system has
 * them, for a copy into fresh memory is bound by page faults and not by the memory.
 *
 * A block is known by the address of its bytes, which are aligned for every element type. Who pays
 * may change while it lives: its bytes are charged to the account of the thread that owns them, and
 * to none while they travel or are the host's.
 *
 * Thread: any; one at a time for each block. */
#ifndef ISO_CORE_BLOCK_H
#define ISO_CORE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/account.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `is_zeroed`: else the bytes are whatever they are. NULL: no memory. */
void *iso_block_create(size_t bytes, bool is_zeroed);
/* Gives back what it was charged for. */
void iso_block_destroy(void *block);

size_t iso_block_size(const void *block);

/* Gives back the memory of dead blocks that has waited for others since the last call. True: some
 * still waits. */
bool iso_block_trim(void);
/* From now on up to so much of dead blocks is kept, in the whole process (0: none, as before the
 * first call), and `on_kept` is called whenever some is. Thread: any. */
void iso_block_keep(size_t most_bytes, void (*on_kept)(void));

/* Charges a block that nobody pays for; keeps a reference to the account. False: over its limit. */
bool iso_block_charge(void *block, iso_account_t *account);
/* From now on nobody pays for it. */
void iso_block_discharge(void *block);

#ifdef __cplusplus
}
#endif

#endif
