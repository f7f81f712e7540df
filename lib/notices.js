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

/**
 * Called by the native library.
 * @param {Error | undefined} error where a thread has died: of what
 */
function notice(pool, kind, threadId, code, error) {
  if (kind === THREAD_START) {
    if (threadStart.hasSubscribers) threadStart.publish({ pool, threadId });
    pool.emit('threadStart', { threadId });
  } else if (kind === THREAD_EXIT) {
    const reason = exitReasons[code] ?? code;
    if (threadExit.hasSubscribers) threadExit.publish({ pool, threadId, reason });
    pool.emit('threadExit', { threadId, reason });
    // Without a listener it would be thrown; and whoever was hurt has heard of it.
    if (error !== undefined && pool.listenerCount('error') > 0) pool.emit('error', error, { threadId });
  } else {
    pool.emit(kind === NEEDS_DRAIN ? 'needsDrain' : 'drain');
  }
}

/** Is anybody listening to tasks? */
const tracesTasks = () => taskStart.hasSubscribers || taskEnd.hasSubscribers;

// What it returns rejects as the run does, so that a run nobody looks at is still told of.
async function publishEnd(promise, message) {
  try {
    const result = await promise;
    taskEnd.publish(Object.assign(message, { result }));
    return result;
  } catch (error) {
    taskEnd.publish(Object.assign(message, { error }));
    throw error;
  }
}

/** Publishes the start and the end of a run that `start` makes. */
function traceTask(pool, start) {
  const message = { pool };
  taskStart.publish(message);
  return publishEnd(start(), message);
}

module.exports = { notice, tracesTasks, traceTask };
