/* The memories that a WebAssembly module declares: how much they are, and a ceiling for them.
 *
 * Code inside a module grows its memory without a word to anybody who counts, and V8 cannot stop it
 * in the meantime; so a thread with a limit compiles a module with a lower maximum. Imported
 * memories are objects of JavaScript and are bounded there.
 *
 * What is not understood is left to V8, which refuses it or knows better.
 *
 * Thread: any. */
#ifndef ISO_CORE_WASM_H
#define ISO_CORE_WASM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ISO_WASM_PAGE_BYTES = 65536 };

typedef struct iso_wasm_module_s {
  /* The module anew; NULL: it may stay as it is. Freed by iso_free. */
  uint8_t *bytes;
  size_t size;
} iso_wasm_module_t;

/* Gives every declared memory a maximum of at most `max_pages`. `bytes` must not change meanwhile.
 * Errors: ISO_EMEMORY, one of them begins with more; ISO_ENOMEM. */
int iso_wasm_cap_memory(
    const uint8_t *bytes, size_t size, uint64_t max_pages, iso_wasm_module_t *out
);

/* How much the declared memories take when an instance is made; UINT64_MAX: more than can be said.
 */
uint64_t iso_wasm_declared_bytes(const uint8_t *bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
