'use strict';

// Nothing is left behind: threads, descriptors, memory. Each case in a child, for clean numbers.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

// What a child can see of itself. Settled: after a look at the loop and a collection.
const helpers = `
  const fs = require('node:fs');
  const osThreads = () => fs.readdirSync('/proc/self/task').length;
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const megabytes = () => process.memoryUsage.rss() / 1024 / 1024;
  const rest = () => new Promise((resolve) => setTimeout(resolve, 20));
  const settle = async () => { for (let i = 0; i < 5; i++) { gc(); await rest(); } };
  const binding = require(root + '/lib/binding.js').load;
`;

const onLinux = { skip: process.platform !== 'linux' };

describe('nothing is left behind', () => {
  test('by 1,000 threads made, run and disposed', onLinux, async () => {
    const { code, stdout, stderr } = await runChild(`${helpers}
      (async () => {
        const cycle = async (n) => {
          for (let i = 0; i < n; i += 4) {
            await Promise.all([0, 1, 2, 3].map(async () => {
              const thread = new Thread(() => (a) => ({ a, list: [1, 2, 3] }));
              await thread.run({ i });
              await thread.dispose();
            }));
          }
          await settle();
        };
        await cycle(200);
        const before = { threads: osThreads(), descriptors: descriptors(), megabytes: megabytes() };
        await cycle(1000);
        console.log(JSON.stringify({
          threads: osThreads() - before.threads,
          descriptors: descriptors() - before.descriptors,
          grownLittle: megabytes() - before.megabytes < 24 ? true : megabytes() - before.megabytes,
        }));
      })();
    `, { timeout: 120000 });
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepStrictEqual(JSON.parse(stdout), { threads: 0, descriptors: 0, grownLittle: true });
  });

  // V8 would keep the pages for seconds, for the isolates to come.
  test('by a thread with a large heap, as soon as it is disposed', onLinux, async () => {
    const { code, stdout } = await runChild(`${helpers}
      (async () => {
        const grow = () => () => {
          globalThis.all = Array.from({ length: 1e6 }, (_, i) => [i, { i }]);
        };
        await new Thread(() => () => 1).run();
        await settle();
        const before = megabytes();
        const thread = new Thread(grow);
        await thread.run();
        const grown = megabytes() - before;
        await thread.dispose();
        const left = megabytes() - before;
        console.log(grown > 80 && left < 40 ? 'given back' : [grown, left]);
      })();
    `);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'given back\n' });
  });

  test('by threads that become garbage with nothing pending', onLinux, async () => {
    const { code, stdout } = await runChild(`${helpers}
      (async () => {
        await new Thread(() => () => 1).run();
        await settle();
        const before = osThreads();
        for (let i = 0; i < 20; i++) new Thread(() => () => 1);
        for (let i = 0; i < 20; i++) await new Thread(() => (n) => n).run(i);
        for (let tries = 0; tries < 200 && osThreads() > before; tries++) await settle();
        console.log(osThreads() - before <= 0);
      })();
    `);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'true\n' });
  });

  test('and a garbage thread with a run or ready pending still settles it', async () => {
    const { code, stdout } = await runChild(`${helpers}
      (async () => {
        const slow = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; };
        const run = new Thread('() => ' + slow).run(300);
        const { ready } = new Thread(() => { const end = Date.now() + 200; while (Date.now() < end); return () => 1; });
        for (let i = 0; i < 10; i++) { gc(); await rest(); }
        console.log(await ready, await run);
      })();
    `);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'undefined 300\n' });
  });

  test('and a pool with runs pending still tells those who listen', async () => {
    const { code, stdout } = await runChild(`${helpers}
      const { ThreadPool } = require(root);
      (async () => {
        const pool = new ThreadPool(() => () => { const end = Date.now() + 4; while (Date.now() < end); }, 1, { maxQueue: 100 });
        await pool.ready;
        // Stacks are kept for the first of a burst only, and a stack holds on to the pool.
        for (let i = 0; i < 101; i++) pool.run();
        await pool.drained();
        console.log('drained');
      })();
      const timer = setInterval(gc, 10);
      timer.unref();
    `);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'drained\n' });
  });

  test('by 200,000 runs of every outcome', onLinux, async () => {
    const { code, stdout, stderr } = await runChild(`${helpers}
      (async () => {
        const thread = new Thread(() => (kind, value) => {
          if (kind === 'throw') throw new Error('x');
          if (kind === 'symbol') return Symbol('x');
          return value;
        });
        const cycle = async (n) => {
          for (let i = 0; i < n; i += 100) {
            const runs = [];
            for (let j = 0; j < 25; j++) {
              runs.push(thread.run('echo', j), thread.run('echo', { j, buffer: new SharedArrayBuffer(64), list: [1, 'two'] }),
                thread.run('throw'), thread.run(j % 2 ? 'symbol' : () => 1));
            }
            await Promise.allSettled(runs);
          }
          await settle();
        };
        await cycle(50000);
        const before = megabytes();
        await cycle(200000);
        const grown = megabytes() - before;
        console.log(grown < 24 ? 'flat' : grown);
      })();
    `, { timeout: 120000 });
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'flat\n', stderr: '' });
  });
});
