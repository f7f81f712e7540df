'use strict';

// Each library as its own documentation has it be used for code that may go wrong: one thread, a
// limit of memory, a limit of time. An adapter makes { run(source), good(n), threads() }: `run` calls
// a function, given as text, over there; `threads` says how many have been started.

const path = require('node:path');

const isolatedVm = Number(process.versions.node.split('.')[0]) >= 24 ? 'isolated-vm-7' : 'isolated-vm-5';

const adapters = {
  'isolated-threads': {
    make({ memoryLimit, timeout }) {
      const { ThreadPool } = require('../..');
      const pool = new ThreadPool(() => (source, ...args) => (0, eval)(`(${source})`)(...args), 1, { memoryLimit, timeout });
      return { run: (source, ...args) => pool.run(source, ...args), threads: () => 1 + pool.stats().respawned };
    },
  },
  worker_threads: {
    make({ memoryLimit, timeout }) {
      const { Worker } = require('node:worker_threads');
      let threads = 0;
      let worker;
      const file = path.join(__dirname, 'worker-by-hand.js');
      const start = () => {
        threads += 1;
        const own = new Worker(file, { resourceLimits: { maxOldGenerationSizeMb: memoryLimit } });
        const forget = () => { if (worker === own) worker = undefined; };
        worker = own.on('exit', forget).on('error', forget);
      };
      const run = (source, ...args) => new Promise((resolve, reject) => {
        if (worker === undefined) start();
        const own = worker;
        const timer = setTimeout(() => { worker = undefined; own.terminate(); reject(new Error('timeout')); }, timeout);
        const settle = (how) => (value) => {
          clearTimeout(timer);
          own.removeListener('message', onMessage).removeListener('error', onError).removeListener('exit', onExit);
          how(value);
        };
        const onMessage = settle(({ value, error, isError }) => (isError ? reject(error) : resolve(value)));
        const onError = settle(reject);
        const onExit = settle(() => reject(new Error('the worker has ended')));
        own.on('message', onMessage).on('error', onError).on('exit', onExit);
        own.postMessage({ source, args });
      });
      return { run, threads: () => threads };
    },
  },
  piscina: {
    package: 'piscina',
    make({ memoryLimit, timeout }) {
      const { Piscina } = require('piscina');
      const pool = new Piscina({
        filename: path.join(__dirname, 'worker-of-piscina.js'), minThreads: 1, maxThreads: 1,
        resourceLimits: { maxOldGenerationSizeMb: memoryLimit },
      });
      let threads = pool.threads.length;
      pool.on('workerCreate', () => { threads += 1; });
      return {
        run: (source, ...args) => pool.run({ source, args }, { signal: AbortSignal.timeout(timeout) }),
        threads: () => threads,
      };
    },
  },
  'isolated-vm': {
    package: isolatedVm,
    // Its isolates come from V8's own snapshot: it says itself that Node must not use one then.
    nodeFlags: ['--no-node-snapshot'],
    make({ memoryLimit, timeout }) {
      const ivm = require(isolatedVm);
      let threads = 0;
      let isolate;
      let context;
      const start = async () => {
        threads += 1;
        isolate = new ivm.Isolate({ memoryLimit });
        context = await isolate.createContext();
      };
      const run = async (source, ...args) => {
        if (isolate === undefined || isolate.isDisposed) await start();
        return context.evalClosure(`return (${source})(...arguments)`, args, {
          timeout, arguments: { copy: true }, result: { copy: true, promise: true },
        });
      };
      return { run, threads: () => threads };
    },
  },
};

/** Is the library there? */
function isInstalled(name) {
  if (adapters[name].package === undefined) return true;
  try {
    require(adapters[name].package);
    return true;
  } catch {
    return false;
  }
}

module.exports = { adapters, isInstalled };
