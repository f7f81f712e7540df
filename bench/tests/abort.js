'use strict';

const { endless } = require('../lib/sources.js');
const { median, pause } = require('../lib/numbers.js');
const { skip } = require('../lib/skip.js');

const AFTER_MS = 20;

module.exports = {
  title: 'An endless loop is aborted: until the next task is answered, one thread',
  metrics: { next: { label: 'abort to next answer', unit: 'ms', better: 'less' } },

  async run({ create, pick }) {
    const limit = pick(5000, 2500, 2500);
    const pool = create({ source: endless, threads: 1 });
    const times = [];
    for (let i = 0; i < pick(10, 1, 1); i++) {
      await pool.run(1);
      const begin = performance.now();
      const aborted = pool.abortAfter('for ever', AFTER_MS).then(
        () => { throw new Error('the endless loop has an end'); },
        () => {},
      );
      await pause(AFTER_MS);
      const next = aborted.then(() => pool.run(2));
      next.catch(() => {});
      // The timer of the limit would keep the process; the child ends it.
      if ((await Promise.race([next, pause(limit).then(() => 'late')])) === 'late') {
        throw skip(`no answer in ${limit / 1000} s`);
      }
      times.push(performance.now() - begin - AFTER_MS);
    }
    return { next: median(times) };
  },
};
