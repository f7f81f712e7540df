'use strict';

const os = require('node:os');
const { EventEmitter } = require('node:events');
const { native, quiet } = require('./native.js');
const { readContext } = require('./context.js');
const { mapOver, numberOf } = require('./map.js');
const { tracesTasks, traceTask } = require('./notices.js');
const { checkOptions, checkValue, nativeArguments, COMMON_OPTIONS, rangeError } = require('./options.js');
const { runWith, streamWith } = require('./run.js');
const { Runner, runItems } = require('./runner.js');
const { RunStream } = require('./streams.js');

const POOL_OPTIONS = [
  ...COMMON_OPTIONS, 'scheduler', 'steal', 'minThreads', 'maxThreads', 'idleTimeout', 'maxQueue',
  'maxTasksPerThread',
];
const DEFAULT_IDLE_TIMEOUT_MS = 10000;
// Of a timer of Node's; more is taken for 1 ms.
const MAX_TIMER_MS = 2 ** 31 - 1;

// Of the groups of runs that the native library knows.
const MAX_GROUP = 2 ** 32 - 1;

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
class ThreadPool extends Runner {
  #closed;
  #maxThreads;
  #maxQueue;
  #mapsMade = 0;

  constructor(context, poolSize, options = {}) {
    if (poolSize !== undefined) checkValue('poolSize', poolSize);
    const checked = checkOptions(options, POOL_OPTIONS);
    const source = readContext(context, checked.filename, native.locate);
    const name = checked.name ?? `${++poolsMade}`;
    const sizes = sizesOf(poolSize, checked);
    super(nativeArguments(source, `pool "${name}"`, checked, {
      ...sizes,
      scheduler: checked.scheduler ?? 'round-robin',
      steal: checked.steal ?? true,
      replace: true,
      idleTimeout: Math.min(checked.idleTimeout ?? DEFAULT_IDLE_TIMEOUT_MS, 2 ** 31),
      maxQueue: orMinusOne(checked.maxQueue),
      maxTasksPerThread: Math.max(0, orMinusOne(checked.maxTasksPerThread)),
    }));
    EventEmitter.call(this);
    this.#maxThreads = sizes.maxThreads;
    this.#maxQueue = checked.maxQueue ?? Infinity;
    Object.defineProperty(this, 'name', { value: name, enumerable: true, configurable: true });
  }

  get ready() {
    return quiet(super.ready);
  }

  run(...args) {
    return tracesTasks() ? this.#traced(super.run, ...args) : super.run(...args);
  }

  runWith(options, ...args) {
    return this.#traced(() => runWith(this, options, args));
  }

  stream(...args) {
    return new RunStream(this.run(...args));
  }

  streamWith(options, ...args) {
    return streamWith(this, options, args);
  }

  #traced(start, ...args) {
    return tracesTasks() ? traceTask(this, () => start.apply(this, args)) : start.apply(this, args);
  }

  broadcast(...args) {
    return Promise.all(super.broadcast(...args).map((promise) => this.#traced(() => promise)));
  }

  map(source, options = {}) {
    // As many as keep every thread busy while results are fetched, and as are not refused.
    const usual = this.#maxThreads + Math.min(this.#maxThreads, this.#maxQueue);
    const most = this.#maxThreads + this.#maxQueue;
    const group = this.#mapsMade = (this.#mapsMade % MAX_GROUP) + 1;
    return mapOver(source, options, usual, most, {
      start: (pairs) => {
        if (!tracesTasks()) {
          for (let i = 0; i < pairs.length; i += 2) pairs[i] = numberOf(pairs[i]);
          runItems(this, group, pairs);
          return;
        }
        for (let i = 0; i < pairs.length; i += 2) {
          const begin = (resolve) => runItems(this, group, [numberOf({ settle: resolve, follow: resolve }), pairs[i + 1]]);
          pairs[i].follow(traceTask(this, () => new Promise(begin)));
        }
      },
      cancel: (interrupts) => super.cancel(group, interrupts),
    });
  }

  /** Resolves when needsDrain is false: at once, or when no task waits any more. */
  async drained() {
    // Not events.once, which an error event would end.
    while (this.needsDrain) await new Promise((resolve) => { this.once('drain', resolve); });
  }

  resize(threads) {
    checkValue('poolSize', threads);
    super.resize(threads, threads);
    this.#maxThreads = threads;
  }

  close(options = {}) {
    const { timeout } = checkOptions(options, ['timeout']);
    super.close();
    this.#closed ??= this.#ended();
    if (timeout !== undefined && timeout !== Infinity) {
      const timer = setTimeout(() => this.dispose(), Math.min(timeout, MAX_TIMER_MS));
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
