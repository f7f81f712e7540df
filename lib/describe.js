'use strict';

// Describes what was thrown as plain data, for the other side (rebuilt there by lib/rebuild.js). Used
// on the host, and built into the library with src/prelude/.
//
// A description: { isError: false, value }
//            or: { isError: true, class, name, message, stack, properties: [[key, description]],
//                  cause?: description, errors?: [description], both?: [[key, description]] }

const { nameOfPrototype } = require('./classes.js');
const { findCulprit } = require('./culprit.js');
const {
  append, getPrototypeOf, hardened, hasOwn, isArray, keys, Map, mapGet, mapHas, mapSet, put, stringIncludes, stringIndexOf,
  stringSlice, test,
} = require('./primordials.js');

/** `hint`: what is said to somebody who names a variable that is not there. */
function createDescriber({ isError, cloneable, hint }) {
  const OURS = 'isolated-threads:prelude';
  const NOT_DEFINED = hardened(/^(\S+) is not defined$/);

  function classOf(error) {
    for (let at = getPrototypeOf(error); at !== null; at = getPrototypeOf(at)) {
      const name = mapGet(nameOfPrototype, at);
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

  // A stack without the frames of the prelude.
  function framesOf(stack) {
    if (!stringIncludes(stack, OURS)) return stack;
    let kept = '';
    for (let start = 0; start < stack.length;) {
      const next = stringIndexOf(stack, '\n', start + 1);
      const end = next === -1 ? stack.length : next;
      const line = stringSlice(stack, start, end);
      if (!(stringIncludes(line, OURS) && stringIncludes(line, '\n    at '))) kept += line;
      start = end;
    }
    return kept;
  }

  // `text` with the first `part` in it made longer.
  function extended(text, part, whole) {
    const at = stringIndexOf(text, part);
    return at === -1 ? text : stringSlice(text, 0, at) + whole + stringSlice(text, at + part.length);
  }

  function describeError(error, described) {
    const message = textOf(read(error, 'message'), '');
    const stack = framesOf(textOf(read(error, 'stack'), ''));
    const description = {
      isError: true,
      class: classOf(error),
      name: textOf(read(error, 'name'), 'Error'),
      message,
      stack,
      properties: [],
    };
    mapSet(described, error, description);
    if (hint && description.class === 'ReferenceError' && test(NOT_DEFINED, message)) {
      description.message = `${message}. ${hint}`;
      description.stack = extended(stack, message, description.message);
    }
    const own = keys(error);
    for (let i = 0; i < own.length; i++) {
      if (own[i] === 'stack' || own[i] === 'message') continue;
      append(description.properties, [own[i], describe(read(error, own[i]), described)]);
    }
    if (hasOwn(error, 'cause')) put(description, 'cause', describe(read(error, 'cause'), described));
    const errors = description.class === 'AggregateError' ? read(error, 'errors') : undefined;
    if (isArray(errors)) {
      put(description, 'errors', []);
      for (let i = 0; i < errors.length; i++) append(description.errors, describe(errors[i], described));
    }
    if (description.class === 'SuppressedError') {
      const inner = (key) => [key, describe(read(error, key), described)];
      put(description, 'both', [inner('error'), inner('suppressed')]);
    }
    return description;
  }

  // Errors inside errors are followed so far: both sides walk them with a stack of limited depth.
  const MAX_DEPTH = 200;

  function describeInner(error, described) {
    const { depth } = described;
    if (depth === MAX_DEPTH) {
      const name = textOf(read(error, 'name'), 'Error');
      return { isError: false, value: `${name}: ${textOf(read(error, 'message'), '')} (and what is behind it)` };
    }
    described.depth = depth + 1;
    const description = describeError(error, described);
    described.depth = depth;
    return description;
  }

  function describe(value, described) {
    if (described === undefined) {
      described = new Map();
      put(described, 'depth', 0);
    }
    if (mapHas(described, value)) return mapGet(described, value);
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
    if (thrown) put(description, 'cause', describe(thrown.error));
    else if (exception !== undefined && !isOfTransfer) put(description, 'cause', describe(exception));
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
