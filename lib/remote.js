'use strict';

// Functions of the other side, and what is made of them. The same on the host and, built into the
// library with src/prelude/, in threads.

const {
  apply, Array, defineProperty, isArray, isMap, isSet, keys, Map, mapForEach, mapGet, mapSet, Promise, promiseOf, promiseThen, put, Set,
  setAdd, setForEach, stringIndexOf, stringSlice, Symbol, WeakMap, weakMapGet, weakMapSet,
} = require('./primordials.js');
const { Batch, createSource, createStream, ignoreRejection } = require('./stream.js');

// What the codes mean to somebody who calls a function.
const REASONS = {
  __proto__: null,
  ERR_THREAD_DISPOSED:
    'This function is gone: its thread has been disposed, or has had its context made anew after an interruption',
  ERR_THREAD_QUEUE_FULL: 'This function was not called: too many calls wait for their answers already',
};

/**
 * @param natives call, callSync, answer, markFunction, isPlain, isCalled: src/engine/v8/functions.cc
 * @param canWait may this side wait for the other? Then what it gets has `sync`
 * @param held waits for a promise as somebody who keeps the process alive; pulls do not
 */
function createRemote(natives, { canWait, rebuild, describeThrown, describeUncloneable, held }) {
  const { call, callSync, answer, markFunction, isPlain, isCalled } = natives;
  // Of streams from the other side, and of the functions that serve those to it.
  const settings = new WeakMap();
  const stops = new WeakMap();

  function stub(id, isPull) {
    // Awaited, and not only returned, for that would ask for the promise's `then`.
    const remote = async (...args) => await call(id, args, isPull);
    if (isPull) {
      const made = createStream(remote, held);
      weakMapSet(settings, made.stream, made.settings);
      return made.stream;
    }
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

  function serve(source, onEnd) {
    const { pull, stop } = createSource(source, isCalled, onEnd);
    weakMapSet(stops, pull, stop);
    return markFunction(pull, true);
  }

  // What a run has given, as a stream, and the promise of its end.
  function open(generator) {
    let mark;
    const end = new Promise((resolve) => {
      mark = serve(generator, resolve);
    });
    return { mark, end };
  }

  // Nobody over there has the stream of it any more.
  function released(pull) {
    ignoreRejection(weakMapGet(stops, pull)());
  }

  // An iterator, of an argument that is async iterable, or of whatever V8 cannot clone.
  function iteratorOf(value, isArgument) {
    if (isArgument && typeof value[Symbol.asyncIterator] === 'function') return value[Symbol.asyncIterator]();
    if ((!isArgument && isPlain(value)) || typeof value.next !== 'function') return undefined;
    return typeof value[Symbol.asyncIterator] === 'function' || typeof value[Symbol.iterator] === 'function' ? value : undefined;
  }

  // A copy of the list of values, with marks for the functions and iterators in them; undefined: there
  // are none.
  function substitute(values) {
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
    const copyOf = (value, isArgument = false) => {
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
      const known = mapGet(copies, value);
      if (known !== undefined) return known;
      if (typeof value === 'function') {
        found = true;
        const mark = markFunction(value);
        mapSet(copies, value, mark);
        return mark;
      }
      const source = iteratorOf(value, isArgument);
      if (source !== undefined) {
        found = true;
        const mark = serve(source, () => {});
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
    const copy = new Array(values.length);
    for (let i = 0; i < values.length; i++) put(copy, i, copyOf(values[i], true));
    while (todo !== null) {
      const { fill } = todo;
      todo = todo.next;
      fill();
    }
    return found ? copy : undefined;
  }

  // How a stream is to be: see createStream.
  function configure(stream, changes) {
    const known = weakMapGet(settings, stream);
    if (known === undefined) return;
    const names = keys(changes);
    for (let i = 0; i < names.length; i++) known[names[i]] = changes[names[i]];
  }

  return { stub, invoke, failure, substitute, released, open, configure };
}

module.exports = { createRemote };
