/* Hooks of the engine, of a thread (`data`); both take the message. */
#ifndef ISO_CORE_REPORT_H
#define ISO_CORE_REPORT_H

#include "core/internal.h"

/* Holds the thread back where its console is ahead of the host. */
void iso_report__console(void *data, iso_message_t *message);
void iso_report__stream(void *data, iso_message_t *message);

#endif
