'use strict';

const { echo } = require('../lib/sources.js');
const { pause } = require('../lib/numbers.js');

module.exports = {
  title: 'A pool of 2 that is idle, a while after work',
  isInline: true,
  metrics: {
    cpu: { label: 'CPU of the process a second', unit: 'ms', better: 'less' },
    wakes: { label: 'voluntary context switches a second', unit: '', better: 'less' },
  },

  async run({ create, pick }) {
    const pool = create({ source: echo, threads: 2 });
    for (let i = 0; i < pick(10, 3, 3); i++) await Promise.all(Array.from({ length: 1000 }, () => pool.run(i)));
    // V8 has a timer of its own that tidies up after work.
    await pause(pick(2000, 300, 100));
    const time = pick(3000, 400, 200);
    const before = process.resourceUsage();
    const begin = performance.now();
    await pause(time);
    const after = process.resourceUsage();
    const seconds = (performance.now() - begin) / 1000;
    await pool.close();
    const spent = after.userCPUTime + after.systemCPUTime - before.userCPUTime - before.systemCPUTime;
    return {
      cpu: spent / 1000 / seconds,
      wakes: (after.voluntaryContextSwitches - before.voluntaryContextSwitches) / seconds,
    };
  },
};
