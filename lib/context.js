'use strict';

// A context as the thread wants it: source text, and where it stands in the user's files.

const { typeError } = require('./options.js');

const NATIVE = /\{\s*\[native code\]\s*\}\s*$/;

function contextError(problem) {
  const error = new TypeError(`context ${problem}`);
  error.code = 'ERR_INVALID_ARG_VALUE';
  return error;
}

const ARROW = /^(?:async\s*)?\(|^(?:async\s+)?[\p{ID_Start}$_][\p{ID_Continue}$]*\s*=>/u;

// The engine knows where an arrow function starts. Of any other it knows where the parameters do;
// the text starts before them, at `function`, `async` or the name of a method.
function startOf(source, line, column) {
  if (ARROW.test(source)) return { line, column };
  const lines = source.slice(0, source.indexOf('(')).split('\n');
  return lines.length === 1
    ? { line, column: Math.max(0, column - lines[0].length) }
    : { line: line - lines.length + 1, column: 0 };
}

/**
 * @param {Function | string} context
 * @param {string | undefined} filename given by the user
 * @param {(context: Function) => [string | undefined, number, number]} locate asks the engine
 * @returns {{ source: string, file: string, line: number, column: number }}
 */
function readContext(context, filename, locate) {
  if (typeof context === 'string') {
    if (context.trim() === '') throw contextError('must not be empty');
    return { source: context, file: filename ?? 'isolated-threads:context', line: 0, column: 0 };
  }
  if (typeof context !== 'function') {
    throw typeError('context', 'a function that returns the function to run, or its source', context);
  }
  const source = Function.prototype.toString.call(context);
  if (NATIVE.test(source)) {
    throw contextError('must be written in JavaScript: a native or bound function (or a Proxy) has no source to take over');
  }
  if (/^class\b/.test(source)) throw contextError('must be a function, and not a class');
  const [file, line, column] = locate(context);
  return {
    source,
    file: filename ?? (typeof file === 'string' && file ? file : 'isolated-threads:context'),
    ...startOf(source, Math.max(0, line), Math.max(0, column)),
  };
}

module.exports = { readContext };
