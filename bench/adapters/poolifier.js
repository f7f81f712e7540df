'use strict';

const { moduleFile } = require('../lib/module-file.js');
const { pause } = require('../lib/numbers.js');
const { skip } = require('../lib/skip.js');

// Its destroy may never resolve (seen with 5.3.2, more often than not on a busy machine).
const DESTROY_LIMIT_MS = 500;

const code = (source) => `
  const { ThreadWorker } = require(${JSON.stringify(require.resolve('poolifier'))});
  module.exports = new ThreadWorker((${source})());`;

module.exports = {
  package: 'poolifier',

  load() {
    const { FixedThreadPool } = require('poolifier');
    return ({ source, threads, movesResult }) => {
      if (movesResult) throw skip('it moves arguments, but no results');
      const pool = new FixedThreadPool(threads, moduleFile(code(source)));
      return {
        run: (value) => pool.execute(value),
        abortAfter: (value, ms) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), ms);
          return pool.execute(value, undefined, controller.signal);
        },
        close: () => Promise.race([pool.destroy(), pause(DESTROY_LIMIT_MS)]),
      };
    };
  },
};
