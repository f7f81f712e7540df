'use strict';

const os = require('node:os');
const { compute } = require('../lib/sources.js');
const { median } = require('../lib/numbers.js');

const TASKS = 40;

module.exports = {
  title: `Work that scales: ${TASKS} tasks of arithmetic`,
  isInline: true,
  metrics: {
    one: { label: 'on one thread', unit: 'ms', better: 'less' },
    all: { label: 'on as many threads as cores', unit: 'ms', better: 'less' },
    speedUp: { label: 'so many times faster', unit: 'times', better: 'more' },
  },

  async run({ create, pick, isInline }) {
    const steps = pick(1e7, 2e6, 2e5);
    const timed = async (threads) => {
      const pool = create({ source: compute, threads });
      await Promise.all(Array.from({ length: threads * 4 }, () => pool.run(steps)));
      const times = [];
      for (let i = 0; i < pick(3, 2, 1); i++) {
        const begin = performance.now();
        await Promise.all(Array.from({ length: TASKS }, () => pool.run(steps)));
        times.push(performance.now() - begin);
      }
      await pool.close();
      return median(times);
    };
    const one = await timed(1);
    if (isInline) return { one };
    const all = await timed(os.availableParallelism());
    return { one, all, speedUp: one / all };
  },
};
