'use strict';

const { native, quiet } = require('./native.js');
const { readContext } = require('./context.js');
const { checkOptions, checkValue, nativeArguments, COMMON_OPTIONS } = require('./options.js');
const { runWith, streamWith } = require('./run.js');
const { Runner } = require('./runner.js');
const { RunStream } = require('./streams.js');

// What makes a pool a thread.
const AS_ONE = {
  scheduler: 'shared',
  steal: false,
  replace: false,
  minThreads: 1,
  maxThreads: 1,
  idleTimeout: -1,
  maxQueue: -1,
  maxTasksPerThread: 0,
};

let threadsMade = 0;

/**
 * One operating-system thread with a bare V8 isolate: a pool of one that is not replaced. `dispose`
 * and `ready` are native: src/binding/pool_binding.c.
 */
class Thread extends Runner {
  constructor(context, options = {}) {
    // It starts while we look at what it is to do.
    native.prepare();
    const checked = checkOptions(options, COMMON_OPTIONS);
    const source = readContext(context, checked.filename, native.locate);
    const name = checked.name ?? `${++threadsMade}`;
    super(nativeArguments(source, `thread "${name}"`, checked, AS_ONE));
    Object.defineProperty(this, 'name', { value: name, enumerable: true, configurable: true });
  }

  /**
   * Keeps so many threads started for those to come, Threads and pools alike, until they have been
   * unused for ten seconds. Resolves when they are there.
   */
  static async warm(threads = 1) {
    checkValue('spares', threads);
    await native.warm(threads);
  }

  get ready() {
    return quiet(super.ready);
  }

  runWith(options, ...args) {
    return runWith(this, options, args);
  }

  stream(...args) {
    return new RunStream(this.run(...args));
  }

  streamWith(options, ...args) {
    return streamWith(this, options, args);
  }
}

for (const key of [Symbol.dispose, Symbol.asyncDispose]) {
  if (key) {
    Object.defineProperty(Thread.prototype, key, {
      value: key === Symbol.dispose
        ? function () { this.dispose(); }
        : function () { return this.dispose(); },
      writable: true,
      configurable: true,
    });
  }
}

module.exports = { Thread };
