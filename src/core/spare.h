/* Spares: threads that have started, isolate and all, and work for no pool yet. A pool that wants a
 * thread takes one, which saves it the milliseconds of the start.
 *
 *   take -- later --> start --> ready --> taken: it joins a pool
 *                       |         |
 *                       +---------+-----> dismissed: unused for long, too many, or the end
 *
 * None is made before a pool has asked for a thread (or somebody for spares). One environment, one
 * set: they are its owner's threads like all others, and a spare serves any pool, for limits are
 * set when it is taken. They do not keep a process alive.
 *
 * It is shared by reference count: each spare holds one reference. */
#ifndef ISO_CORE_SPARE_H
#define ISO_CORE_SPARE_H

#include "core/list.h"
#include "core/owner.h"

typedef struct iso_spares_s iso_spares_t;

/* Somebody waits for spares. */
typedef struct iso_warming_s {
  /* Posted to the owner, with `status`, when they are ready; set by who waits. */
  iso_event_t event;
  /* ISO_ESTART, ISO_ENOMEM: one could not be started; ISO_EDISPOSED: this is the end. */
  int status;
  /* Guarded by the lock of the spares. */
  iso_link_t link;
  size_t missing;
} iso_warming_t;

/* NULL: no memory. Owns: the caller holds one reference. */
iso_spares_t *iso_spares_create(iso_owner_t *owner, void *platform);
void iso_spares_release(iso_spares_t *spares);

/* From now on so many are kept, 0: none; until they have been unused for long. Those too many are
 * dismissed, those missing started. Thread: any. Errors: ISO_ESTART; `warming` is then as it was.
 */
int iso_spares_warm(iso_spares_t *spares, size_t count, iso_warming_t *warming);

/* A pool is about to be made that wants a thread: starts one where there is none, so that the start
 * is under way when the pool comes. Thread: any. */
void iso_spares_prepare(iso_spares_t *spares);

/* Dismisses all, for good. Thread: the owner's loop's. */
void iso_spares_stop(iso_spares_t *spares);

#endif
