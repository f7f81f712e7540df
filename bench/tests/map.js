'use strict';

const { echo } = require('../lib/sources.js');
const { allAtOnce } = require('../lib/pipelined.js');
const { skip } = require('../lib/skip.js');

module.exports = {
  title: 'pool.map over a million integers, 2 threads',
  libraries: ['isolated-threads'],
  metrics: {
    map: { label: 'pool.map', unit: 'k/s', better: 'more' },
    run: { label: 'run, all given at once', unit: 'k/s', better: 'more' },
    ratio: { label: 'map over run', unit: 'times', better: 'more' },
  },

  async run({ create, pick }) {
    const count = pick(1e6, 2e5, 2e3);
    const pool = create({ source: echo, threads: 2 });
    if (!pool.map) throw skip('it has no map');
    await allAtOnce(pool, 1, 10000);
    const run = await allAtOnce(pool, 1, count);

    const integers = (function* () { for (let i = 0; i < count; i++) yield i; })();
    let sum = 0;
    const begin = performance.now();
    for await (const result of pool.map(integers)) sum += result;
    const map = count / (performance.now() - begin);
    if (sum !== (count * (count - 1)) / 2) throw new Error(`the sum is wrong: ${sum}`);
    await pool.close();
    return { map, run, ratio: map / run };
  },
};
