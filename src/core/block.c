/* See block.h. Before the bytes stands a header; a block on huge pages is a mapping whose bytes
 * start on a huge page, with the header at the end of the page before. Not counted by alloc.h: when
 * a block dies is the garbage collector's decision.
 *
 * A few mappings of copies are kept when their blocks die, for the next copy: the kernel need not
 * clear their pages again, nor look for huge ones, which takes it long where memory is in pieces.
 * Those that no copy has wanted for a while go back: see kept_blocks.h. */
#include "core/block.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

enum {
  HUGE_PAGE_BYTES = 2 << 20,
  /* Below this the pages are few, and the C library may have warm ones. */
  HUGE_BLOCK_BYTES = 4 << 20,
  KEPT_BLOCKS = 8,
  /* What V8 takes for itself with each, about: it shows where they are so small, and so many. */
  SMALL_BLOCK_BYTES = 4096,
  BESIDE_SMALL_BYTES = 192,
};

typedef struct header_s {
  /* So that what comes behind it is aligned as by malloc. */
  _Alignas(16) iso_account_t *account;
  size_t bytes;
  /* What to unmap; NULL: it came from malloc. */
  void *mapping;
  size_t mapping_bytes;
  /* For others there is no next one: what JavaScript makes must be zeroed. */
  bool is_copy;
  /* It waits, and did so when it was looked at last. */
  bool is_old;
} header_t;

static header_t *header_of(void *block) {
  return (header_t *) block - 1;
}

static void *finish(void *memory, size_t bytes, void *mapping, size_t mapping_bytes) {
  header_t *header = memory;
  *header = (header_t){.bytes = bytes, .mapping = mapping, .mapping_bytes = mapping_bytes};
  return header + 1;
}

/* A block in a place belongs to nobody; who exchanges it out owns it. Acquire and release: its
 * header was written by another thread. */
static _Atomic(header_t *) kept[KEPT_BLOCKS];
/* Relaxed: bounds. What waits in the places, and what is on its way there. */
static atomic_size_t kept_bytes;
static atomic_size_t most_kept_bytes;

/* Relaxed: what it needs is there before it is set. */
static void (*_Atomic tell_kept)(void);

static size_t room_of(const header_t *header) {
  return header->mapping_bytes -
         (size_t) ((const uint8_t *) (header + 1) - (const uint8_t *) header->mapping);
}

/* False: it is still the caller's. */
static bool put_away(header_t *header) {
  size_t room = room_of(header);
  size_t most = atomic_load_explicit(&most_kept_bytes, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&kept_bytes, room, memory_order_relaxed) + room <= most) {
    for (int i = 0; i < KEPT_BLOCKS; i++) {
      header_t *none = NULL;
      if (atomic_compare_exchange_strong_explicit(
              &kept[i], &none, header, memory_order_release, memory_order_relaxed
          )) {
        void (*tell)(void) = atomic_load_explicit(&tell_kept, memory_order_relaxed);
        if (tell != NULL) tell();
        return true;
      }
    }
  }
  atomic_fetch_sub_explicit(&kept_bytes, room, memory_order_relaxed);
  return false;
}

static bool keep(header_t *header) {
  header->is_old = false;
  return put_away(header);
}

/* NULL: there is none in this place. */
static header_t *take_out(int place) {
  if (atomic_load_explicit(&kept[place], memory_order_relaxed) == NULL) return NULL;
  header_t *header = atomic_exchange_explicit(&kept[place], NULL, memory_order_acquire);
  if (header != NULL) atomic_fetch_sub_explicit(&kept_bytes, room_of(header), memory_order_relaxed);
  return header;
}

static void destroy_mapped(const header_t *header);

/* A block that has been kept, large enough and not much too large; NULL: there is none. */
static void *reuse(size_t bytes) {
  for (int i = 0; i < KEPT_BLOCKS; i++) {
    header_t *header = take_out(i);
    if (header == NULL) continue;
    size_t room = room_of(header);
    if (room >= bytes && room / 2 <= bytes) {
      header->bytes = bytes;
      return header + 1;
    }
    if (!put_away(header)) destroy_mapped(header);
  }
  return NULL;
}

#if defined(__linux__)
static void *create_mapped(size_t bytes) {
  size_t wanted = bytes + 2 * (size_t) HUGE_PAGE_BYTES;
  uint8_t *mapping = mmap(
      NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0
  );
  if (mapping == MAP_FAILED) return NULL;
  /* The first huge page that has room for the header before it; what is too much goes back. */
  size_t start = HUGE_PAGE_BYTES - (uintptr_t) mapping % HUGE_PAGE_BYTES;
  if (start < sizeof(header_t)) start += HUGE_PAGE_BYTES;
  /* Only a wish: without huge pages it is as good as malloc. */
  (void) madvise(mapping + start, bytes, MADV_HUGEPAGE);
  return finish(mapping + start - sizeof(header_t), bytes, mapping, wanted);
}

static void destroy_mapped(const header_t *header) {
  (void) munmap(header->mapping, header->mapping_bytes);
}
#else
static void *create_mapped(size_t bytes) {
  (void) bytes;
  return NULL;
}

static void destroy_mapped(const header_t *header) {
  (void) header;
}
#endif

void *iso_block_create(size_t bytes, bool is_zeroed) {
  if (bytes > SIZE_MAX / 2) return NULL;
  if (bytes >= HUGE_BLOCK_BYTES) {
    /* A kept one would have to be cleared, which the kernel may never have to. */
    void *block = is_zeroed ? NULL : reuse(bytes);
    if (block == NULL) block = create_mapped(bytes);
    if (block != NULL) header_of(block)->is_copy = !is_zeroed;
    if (block != NULL) return block;
  }
  size_t total = sizeof(header_t) + bytes;
  void *memory = is_zeroed ? calloc(1, total) : malloc(total);
  return memory == NULL ? NULL : finish(memory, bytes, NULL, 0);
}

void iso_block_destroy(void *block) {
  if (block == NULL) return;
  header_t *header = header_of(block);
  iso_block_discharge(block);
  if (header->mapping == NULL)
    free(header);
  else if (!header->is_copy || !keep(header))
    destroy_mapped(header);
}

bool iso_block_trim(void) {
  bool has_some = false;
  for (int i = 0; i < KEPT_BLOCKS; i++) {
    header_t *header = take_out(i);
    if (header == NULL) continue;
    bool was_old = header->is_old;
    header->is_old = true;
    if (was_old || !put_away(header))
      destroy_mapped(header);
    else
      has_some = true;
  }
  return has_some;
}

void iso_block_keep(size_t most_bytes, void (*on_kept)(void)) {
  atomic_store_explicit(&tell_kept, on_kept, memory_order_relaxed);
  atomic_store_explicit(&most_kept_bytes, most_bytes, memory_order_relaxed);
}

size_t iso_block_size(const void *block) {
  return ((const header_t *) block - 1)->bytes;
}

static size_t charged_bytes(const header_t *header) {
  return header->bytes < SMALL_BLOCK_BYTES ? header->bytes + BESIDE_SMALL_BYTES : header->bytes;
}

bool iso_block_charge(void *block, iso_account_t *account) {
  header_t *header = header_of(block);
  if (!iso_account_charge(account, charged_bytes(header))) return false;
  iso_account_retain(account);
  header->account = account;
  return true;
}

void iso_block_discharge(void *block) {
  header_t *header = header_of(block);
  if (header->account == NULL) return;
  iso_account_refund(header->account, charged_bytes(header));
  iso_account_release(header->account);
  header->account = NULL;
}
