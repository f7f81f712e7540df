/* The way of a run from JavaScript into its pool. Functions of the engine's making and not of
 * Node-API's, for a call of one of those costs as much as all that is done here. */
#ifndef ISO_BINDING_SUBMIT_H
#define ISO_BINDING_SUBMIT_H

#include "binding/host.h"

/* submit(handle, promise, ...args): begins a run of the pool that handleOf() gave the handle of;
 * its end is that of the promise. */
iso_value_t iso_submit(void *host, const iso_value_t *values, size_t count);

/* submitItems(handle, group, ...[number, item]): the same for items of a map, in this order. They
 * have no promises: the end of each is told of to lib/map.js, with its number. */
iso_value_t iso_submit_items(void *host, const iso_value_t *values, size_t count);

/* submitTask(handle, promise, priority, key, timeout, cpuTimeout, token, transfer, ...args): the
 * same, where all but the priority may be undefined. `token`: an object by which cancel() finds the
 * run, and whose `reason` says why it did; `transfer`: an array of what moves. */
iso_value_t iso_submit_task(void *host, const iso_value_t *values, size_t count);

#endif
