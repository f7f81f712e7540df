'use strict';

// What runs in every new isolate before the user's context: the console, the loading of the
// context, and what it shares with the host: the description of errors, functions of the other side.
// scripts/embed.js builds it, with the files of lib/ that it needs, into the library.

const { createConsole } = require('./console.js');
const { defineProperty, isArray, ownKeys, TypeError } = require('../../lib/primordials.js');

module.exports = function createPrelude(natives) {
  const { compile, emit, cloneable, now, isError, transfer } = natives;
  const CANNOT_SEE =
    'A context cannot see variables from outside itself, nor anything of Node: define it inside ' +
    'the context, or pass it as an argument of run()';

  // Most threads need neither, and each start would wait for both. By then the user's code has run:
  // they have what they need of the language from primordials.js, as all the rest has.
  let describer;
  const toDescribe = () =>
    (describer ??= require('../../lib/describe.js').createDescriber({ isError, cloneable, hint: CANNOT_SEE }));
  const describe = (value) => toDescribe().describe(value);
  const describeThrown = (value) => toDescribe().describeThrown(value);
  const describeUncloneable = (value, exception) => toDescribe().describeUncloneable(value, exception);

  let remote;
  const toRemote = () =>
    (remote ??= require('../../lib/remote.js').createRemote(natives, {
      canWait: true,
      rebuild: require('../../lib/rebuild.js').createRebuilder().rebuild,
      describeThrown,
      describeUncloneable,
      held: (promise) => promise,
    }));

  // The text of a method stands for itself only inside an object. A script whose last value is the
  // function will do as well. If it is none of them, the reading that got furthest knows best what
  // is wrong: `failure` is of the first one.
  function evaluateOtherwise(source, file, line, column, failure) {
    const lines = source.split('\n');
    const end = { line: line + lines.length, column: lines.at(-1).length + (lines.length === 1 ? column : 0) + 1 };
    let furthest = { line: 0, column: 0 };
    const weigh = (next) => {
      // What was put behind it is not the user's.
      if (next.line > end.line) Object.assign(next, end);
      const isFurther = next.line === furthest.line ? next.column >= furthest.column : next.line > furthest.line;
      if (isFurther) furthest = next;
    };
    weigh(failure);
    for (const [before, after, pick] of [
      ['({', '\n})', (object) => object[ownKeys(object)[0]]],
      ['', '', (value) => value],
    ]) {
      const next = {};
      const value = compile(before + source + after, file, line, column - before.length, next);
      if (!('error' in next)) return pick(value);
      weigh(next);
    }
    const { error } = furthest;
    error.stack = `${error.name}: ${error.message}\n    at ${file}:${furthest.line}:${furthest.column}`;
    throw error;
  }

  // Most are the text of a function, which stands for itself.
  function evaluate(source, file, line, column) {
    const failure = {};
    const value = compile(`(${source}\n)`, file, line, column - 1, failure);
    return 'error' in failure ? evaluateOtherwise(source, file, line, column, failure) : value;
  }

  // Known only now: the isolate may have been there before its limit was.
  let isLimited = false;

  async function load(source, file, line, column) {
    if (!isLimited && natives.memoryLimit() > 0) {
      isLimited = true;
      // Most threads have no limit, and need not have it compiled.
      require('./limits.js')(natives);
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
    __proto__: null,
    load,
    describe: describeThrown,
    describeUncloneable,
    remote: {
      __proto__: null,
      stub: (id, isPull) => toRemote().stub(id, isPull),
      invoke: (target, args, id, problem) => toRemote().invoke(target, args, id, problem),
      failure: (description, code, name, text) => toRemote().failure(description, code, name, text),
      substitute: (values) => toRemote().substitute(values),
      released: (pull) => toRemote().released(pull),
      open: (generator) => toRemote().open(generator),
    },
    warn: (kind, reason) => emit([kind, 0, [describe(reason)], []]),
  };
};
