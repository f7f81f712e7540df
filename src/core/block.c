/* See block.h. Before the bytes stands a header; a block on huge pages is a mapping whose bytes
 * start on a huge page, with the header at the end of the page before. Not counted by alloc.h: when
 * a block dies is the garbage collector's decision. */
#include "core/block.h"

#include <stdint.h>
#include <stdlib.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

enum {
  HUGE_PAGE_BYTES = 2 << 20,
  /* Below this the pages are few, and the C library may have warm ones. */
  HUGE_BLOCK_BYTES = 4 << 20,
};

typedef struct header_s {
  iso_account_t *account;
  size_t bytes;
  /* What to unmap; NULL: it came from malloc. */
  void *mapping;
  size_t mapping_bytes;
} header_t;

static header_t *header_of(void *block) {
  return (header_t *) block - 1;
}

static void *finish(void *memory, size_t bytes, void *mapping, size_t mapping_bytes) {
  header_t *header = memory;
  *header = (header_t){.bytes = bytes, .mapping = mapping, .mapping_bytes = mapping_bytes};
  return header + 1;
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
    void *block = create_mapped(bytes);
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
  if (header->mapping != NULL)
    destroy_mapped(header);
  else
    free(header);
}

size_t iso_block_size(const void *block) {
  return ((const header_t *) block - 1)->bytes;
}

bool iso_block_charge(void *block, iso_account_t *account) {
  header_t *header = header_of(block);
  if (!iso_account_charge(account, header->bytes)) return false;
  iso_account_retain(account);
  header->account = account;
  return true;
}

void iso_block_discharge(void *block) {
  header_t *header = header_of(block);
  if (header->account == NULL) return;
  iso_account_refund(header->account, header->bytes);
  iso_account_release(header->account);
  header->account = NULL;
}
