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
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct iso_account_s iso_account_t;

/* Address space that is only reserved costs page tables: so many bytes of it count as one. The
 * prelude's limits.js knows this number too. */
enum { ISO_RESERVED_PER_CHARGED = 1024 };

/* `limit_bytes` 0 is no limit. The caller holds the first reference. NULL: no memory. */
iso_account_t *iso_account_create(size_t limit_bytes);
/* Before anybody else charges it. */
void iso_account_set_limit(iso_account_t *account, size_t limit_bytes);
void iso_account_retain(iso_account_t *account);
/* The last release frees. */
void iso_account_release(iso_account_t *account);

/* Adds `bytes`; false, and nothing added, where that would cross the limit. */
bool iso_account_charge(iso_account_t *account, size_t bytes);
void iso_account_refund(iso_account_t *account, size_t bytes);
/* 0: there is none. */
size_t iso_account_limit(const iso_account_t *account);
size_t iso_account_used(const iso_account_t *account);

/* May a message of so many bytes leave the thread? Where not, the account is overrun from then on:
 * the same string may stand in it a thousand times, so that it is more than the thread ever held.
 */
bool iso_account_admits(iso_account_t *account, size_t bytes);
bool iso_account_is_overrun(const iso_account_t *account);

/* The least that was used since the last call of this: what is garbage is freed some time after a
 * collection, so between two of them this comes nearest to what is alive. */
size_t iso_account_take_low(iso_account_t *account);

/* Is it time to collect, for the sake of a charge that would cross the limit? Near the limit, where
 * every charge would, collections that free little are not made one after the other. Thread: the
 * isolate's, for both. */
bool iso_account_may_collect(const iso_account_t *account, uint64_t now_ns);
/* One is over, and the heap is known. */
void iso_account_collected(iso_account_t *account, uint64_t now_ns, uint64_t took_ns);

/* What the JavaScript heap takes, as of the last collection: it leaves so much less to charge. */
void iso_account_set_heap(iso_account_t *account, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
