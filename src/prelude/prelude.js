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
const limitMemory = require('./limits.js');
const {
  append, defineProperty, getPrototypeOf, hardened, hasOwn, isArray, keys, Map, mapGet, mapHas, mapSet, ownKeys, put,
  stringIncludes, stringIndexOf, stringSlice, test, TypeError,
} = require('../../lib/primordials.js');

module.exports = function createPrelude(natives) {
  const { compile, emit, cloneable, now, isError, transfer } = natives;
  const OURS = 'isolated-threads:prelude';
  const NOT_DEFINED = hardened(/^(\S+) is not defined$/);
  const CANNOT_SEE =
    'A context cannot see variables from outside itself, nor anything of Node: define it inside ' +
    'the context, or pass it as an argument of run()';

  const classes = new Map();
  for (const name of [
    'Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SuppressedError',
    'SyntaxError', 'TypeError', 'URIError',
  ]) {
    if (typeof globalThis[name] === 'function') mapSet(classes, globalThis[name].prototype, name);
  }
  for (const name of ['CompileError', 'LinkError', 'RuntimeError']) {
    const constructor = globalThis.WebAssembly?.[name];
    if (constructor) mapSet(classes, constructor.prototype, `WebAssembly.${name}`);
  }

  function classOf(error) {
    for (let at = getPrototypeOf(error); at !== null; at = getPrototypeOf(at)) {
      const name = mapGet(classes, at);
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

  // A stack without the frames of this file.
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
    if (description.class === 'ReferenceError' && test(NOT_DEFINED, message)) {
      description.message = `${message}. ${CANNOT_SEE}`;
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
      : findCulprit(value, name, cloneable);
    const description = {
      isError: true,
      class: 'ThreadError',
      name: 'DataCloneError',
      message: isOfTransfer ? text : `${text}, which cannot be cloned out of the thread`,
      stack: '',
      properties: [['code', { isError: false, value: 'ERR_THREAD_NOT_CLONEABLE' }]],
    };
    if (thrown) put(description, 'cause', describe(thrown.error));
    else if (exception !== undefined && !isOfTransfer) put(description, 'cause', describe(exception));
    return description;
  }

  // The text of a function stands for itself; that of a method, only inside an object. A script
  // whose last value is the function will do as well. If it is none of them, the reading that got
  // furthest knows best what is wrong.
  function evaluate(source, file, line, column) {
    const forms = [
      ['(', '\n)', (value) => value],
      ['({', '\n})', (object) => object[ownKeys(object)[0]]],
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

  // Known only now: the isolate may have been there before its limit was.
  let isLimited = false;

  async function load(source, file, line, column) {
    if (!isLimited && natives.memoryLimit() > 0) {
      isLimited = true;
      limitMemory(natives);
    }
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
