'use strict';

// Functions of the other side, and what is made of them. The same on the host and, built into the
// library with src/prelude/, in threads.

// What the codes mean to somebody who calls a function.
const REASONS = {
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
  const { defineProperty, keys } = Object;

  function stub(id) {
    const remote = async (...args) => call(id, args);
    if (canWait) {
      defineProperty(remote, 'sync', {
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
      result = target(...args);
      if ((typeof result === 'object' && result !== null) || typeof result === 'function') {
        const { then } = result;
        if (typeof then === 'function') {
          Promise.resolve(result).then((value) => succeed(id, value), (error) => fail(id, error));
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
    const message = REASONS[code] ?? text.replace('%s', canWait ? 'The host' : 'The thread of this function');
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
    const todo = [];
    let found = false;
    const remember = (value, copy, fill) => {
      copies.set(value, copy);
      todo.push(fill);
      return copy;
    };
    const copyKeys = (value, copy, names) => {
      for (const key of names) {
        defineProperty(copy, key, { value: copyOf(value[key]), writable: true, enumerable: true, configurable: true });
      }
    };
    const copyOf = (value) => {
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
      const known = copies.get(value);
      if (known !== undefined) return known;
      if (typeof value === 'function') {
        found = true;
        const mark = markFunction(value);
        copies.set(value, mark);
        return mark;
      }
      if (!isPlain(value)) return value;
      if (Array.isArray(value)) {
        const copy = new Array(value.length);
        return remember(value, copy, () => copyKeys(value, copy, keys(value)));
      }
      if (value instanceof Map) {
        const copy = new Map();
        return remember(value, copy, () => {
          for (const [key, item] of value) copy.set(copyOf(key), copyOf(item));
        });
      }
      if (value instanceof Set) {
        const copy = new Set();
        return remember(value, copy, () => {
          for (const item of value) copy.add(copyOf(item));
        });
      }
      const copy = {};
      return remember(value, copy, () => copyKeys(value, copy, keys(value)));
    };
    const copy = copyOf(root);
    for (let fill = todo.pop(); fill !== undefined; fill = todo.pop()) fill();
    return found ? copy : undefined;
  }

  return { stub, invoke, failure, substitute };
}

module.exports = { createRemote };
