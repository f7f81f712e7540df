'use strict';

const { echo } = require('../lib/sources.js');
const { quantile, pause } = require('../lib/numbers.js');

module.exports = {
  title: 'Round trip, one after the other, one thread',
  metrics: {
    p50: { label: 'p50', unit: 'us', better: 'less' },
    p99: { label: 'p99', unit: 'us', better: 'less' },
    cpu: { label: 'CPU a round trip, all threads of the process', unit: 'us', better: 'less' },
    asleep50: { label: 'asleep for 10 ms before: p50', unit: 'us', better: 'less' },
    asleep99: { label: 'asleep for 10 ms before: p99', unit: 'us', better: 'less' },
  },

  async run({ create, pick }) {
    const thread = create({ source: echo, threads: 1 });
    const once = async () => {
      const begin = performance.now();
      await thread.run(1);
      return (performance.now() - begin) * 1000;
    };
    for (let i = 0; i < pick(5000, 1000, 100); i++) await once();

    const busy = [];
    const before = process.cpuUsage();
    for (let i = 0; i < pick(20000, 4000, 200); i++) busy.push(await once());
    const { user, system } = process.cpuUsage(before);
    const asleep = [];
    for (let i = 0; i < pick(300, 30, 5); i++) {
      await pause(10);
      asleep.push(await once());
    }
    await thread.close();
    return {
      p50: quantile(busy, 0.5),
      p99: quantile(busy, 0.99),
      cpu: (user + system) / busy.length,
      asleep50: quantile(asleep, 0.5),
      asleep99: quantile(asleep, 0.99),
    };
  },
};
