'use strict';

// Many tasks under way at once: of the tests int, object and string-*.

const { echo } = require('./sources.js');
const { median, pause } = require('./numbers.js');

/** Tasks a second, in thousands: all given at once. */
async function allAtOnce(pool, value, count) {
  const runs = [];
  const begin = performance.now();
  for (let i = 0; i < count; i++) runs.push(pool.run(value));
  await Promise.all(runs);
  return count / (performance.now() - begin);
}

/** The same, but never more than `width` under way. */
async function inFlight(run, count, width) {
  let given = 0;
  const begin = performance.now();
  const lane = async () => {
    while (given < count) {
      given += 1;
      await run();
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return count / (performance.now() - begin);
}

/**
 * A test of small values. The first round warms up, and says how many tasks the others need to be
 * worth measuring: libraries are a hundred times apart.
 */
const small = (title, value) => ({
  title,
  metrics: {
    two: { label: '2 threads, all given at once', unit: 'k/s', better: 'more' },
    one: { label: '1 thread, all given at once', unit: 'k/s', better: 'more' },
    window: { label: '2 threads, 64 under way', unit: 'k/s', better: 'more' },
    cpu: { label: '2 threads: CPU seconds per million tasks', unit: 's', better: 'less' },
  },

  async run({ create, pick }) {
    const first = pick(20000, 2500, 1000);
    const most = pick(100000, 100000, 2000);
    const roundTime = pick(500, 150, 20);
    const rounds = pick(3, 2, 1);
    const results = {};
    for (const [name, threads] of [['two', 2], ['one', 1]]) {
      const pool = create({ source: echo, threads });
      const rates = [];
      const cpu = [];
      const warmUp = await allAtOnce(pool, value, first);
      const count = Math.round(Math.min(most, Math.max(first, warmUp * roundTime)));
      for (let i = 0; i < rounds; i++) {
        const before = process.cpuUsage();
        rates.push(await allAtOnce(pool, value, count));
        const { user, system } = process.cpuUsage(before);
        cpu.push((user + system) / count);
      }
      results[name] = median(rates);
      if (threads === 2) {
        results.cpu = median(cpu);
        results.window = await inFlight(() => pool.run(value), Math.max(first, count / 2), 64);
      }
      await pool.close();
    }
    return results;
  },
});

/** A test of large strings. */
const large = (title, value, counts) => ({
  title,
  metrics: { rate: { label: '2 threads, 8 under way, in and out', unit: 'MB/s each way', better: 'more' } },

  async run({ create, pick }) {
    const pool = create({ source: echo, threads: 2 });
    const count = pick(...counts);
    const rates = [];
    for (let i = 0; i < 3; i++) rates.push(await inFlight(() => pool.run(value), count, 8));
    await pool.close();
    return { rate: (median(rates.slice(1)) * value.length) / 1000 };
  },
});

/**
 * A test of buffers. Each task has a buffer of its own where they are moved: what comes back is sent
 * again.
 */
const buffers = (title, megabytes, width, counts) => ({
  title,
  metrics: {
    copied: { label: 'copied in and out', unit: 'ms', better: 'less' },
    moved: { label: 'transferred in and out', unit: 'ms', better: 'less' },
    shared: { label: 'shared', unit: 'ms', better: 'less' },
  },

  async run({ create, pick, attempt }) {
    const bytes = megabytes * 2 ** 20;
    const count = pick(...counts);
    const timed = async (pool, task) => {
      const rates = [];
      for (let i = 0; i < pick(4, 2, 2); i++) rates.push(await inFlight(task, count, width));
      await pool.close();
      await pause(10);
      return 1 / median(rates.slice(1));
    };
    const echoing = () => create({ source: echo, threads: 2 });

    return {
      copied: await attempt(async () => {
        const pool = echoing();
        const array = new Uint8Array(bytes).fill(1);
        return timed(pool, () => pool.run(array));
      }),
      moved: await attempt(async () => {
        const pool = create({ source: echo, threads: 2, movesResult: true });
        if (!pool.move) throw new Error('it does not say how to move');
        const spare = Array.from({ length: width }, () => new Uint8Array(bytes).fill(1));
        return timed(pool, async () => {
          const array = await pool.move(spare.pop());
          if (array.length !== bytes) throw new Error('the buffer came back with another length');
          spare.push(array);
        });
      }),
      shared: await attempt(async () => {
        const pool = echoing();
        const array = new Uint8Array(new SharedArrayBuffer(bytes)).fill(1);
        return timed(pool, () => pool.run(array));
      }),
    };
  },
});

module.exports = { small, large, buffers, inFlight, allAtOnce };
