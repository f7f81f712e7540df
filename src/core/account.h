/* How many bytes of buffers one isolate holds, and how many it may.
 *
 * Counted are the backing stores that the isolate allocated: they live outside V8's heap, so V8's
 * own limit does not see them. A store can outlive its isolate (a SharedArrayBuffer handed to the
 * host), so the account is shared by reference count.
 *
 * Thread: any, for every function. */
#ifndef ISO_CORE_ACCOUNT_H
#define ISO_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct iso_account_s iso_account_t;

/* `limit_bytes` 0 is no limit. The caller holds the first reference. NULL: no memory. */
iso_account_t *iso_account_create(size_t limit_bytes);
void iso_account_retain(iso_account_t *account);
/* The last release frees. */
void iso_account_release(iso_account_t *account);

/* Adds `bytes`; false, and nothing added, where that would cross the limit. */
bool iso_account_charge(iso_account_t *account, size_t bytes);
void iso_account_refund(iso_account_t *account, size_t bytes);
size_t iso_account_used(const iso_account_t *account);

/* May a message of so many bytes leave the thread? Where not, the account is overrun from then on:
 * the same string may stand in it a thousand times, so that it is more than the thread ever held.
 */
bool iso_account_admits(iso_account_t *account, size_t bytes);
bool iso_account_is_overrun(const iso_account_t *account);

/* The least that was used since the last call of this: what is garbage is freed some time after a
 * collection, so between two of them this comes nearest to what is alive. */
size_t iso_account_take_low(iso_account_t *account);

/* What the JavaScript heap takes, as of the last collection: it leaves so much less to charge. */
void iso_account_set_heap(iso_account_t *account, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
