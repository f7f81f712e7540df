/* What the machine has, or what the system lets this process have of it. */
#ifndef ISO_CORE_MACHINE_H
#define ISO_CORE_MACHINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes; 0: unknown. Thread: any. Reads files of the system: not for every task. */
uint64_t iso_machine_memory(void);

#ifdef __cplusplus
}
#endif

#endif
