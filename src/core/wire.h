/* Reading the bytes of a clone: what V8's serializer writes. It is also V8's format on disk, so it
 * only ever grows; shape.c and bare.c say which parts of it they know. Bounds are checked here. */
#ifndef ISO_CORE_WIRE_H
#define ISO_CORE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct iso_wire_s {
  const uint8_t *at;
  const uint8_t *end;
} iso_wire_t;

static inline bool iso_wire_take(iso_wire_t *wire, uint8_t *byte) {
  if (wire->at == wire->end) return false;
  *byte = *wire->at++;
  return true;
}

/* Is this the next byte? */
static inline bool iso_wire_is(const iso_wire_t *wire, uint8_t byte) {
  return wire->at < wire->end && *wire->at == byte;
}

static inline bool iso_wire_skip(iso_wire_t *wire, size_t bytes) {
  if (bytes > (size_t) (wire->end - wire->at)) return false;
  wire->at += bytes;
  return true;
}

/* Of 32 bits. */
static inline bool iso_wire_varint(iso_wire_t *wire, uint32_t *out) {
  uint32_t value = 0;
  for (unsigned shift = 0; shift < 32; shift += 7) {
    uint8_t byte = 0;
    if (!iso_wire_take(wire, &byte)) return false;
    value |= (uint32_t) (byte & 0x7f) << shift;
    if (byte < 0x80) {
      *out = value;
      return shift < 28 || byte < 0x10;
    }
  }
  return false;
}

/* The tag of the next value; what V8 puts before wide strings to align them is passed over. */
static inline bool iso_wire_tag(iso_wire_t *wire, uint8_t *tag) {
  do {
    if (!iso_wire_take(wire, tag)) return false;
  } while (*tag == 0);
  return true;
}

/* What stands before the value. */
static inline bool iso_wire_header(iso_wire_t *wire) {
  uint8_t byte = 0;
  uint32_t version = 0;
  return iso_wire_take(wire, &byte) && byte == 0xff && iso_wire_varint(wire, &version);
}

#endif
