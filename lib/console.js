'use strict';

// Prints what the console inside a thread was given (src/prelude/console.js).

const { inspect, format } = require('node:util');
const { rebuild } = require('./errors.js');

// The objects that stand for what could not be cloned become what they stand for.
function revive(args, marks) {
  for (const mark of marks) {
    if (!('isError' in mark)) {
      const { text } = mark;
      Object.defineProperty(mark, inspect.custom, { value: () => text });
    }
  }
  return args.map((value) => (marks.includes(value) && 'isError' in value ? rebuild(value) : value));
}

// Nobody handled it in the thread: it is the pool's error event, or else a warning.
function report(kind, description, thread, pool) {
  const reason = rebuild(description);
  if (pool?.listenerCount('error') > 0) {
    pool.emit('error', reason);
    return;
  }
  const what = kind === 'unhandledRejection' ? 'Unhandled rejection' : 'Uncaught exception';
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : inspect(reason);
  process.emitWarning(`${what} in ${thread}: ${text}`, {
    type: 'ThreadWarning',
    code: kind === 'unhandledRejection' ? 'THREAD_UNHANDLED_REJECTION' : 'THREAD_UNCAUGHT_EXCEPTION',
    detail: reason instanceof Error ? reason.stack : undefined,
  });
}

function indented(depth, write) {
  for (let i = 0; i < depth; i++) console.group();
  try {
    write();
  } finally {
    for (let i = 0; i < depth; i++) console.groupEnd();
  }
}

function write(method, depth, values) {
  indented(depth, () => {
    if (method === 'trace') {
      const [frames, ...rest] = values;
      const text = rest.length > 0 ? `Trace: ${format(...rest)}` : 'Trace';
      console.error(frames ? `${text}\n${frames}` : text);
    } else {
      console[method](...values);
    }
  });
}

/**
 * Called by the native library, in the order in which the thread's console was called.
 * @param {[string, number, unknown[], object[]]} record
 * @param {string} thread how messages name it
 * @param {object | undefined} pool undefined: it is garbage
 */
function print([method, depth, args, marks], thread, pool) {
  if (method === 'unhandledRejection' || method === 'uncaughtException') {
    report(method, args[0], thread, pool);
    return;
  }
  try {
    write(method, depth, revive(args, marks));
  } catch {
    // A console of the host that is broken costs its line, as it does in Node.
  }
}

module.exports = { print };
