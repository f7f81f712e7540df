'use strict';

// Functions of the other side, and what is made of them. The same on the host and, built into the
// library with src/prelude/, in threads.

const { Batch, createSource, createStream } = require('./stream.js');

// What the codes mean to somebody who calls a function.
const REASONS = {
  ERR_THREAD_DISPOSED:
    'This function is gone: its thread has been disposed, or has had its context made anew after an interruption',
  ERR_THREAD_QUEUE_FULL: 'This function was not called: too many calls wait for their answers already',
};

/**
 * @param natives call, callSync, answer, markFunction, isPlain, isCalled: src/engine/v8/functions.cc
 * @param canWait may this side wait for the other? Then what it gets has `sync`
 */
function createRemote(natives, { canWait, rebuild, describeThrown, describeUncloneable }) {
  const { call, callSync, answer, markFunction, isPlain, isCalled } = natives;
  const { defineProperty, keys } = Object;
  const { asyncIterator, iterator } = Symbol;
  // Of streams from the other side, and of the functions that serve those to it.
  const settings = new WeakMap();
  const stops = new WeakMap();

  function stub(id, isPull) {
    const remote = async (...args) => call(id, args);
    if (isPull) {
      const made = createStream(remote);
      settings.set(made.stream, made.settings);
      return made.stream;
    }
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
      const isBatch = value instanceof Batch;
      const alone = isBatch ? value.alone() : undefined;
      if (alone !== undefined) succeed(id, alone);
      else answer(id, true, describeUncloneable(isBatch ? value.fail() : value, exception));
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

  function serve(source, onEnd) {
    const { pull, stop } = createSource(source, isCalled, onEnd);
    stops.set(pull, stop);
    return markFunction(pull, true);
  }

  // What a run has given, as a stream, and the promise of its end.
  function open(generator) {
    let mark;
    const end = new Promise((resolve) => {
      mark = serve(generator, resolve);
    });
    return [mark, end];
  }

  // Nobody over there has the stream of it any more.
  function released(pull) {
    stops.get(pull)().catch(() => {});
  }

  // An iterator, of an argument that is async iterable, or of whatever V8 cannot clone.
  function iteratorOf(value, isArgument) {
    if (isArgument && typeof value[asyncIterator] === 'function') return value[asyncIterator]();
    if ((!isArgument && isPlain(value)) || typeof value.next !== 'function') return undefined;
    return typeof value[asyncIterator] === 'function' || typeof value[iterator] === 'function' ? value : undefined;
  }

  // A copy of the list of values, with marks for the functions and iterators in them; undefined: there
  // are none.
  function substitute(values) {
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
    const copyOf = (value, isArgument = false) => {
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
      const known = copies.get(value);
      if (known !== undefined) return known;
      if (typeof value === 'function') {
        found = true;
        const mark = markFunction(value);
        copies.set(value, mark);
        return mark;
      }
      const source = iteratorOf(value, isArgument);
      if (source !== undefined) {
        found = true;
        const mark = serve(source, () => {});
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
    const copy = values.map((value) => copyOf(value, true));
    for (let fill = todo.pop(); fill !== undefined; fill = todo.pop()) fill();
    return found ? copy : undefined;
  }

  // How a stream is to be: see createStream.
  function configure(stream, changes) {
    const known = settings.get(stream);
    if (known !== undefined) Object.assign(known, changes);
    return known !== undefined;
  }

  return { stub, invoke, failure, substitute, released, open, configure };
}

module.exports = { createRemote };
