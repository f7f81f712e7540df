/* See shape.h. What V8's serializer writes, as far as it has a shape:
 *
 *   0xff version value
 *   object   'o' (key value)* '{' count
 *   array    'A' length value* '$' count length        dense, and without other properties
 *   string   '"' length bytes, or 0* 'c' length bytes  the length in bytes
 *   number   'I' zigzag, or 'N' 8 bytes
 *   others   'T' 'F' '0' (null) '_' (undefined)
 *
 * Lengths and counts are varints. A shape is the same without the leaves:
 *
 *   object   '{' (length key value)* '}'
 *   array    '[' value* ']'
 *   leaf     '.'
 *
 * where no key is so long that its length could be taken for a brace. */
#include "core/shape.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/sync.h"
#include "core/wire.h"

typedef struct reader_s {
  iso_wire_t wire;
  iso_shape_t *shape;
  unsigned depth;
} reader_t;

static bool read_value(reader_t *reader);

static bool put(reader_t *reader, uint8_t byte) {
  iso_outline_t *outline = &reader->shape->outline;
  if (outline->size == ISO_SHAPE_BYTES) return false;
  outline->bytes[outline->size++] = byte;
  /* FNV-1a. */
  outline->hash = (outline->hash ^ byte) * 16777619U;
  return true;
}

/* The characters of a string whose tag has been read. */
static bool take_string(reader_t *reader, uint8_t width, iso_flat_t *out) {
  uint32_t bytes = 0;
  if (!iso_wire_varint(&reader->wire, &bytes)) return false;
  out->tag = width == 2 ? ISO_TAG_STRING16 : ISO_TAG_STRING8;
  out->characters = reader->wire.at;
  out->length = bytes / width;
  out->part_plus_1 = 0;
  if (bytes % width != 0 || (uintptr_t) out->characters % width != 0) return false;
  return iso_wire_skip(&reader->wire, bytes);
}

/* Of the characters that need no escape in a string of JavaScript's source. */
static bool is_plain(const uint8_t *key, size_t length) {
  static const char proto[] = "__proto__";
  if (length == sizeof(proto) - 1 && memcmp(key, proto, length) == 0) return false;
  for (size_t i = 0; i < length; i++) {
    if (key[i] < 0x20 || key[i] > 0x7e || key[i] == '"' || key[i] == '\\') return false;
  }
  return true;
}

static bool read_key(reader_t *reader) {
  enum { MAX_KEY = 64 };
  iso_flat_t key = {.tag = ISO_TAG_UNDEFINED};
  uint8_t tag = 0;
  if (!iso_wire_take(&reader->wire, &tag) || tag != '"' || !take_string(reader, 1, &key))
    return false;
  if (key.length > MAX_KEY || !is_plain(key.characters, key.length)) return false;
  if (!put(reader, (uint8_t) key.length)) return false;
  for (size_t i = 0; i < key.length; i++)
    if (!put(reader, key.characters[i])) return false;
  return true;
}

static bool read_object(reader_t *reader) {
  uint32_t count = 0;
  uint32_t said = 0;
  if (!put(reader, '{')) return false;
  for (; !iso_wire_is(&reader->wire, '{'); count++)
    if (!read_key(reader) || !read_value(reader)) return false;
  reader->wire.at++;
  return iso_wire_varint(&reader->wire, &said) && said == count && put(reader, '}');
}

static bool read_array(reader_t *reader) {
  uint32_t length = 0;
  uint32_t properties = 0;
  uint32_t said = 0;
  uint8_t tag = 0;
  if (!iso_wire_varint(&reader->wire, &length) || length > ISO_SHAPE_BYTES || !put(reader, '['))
    return false;
  for (uint32_t i = 0; i < length; i++)
    if (!read_value(reader)) return false;
  if (!iso_wire_take(&reader->wire, &tag) || tag != '$' ||
      !iso_wire_varint(&reader->wire, &properties))
    return false;
  return properties == 0 && iso_wire_varint(&reader->wire, &said) && said == length &&
         put(reader, ']');
}

