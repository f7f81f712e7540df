'use strict';

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const os = require('node:os');
const { describe, test } = require('node:test');
const { ThreadPool, Thread, ThreadError } = require('../..');
const { runChild } = require('./fixtures/child.js');

const { context, gate, open, sleep, until, occupy } = require('./fixtures/pool-context.js');

describe('ThreadPool', () => {
  test('runs on as many threads as it has', async () => {
    const pool = new ThreadPool(context, 3);
    await pool.ready;
    assert.strictEqual(pool.stats().threads, 3);
    const free = await occupy(pool, 3);
    assert.strictEqual(new Set(await free()).size, 3);
    await pool.dispose();
  });

  test('has as many threads as there are cores by default', async () => {
    const pool = new ThreadPool(context);
    await pool.ready;
    assert.strictEqual(pool.stats().threads, os.availableParallelism());
    assert.deepStrictEqual(await Promise.all([1, 2, 3].map((n) => pool.run('echo', n))), [1, 2, 3]);
    await pool.dispose();
  });

  test('errors and values are those of a Thread', async () => {
    const pool = new ThreadPool(context, 2);
    await assert.rejects(pool.run('throw', 'bad'), (error) => error instanceof RangeError && error.message === 'bad');
    await assert.rejects(pool.run('echo', Symbol('no')), { code: 'ERR_THREAD_NOT_CLONEABLE' });
    assert.deepStrictEqual(await pool.run('echo', { a: [1n] }), { a: [1n] });
    await pool.dispose();
    await assert.rejects(pool.run('echo'), (error) => error instanceof ThreadError && error.code === 'ERR_THREAD_DISPOSED' && /pool "/.test(error.message));
  });

  test('a failing context rejects ready and every run, and is not tried again and again', async () => {
    const pool = new ThreadPool(() => { throw new TypeError('no context'); }, 4);
    const exits = [];
    let starts = 0;
    pool.on('threadStart', () => (starts += 1));
    pool.on('threadExit', ({ reason }) => exits.push(reason));
    const runs = Array.from({ length: 20 }, () => pool.run());
    for (const { reason } of await Promise.allSettled([pool.ready, ...runs])) {
      assert.ok(reason instanceof TypeError);
      assert.strictEqual(reason.message, 'no context');
    }
    await until(() => exits.length === 4);
    await sleep(50);
    assert.strictEqual(exits.length, 4);
    assert.strictEqual(starts, 0);
    await assert.rejects(pool.run(), TypeError);
  });

  test('works while the main loop is blocked', async () => {
    const pool = new ThreadPool(() => (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; }, 2);
    await pool.ready;
    const runs = Array.from({ length: 20 }, () => pool.run(2));
    // Blocked, and never asleep: what is done by now, the threads took by themselves.
    while (pool.stats().completed < 20);
    assert.strictEqual((await Promise.all(runs)).length, 20);
    await pool.dispose();
  });

  test('AsyncLocalStorage is intact after await run', async () => {
    const storage = new AsyncLocalStorage();
    const pool = new ThreadPool(context, 2);
    await Promise.all(Array.from({ length: 50 }, (_, i) => storage.run(i, async () => {
      await pool.run('echo', i);
      assert.strictEqual(storage.getStore(), i);
      await pool.run('throw', 'x').catch(() => {});
      assert.strictEqual(storage.getStore(), i);
    })));
    await pool.dispose();
  });
});

describe('schedulers', () => {
  test('strict round-robin places the i-th run on thread i mod n', async () => {
    const pool = new ThreadPool(context, 3, { steal: false });
    await pool.ready;
    const ids = await Promise.all(Array.from({ length: 12 }, () => pool.run('id')));
    assert.strictEqual(new Set(ids.slice(0, 3)).size, 3);
    for (const [i, id] of ids.entries()) assert.strictEqual(id, ids[i % 3]);
    assert.strictEqual(pool.stats().stolen, 0);
    await pool.dispose();
  });

  test('strict round-robin waits for a busy thread; the default lets an idle one take over', async () => {
    for (const steal of [false, true]) {
      const pool = new ThreadPool(context, 2, { steal });
      await pool.ready;
      const view = gate();
      const blocked = pool.run('wait', view);
      await until(() => Atomics.load(view, 1) === 1);
      const runs = Array.from({ length: 8 }, (_, i) => pool.run('echo', i));
      // Those that need not wait for the busy thread are done with the gate still shut.
      await until(() => pool.stats().completed >= (steal ? 8 : 4));
      await sleep(20);
      assert.strictEqual(pool.stats().completed, steal ? 8 : 4);
      assert.strictEqual(pool.stats().queued, steal ? 0 : 4);
      assert.strictEqual(pool.stats().stolen > 0, steal);
      open(view);
      await Promise.all([blocked, ...runs]);
      await pool.dispose();
    }
  });

  test('least-loaded avoids the busy thread', async () => {
    const pool = new ThreadPool(context, 2, { scheduler: 'least-loaded', steal: false });
    await pool.ready;
    const view = gate();
    const blocked = pool.run('wait', view);
    await until(() => Atomics.load(view, 1) === 1);
    for (let i = 0; i < 10; i++) assert.strictEqual(await pool.run('echo', i), i);
    open(view);
    await blocked;
    await pool.dispose();
  });

  for (const scheduler of ['shared', 'random', 'round-robin', 'least-loaded']) {
    test(`${scheduler}: everything runs, once`, async () => {
      const pool = new ThreadPool(context, 3, { scheduler });
      const results = await Promise.all(Array.from({ length: 3000 }, (_, i) => pool.run('echo', i)));
      assert.deepStrictEqual(results, Array.from({ length: 3000 }, (_, i) => i));
      const { completed, queued, running, failed } = pool.stats();
      assert.deepStrictEqual({ completed, queued, running, failed }, { completed: 3000, queued: 0, running: 0, failed: 0 });
      await pool.dispose();
    });
  }

  test('a key always goes to the same thread, in order, whatever the scheduler', async () => {
    for (const scheduler of ['round-robin', 'least-loaded', 'shared', 'random']) {
      const pool = new ThreadPool(context, 3, { scheduler });
      await pool.ready;
      const logs = new Map();
      const runs = [];
      for (let i = 0; i < 600; i++) {
        const key = `key ${i % 7}`;
        if (!logs.has(key)) logs.set(key, { log: new Int32Array(new SharedArrayBuffer(4096)), ids: [] });
        const entry = logs.get(key);
        runs.push(pool.runWith({ key }, 'log', [entry.log, i]).then((id) => entry.ids.push(id)));
        if (i % 3 === 0) runs.push(pool.run('echo', i));
      }
      await Promise.all(runs);
      for (const { log, ids } of logs.values()) {
        assert.strictEqual(new Set(ids).size, 1);
        const order = Array.from(log.slice(1, log[0] + 1));
        assert.deepStrictEqual(order, order.toSorted((a, b) => a - b));
      }
      assert.ok(new Set([...logs.values()].map(({ ids }) => ids[0])).size > 1);
      await pool.dispose();
    }
  });

  test('priorities: higher first, first come first served within one', async () => {
    const pool = new ThreadPool(context, 1);
    await pool.ready;
    const log = new Int32Array(new SharedArrayBuffer(1024));
    const free = await occupy(pool, 1);
    const runs = [];
    for (const [priority, value] of [[0, 5], [-1, 9], [2, 1], [0, 6], [1, 3], [2, 2], [-1, 10], [1, 4], [0, 7]]) {
      runs.push(pool.runWith({ priority }, 'log', [log, value]));
    }
    runs.push(pool.run('log', [log, 8]));
    await free();
    await Promise.all(runs);
    assert.deepStrictEqual(Array.from(log.slice(1, log[0] + 1)), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await pool.dispose();
  });

  test('priorities and keys work on a Thread too', async () => {
    const thread = new Thread(context);
    const log = new Int32Array(new SharedArrayBuffer(1024));
    await thread.ready;
    const view = gate();
    const blocked = thread.run('wait', view);
    await until(() => Atomics.load(view, 1) === 1);
    const runs = [thread.run('log', [log, 2]), thread.runWith({ priority: 1, key: 'k' }, 'log', [log, 1])];
    open(view);
    await Promise.all([blocked, ...runs]);
    assert.deepStrictEqual(Array.from(log.slice(1, 3)), [1, 2]);
    await thread.dispose();
  });
});

describe('size', () => {
  test('resize grows and shrinks, and loses nothing', async () => {
    const pool = new ThreadPool(context, 1);
    const runs = [];
    for (const size of [4, 1, 3, 2, 5, 1]) {
      for (let i = 0; i < 200; i++) runs.push(pool.run('echo', i));
      pool.resize(size);
      await until(() => pool.stats().threads === size);
    }
    assert.strictEqual((await Promise.all(runs)).length, 1200);
    await pool.dispose();
  });

  test('a pool between minThreads and maxThreads grows with demand and shrinks when idle', async () => {
    const pool = new ThreadPool(context, undefined, { minThreads: 1, maxThreads: 3, idleTimeout: 20 });
    await pool.ready;
    assert.strictEqual(pool.stats().threads, 1);
    const free = await occupy(pool, 3);
    assert.strictEqual(pool.stats().threads, 3);
    const more = pool.run('echo', 1);
    assert.strictEqual(pool.stats().threads, 3);
    await free();
    await more;
    await until(() => pool.stats().threads === 1);
    assert.strictEqual(await pool.run('echo', 2), 2);
    await pool.dispose();
  });

  test('a pool may have no thread at rest', async () => {
    const pool = new ThreadPool(context, undefined, { minThreads: 0, maxThreads: 2, idleTimeout: 10 });
    await pool.ready;
    assert.strictEqual(pool.stats().threads, 0);
    assert.strictEqual(await pool.run('echo', 1), 1);
    await until(() => pool.stats().threads === 0);
    assert.strictEqual(await pool.runWith({ key: 'k' }, 'echo', 2), 2);
    await pool.dispose();
  });

  test('maxTasksPerThread replaces a thread after so many tasks', async () => {
    const pool = new ThreadPool(context, 1, { maxTasksPerThread: 5 });
    const reasons = [];
    pool.on('threadExit', ({ reason }) => reasons.push(reason));
    const ids = [];
    while (new Set(ids).size < 4) ids.push(await pool.run('id'));
    // Each thread serves on until its successor has started, so five is the least.
    for (const id of new Set(ids.slice(0, ids.lastIndexOf(ids.at(-1))))) {
      assert.ok(ids.filter((other) => other === id).length >= 5 || id === ids.at(-1));
    }
    assert.ok(reasons.every((reason) => reason === 'retired'));
    await pool.dispose();
  });

  test('a thread that dies is replaced, and what waited still runs', async () => {
    const { code, stdout } = await runChild(`
      const { ThreadPool } = require(root);
      const pool = new ThreadPool(${context}, 2, { memoryLimit: 64 });
      (async () => {
        const good = [];
        const bad = [];
        for (let i = 0; i < 100; i++) {
          if (i % 25 === 0) bad.push(pool.run('bomb'));
          good.push(pool.run('echo', i), pool.runWith({ key: i % 5 }, 'echo', i));
        }
        const ends = Promise.allSettled(bad);
        console.log((await Promise.all(good)).length);
        console.log((await ends).map(({ reason }) => reason.code).join());
        const { threads, respawned, failed, completed } = pool.stats();
        console.log(threads, respawned, failed, completed);
        await pool.dispose();
      })();
    `);
    assert.strictEqual(stdout, `200\n${new Array(4).fill('ERR_THREAD_OUT_OF_MEMORY').join()}\n2 4 4 200\n`);
    assert.strictEqual(code, 0);
  });
});

describe('back-pressure', () => {
  test('maxQueue refuses what is beyond it', async () => {
    const pool = new ThreadPool(context, 2, { maxQueue: 3 });
    await pool.ready;
    const free = await occupy(pool, 2);
    const waiting = [1, 2, 3].map((n) => pool.run('echo', n));
    await assert.rejects(pool.run('echo', 4), { code: 'ERR_THREAD_QUEUE_FULL' });
    await free();
    assert.deepStrictEqual(await Promise.all(waiting), [1, 2, 3]);
    assert.strictEqual(await pool.run('echo', 5), 5);
    await pool.dispose();
  });

  test('maxQueue 0 takes what a thread is free for, one after the other too', async () => {
    const pool = new ThreadPool(context, 1, { maxQueue: 0 });
    for (let i = 0; i < 200; i++) assert.strictEqual(await pool.run('echo', i), i);
    const free = await occupy(pool, 1);
    await assert.rejects(pool.run('echo', 1), { code: 'ERR_THREAD_QUEUE_FULL' });
    await free();
    await pool.dispose();
  });

  test('needsDrain, its event, drain and drained', async () => {
    const pool = new ThreadPool(context, 1, { maxQueue: 2 });
    await pool.ready;
    const events = [];
    pool.on('needsDrain', () => events.push('needsDrain'));
    pool.on('drain', () => events.push('drain'));
    assert.strictEqual(pool.needsDrain, false);
    await pool.drained();
    const free = await occupy(pool, 1);
    const runs = [pool.run('echo', 1)];
    assert.strictEqual(pool.needsDrain, false);
    runs.push(pool.run('echo', 2));
    assert.strictEqual(pool.needsDrain, true);
    const drained = pool.drained().then(() => events.push('drained'));
    await free();
    await drained;
    assert.strictEqual(pool.needsDrain, false);
    assert.deepStrictEqual(events, ['needsDrain', 'drain', 'drained']);
    await Promise.all(runs);
    await pool.dispose();
  });
});

describe('options of a pool', () => {
  const wrong = [
    [() => new ThreadPool(context, 0), RangeError, /^poolSize must be an integer from 1 to 1024. Received number 0$/],
    [() => new ThreadPool(context, '2'), TypeError, /^poolSize must be/],
    [() => new ThreadPool(context, 2, { size: 3 }), TypeError, /^options\.size is not an option/],
    [() => new ThreadPool(context, 2, { scheduler: 'fifo' }), RangeError, /^options\.scheduler must be one of 'round-robin'/],
    [() => new ThreadPool(context, 2, { steal: 1 }), TypeError, /^options\.steal must be a boolean/],
    [() => new ThreadPool(context, 2, { maxQueue: -1 }), RangeError, /^options\.maxQueue/],
    [() => new ThreadPool(context, 2, { maxTasksPerThread: 0 }), RangeError, /^options\.maxTasksPerThread/],
    [() => new ThreadPool(context, 2, { minThreads: 5, maxThreads: 3 }), RangeError, /^options\.minThreads must be at most options\.maxThreads \(3\)/],
    [(pool) => pool.resize(-1), RangeError, /^poolSize/],
    [(pool) => pool.runWith({ priority: 1.5 }), RangeError, /^options\.priority/],
    [(pool) => pool.runWith({ key: {} }), TypeError, /^options\.key/],
    [(pool) => pool.runWith(undefined), TypeError, /^options must be an object/],
    [(pool) => pool.map(42), TypeError, /^source must be an iterable/],
    [(pool) => pool.map([], { concurrency: 0 }), RangeError, /^options\.concurrency/],
    [(pool) => pool.close({ timeout: -1 }), RangeError, /^options\.timeout/],
  ];
  for (const [call, Class, pattern] of wrong) {
    test(`are refused at the call: ${String(call).replace(/^.*=> /, '')}`, () => {
      const pool = new ThreadPool(context, 1);
      assert.throws(() => call(pool), (error) => error instanceof Class && pattern.test(error.message));
      pool.dispose();
    });
  }
});
