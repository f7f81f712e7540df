/* The status codes of the whole library, and what JavaScript sees of them.
 *
 * A function that can fail returns int: ISO_OK, or one of the negative codes below; its results
 * leave through the last parameters, untouched on failure. Every code that a user can meet has one
 * row here: the name in C, the `code` of the Error in JavaScript, the `name` of that Error, and its
 * message, in which %s stands for the thread's description (`thread "resize"`). */
#ifndef ISO_CORE_ERROR_H
#define ISO_CORE_ERROR_H

#define ISO_ERROR_MAP(XX)                                                                          \
  XX(ENOMEM, "ERR_THREAD_NO_MEMORY", "ThreadError", "%s: the process has no memory left for this") \
  XX(ESTART, "ERR_THREAD_START", "ThreadError",                                                    \
     "%s could not be started: the operating system gave no thread, no loop or no isolate")        \
  XX(EDISPOSED, "ERR_THREAD_DISPOSED", "ThreadError", "%s has been disposed")                      \
  XX(EMEMORY, "ERR_THREAD_OUT_OF_MEMORY", "ThreadError",                                           \
     "%s: this took more than memoryLimit, and the thread was disposed")                           \
  XX(EFATAL, "ERR_THREAD_FATAL", "ThreadError",                                                    \
     "%s: V8 met a fatal error here, and the thread was disposed")                                 \
  XX(ECONTEXT, "ERR_THREAD_CONTEXT", "ThreadError", "%s has no function to run")                   \
  XX(EFULL, "ERR_THREAD_QUEUE_FULL", "ThreadError", "%s has its queue full (options.maxQueue)")    \
  XX(ECLOSED, "ERR_THREAD_CLOSED", "ThreadError", "%s is closing and takes no more runs")          \
  XX(ELOST, "ERR_THREAD_LOST", "ThreadError",                                                      \
     "%s: code in it could not be stopped within interruptGrace, and the thread was written off")  \
  XX(ECANCELED, "ABORT_ERR", "AbortError", "The run in %s was aborted")                            \
  XX(ETIMEOUT, "ERR_THREAD_TIMEOUT", "TimeoutError", "%s: this took longer than its timeout")      \
  XX(ECPUTIMEOUT, "ERR_THREAD_CPU_TIMEOUT", "TimeoutError",                                        \
     "%s: this took more CPU time than its cpuTimeout")                                            \
  XX(ECLONE, "ERR_THREAD_NOT_CLONEABLE", "DataCloneError", "%s: a value could not be cloned")

enum {
  ISO_OK = 0,
  /* The call is not over: its promise is not settled yet. Poll for it. */
  ISO_PENDING = 1,

  /* The code ended with an exception; its description is in the message. */
  ISO_EXCEPTION = -1,
  /* The code was stopped by iso_engine_terminate. */
  ISO_ETERMINATED = -2,
  /* A message's bytes do not say what they should. */
  ISO_EMALFORMED = -3,

  /* The codes of the map start far below those above. */
  ISO__BEFORE_MAP = -100,
#define XX(name, code, class, text) ISO_##name,
  ISO_ERROR_MAP(XX)
#undef XX
};

#endif
