'use strict';

// Describes what was thrown as plain data, for the other side (rebuilt there by lib/rebuild.js). Used
// on the host, and built into the library with src/prelude/.
//
// A description: { isError: false, value }
//            or: { isError: true, class, name, message, stack, properties: [[key, description]],
//                  cause?: description, errors?: [description], both?: [[key, description]] }

const { findCulprit } = require('./culprit.js');

/** `hint`: what is said to somebody who names a variable that is not there. */
function createDescriber({ isError, cloneable, hint }) {
  const { getPrototypeOf, keys } = Object;
  const FRAME_OF_OURS = /\n +at [^\n]*\(?isolated-threads:prelude[^\n]*/g;
  const NOT_DEFINED = /^(\S+) is not defined$/;
  const classes = new Map();
  for (const name of [
    'Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SuppressedError',
    'SyntaxError', 'TypeError', 'URIError',
  ]) {
    if (typeof globalThis[name] === 'function') classes.set(globalThis[name].prototype, name);
  }
  for (const name of ['CompileError', 'LinkError', 'RuntimeError']) {
    const constructor = globalThis.WebAssembly?.[name];
    if (constructor) classes.set(constructor.prototype, `WebAssembly.${name}`);
  }

  function classOf(error) {
    for (let at = getPrototypeOf(error); at !== null; at = getPrototypeOf(at)) {
      const name = classes.get(at);
      if (name !== undefined) return name;
    }
    return 'Error';
  }

  function read(object, key) {
    try {
      return object[key];
    } catch {
      return undefined;
    }
  }

  const textOf = (value, fallback) => (typeof value === 'string' ? value : fallback);

  function describeError(error, described) {
    const message = textOf(read(error, 'message'), '');
    const stack = textOf(read(error, 'stack'), '').replace(FRAME_OF_OURS, '');
    const description = {
      isError: true,
      class: classOf(error),
      name: textOf(read(error, 'name'), 'Error'),
      message,
      stack,
      properties: [],
    };
    described.set(error, description);
    const unknown = hint && description.class === 'ReferenceError' && NOT_DEFINED.exec(message);
    if (unknown) {
      description.message = `${message}. ${hint}`;
      description.stack = stack.replace(message, () => description.message);
    }
    for (const key of keys(error)) {
      if (key !== 'stack' && key !== 'message') {
        description.properties.push([key, describe(read(error, key), described)]);
      }
    }
    if (Object.hasOwn(error, 'cause')) description.cause = describe(read(error, 'cause'), described);
    const errors = description.class === 'AggregateError' ? read(error, 'errors') : undefined;
    if (Array.isArray(errors)) description.errors = errors.map((item) => describe(item, described));
    if (description.class === 'SuppressedError') {
      description.both = ['error', 'suppressed'].map((key) => [key, describe(read(error, key), described)]);
    }
    return description;
  }

  // Errors inside errors are followed so far: both sides walk them with a stack of limited depth.
  const MAX_DEPTH = 200;

  function describeInner(error, described) {
    const depth = described.depth ?? 0;
    if (depth === MAX_DEPTH) {
      const name = textOf(read(error, 'name'), 'Error');
      return { isError: false, value: `${name}: ${textOf(read(error, 'message'), '')} (and what is behind it)` };
    }
    described.depth = depth + 1;
    const description = describeError(error, described);
    described.depth = depth;
    return description;
  }

  function describe(value, described = new Map()) {
    if (described.has(value)) return described.get(value);
    if (isError(value)) return describeInner(value, described);
    if (cloneable(value)) return { isError: false, value };
    return { isError: false, value: `(${findCulprit(value, 'a value here', cloneable).text})` };
  }

  function notCloneable(value, name, exception) {
    // Not the value is wrong, but what was to be done with it.
    const isOfTransfer = isError(exception) && exception.name === 'DataCloneError';
    const { text, thrown } = isOfTransfer
      ? { text: exception.message }
      : findCulprit(value, name, cloneable, name === 'result');
    const description = {
      isError: true,
      class: 'ThreadError',
      name: 'DataCloneError',
      message: isOfTransfer ? text : `${text}, which cannot be cloned${hint ? ' out of the thread' : ''}`,
      stack: '',
      properties: [['code', { isError: false, value: 'ERR_THREAD_NOT_CLONEABLE' }]],
    };
    if (thrown) description.cause = describe(thrown.error);
    else if (exception !== undefined && !isOfTransfer) description.cause = describe(exception);
    return description;
  }

  return {
    describe,
    // As it is if it can be, else the reason why not.
    describeThrown: (value) =>
      isError(value) || cloneable(value) ? describe(value) : notCloneable(value, 'the thrown value'),
    describeUncloneable: (value, exception) => notCloneable(value, 'result', exception),
  };
}

module.exports = { createDescriber };
