'use strict';

const { startAll } = require('../lib/sources.js');

module.exports = {
  title: 'Start until all have answered',
  metrics: {
    cold8: { label: '8 threads, the first of the process', unit: 'ms', better: 'less' },
    warm8: { label: '8 threads, again', unit: 'ms', better: 'less' },
    cold50: { label: '50 threads at once', unit: 'ms', better: 'less' },
  },

  async run({ create, pick }) {
    const timed = async (threads) => {
      const begin = performance.now();
      const pool = await startAll(create, threads);
      const elapsed = performance.now() - begin;
      await pool.close();
      return elapsed;
    };
    return { cold8: await timed(8), warm8: await timed(8), cold50: await timed(pick(50, 50, 10)) };
  },
};
