/* See account.h. */
#include "core/account.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "core/alloc.h"

struct iso_account_s {
  /* Immutable after create. */
  size_t limit_bytes;
  /* Atomic. All but the last order nothing and are relaxed; the last release of `references` must
   * see all that the others did, so it acquires what they release. */
  atomic_size_t used;
  atomic_size_t low;
  atomic_size_t heap;
  atomic_bool is_overrun;
  atomic_size_t references;
  /* The isolate's thread's own. */
  uint64_t collect_from_ns;
};

/* A collection that has left this much of the limit free was worth its while. */
enum { WORTH_A_PART_OF = 8, PAUSES_A_COLLECTION = 9 };

iso_account_t *iso_account_create(size_t limit_bytes) {
  iso_account_t *account = iso_alloc_zeroed(sizeof(*account));
  if (account == NULL) return NULL;
  account->limit_bytes = limit_bytes;
  atomic_init(&account->references, 1);
  return account;
}

void iso_account_set_limit(iso_account_t *account, size_t limit_bytes) {
  account->limit_bytes = limit_bytes;
}

void iso_account_retain(iso_account_t *account) {
  atomic_fetch_add_explicit(&account->references, 1, memory_order_relaxed);
}

void iso_account_release(iso_account_t *account) {
  if (atomic_fetch_sub_explicit(&account->references, 1, memory_order_acq_rel) == 1)
    iso_free(account);
}

bool iso_account_admits(iso_account_t *account, size_t bytes) {
  if (account->limit_bytes == 0 || bytes <= account->limit_bytes) return true;
  atomic_store_explicit(&account->is_overrun, true, memory_order_relaxed);
  return false;
}

bool iso_account_is_overrun(const iso_account_t *account) {
  return atomic_load_explicit(&account->is_overrun, memory_order_relaxed);
}

void iso_account_set_heap(iso_account_t *account, size_t bytes) {
  atomic_store_explicit(&account->heap, bytes, memory_order_relaxed);
}

bool iso_account_charge(iso_account_t *account, size_t bytes) {
  size_t heap = atomic_load_explicit(&account->heap, memory_order_relaxed);
  size_t limit = account->limit_bytes > heap ? account->limit_bytes - heap : 0;
  size_t used = atomic_load_explicit(&account->used, memory_order_relaxed);
  do {
    if (account->limit_bytes != 0 && (bytes > limit || used > limit - bytes)) return false;
  } while (!atomic_compare_exchange_weak_explicit(
      &account->used, &used, used + bytes, memory_order_relaxed, memory_order_relaxed
  ));
  return true;
}

void iso_account_refund(iso_account_t *account, size_t bytes) {
  size_t used = atomic_fetch_sub_explicit(&account->used, bytes, memory_order_relaxed) - bytes;
  size_t low = atomic_load_explicit(&account->low, memory_order_relaxed);
  while (used < low && !atomic_compare_exchange_weak_explicit(
                           &account->low, &low, used, memory_order_relaxed, memory_order_relaxed
                       ))
    ;
}

bool iso_account_may_collect(const iso_account_t *account, uint64_t now_ns) {
  return now_ns >= account->collect_from_ns;
}

void iso_account_collected(iso_account_t *account, uint64_t now_ns, uint64_t took_ns) {
  size_t taken = atomic_load_explicit(&account->heap, memory_order_relaxed) +
                 atomic_load_explicit(&account->used, memory_order_relaxed);
  bool was_worth_it = taken <= account->limit_bytes - account->limit_bytes / WORTH_A_PART_OF;
  account->collect_from_ns = was_worth_it ? 0 : now_ns + PAUSES_A_COLLECTION * took_ns;
}

size_t iso_account_take_low(iso_account_t *account) {
  size_t used = atomic_load_explicit(&account->used, memory_order_relaxed);
  return atomic_exchange_explicit(&account->low, used, memory_order_relaxed);
}

size_t iso_account_limit(const iso_account_t *account) {
  return account->limit_bytes;
}

size_t iso_account_used(const iso_account_t *account) {
  return atomic_load_explicit(&account->used, memory_order_relaxed);
}