static bool read_leaf(reader_t *reader, uint8_t tag, iso_flat_t *out) {
  uint32_t bits = 0;
  switch (tag) {
  case 'I':
    if (!iso_wire_varint(&reader->wire, &bits)) return false;
    out->tag = ISO_TAG_INT32;
    out->integer = (int32_t) ((bits >> 1) ^ (0U - (bits & 1)));
    return true;
  case 'N':
    out->tag = ISO_TAG_DOUBLE;
    if (!iso_wire_skip(&reader->wire, 8)) return false;
    memcpy(&out->number, reader->wire.at - 8, 8);
    return true;
  case '"':
    return take_string(reader, 1, out);
  case 'c':
    return take_string(reader, 2, out);
  case 'T':
    out->tag = ISO_TAG_TRUE;
    return true;
  case 'F':
    out->tag = ISO_TAG_FALSE;
    return true;
  case '0':
    out->tag = ISO_TAG_NULL;
    return true;
  case '_':
    out->tag = ISO_TAG_UNDEFINED;
    return true;
  default:
    return false;
  }
}

static bool read_value(reader_t *reader) {
  uint8_t tag = 0;
  if (!iso_wire_tag(&reader->wire, &tag)) return false;
  if (tag == 'o' || tag == 'A') {
    if (++reader->depth > ISO_SHAPE_DEPTH) return false;
    bool ok = tag == 'o' ? read_object(reader) : read_array(reader);
    reader->depth--;
    return ok;
  }
  iso_shape_t *shape = reader->shape;
  if (shape->outline.leaf_count == ISO_SHAPE_LEAVES || !put(reader, '.')) return false;
  return read_leaf(reader, tag, &shape->leaves[shape->outline.leaf_count++]);
}

static bool start(reader_t *reader, const iso_message_t *message, iso_shape_t *out) {
  *reader = (reader_t
  ){.wire = {.at = message->bytes, .end = message->bytes + message->size}, .shape = out};
  return message->part_count == 0 && iso_wire_header(&reader->wire);
}

static bool read_next(reader_t *reader) {
  iso_outline_t *outline = &reader->shape->outline;
  outline->size = 0;
  outline->hash = 2166136261U;
  outline->leaf_count = 0;
  return read_value(reader);
}

bool iso_shape_read(const iso_message_t *message, iso_shape_t *out) {
  reader_t reader;
  return start(&reader, message, out) && read_next(&reader) && reader.wire.at == reader.wire.end;
}

bool iso_shape_read_value(const iso_message_t *message, uint32_t index, iso_shape_t *out) {
  reader_t reader;
  uint8_t tag = 0;
  uint32_t length = 0;
  if (message->count == 1) return index == 0 && iso_shape_read(message, out);
  if (!start(&reader, message, out)) return false;
  if (!iso_wire_tag(&reader.wire, &tag) || tag != 'A') return false;
  if (!iso_wire_varint(&reader.wire, &length) || index >= length) return false;
  for (uint32_t i = 0; i <= index; i++)
    if (!read_next(&reader)) return false;
  return true;
}

/* Source. */

typedef struct writer_s {
  const iso_outline_t *outline;
  size_t at;
  uint32_t leaf;
  char *source;
  size_t size;
} writer_t;

static void append(writer_t *writer, const char *text, size_t size) {
  memcpy(writer->source + writer->size, text, size);
  writer->size += size;
}

static void append_leaf(writer_t *writer) {
  writer->size += (size_t) snprintf(
      writer->source + writer->size, ISO_SHAPE_SOURCE_BYTES - writer->size, "a%u", writer->leaf++
  );
}

/* Each byte of a shape gives at most four of source (a leaf: "a23,"); "return " comes before. */
_Static_assert(ISO_SHAPE_SOURCE_BYTES >= 4 * ISO_SHAPE_BYTES + 8, "room for the source");

static void write_value(writer_t *writer) {
  const uint8_t *bytes = writer->outline->bytes;
  uint8_t kind = bytes[writer->at++];
  if (kind == '.') {
    append_leaf(writer);
    return;
  }
  const uint8_t end = kind == '{' ? '}' : ']';
  append(writer, kind == '{' ? "{" : "[", 1);
  while (bytes[writer->at] != end) {
    if (kind == '{') {
      size_t length = bytes[writer->at++];
      append(writer, "\"", 1);
      append(writer, (const char *) bytes + writer->at, length);
      append(writer, "\":", 2);
      writer->at += length;
    }
    write_value(writer);
    append(writer, ",", 1);
  }
  writer->at++;
  append(writer, kind == '{' ? "}" : "]", 1);
}

