'use strict';

const { echo, startAll } = require('../lib/sources.js');
const { median, pause } = require('../lib/numbers.js');

module.exports = {
  title: 'Start to first result, one thread',
  metrics: {
    load: { label: 'loading the package', unit: 'ms', better: 'less' },
    cold: { label: 'the first of the process', unit: 'ms', better: 'less' },
    backToBack: { label: 'one after the other', unit: 'ms', better: 'less' },
    rested: { label: '50 ms after the last one', unit: 'ms', better: 'less' },
    destroy: { label: 'destroy', unit: 'ms', better: 'less' },
    destroy8: { label: 'destroy 8', unit: 'ms', better: 'less' },
  },

  async run({ create, loadTime, pick }) {
    const times = { first: [], end: [] };
    const once = async () => {
      const begin = performance.now();
      const thread = create({ source: echo, threads: 1 });
      await thread.run(1);
      const ran = performance.now();
      await thread.close();
      times.first.push(ran - begin);
      times.end.push(performance.now() - ran);
      return ran - begin;
    };
    const repeat = async (count, between) => {
      const starts = [];
      for (let i = 0; i < count; i++) {
        if (between > 0) await pause(between);
        starts.push(await once());
      }
      return median(starts);
    };

    const cold = await once();
    const backToBack = await repeat(pick(20, 5, 2), 0);
    const rested = await repeat(pick(20, 3, 2), 50);
    const pool = await startAll(create, 8);
    const begin = performance.now();
    await pool.close();
    return { load: loadTime, cold, backToBack, rested, destroy: median(times.end), destroy8: performance.now() - begin };
  },
};
