'use strict';

const { echo, startAll, smallObject } = require('../lib/sources.js');
const { pause } = require('../lib/numbers.js');

const megabytes = () => process.memoryUsage.rss() / 1e6;

module.exports = {
  title: 'Resident memory',
  metrics: {
    idle: { label: 'an idle thread', unit: 'MB', better: 'less' },
    loaded: { label: 'a pool of 4 under load of small objects: growth of the process', unit: 'MB', better: 'less' },
  },

  async run({ create, pick }) {
    const threads = pick(50, 8, 4);
    await startAll(create, 1);
    await pause(200);
    const before = megabytes();
    const pool = await startAll(create, threads);
    await pause(pick(500, 100, 100));
    const idle = (megabytes() - before) / threads;
    await pool.close();

    await pause(100);
    const base = megabytes();
    const busy = create({ source: echo, threads: 4 });
    for (let i = 0; i < pick(200, 4, 2); i++) {
      await Promise.all(Array.from({ length: 1000 }, () => busy.run(smallObject)));
    }
    const loaded = megabytes() - base;
    await busy.close();
    return { idle, loaded };
  },
};
