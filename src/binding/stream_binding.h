/* Runs whose function is a generator: their promise is settled when the stream is there, and from
 * then on another one waits for the end of the run. */
#ifndef ISO_BINDING_STREAM_BINDING_H
#define ISO_BINDING_STREAM_BINDING_H

#include "binding/settle.h"

/* The run of `task` has become a stream, which is in `opening`. */
void iso_stream_opened(void *data, iso_task_t *task, iso_message_t *opening);
/* Such a run is over: its promise is as others' again, until it is settled. */
void iso_stream_ended(iso_run_t *run);

#endif
