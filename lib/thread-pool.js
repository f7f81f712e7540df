'use strict';

const os = require('node:os');
const { once, EventEmitter } = require('node:events');
const { native, quiet } = require('./native.js');
const { readContext } = require('./context.js');
const { mapOver } = require('./map.js');
const { tracesTasks, traceTask } = require('./notices.js');
const { checkOptions, checkRunOptions, checkValue, megabytes, rangeError } = require('./options.js');

const POOL_OPTIONS = [
  'memoryLimit', 'name', 'filename', 'scheduler', 'steal', 'minThreads', 'maxThreads', 'idleTimeout',
  'maxQueue', 'maxTasksPerThread',
];
const DEFAULT_IDLE_TIMEOUT_MS = 10000;

let poolsMade = 0;

const orMinusOne = (number) => (number === undefined || number === Infinity ? -1 : number);

// poolSize sets both ends, unless they are given.
function sizesOf(poolSize, { minThreads, maxThreads }) {
  const size = poolSize ?? os.availableParallelism();
  const most = maxThreads ?? Math.max(size, minThreads ?? 1);
  const least = minThreads ?? (maxThreads === undefined ? size : Math.min(size, maxThreads));
  if (least > most) throw rangeError('options.minThreads', `at most options.maxThreads (${most})`, least);
  return { minThreads: least, maxThreads: most };
}

/**
 * Many threads with one context behind one `run`. The native base class does the scheduling; see
 * docs/pool.md.
 */
class ThreadPool extends native.NativePool {
  #closed;

  constructor(context, poolSize, options = {}) {
    if (poolSize !== undefined) checkValue('poolSize', poolSize);
    const { memoryLimit, name, filename, ...rest } = checkOptions(options, POOL_OPTIONS);
    const source = readContext(context, filename, native.locate);
    const ownName = name ?? `${++poolsMade}`;
    super({
      ...source,
      ...sizesOf(poolSize, rest),
      idleTimeout: Math.min(rest.idleTimeout ?? DEFAULT_IDLE_TIMEOUT_MS, 2 ** 31),
      memoryLimit: megabytes(memoryLimit),
      scheduler: rest.scheduler ?? 'round-robin',
      steal: rest.steal ?? true,
      replace: true,
      maxQueue: orMinusOne(rest.maxQueue),
      maxTasksPerThread: Math.max(0, orMinusOne(rest.maxTasksPerThread)),
      description: `pool "${ownName}"`,
    });
    EventEmitter.call(this);
    Object.defineProperty(this, 'name', { value: ownName, enumerable: true });
  }

  get ready() {
    return quiet(super.ready);
  }

  run(...args) {
    return tracesTasks() ? traceTask(this, () => super.run(...args)) : super.run(...args);
  }

  runWith(options, ...args) {
    const { priority = 0, key, transfer } = checkRunOptions(options);
    const start = () => super.runTask(priority, key, undefined, transfer, ...args);
    return tracesTasks() ? traceTask(this, start) : start();
  }

  broadcast(...args) {
    return Promise.all(super.broadcast(...args));
  }

  map(source, options = {}) {
    return mapOver(this, source, options);
  }

  /** Resolves when no task waits for a thread. */
  async drained() {
    while (this.needsDrain) await once(this, 'drain');
  }

  resize(threads) {
    checkValue('poolSize', threads);
    super.resize(threads, threads);
  }

  close(options = {}) {
    const { timeout } = checkOptions(options, ['timeout']);
    super.close();
    this.#closed ??= this.#ended();
    if (timeout !== undefined && timeout !== Infinity) {
      const timer = setTimeout(() => this.dispose(), timeout);
      this.#closed.then(() => clearTimeout(timer));
    }
    return this.#closed;
  }

  async #ended() {
    await super.ended;
  }
}

for (const [key, value] of [
  [Symbol.dispose, function () { this.dispose(); }],
  [Symbol.asyncDispose, function () { return this.close(); }],
]) {
  if (key) Object.defineProperty(ThreadPool.prototype, key, { value, writable: true, configurable: true });
}

module.exports = { ThreadPool };
