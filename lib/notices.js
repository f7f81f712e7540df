'use strict';

// What the native library tells of pools, as events and on diagnostics channels.

const diagnostics = require('node:diagnostics_channel');

const threadStart = diagnostics.channel('isolated-threads.thread.start');
const threadExit = diagnostics.channel('isolated-threads.thread.exit');
const taskStart = diagnostics.channel('isolated-threads.task.start');
const taskEnd = diagnostics.channel('isolated-threads.task.end');

// As the codes of src/core/error.h, but in a word.
const exitReasons = {
  '': 'retired',
  ERR_THREAD_DISPOSED: 'disposed',
  ERR_THREAD_OUT_OF_MEMORY: 'out-of-memory',
  ERR_THREAD_FATAL: 'fatal',
  ERR_THREAD_CONTEXT: 'context',
  ERR_THREAD_START: 'start',
  ERR_THREAD_TIMEOUT: 'timeout',
  ERR_THREAD_CPU_TIMEOUT: 'timeout',
  ERR_THREAD_LOST: 'lost',
};

// The order of iso_notice_kind_t.
const [THREAD_START, THREAD_EXIT, NEEDS_DRAIN] = [0, 1, 2];

/** Called by the native library. */
function notice(pool, kind, threadId, code) {
  if (kind === THREAD_START) {
    if (threadStart.hasSubscribers) threadStart.publish({ pool, threadId });
    pool.emit('threadStart', { threadId });
  } else if (kind === THREAD_EXIT) {
    const reason = exitReasons[code] ?? code;
    if (threadExit.hasSubscribers) threadExit.publish({ pool, threadId, reason });
    pool.emit('threadExit', { threadId, reason });
  } else {
    pool.emit(kind === NEEDS_DRAIN ? 'needsDrain' : 'drain');
  }
}

/** Is anybody listening to tasks? */
const tracesTasks = () => taskStart.hasSubscribers || taskEnd.hasSubscribers;

/** Publishes the start and the end of a run that `start` makes. */
function traceTask(pool, start) {
  const message = { pool };
  taskStart.publish(message);
  const promise = start();
  promise.then(
    (result) => taskEnd.publish(Object.assign(message, { result })),
    (error) => taskEnd.publish(Object.assign(message, { error })),
  );
  return promise;
}

module.exports = { notice, tracesTasks, traceTask };
