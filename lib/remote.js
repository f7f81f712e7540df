'use strict';

// Functions of the other side, and what is made of them. The same on the host and, built into the
// library with src/prelude/, in threads.

const {
  apply, Array, defineProperty, isArray, isMap, isSet, keys, Map, mapForEach, mapGet, mapSet, promiseOf, promiseThen, put, Set,
  setAdd, setForEach, stringIndexOf, stringSlice,
} = require('./primordials.js');

// What the codes mean to somebody who calls a function.
const REASONS = {
  __proto__: null,
  ERR_THREAD_DISPOSED:
    'This function is gone: its thread has been disposed, or has had its context made anew after an interruption',
  ERR_THREAD_QUEUE_FULL: 'This function was not called: too many calls wait for their answers already',
};

/**
 * @param natives call, callSync, answer, markFunction, isPlain: src/engine/v8/functions.cc
 * @param canWait may this side wait for the other? Then what it gets has `sync`
 */
function createRemote(natives, { canWait, rebuild, describeThrown, describeUncloneable }) {
  const { call, callSync, answer, markFunction, isPlain } = natives;

  function stub(id) {
    // Awaited, and not only returned, for that would ask for the promise's `then`.
    const remote = async (...args) => await call(id, args);
    if (canWait) {
      defineProperty(remote, 'sync', {
        __proto__: null,
        value: (...args) => callSync(id, args),
        writable: true,
        configurable: true,
      });
    }
    return remote;
  }

  const fail = (id, error) => answer(id, true, describeThrown(error));

  function succeed(id, value) {
    try {
      answer(id, false, value);
    } catch (exception) {
      answer(id, true, describeUncloneable(value, exception));
    }
  }

  // A call has come; `problem` is what its arguments could not be read for.
  function invoke(target, args, id, problem) {
    if (problem !== undefined) {
      fail(id, problem);
      return;
    }
    let result;
    try {
      result = apply(target, undefined, args);
      if ((typeof result === 'object' && result !== null) || typeof result === 'function') {
        const { then } = result;
        if (typeof then === 'function') {
          promiseThen(promiseOf(result), (value) => succeed(id, value), (error) => fail(id, error));
          return;
        }
      }
    } catch (error) {
      fail(id, error);
      return;
    }
    succeed(id, result);
  }

  function failure(description, code, name, text) {
    if (description !== undefined) return rebuild(description);
    const who = canWait ? 'The host' : 'The thread of this function';
    const at = stringIndexOf(text, '%s');
    const told = at === -1 ? text : stringSlice(text, 0, at) + who + stringSlice(text, at + 2);
    const message = REASONS[code] ?? told;
    return rebuild({
      isError: true,
      class: 'ThreadError',
      name,
      message,
      stack: '',
      properties: [['code', { isError: false, value: code }]],
    });
  }

  // A copy of what V8 refuses, with marks for the functions in it; undefined: there are none.
  function substitute(root) {
    const copies = new Map();
    let todo = null;
    let found = false;
    const remember = (value, copy, fill) => {
      mapSet(copies, value, copy);
      todo = { fill, next: todo };
      return copy;
    };
    const copyKeys = (value, copy, names) => {
      for (let i = 0; i < names.length; i++) put(copy, names[i], copyOf(value[names[i]]));
    };
    const copyOf = (value) => {
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
      const known = mapGet(copies, value);
      if (known !== undefined) return known;
      if (typeof value === 'function') {
        found = true;
        const mark = markFunction(value);
        mapSet(copies, value, mark);
        return mark;
      }
      if (!isPlain(value)) return value;
      if (isArray(value)) {
        const copy = new Array(value.length);
        return remember(value, copy, () => copyKeys(value, copy, keys(value)));
      }
      if (isMap(value)) {
        const copy = new Map();
        return remember(value, copy, () => {
          mapForEach(value, (item, key) => mapSet(copy, copyOf(key), copyOf(item)));
        });
      }
      if (isSet(value)) {
        const copy = new Set();
        return remember(value, copy, () => {
          setForEach(value, (item) => setAdd(copy, copyOf(item)));
        });
      }
      const copy = {};
      return remember(value, copy, () => copyKeys(value, copy, keys(value)));
    };
    const copy = copyOf(root);
    while (todo !== null) {
      const { fill } = todo;
      todo = todo.next;
      fill();
    }
    return found ? copy : undefined;
  }

  return { stub, invoke, failure, substitute };
}

module.exports = { createRemote };
