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

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* Readers. */

/* An object, an array or a leaf, and where its parent has it. */
typedef struct node_s {
  uint32_t parent;
  unsigned depth;
  /* NULL: at an index. */
  const uint8_t *key;
  /* That index, or how long the key is. */
  uint32_t place;
  bool is_array;
  uint32_t length;
} node_t;

typedef struct scan_s {
  const uint8_t *at;
  node_t objects[ISO_SHAPE_OBJECTS];
  uint32_t object_count;
  unsigned deepest;
  node_t leaves[ISO_SHAPE_LEAVES];
  uint32_t leaf_count;
} scan_t;

static bool scan_value(scan_t *scan, node_t node);

static bool scan_members(scan_t *scan, uint32_t self) {
  node_t *object = &scan->objects[self];
  const uint8_t end = object->is_array ? ']' : '}';
  for (; *scan->at != end; object->length++) {
    node_t member = {.parent = self, .depth = object->depth + 1, .place = object->length};
    if (!object->is_array) {
      member.place = *scan->at;
      member.key = scan->at + 1;
      scan->at += 1 + member.place;
    }
    if (!scan_value(scan, member)) return false;
  }
  scan->at++;
  return true;
}

static bool scan_value(scan_t *scan, node_t node) {
  uint8_t kind = *scan->at++;
  if (kind == '.') {
    scan->leaves[scan->leaf_count++] = node;
    return true;
  }
  if (scan->object_count == ISO_SHAPE_OBJECTS) return false;
  node.is_array = kind == '[';
  if (node.depth > scan->deepest) scan->deepest = node.depth;
  scan->objects[scan->object_count++] = node;
  return scan_members(scan, scan->object_count - 1);
}

static void say(iso_shape_reader_t *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  out->size += (size_t
  ) vsnprintf(out->source + out->size, ISO_SHAPE_READER_BYTES - out->size, format, arguments);
  va_end(arguments);
}

/* b0["key"] or b0[1]. */
static void say_place(iso_shape_reader_t *out, const node_t *node) {
  if (node->key == NULL)
    say(out, "b%u[%u]", node->parent, node->place);
  else
    say(out, "b%u[\"%.*s\"]", node->parent, (int) node->place, (const char *) node->key);
}

static void add_object(iso_shape_reader_t *out, const node_t *object) {
  out->objects[out->object_count].is_array = object->is_array;
  out->objects[out->object_count++].length = object->length;
}

/* Is it one that is known already? */
static void say_others(iso_shape_reader_t *out, const scan_t *scan, uint32_t object) {
  unsigned depth = scan->objects[object].depth;
  for (uint32_t i = 0; i < scan->object_count; i++) {
    bool is_before =
        scan->objects[i].depth < depth || (scan->objects[i].depth == depth && i < object);
    if (is_before) say(out, "b%u===b%u||", object, i);
  }
}

static void say_level(iso_shape_reader_t *out, const scan_t *scan, unsigned depth) {
  for (uint32_t i = 0; i < scan->object_count; i++) {
    if (scan->objects[i].depth != depth) continue;
    say(out, "const b%u=", i);
    say_place(out, &scan->objects[i]);
    say(out, ";");
  }
  say(out, "if(");
  for (uint32_t i = 1; i < scan->object_count; i++) {
    if (scan->objects[i].depth == depth) say_others(out, scan, i);
  }
  say(out, "!a1(");
  for (uint32_t i = 0; i < scan->object_count; i++) {
    if (scan->objects[i].depth != depth) continue;
    say(out, "b%u,", i);
    add_object(out, &scan->objects[i]);
  }
  say(out, "))return;");
}

/* A name has at most 64 characters; around it stand at most 20 for a leaf (b15["..."],), and 36 for
 * an object (const b15=b15["..."]; and b15, and if(!a1( and ))return;), and 11 for each two
 * objects. */
_Static_assert(
    ISO_SHAPE_READER_BYTES >= (64 + 20) * ISO_SHAPE_LEAVES + (64 + 36) * ISO_SHAPE_OBJECTS +
                                  11 * ISO_SHAPE_OBJECTS * (ISO_SHAPE_OBJECTS - 1) / 2 + 16,
    "room for the reader"
);

bool iso_shape_read_how(const iso_outline_t *outline, iso_shape_reader_t *out) {
  scan_t scan = {.at = outline->bytes};
  out->size = 0;
  out->object_count = 0;
  if (!scan_value(&scan, (node_t){.depth = 0}) || scan.object_count == 0) return false;
  say(out, "const b0=a0;");
  add_object(out, &scan.objects[0]);
  for (unsigned depth = 1; depth <= scan.deepest; depth++)
    say_level(out, &scan, depth);
  say(out, "a2(");
  for (uint32_t i = 0; i < scan.leaf_count; i++) {
    say_place(out, &scan.leaves[i]);
    say(out, ",");
  }
  say(out, ")");
  return true;
}

bool iso_outline_is(const iso_outline_t *outline, const iso_outline_t *other) {
  return outline->hash == other->hash && outline->size == other->size &&
         memcmp(outline->bytes, other->bytes, outline->size) == 0;
}
