'use strict';

const { spin } = require('../lib/sources.js');

const LONG_MS = 400;
const SHORT_MS = 2;
const SHORT_TASKS = 200;

module.exports = {
  title: 'Uneven tasks: one of 400 ms among 200 of 2 ms, 2 threads',
  variants: ['isolated-threads-strict'],
  metrics: { overIdeal: { label: 'time over the ideal of 400 ms', unit: 'times', better: 'less' } },

  async run({ create }) {
    const pool = create({ source: spin, threads: 2 });
    await Promise.all(Array.from({ length: 4 }, () => pool.run({ ms: 10 })));
    const jobs = Array.from({ length: SHORT_TASKS }, () => ({ ms: SHORT_MS }));
    jobs.splice(20, 0, { ms: LONG_MS });
    const begin = performance.now();
    await Promise.all(jobs.map((job) => pool.run(job)));
    const elapsed = performance.now() - begin;
    await pool.close();
    return { overIdeal: elapsed / ((LONG_MS + SHORT_MS * SHORT_TASKS) / 2) };
  },
};
