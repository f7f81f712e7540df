'use strict';

const { monitorEventLoopDelay } = require('node:perf_hooks');
const { echo } = require('../lib/sources.js');
const { pause } = require('../lib/numbers.js');

module.exports = {
  title: 'Delay of the main loop while integers come in: 2 threads, thousands under way, up to a million results',
  metrics: {
    p99: { label: 'delay p99', unit: 'ms', better: 'less' },
    p50: { label: 'delay p50', unit: 'ms', better: 'less' },
    max: { label: 'delay at most', unit: 'ms', better: 'less' },
    rate: { label: 'results meanwhile', unit: 'k/s', better: 'more' },
  },

  async run({ create, pick }) {
    const pool = create({ source: echo, threads: 2 });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => pool.run(i)));
    const most = pick(1e6, 5e4, 5e4);
    const width = pick(10000, 1000, 1000);
    const time = pick(4000, 200, 200);
    let given = 0;
    let isOver = false;
    const lane = async () => {
      while (!isOver && given < most) {
        given += 1;
        await pool.run(1);
      }
    };
    // In slices: not the giving is measured, but what comes in.
    const lanes = [];
    while (lanes.length < width) {
      for (let i = 0; i < width / 4; i++) lanes.push(lane());
      await pause(1);
    }

    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const begin = performance.now();
    const before = given;
    const timer = setTimeout(() => { isOver = true; }, time);
    await Promise.all(lanes);
    const elapsed = performance.now() - begin;
    delay.disable();
    clearTimeout(timer);
    await pool.close();
    return {
      p99: delay.percentile(99) / 1e6, p50: delay.percentile(50) / 1e6, max: delay.max / 1e6, rate: (given - before) / elapsed,
    };
  },
};
