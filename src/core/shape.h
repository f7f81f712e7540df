/* The shape of a small clone: objects and arrays, without the primitives in them.
 *
 * Most messages are small plain objects, and most of them look like the one before: only the
 * primitives differ. So the bytes of a clone are parted into its shape and its leaves; for a shape
 * that comes again and again the engine keeps a function which makes the value out of the leaves,
 * faster than V8's deserializer, which adds property by property. Whatever is not a small plain
 * tree of objects and dense arrays has no shape, and is read by V8.
 *
 * A sender that has met a shape often enough registers it, and from then on names it in its
 * messages by a number: they are then the leaves alone, and V8's serializer is not asked at all.
 *
 * Thread: any. */
#ifndef ISO_CORE_SHAPE_H
#define ISO_CORE_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ISO_SHAPE_LEAVES = 24,
  ISO_SHAPE_BYTES = 256,
  ISO_SHAPE_DEPTH = 8,
  /* Room for the source of its function. */
  ISO_SHAPE_SOURCE_BYTES = 4 * ISO_SHAPE_BYTES + 16,
  /* Objects and arrays of one that is written by its shape. */
  ISO_SHAPE_OBJECTS = 16,
  ISO_SHAPE_READER_BYTES = 84 * ISO_SHAPE_LEAVES + 100 * ISO_SHAPE_OBJECTS +
                           6 * ISO_SHAPE_OBJECTS * ISO_SHAPE_OBJECTS + 16,
  /* How many an isolate keeps, and how often one must come before it is worth a function. */
  ISO_SHAPE_CACHE = 64,
  ISO_SHAPE_WORTH = 32,
  /* How many the process knows by a number. */
  ISO_SHAPES_KNOWN = 1024,
};

/* A shape: see shape.c for what its bytes say. */
typedef struct iso_outline_s {
  /* Equal for equal shapes, and only for those. */
  uint8_t bytes[ISO_SHAPE_BYTES];
  size_t size;
  uint32_t hash;
  uint32_t leaf_count;
} iso_outline_t;

typedef struct iso_shape_s {
  iso_outline_t outline;
  /* In the order in which they stand; characters lie in the message. */
  iso_flat_t leaves[ISO_SHAPE_LEAVES];
} iso_shape_t;

/* Parts a clone; false: it has no shape. Reads nothing out of bounds, whatever the bytes. */
bool iso_shape_read(const iso_message_t *message, iso_shape_t *out);
/* The same of one of its values, where all those before it have shapes as well. */
bool iso_shape_read_value(const iso_message_t *message, uint32_t index, iso_shape_t *out);

/* The body of a JavaScript function of the leaves a0, a1, ... that returns the value, as plain
 * ASCII. Returns its length. */
size_t iso_shape_source(const iso_outline_t *outline, char source[ISO_SHAPE_SOURCE_BYTES]);

/* How the leaves of a value a0 are read by JavaScript, which must not meet anything that could run
 * code of the user's: a1 is called with the objects and arrays in the value, all of one depth, and
 * says whether they are what they should be before anything is read of them (of a0 it is known); a2
 * is then called with the leaves, in their order. Neither is where one object is in two places. */
typedef struct iso_shape_reader_s {
  char source[ISO_SHAPE_READER_BYTES];
  size_t size;
  /* a0, then as a1 meets them. */
  struct {
    bool is_array;
    /* Of an array. */
    uint32_t length;
  } objects[ISO_SHAPE_OBJECTS];
  uint32_t object_count;
} iso_shape_reader_t;

/* False: there are too many objects and arrays. */
bool iso_shape_read_how(const iso_outline_t *outline, iso_shape_reader_t *out);

bool iso_outline_is(const iso_outline_t *outline, const iso_outline_t *other);

/* The number by which all threads know this shape from now on. False: too many are known. */
bool iso_outline_register(const iso_outline_t *outline, uint32_t *number);
/* NULL: no shape has this number. It stays as it is as long as the process lives. */
const iso_outline_t *iso_outline_known(uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
