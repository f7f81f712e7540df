/* See wasm.h. A module is eight bytes and then sections, each an id, a size and its content; that
 * of the memories is a count and so many limits:
 *
 *   limits    flags minimum maximum?     in pages; numbers are LEB128
 *   flags     1 has a maximum, 2 is shared, 4 is of 64 bits */
#include "core/wasm.h"

#include <stdbool.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/wire.h"

enum {
  HEADER_BYTES = 8,
  SECTION_OF_MEMORIES = 5,
  HAS_MAXIMUM = 1,
  IS_64 = 4,
  KNOWN_FLAGS = 7,
  /* What V8 allows a memory of 32 bits. */
  MAX_PAGES_32 = 65536,
};

typedef struct limits_s {
  uint8_t flags;
  uint64_t minimum;
  uint64_t maximum;
} limits_t;

typedef struct section_s {
  /* The id's byte; and the content. */
  const uint8_t *start;
  const uint8_t *content;
  const uint8_t *end;
} section_t;

/* Counts, and writes where there are bytes. */
typedef struct writer_s {
  uint8_t *bytes;
  size_t size;
} writer_t;

static void put(writer_t *writer, const uint8_t *from, const uint8_t *to) {
  size_t size = (size_t) (to - from);
  if (writer->bytes != NULL && size > 0) memcpy(writer->bytes + writer->size, from, size);
  writer->size += size;
}

static void put_number(writer_t *writer, uint64_t number) {
  do {
    uint8_t byte = (uint8_t) (number & 0x7f);
    number >>= 7;
    if (number != 0) byte |= 0x80;
    put(writer, &byte, &byte + 1);
  } while (number != 0);
}

static bool read_number_64(iso_wire_t *wire, uint64_t *out) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = 0;
    if (!iso_wire_take(wire, &byte)) return false;
    value |= (uint64_t) (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *out = value;
      return shift < 63 || byte < 2;
    }
  }
  return false;
}

static bool read_number(iso_wire_t *wire, bool is_64, uint64_t *out) {
  uint32_t small = 0;
  if (is_64) return read_number_64(wire, out);
  if (!iso_wire_varint(wire, &small)) return false;
  *out = small;
  return true;
}

static bool read_limits(iso_wire_t *wire, limits_t *out) {
  if (!iso_wire_take(wire, &out->flags) || out->flags > KNOWN_FLAGS) return false;
  bool is_64 = (out->flags & IS_64) != 0;
  if (!read_number(wire, is_64, &out->minimum)) return false;
  if ((out->flags & HAS_MAXIMUM) == 0) return true;
  return read_number(wire, is_64, &out->maximum);
}

/* The section of the memories; there is at most one. False: none, or no module. */
static bool find_memories(const uint8_t *bytes, size_t size, section_t *out) {
  static const uint8_t header[HEADER_BYTES] = {0, 'a', 's', 'm', 1, 0, 0, 0};
  if (size < HEADER_BYTES || memcmp(bytes, header, HEADER_BYTES) != 0) return false;
  iso_wire_t wire = {.at = bytes + HEADER_BYTES, .end = bytes + size};
  for (;;) {
    uint8_t id = 0;
    uint32_t length = 0;
    out->start = wire.at;
    if (!iso_wire_take(&wire, &id) || !iso_wire_varint(&wire, &length)) return false;
    out->content = wire.at;
    if (!iso_wire_skip(&wire, length)) return false;
    out->end = wire.at;
    if (id == SECTION_OF_MEMORIES) return true;
  }
}

/* V8 refuses such a module. */
static bool is_refused(const limits_t *limits) {
  bool is_64 = (limits->flags & IS_64) != 0;
  bool has_maximum = (limits->flags & HAS_MAXIMUM) != 0;
  if (has_maximum && limits->maximum < limits->minimum) return true;
  if (is_64) return false;
  return limits->minimum > MAX_PAGES_32 || (has_maximum && limits->maximum > MAX_PAGES_32);
}

/* The content of the section anew. */
static int
cap_section(const section_t *section, uint64_t max_pages, writer_t *writer, bool *is_changed) {
  iso_wire_t wire = {.at = section->content, .end = section->end};
  uint32_t count = 0;
  if (!iso_wire_varint(&wire, &count)) return ISO_EMALFORMED;
  put(writer, section->content, wire.at);
  for (uint32_t i = 0; i < count; i++) {
    limits_t limits;
    const uint8_t *start = wire.at;
    if (!read_limits(&wire, &limits) || is_refused(&limits)) return ISO_EMALFORMED;
    if (limits.minimum > max_pages) return ISO_EMEMORY;
    if ((limits.flags & HAS_MAXIMUM) != 0 && limits.maximum <= max_pages) {
      put(writer, start, wire.at);
      continue;
    }
    *is_changed = true;
    limits.flags |= HAS_MAXIMUM;
    put(writer, &limits.flags, &limits.flags + 1);
    put_number(writer, limits.minimum);
    put_number(writer, max_pages);
  }
  put(writer, wire.at, section->end);
  return ISO_OK;
}

int iso_wasm_cap_memory(
    const uint8_t *bytes, size_t size, uint64_t max_pages, iso_wasm_module_t *out
) {
  section_t section;
  writer_t content = {NULL, 0};
  bool is_changed = false;
  *out = (iso_wasm_module_t){NULL, 0};
  if (!find_memories(bytes, size, &section)) return ISO_OK;
  int status = cap_section(&section, max_pages, &content, &is_changed);
  if (status == ISO_EMALFORMED || (status == ISO_OK && !is_changed)) return ISO_OK;
  if (status != ISO_OK) return status;

  writer_t whole = {NULL, 0};
  put_number(&whole, content.size);
  size_t new_size = (size_t) (section.start - bytes) + 1 + whole.size + content.size +
                    (size_t) (bytes + size - section.end);
  whole = (writer_t){iso_alloc(new_size), 0};
  if (whole.bytes == NULL) return ISO_ENOMEM;
  put(&whole, bytes, section.start + 1);
  put_number(&whole, content.size);
  (void) cap_section(&section, max_pages, &whole, &is_changed);
  put(&whole, section.end, bytes + size);
  *out = (iso_wasm_module_t){whole.bytes, whole.size};
  return ISO_OK;
}

uint64_t iso_wasm_declared_bytes(const uint8_t *bytes, size_t size) {
  section_t section;
  uint64_t pages = 0;
  uint32_t count = 0;
  if (!find_memories(bytes, size, &section)) return 0;
  iso_wire_t wire = {.at = section.content, .end = section.end};
  if (!iso_wire_varint(&wire, &count)) return 0;
  for (uint32_t i = 0; i < count; i++) {
    limits_t limits;
    if (!read_limits(&wire, &limits)) break;
    if (limits.minimum > UINT64_MAX / ISO_WASM_PAGE_BYTES - pages) return UINT64_MAX;
    pages += limits.minimum;
  }
  return pages * ISO_WASM_PAGE_BYTES;
}
