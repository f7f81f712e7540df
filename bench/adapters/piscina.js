'use strict';

const { moduleFile } = require('../lib/module-file.js');

const moving = (source) => `
  const { move } = require(${JSON.stringify(require.resolve('piscina'))});
  const run = (${source})();
  module.exports = (value) => move(run(value));`;

module.exports = {
  package: 'piscina',

  load() {
    const { Piscina } = require('piscina');
    return ({ source, threads, movesResult }) => {
      const filename = moduleFile(movesResult ? moving(source) : `module.exports = (${source})();`);
      const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads });
      return {
        run: (value) => pool.run(value),
        move: (value) => pool.run(value, { transferList: [value.buffer] }),
        abortAfter: (value, ms) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), ms);
          return pool.run(value, { signal: controller.signal });
        },
        close: () => pool.destroy(),
      };
    };
  },
};
