'use strict';

// Errors made of their descriptions (lib/describe.js). Used on the host, and built into the library
// with src/prelude/.

const { classOfName } = require('./classes.js');
const { append, defineProperty, Error, hasOwn, Map, mapGet, mapSet, put } = require('./primordials.js');

function hide(object, key, value) {
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
}

function setStack(error, stack) {
  try {
    hide(error, 'stack', stack);
  } catch {
    // V8 asks the user's Error.prepareStackTrace first, and that threw.
  }
}

/** `own`: the class of errors of the library itself; without it they are Errors of its name. */
function createRebuilder(Own) {
  function construct(description) {
    const { class: name, message } = description;
    if (name === 'ThreadError') return Own ? new Own(undefined, message) : new Error(message);
    const Class = mapGet(classOfName, name) ?? Error;
    if (name === 'AggregateError') return new Class([], message);
    return name === 'SuppressedError' && Class !== Error ? new Class(undefined, undefined, message) : new Class(message);
  }

  function rebuildError(description, rebuilt) {
    const error = construct(description);
    mapSet(rebuilt, description, error);
    if (error.name !== description.name) hide(error, 'name', description.name);
    setStack(error, description.stack || `${description.name}: ${description.message}`);
    const { properties } = description;
    for (let i = 0; i < properties.length; i++) put(error, properties[i][0], rebuild(properties[i][1], rebuilt));
    if (hasOwn(description, 'cause')) hide(error, 'cause', rebuild(description.cause, rebuilt));
    if (hasOwn(description, 'errors')) {
      const errors = [];
      for (let i = 0; i < description.errors.length; i++) append(errors, rebuild(description.errors[i], rebuilt));
      hide(error, 'errors', errors);
    }
    if (hasOwn(description, 'both')) {
      for (let i = 0; i < description.both.length; i++) hide(error, description.both[i][0], rebuild(description.both[i][1], rebuilt));
    }
    return error;
  }

  /** The value that a description stands for. */
  function rebuild(description, rebuilt = new Map()) {
    if (!description.isError) return description.value;
    return mapGet(rebuilt, description) ?? rebuildError(description, rebuilt);
  }

  return { rebuild };
}

module.exports = { createRebuilder, hide, setStack };
