'use strict';

// This library. `options` are those of its ThreadPool: see isolated-threads-strict.js.

const path = require('node:path');
const { skip } = require('../lib/skip.js');

const root = path.join(__dirname, '..', '..');

// What a version does not know yet is refused at the call, with a TypeError that names the option.
function runWith(pool, options, value) {
  try {
    return pool.runWith(options, value);
  } catch (error) {
    if (error.code !== 'ERR_INVALID_ARG_VALUE') throw error;
    throw skip(`runWith takes no ${Object.keys(options)[0]} yet`);
  }
}

const moving = (source) => `() => {
  const run = (${source})();
  return (x) => { const result = run(x); return transfer(result, [result.buffer]); };
}`;

const make = (options) => ({
  package: null,
  version: () => require(path.join(root, 'package.json')).version,

  load() {
    const { Thread, ThreadPool } = require(root);
    return ({ source, threads, movesResult }) => {
      const text = movesResult ? moving(source) : source;
      const pool = threads === 1 && !options ? new Thread(text) : new ThreadPool(text, threads, options);
      return {
        run: (value) => pool.run(value),
        move: (value) => runWith(pool, { transfer: [value.buffer] }, value),
        abortAfter: (value, ms) => {
          const controller = new AbortController();
          setTimeout(() => controller.abort(), ms);
          return runWith(pool, { signal: controller.signal }, value);
        },
        map: pool.map && ((items, mapOptions) => pool.map(items, mapOptions)),
        close: () => pool.dispose(),
      };
    };
  },
});

module.exports = { ...make(), make };
