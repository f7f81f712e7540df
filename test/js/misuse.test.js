'use strict';

// What happens where users, or their other libraries, get in the way.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread, ThreadPool } = require('../..');
const { runChild } = require('./fixtures/child.js');

describe('misuse', () => {
  test('runs that fail reject, also where Error.prepareStackTrace throws', async () => {
    const thread = new Thread(() => () => { throw new RangeError('from the thread'); });
    await thread.ready;
    Error.prepareStackTrace = () => { throw new Error('no stack'); };
    // More than the library keeps stacks for.
    const ends = await Promise.allSettled(Array.from({ length: 100 }, () => thread.run()))
      .finally(() => { Error.prepareStackTrace = undefined; });
    for (const { reason } of ends) {
      assert.ok(reason instanceof RangeError);
      assert.strictEqual(reason.message, 'from the thread');
    }
    await thread.dispose();
  });

  test('run where there is hardly any stack left works or says so, and never resolves to nothing', async () => {
    const thread = new Thread(() => ({ a }) => a);
    const runs = [];
    const call = () => {
      try {
        call();
      } catch {
        // Run on the way back: each time with a little more stack.
      }
      if (runs.length >= 300) return;
      try {
        runs.push(thread.run({ a: 1 }));
      } catch {
        // That it throws is right.
      }
    };
    call();
    for (const { status, value, reason } of await Promise.allSettled(runs)) {
      if (status === 'fulfilled') assert.strictEqual(value, 1);
      else assert.ok(reason instanceof Error, String(reason));
    }
    await thread.dispose();
  });

  test('methods called on what is no thread, or with what is no token, throw', async () => {
    const { code, stdout } = await runChild(`
      const { ThreadPool } = require(root);
      const pool = new ThreadPool(() => (x) => x, 1);
      const NativePool = Object.getPrototypeOf(Thread);
      const attempts = [
        () => Thread.prototype.run.call({}),
        () => Thread.prototype.run.call(Object.create(Thread.prototype)),
        () => pool.runTask(), () => pool.runTask(1, 2),
        () => new NativePool(), () => new NativePool({}), () => NativePool({}), () => new NativePool(1),
      ];
      for (const attempt of attempts) {
        let message = 'did not throw';
        try { attempt(); } catch (error) { message = error instanceof Error ? '' : String(error); }
        if (message) console.log(String(attempt), message);
      }
      for (const token of [undefined, {}, 1, pool, new Thread(() => () => 1), NativePool]) {
        if (pool.cancel(token) !== false) console.log('cancelled', token);
      }
      pool.run(5).then(console.log);
    `);
    assert.strictEqual(stdout, '5\n');
    assert.strictEqual(code, 0);
  });

  test('what a listener or a subscriber throws is an uncaught exception', async () => {
    for (const [thrower, error] of [
      [`pool.on('threadStart', () => { throw new Error('the listener'); });`, 'the listener'],
      [`require('node:diagnostics_channel').subscribe('isolated-threads.thread.start', () => { throw new Error('the subscriber'); });`, 'the subscriber'],
    ]) {
      const program = (handler) => `
        const { ThreadPool } = require(root);
        ${handler}
        const pool = new ThreadPool(() => () => 1, 1);
        ${thrower}
        pool.run().then(() => setTimeout(() => console.log('went on'), 50));
      `;
      const uncaught = await runChild(program(''));
      assert.strictEqual(uncaught.code, 1, uncaught.stderr);
      assert.match(uncaught.stderr, new RegExp(`Error: ${error}`));
      const caught = await runChild(program(`process.on('uncaughtException', ({ message }) => console.log(message));`));
      assert.deepStrictEqual(caught.stdout.trim().split('\n'), [error, 'went on']);
      assert.strictEqual(caught.code, 0);
    }
  });

  test('options that change while they are read, or are inherited, are checked all the same', async () => {
    let reads = 0;
    const pool = new ThreadPool(() => () => 1, undefined, { get maxThreads() { return reads++ === 0 ? 2 : 'many'; }, minThreads: 1 });
    assert.strictEqual(reads, 1);
    assert.strictEqual(await pool.run(), 1);
    assert.throws(() => new Thread(() => () => 1, Object.create({ memoryLimit: 'much' })), /^TypeError.*options\.memoryLimit/);
    assert.throws(() => new Thread(() => () => 1, { get name() { throw new Error('from the getter'); } }), /^Error: from the getter$/);
    await pool.dispose();
  });

  test('a timeout of close beyond what a timer takes is no timeout', async () => {
    const pool = new ThreadPool(() => (view) => Atomics.wait(view, 0, 0, 10000), 1);
    const view = new Int32Array(new SharedArrayBuffer(4));
    const run = pool.run(view);
    const closed = pool.close({ timeout: 1e12 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    Atomics.store(view, 0, 1);
    Atomics.notify(view, 0);
    assert.notStrictEqual(await run, 'timed-out');
    await closed;
  });

  test('a subclass may have fields, and methods of its own', async () => {
    class Adder extends Thread {
      name = 'adder';
      run(n) { return super.run(n).then((sum) => [this.name, sum]); }
    }
    const adder = new Adder(() => (n) => n + 1);
    assert.deepStrictEqual(await adder.run(1), ['adder', 2]);
    await adder.dispose();
  });
});
