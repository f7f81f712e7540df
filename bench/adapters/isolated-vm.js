'use strict';

// An isolate for each thread, and its functions called with apply, which runs them on a thread.
// It is built from its sources where it brings no library for this Node: lib/install.js.

const { isolatedVm } = require('../lib/install.js');

const MEMORY_LIMIT_MB = 2048;
const COPIES = { arguments: { copy: true }, result: { copy: true } };

const moving = (source) => `(() => {
  const run = (${source})();
  return (x) => new ivm.ExternalCopy(run(x), { transferOut: true });
})()`;

module.exports = {
  package: isolatedVm,
  // Its isolates come from V8's own snapshot: it says itself that Node must not use one then.
  nodeFlags: ['--no-node-snapshot'],

  load() {
    const ivm = require(isolatedVm);

    async function isolate(source, movesResult) {
      const own = new ivm.Isolate({ memoryLimit: MEMORY_LIMIT_MB });
      const context = await own.createContext();
      if (movesResult) await context.global.set('ivm', ivm);
      return { own, run: await context.eval(movesResult ? moving(source) : `(${source})()`, { reference: true }) };
    }

    async function move({ run }, value) {
      const copy = new ivm.ExternalCopy(value, { transferList: [value.buffer] });
      const result = await run.apply(undefined, [copy.copyInto({ release: true, transferIn: true })]);
      return result.copy({ release: true, transferIn: true });
    }

    return ({ source, threads, movesResult }) => {
      const starting = Array.from({ length: threads }, () => isolate(source, movesResult));
      const isolates = [];
      starting.forEach((promise, i) => promise.then((each) => { isolates[i] = each; }));
      let next = 0;
      // Nothing is awaited once they are up.
      const turn = (use) => {
        next = next + 1 === threads ? 0 : next + 1;
        return isolates[next] ? use(isolates[next]) : starting[next].then(use);
      };
      return {
        run: (value) => turn(({ run }) => run.apply(undefined, [value], COPIES)),
        move: (value) => turn((each) => move(each, value)),
        // It knows no signal; its timeout is the nearest.
        abortAfter: (value, ms) => turn(({ run }) => run.apply(undefined, [value], { ...COPIES, timeout: ms })),
        close: async () => {
          for (const { own } of await Promise.all(starting)) own.dispose();
        },
      };
    };
  },
};
