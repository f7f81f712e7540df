/* An engine without an engine: the first number of a message says what the call shall do. */
#ifndef ISO_FAKE_ENGINE_H
#define ISO_FAKE_ENGINE_H

#include <stdatomic.h>

#include "core/remote.h"

typedef enum fake_op_e {
  /* Gives the message back. */
  FAKE_ECHO,
  /* ISO_EXCEPTION, the message as it is. */
  FAKE_THROW,
  /* Pending until the loop has turned once; then as echo. */
  FAKE_PENDING,
  FAKE_PENDING_FOR_EVER,
  /* Until it is terminated. */
  FAKE_BLOCK,
  /* Until fake_gate_open. */
  FAKE_GATE,
  /* Writes as many console records as the second number says. */
  FAKE_LOG,
  /* As FAKE_BLOCK, busy all the time. */
  FAKE_SPIN,
  /* Until fake_gate_open, and deaf to terminate. */
  FAKE_DEAF,
  /* Becomes a stream; then as FAKE_PENDING. */
  FAKE_STREAM,
  FAKE_HEAP_FULL,
  /* The heap is large from here on. */
  FAKE_GROW,
  /* V8 gives up: where the thread can leave it, and where it cannot. */
  FAKE_GIVE_UP,
  FAKE_FATAL,
  /* Lets others call a function, which gives its arguments back: fake_exported. */
  FAKE_EXPORT
} fake_op_t;

/* Shuts the gate, and forgets who stood at it. */
void fake_gate_shut(void);
void fake_gate_open(void);
/* Waits until as many calls stand at the gate. */
void fake_gate_wait(int calls);

/* Stores that have not been destroyed. */
extern int fake_live_stores;
void *fake_store_create(void);
/* Contexts that were made anew. */
extern atomic_int fake_renewals;
/* Engines whose heap was emptied before they were destroyed. */
extern atomic_int fake_emptied;
/* How many terminations will be missed. */
extern atomic_int fake_missed;
/* The last one; the use of it is the test's. */
extern iso_callable_t *fake_exported;

#endif
