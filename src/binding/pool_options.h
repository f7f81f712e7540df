/* The arguments of the native constructor: what lib/options.js has checked and completed, in a row,
 * for to look a property up by its name costs more than all the rest. */
#ifndef ISO_BINDING_POOL_OPTIONS_H
#define ISO_BINDING_POOL_OPTIONS_H

#include <node_api.h>

#include "binding/args.h"
#include "core/pool.h"

/* Copies, which the caller frees. */
typedef struct iso_pool_names_s {
  /* How messages name the pool. */
  char *description;
  /* options->scheduler points to it. */
  char *scheduler;
} iso_pool_names_t;

/* Reads `given` into *options, whose other members stay as they are, and *names. The context is the
 * caller's as well; like the names it may be there, or be NULL, when this fails.
 * Errors: ISO_ENOMEM; ISO_EXCEPTION, one is pending. */
int iso_pool_options_read(
    napi_env env, const iso_args_t *given, iso_pool_options_t *options, iso_pool_names_t *names
);

/* Milliseconds, negative for no limit, as the core counts time. */
uint64_t iso_nanoseconds(double milliseconds);

#endif
