/* Which ArrayBuffers of a clone are sent themselves, and which only under views?
 *
 * A small view of a large buffer travels without the rest of it, unless the buffer is to be seen on
 * the other side. V8 does not tell its delegate of that, so its bytes are looked through.
 *
 * Thread: any. */
#ifndef ISO_CORE_BARE_H
#define ISO_CORE_BARE_H

#include "core/message.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { ISO_BARE_PARTS = 64 };

/* Sets is_bare[i] where part i is a buffer that is sent itself. False: it cannot be told, for the
 * clone holds what is not known here, or more than ISO_BARE_PARTS parts. */
bool iso_message_find_bare(const iso_message_t *message, bool is_bare[ISO_BARE_PARTS]);

#ifdef __cplusplus
}
#endif

#endif
