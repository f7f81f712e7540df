'use strict';

// Errors made of their descriptions (lib/describe.js). Used on the host, and built into the library
// with src/prelude/.

function hide(object, key, value) {
  Object.defineProperty(object, key, { value, writable: true, enumerable: false, configurable: true });
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
  function builtin(name) {
    if (name === 'ThreadError') return undefined;
    const [space, inner] = name.split('.');
    return inner === undefined ? globalThis[space] : globalThis[space]?.[inner];
  }

  function construct(description) {
    const { class: name, message } = description;
    if (name === 'ThreadError') return Own ? new Own(undefined, message) : new Error(message);
    if (name === 'AggregateError') return new AggregateError([], message);
    if (name === 'SuppressedError' && builtin(name)) return new globalThis.SuppressedError(undefined, undefined, message);
    return new (builtin(name) ?? Error)(message);
  }

  function rebuildError(description, rebuilt) {
    const error = construct(description);
    rebuilt.set(description, error);
    if (error.name !== description.name) hide(error, 'name', description.name);
    setStack(error, description.stack || `${description.name}: ${description.message}`);
    for (const [key, value] of description.properties) {
      Object.defineProperty(error, key, {
        value: rebuild(value, rebuilt),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    if (description.cause) hide(error, 'cause', rebuild(description.cause, rebuilt));
    if (description.errors) {
      hide(error, 'errors', description.errors.map((item) => rebuild(item, rebuilt)));
    }
    for (const [key, value] of description.both ?? []) hide(error, key, rebuild(value, rebuilt));
    return error;
  }

  /** The value that a description stands for. */
  function rebuild(description, rebuilt = new Map()) {
    if (!description.isError) return description.value;
    return rebuilt.get(description) ?? rebuildError(description, rebuilt);
  }

  return { rebuild };
}

module.exports = { createRebuilder, hide, setStack };
