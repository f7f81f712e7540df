'use strict';

const { moduleFile } = require('../lib/module-file.js');

const code = (source, movesResult) => `
  const workerpool = require(${JSON.stringify(require.resolve('workerpool'))});
  const run = (${source})();
  const moving = (value) => { const result = run(value); return new workerpool.Transfer(result, [result.buffer]); };
  workerpool.worker({ run: ${movesResult ? 'moving' : 'run'} });`;

module.exports = {
  package: 'workerpool',

  load() {
    const workerpool = require('workerpool');
    return ({ source, threads, movesResult }) => {
      const file = moduleFile(code(source, movesResult));
      const pool = workerpool.pool(file, { minWorkers: threads, maxWorkers: threads, workerType: 'thread' });
      return {
        run: (value) => pool.exec('run', [value]),
        move: (value) => pool.exec('run', [value], { transfer: [value.buffer] }),
        abortAfter: (value, ms) => {
          const promise = pool.exec('run', [value]);
          setTimeout(() => promise.cancel(), ms);
          return promise;
        },
        close: () => pool.terminate(true),
      };
    };
  },
};
