'use strict';

const { load } = require('./binding.js');
const { readContext } = require('./context.js');
const { checkOptions } = require('./options.js');

const { NativePool, locate } = load();

const THREAD_OPTIONS = ['memoryLimit', 'name', 'filename'];
const BYTES_A_MEGABYTE = 1024 * 1024;

let threadsMade = 0;

/**
 * One operating-system thread with a bare V8 isolate. `run`, `dispose` and `ready` are native:
 * src/binding/pool_binding.c.
 */
class Thread extends NativePool {
  constructor(context, options = {}) {
    const { memoryLimit = 0, name, filename } = checkOptions(options, THREAD_OPTIONS);
    const { source, file, line, column } = readContext(context, filename, locate);
    const ownName = name ?? `${++threadsMade}`;
    super(source, file, line, column, 1, Math.floor(memoryLimit * BYTES_A_MEGABYTE), `thread "${ownName}"`);
    Object.defineProperty(this, 'name', { value: ownName, enumerable: true });
  }

  get ready() {
    const promise = super.ready;
    // Who does not look at it shall not be punished for that: every run says the same.
    promise.catch(() => {});
    return promise;
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
