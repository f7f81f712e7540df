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

function warn(kind, description, thread) {
  const reason = rebuild(description);
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

/** Called by the native library, in the order in which the thread's console was called. */
function print([method, depth, args, marks], thread) {
  if (method === 'unhandledRejection' || method === 'uncaughtException') {
    warn(method, args[0], thread);
    return;
  }
  const values = revive(args, marks);
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

module.exports = { print };
