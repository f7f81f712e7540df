'use strict';

// What Thread and ThreadPool have in common: they run what they are given.

const { native } = require('./native.js');

const { submit, submitItems, submitTask } = native;
const { Promise } = globalThis;

const nothing = () => {};

// The promise is made here and settled by the native library, which keeps nothing else of it: that
// is cheaper than to have it made there, or to keep the functions that would settle it.
function start(begin, pool, ...args) {
  const promise = new Promise(nothing);
  begin(pool, promise, ...args);
  return promise;
}

let runTask;
let runItems;

class Runner extends native.NativePool {
  // The native pool, as submit takes it: to find it from the object costs as much as all the rest.
  #pool;

  /** @param {unknown[]} given by nativeArguments of options.js */
  constructor(given) {
    super(...given);
    this.#pool = native.handleOf(this);
  }

  run(...args) {
    return start(submit, this.#pool, ...args);
  }

  static {
    runItems = (runner, group, pairs) => submitItems(runner.#pool, group, ...pairs);
    runTask = (runner, priority, key, timeout, cpuTimeout, token, transfer, ...args) =>
      start(submitTask, runner.#pool, priority, key, timeout, cpuTimeout, token, transfer, ...args);
  }
}

module.exports = {
  Runner,
  /** Begins a run; see submitTask in src/binding/submit.h for the arguments. */
  runTask,
  /**
   * Begins runs for items of a map; `pairs`: the number by which lib/map.js is told of its end, and the
   * item, of each; `group`: as cancel knows them.
   */
  runItems,
};
