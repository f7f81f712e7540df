'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread } = require('../..');
const { runChild } = require('./fixtures/child.js');

const onLinux = { skip: process.platform !== 'linux' };

// Threads of the process beyond those that were there before.
const helpers = `
  const fs = require('node:fs');
  const { ThreadPool } = require(root);
  const count = () => fs.readdirSync('/proc/self/task').length;
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (wanted, known) => {
    for (let i = 0; i < 500 && count() - known !== wanted; i++) await rest(10);
    return count() - known;
  };
`;
const child = async (body) => {
  const { code, stdout, stderr } = await runChild(`${helpers} (async () => {
    // Starts the watchdog, which stays.
    await Thread.warm(0);
    ${body}
  })();`);
  assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout.trim();
};

describe('spares', () => {
  test('none is made before a thread is, then one, also in the place of one that was taken', onLinux, async () => {
    const seen = await child(`
      const known = count();
      await rest(50);
      const seen = [count() - known];
      await Thread.warm(1);
      await Thread.warm(0);
      seen.push(await until(0, known));
      await Thread.warm(1);
      const thread = new Thread(() => () => 1);
      await thread.run();
      seen.push(await until(2, known));
      await thread.dispose();
      seen.push(await until(1, known));
      await Thread.warm(0);
      seen.push(await until(0, known));
      console.log(seen.join());
    `);
    assert.strictEqual(seen, '0,0,2,1,0');
  });

  test('spares: 0 asks for none, and takes what is there', onLinux, async () => {
    const seen = await child(`
      const known = count();
      const first = new Thread(() => () => 1, { spares: 0 });
      await first.run();
      await rest(100);
      const seen = [count() - known];
      await Thread.warm(2);
      seen.push(count() - known);
      const pool = new ThreadPool(() => () => 1, 2, { spares: 0 });
      seen.push(count() - known, pool.stats().threads);
      await pool.run();
      await rest(100);
      seen.push(count() - known);
      await Promise.all([first.dispose(), pool.dispose()]);
      seen.push(await until(0, known));
      console.log(seen.join());
    `);
    assert.strictEqual(seen, '1,3,3,2,3,0');
  });

  test('what a Thread has begun that is then refused serves the next', onLinux, async () => {
    const seen = await child(`
      const known = count();
      const refusals = [() => new Thread(() => () => 1, { memoryLimit: 1 }), () => new Thread(1)];
      for (const refused of refusals) {
        try { refused(); } catch (error) { if (!(error instanceof TypeError || error instanceof RangeError)) throw error; }
      }
      const seen = [await until(1, known)];
      const thread = new Thread(() => () => 1, { spares: 0 });
      seen.push(count() - known, await thread.run(), await until(1, known));
      await thread.dispose();
      seen.push(await until(0, known));
      console.log(seen.join());
    `);
    assert.strictEqual(seen, '1,1,1,1,0');
  });

  test('a spare has the limits of the thread that takes it', async () => {
    await Thread.warm(2);
    const thread = new Thread(() => (make) => {
      if (make) return eval(make);
      const list = [];
      for (;;) list.push(new Array(1000).fill(0));
    }, { memoryLimit: 16, codeGeneration: { strings: false } });
    await assert.rejects(thread.run('1 + 1'), EvalError);
    await assert.rejects(thread.run(), { code: 'ERR_THREAD_OUT_OF_MEMORY' });
    const free = new Thread(() => eval);
    assert.strictEqual(await free.run('1 + 1'), 2);
    await Promise.all([thread.dispose(), free.dispose()]);
  });

  test('many threads at once take those that are ready, those that start, and new ones', async () => {
    const ready = Thread.warm(4);
    const threads = Array.from({ length: 8 }, () => new Thread(() => (n) => n));
    assert.deepStrictEqual(await Promise.all(threads.map((thread, i) => thread.run(i))), [0, 1, 2, 3, 4, 5, 6, 7]);
    await ready;
    await Promise.all(threads.map((thread) => thread.dispose()));
    await Thread.warm(0);
  });

  test('a Worker has its own, and ends with them', async () => {
    const { code, stdout, stderr } = await runChild(`
      const worker = new Worker(\`
        const { Thread } = require(\${JSON.stringify(root)});
        Thread.warm(2).then(() => new Thread(() => () => 7).run()).then(console.log);
      \`, { eval: true });
      worker.on('exit', (code) => console.log('exit', code));
    `);
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: '7\nexit 0\n', stderr: '' });
  });

  for (const [how, end] of [['by itself', ''], ['by process.exit', 'process.exit();'], ['before they are ready', '']]) {
    test(`they keep no process alive: it ends ${how}`, async () => {
      const waits = how === 'before they are ready' ? '' : 'await';
      const { code, stdout, stderr } = await runChild(`(async () => {
        new Thread(() => () => 1);
        ${waits} Thread.warm(3);
        console.log('over');
        ${end}
      })();`, { timeout: 9000 });
      assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'over\n', stderr: '' });
    });
  }

  test('counts that cannot be are refused', async () => {
    await assert.rejects(Thread.warm(-1), { name: 'RangeError', message: /^spares must be an integer from 0 to 1024/ });
    await assert.rejects(Thread.warm('2'), { name: 'TypeError' });
    assert.throws(() => new Thread(() => () => 1, { spares: 1.5 }), { name: 'RangeError', message: /^options\.spares must be/ });
  });
});
