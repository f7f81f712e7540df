'use strict';

// What runs in every new isolate before the user's context: the console, the loading of the
// context, and the description of errors for the other side (rebuilt there by lib/errors.js).
// scripts/embed.js builds this file, console.js and lib/culprit.js into the library.
//
// A description: { isError: false, value }
//            or: { isError: true, class, name, message, stack, properties: [[key, description]],
//                  cause?: description, errors?: [description], both?: [[key, description]] }

const { findCulprit } = require('../../lib/culprit.js');
const { createConsole } = require('./console.js');

module.exports = function createPrelude(natives) {
  const { compile, emit, cloneable, now, isError, transfer, checkMemory } = natives;
  const { getPrototypeOf, keys, defineProperty } = Object;
  const { isArray } = Array;

  // V8 parses without a check in between, with a table in plain memory that may be eight times the
  // text: so what is too large already is found before.
  const LONG_TEXT = 1e6;
  const { parse } = JSON;
  JSON.parse = {
    parse(text, reviver) {
      // Refused, the loop is where V8 ends this.
      if (typeof text === 'string' && text.length > LONG_TEXT) while (!checkMemory(text.length));
      return parse(text, reviver);
    },
  }.parse;
  defineProperty(JSON, 'parse', { enumerable: false });

  const FRAME_OF_OURS = /\n +at [^\n]*\(?isolated-threads:prelude[^\n]*/g;
  const NOT_DEFINED = /^(\S+) is not defined$/;
  const CANNOT_SEE =
    'A context cannot see variables from outside itself, nor anything of Node: define it inside ' +
    'the context, or pass it as an argument of run()';

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
    const unknown = description.class === 'ReferenceError' && NOT_DEFINED.exec(message);
    if (unknown) {
      description.message = `${message}. ${CANNOT_SEE}`;
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
      : findCulprit(value, name, cloneable);
    const description = {
      isError: true,
      class: 'ThreadError',
      name: 'DataCloneError',
      message: isOfTransfer ? text : `${text}, which cannot be cloned out of the thread`,
      stack: '',
      properties: [['code', { isError: false, value: 'ERR_THREAD_NOT_CLONEABLE' }]],
    };
    if (thrown) description.cause = describe(thrown.error);
    else if (exception !== undefined && !isOfTransfer) description.cause = describe(exception);
    return description;
  }

  // The text of a function stands for itself; that of a method, only inside an object. A script
  // whose last value is the function will do as well. If it is none of them, the reading that got
  // furthest knows best what is wrong.
  function evaluate(source, file, line, column) {
    const forms = [
      ['(', '\n)', (value) => value],
      ['({', '\n})', (object) => object[Reflect.ownKeys(object)[0]]],
      ['', '', (value) => value],
    ];
    const lines = source.split('\n');
    const end = { line: line + lines.length, column: lines.at(-1).length + (lines.length === 1 ? column : 0) + 1 };
    let furthest = { line: 0, column: 0 };
    for (const [before, after, pick] of forms) {
      const failure = {};
      const value = compile(before + source + after, file, line, column - before.length, failure);
      if (!('error' in failure)) return pick(value);
      // What was put behind it is not the user's.
      if (failure.line > end.line) Object.assign(failure, end);
      const isFurther = failure.line === furthest.line ? failure.column >= furthest.column : failure.line > furthest.line;
      if (isFurther) furthest = failure;
    }
    const { error } = furthest;
    error.stack = `${error.name}: ${error.message}\n    at ${file}:${furthest.line}:${furthest.column}`;
    throw error;
  }

  async function load(source, file, line, column) {
    const context = evaluate(source, file, line, column);
    if (typeof context !== 'function') {
      throw new TypeError(`The context must be a function or the source of one. Received ${typeof context}`);
    }
    const run = await context();
    if (typeof run !== 'function') {
      const received = run === null ? 'null' : typeof run;
      throw new TypeError(`The context must return the function that run() calls. It returned ${received}`);
    }
    return run;
  }

  defineProperty(globalThis, 'transfer', {
    value(value, list) {
      if (typeof value !== 'object' || value === null) throw new TypeError('value must be an object');
      if (!isArray(list)) throw new TypeError('list must be an array of ArrayBuffers');
      return transfer(value, list);
    },
    writable: true,
    enumerable: false,
    configurable: true,
  });

  defineProperty(globalThis, 'console', {
    value: createConsole({ emit, cloneable, now, isError, describe }),
    writable: true,
    enumerable: false,
    configurable: true,
  });

  return {
    load,
    // What was thrown: as it is if it can be, else the reason why not.
    describe: (value) =>
      isError(value) || cloneable(value) ? describe(value) : notCloneable(value, 'the thrown value'),
    describeUncloneable: (value, exception) => notCloneable(value, 'result', exception),
    warn: (kind, reason) => emit([kind, 0, [describe(reason)], []]),
  };
};