size_t iso_shape_source(const iso_outline_t *outline, char source[ISO_SHAPE_SOURCE_BYTES]) {
  writer_t writer = {.outline = outline, .source = source};
  append(&writer, "return ", 7);
  write_value(&writer);
  return writer.size;
}

/* The reader's: a name of at most 64 characters, and at most 19 around it ("a129[\"...\"],"). */
_Static_assert(ISO_SHAPE_READER_BYTES >= (64 + 19) * ISO_SHAPE_LEAVES + 8, "room for the reader");

typedef struct leaves_s {
  const uint8_t *at;
  unsigned objects;
  char *source;
  size_t size;
} leaves_t;

static void append_read(leaves_t *leaves, unsigned object, const uint8_t *key, unsigned length) {
  leaves->size += (size_t) snprintf(
      leaves->source + leaves->size, ISO_SHAPE_READER_BYTES - leaves->size, "a%u[\"%.*s\"],",
      object, (int) length, (const char *) key
  );
}

static void append_read_at(leaves_t *leaves, unsigned object, unsigned index) {
  leaves->size += (size_t) snprintf(
      leaves->source + leaves->size, ISO_SHAPE_READER_BYTES - leaves->size, "a%u[%u],", object,
      index
  );
}

/* The leaves of the object or array that starts here. */
static void read_leaves(leaves_t *leaves) {
  uint8_t kind = *leaves->at++;
  const uint8_t end = kind == '{' ? '}' : ']';
  unsigned object = ++leaves->objects;
  for (unsigned i = 0; *leaves->at != end; i++) {
    const uint8_t *key = leaves->at + 1;
    unsigned length = kind == '{' ? *leaves->at : 0;
    if (kind == '{') leaves->at += 1 + length;
    if (*leaves->at != '.') {
      read_leaves(leaves);
      continue;
    }
    leaves->at++;
    if (kind == '{')
      append_read(leaves, object, key, length);
    else
      append_read_at(leaves, object, i);
  }
  leaves->at++;
}

size_t iso_shape_reader(const iso_outline_t *outline, char source[ISO_SHAPE_READER_BYTES]) {
  leaves_t leaves = {.at = outline->bytes, .source = source};
  leaves.size = (size_t) snprintf(source, ISO_SHAPE_READER_BYTES, "a0(");
  read_leaves(&leaves);
  source[leaves.size++] = ')';
  return leaves.size;
}

/* Known shapes. */

bool iso_outline_is(const iso_outline_t *outline, const iso_outline_t *other) {
  return outline->hash == other->hash && outline->size == other->size &&
         memcmp(outline->bytes, other->bytes, outline->size) == 0;
}

/* Those below the count never change; it is written under the lock, and released. */
static iso_outline_t known[ISO_SHAPES_KNOWN];
static atomic_uint known_count;
static uv_once_t once = UV_ONCE_INIT;
static iso_mutex_t known_lock;
static bool has_lock;

static void init(void) {
  has_lock = iso_mutex_init(&known_lock) == 0;
}

const iso_outline_t *iso_outline_known(uint32_t number) {
  if (number >= atomic_load_explicit(&known_count, memory_order_acquire)) return NULL;
  return &known[number];
}

static bool find(const iso_outline_t *outline, uint32_t count, uint32_t *number) {
  for (*number = 0; *number < count; ++*number)
    if (iso_outline_is(&known[*number], outline)) return true;
  return false;
}

bool iso_outline_register(const iso_outline_t *outline, uint32_t *number) {
  uv_once(&once, init);
  if (!has_lock) return false;
  iso_mutex_lock(&known_lock);
  uint32_t count = atomic_load_explicit(&known_count, memory_order_relaxed);
  bool ok = find(outline, count, number);
  if (!ok && count < ISO_SHAPES_KNOWN) {
    known[count] = *outline;
    *number = count;
    atomic_store_explicit(&known_count, count + 1, memory_order_release);
    ok = true;
  }
  iso_mutex_unlock(&known_lock);
  return ok;
}
