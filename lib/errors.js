'use strict';

// Errors as the user meets them: those of ours, and those that code inside a thread has thrown,
// rebuilt from the description that src/prelude/prelude.js made of them.

const { findCulprit } = require('./culprit.js');
const { createRebuilder, hide, setStack } = require('./rebuild.js');

/** An error of the library itself; `code` says what happened. */
class ThreadError extends Error {
  constructor(code, message, options) {
    super(message, options);
    this.code = code;
  }
}
hide(ThreadError.prototype, 'name', 'ThreadError');

const { rebuild } = createRebuilder(ThreadError);

// V8 makes the text of a stack when it is first looked at, or replaced, and then calls the user's
// Error.prepareStackTrace. If that throws, the stack is lost, but not the error.

function stackOf(error) {
  try {
    return String(error.stack ?? '');
  } catch {
    return '';
  }
}

// Without those of this folder, of which the user need not know.
const framesOf = (stack) => {
  const lines = stack.split('\n');
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  return first === -1 ? '' : lines.slice(first).filter((line) => !line.includes(__dirname)).join('\n');
};

/**
 * Gives an error the stack of the place where run was called. `trace` is an error made there; where
 * there is none (undefined) the answer is a promise that rejects, awaited in such a way that V8
 * adds the frames of the functions which await it. null: the error stays as it is.
 */
function placed(error, trace) {
  if (trace === null) return error;
  if (trace === undefined) return rejectionOf(error);
  addFrames(error, stackOf(trace));
  return error;
}

function addFrames(error, stack) {
  if (!(error instanceof Error)) return;
  const frames = framesOf(stack);
  if (frames) setStack(error, `${stackOf(error)}\n${frames}`);
}

async function rejectionOf(error) {
  // By the second step the promise is chained to the caller's, so its frames are there to be seen.
  await null;
  await null;
  addFrames(error, stackOf(new Error()).replace(/\n +at (async )?rejectionOf [^\n]*/, ''));
  throw error;
}

// The thread had so little memory or stack left that it could not even say what was wrong.
const nothingLeft = {
  isError: true,
  class: 'RangeError',
  name: 'RangeError',
  message: 'The thread failed, and had no stack or memory left to describe how',
  stack: '',
  properties: [],
};

/** Called by the native library: what code in a thread has thrown. */
function fromThread(description, trace) {
  return placed(rebuild(description ?? nothingLeft), trace);
}

/** Called by the native library: an error of one of the codes in src/core/error.h. */
function fromCode(code, name, text, description, trace, cause, detail) {
  const options = cause === undefined ? undefined : { cause };
  const message = text.replace('%s', () => description);
  const error = new ThreadError(code, detail === undefined ? message : `${message} (${detail})`, options);
  if (name !== error.name) hide(error, 'name', name);
  setStack(error, `${error.name}: ${error.message}`);
  return placed(error, trace);
}

/** Called by the native library: run's arguments could not be cloned. */
function uncloneable(args, exception, trace, cloneable) {
  // Not a value is wrong, but what was to be done with it.
  if (exception?.name === 'DataCloneError') return notCloneable(exception.message, undefined, trace);
  const found = args
    .map((value, index) => ({ value, name: `args[${index}]` }))
    .filter(({ value }) => !cloneable(value))
    .map(({ value, name }) => findCulprit(value, name, cloneable, true));
  const { text, thrown } =
    found.find(({ isVague }) => !isVague) ?? { text: 'args has a part that cannot be cloned' };
  const cause = thrown ? thrown.error : exception;
  return notCloneable(`${text}, which cannot be cloned into a thread`, { cause }, trace);
}

function notCloneable(message, options, trace) {
  const error = new ThreadError('ERR_THREAD_NOT_CLONEABLE', message, options);
  hide(error, 'name', 'DataCloneError');
  setStack(error, `${error.name}: ${error.message}`);
  return placed(error, trace);
}

module.exports = { ThreadError, fromThread, fromCode, rebuild, uncloneable };
