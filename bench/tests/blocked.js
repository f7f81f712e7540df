'use strict';

const { spin } = require('../lib/sources.js');

module.exports = {
  title: 'Main loop blocked for a second after 100 tasks of 5 ms were given, 2 threads',
  variants: ['isolated-threads-strict'],
  metrics: { done: { label: 'done meanwhile', unit: 'of 100', better: 'more' } },

  async run({ create, pick }) {
    const pool = create({ source: spin, threads: 2 });
    await Promise.all(Array.from({ length: 4 }, () => pool.run({ ms: 10 })));
    const done = new Int32Array(new SharedArrayBuffer(4));
    const runs = Array.from({ length: 100 }, () => pool.run({ ms: 5, done }));
    const end = performance.now() + pick(1000, 400, 400);
    while (performance.now() < end);
    const seen = Atomics.load(done, 0);
    await Promise.all(runs);
    await pool.close();
    return { done: seen };
  },
};
