/* See bare.h. What is known of V8's bytes, beside what shape.c says:
 *
 *   date      'D' 8 bytes
 *   bigint    'Z' bits digits                       the size in bytes above the lowest bit
 *   map, set  ';' (key value)* ':' count, and ' value* ',' count
 *   host      '\\' object ...                       an iso_object_t and what it says
 *   buffers   't' part, 'u' part                    of an ArrayBuffer, of a SharedArrayBuffer
 *   again     '^' number                            an object that has been there
 *
 * Objects are numbered in the order in which they begin. */
#include "core/bare.h"

#include "core/wire.h"

enum { MAX_DEPTH = 64, NONE = 0 };

typedef struct scan_s {
  iso_wire_t wire;
  uint32_t part_count;
  bool *is_bare;
  /* The numbers of their objects, plus 1. */
  uint32_t number_plus_1[ISO_BARE_PARTS];
  uint32_t next_number;
  unsigned depth;
} scan_t;

static bool scan_value(scan_t *scan, bool is_under_view);

static bool scan_sized(scan_t *scan) {
  uint32_t bytes = 0;
  return iso_wire_varint(&scan->wire, &bytes) && iso_wire_skip(&scan->wire, bytes);
}

static bool scan_varint(scan_t *scan) {
  uint32_t unused = 0;
  return iso_wire_varint(&scan->wire, &unused);
}

/* Values up to a tag, and the `counts` that follow it. */
static bool scan_until(scan_t *scan, uint8_t end, unsigned counts) {
  while (!iso_wire_is(&scan->wire, end))
    if (!scan_value(scan, false)) return false;
  scan->wire.at++;
  for (unsigned i = 0; i < counts; i++)
    if (!scan_varint(scan)) return false;
  return true;
}

static bool scan_buffer(scan_t *scan, bool is_under_view) {
  uint32_t part = 0;
  if (!iso_wire_varint(&scan->wire, &part) || part >= scan->part_count) return false;
  scan->number_plus_1[part] = ++scan->next_number;
  if (!is_under_view) scan->is_bare[part] = true;
  return true;
}

static bool scan_again(scan_t *scan, bool is_under_view) {
  uint32_t number = 0;
  if (!iso_wire_varint(&scan->wire, &number)) return false;
  for (uint32_t i = 0; i < scan->part_count && !is_under_view; i++)
    if (scan->number_plus_1[i] != NONE && scan->number_plus_1[i] - 1 == number)
      scan->is_bare[i] = true;
  return true;
}

static bool scan_host_object(scan_t *scan) {
  uint32_t object = 0;
  if (!iso_wire_varint(&scan->wire, &object)) return false;
  if (object == ISO_OBJECT_VIEW)
    return iso_wire_skip(&scan->wire, ISO_VIEW_BYTES) && scan_value(scan, true);
  /* A view that V8 describes never shares its buffer with a range. */
  if (object == ISO_OBJECT_V8_VIEW) return scan_value(scan, false) && scan_sized(scan);
  if (object == ISO_OBJECT_FUNCTION) return scan_varint(scan);
  return object == ISO_OBJECT_TRANSFER && scan_value(scan, false);
}

static bool scan_object(scan_t *scan, uint8_t tag, bool is_under_view) {
  if (tag == '^') return scan_again(scan, is_under_view);
  if (tag == 't') return scan_buffer(scan, is_under_view);
  scan->next_number++;
  switch (tag) {
  case 'o':
    return scan_until(scan, '{', 1);
  case 'A':
    return scan_varint(scan) && scan_until(scan, '$', 2);
  case ';':
    return scan_until(scan, ':', 1);
  case '\'':
    return scan_until(scan, ',', 1);
  case '\\':
    return scan_host_object(scan);
  case 'u':
    return scan_varint(scan);
  case 'D':
    return iso_wire_skip(&scan->wire, 8);
  default:
    return false;
  }
}

static bool scan_value(scan_t *scan, bool is_under_view) {
  uint8_t tag = 0;
  uint32_t bits = 0;
  if (!iso_wire_tag(&scan->wire, &tag)) return false;
  switch (tag) {
  case 'T':
  case 'F':
  case '0':
  case '_':
  /* A hole. */
  case '-':
    return true;
  case 'I':
  case 'U':
    return scan_varint(scan);
  case 'N':
    return iso_wire_skip(&scan->wire, 8);
  case '"':
  case 'c':
    return scan_sized(scan);
  case 'Z':
    return iso_wire_varint(&scan->wire, &bits) && iso_wire_skip(&scan->wire, bits >> 1);
  default:
    break;
  }
  if (scan->depth == MAX_DEPTH) return false;
  scan->depth++;
  bool is_known = scan_object(scan, tag, is_under_view);
  scan->depth--;
  return is_known;
}

bool iso_message_find_bare(const iso_message_t *message, bool is_bare[ISO_BARE_PARTS]) {
  scan_t scan = {
      .wire = {.at = message->bytes, .end = message->bytes + message->size},
      .part_count = message->part_count,
      .is_bare = is_bare};
  if (scan.part_count > ISO_BARE_PARTS || !iso_wire_header(&scan.wire)) return false;
  return scan_value(&scan, false) && scan.wire.at == scan.wire.end;
}
