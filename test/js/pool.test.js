'use strict';

const assert = require('node:assert');
const { AsyncLocalStorage } = require('node:async_hooks');
const os = require('node:os');
const { describe, test } = require('node:test');
const { ThreadPool, Thread, ThreadError } = require('../..');
const { runChild } = require('./fixtures/child.js');

// A thread that knows itself, and waits when told to: `gate` is a shared counter it spins on.
const context = () => {
  let runs = 0;
  const self = {};
  globalThis.id ??= Math.random();
  return (command, a) => {
    runs += 1;
    if (command === 'id') return globalThis.id;
    if (command === 'runs') return runs;
    if (command === 'echo') return a;
    if (command === 'throw') throw new RangeError(a);
    if (command === 'wait') {
      // Says that it runs, then waits for the gate.
      Atomics.add(a, 1, 1);
      Atomics.notify(a, 1);
      while (Atomics.load(a, 0) === 0) Atomics.wait(a, 0, 0, 50);
      return globalThis.id;
    }
    if (command === 'log') {
      // Appends `value` to a shared log: [count, ...entries].
      const [log, value] = a;
      log[Atomics.add(log, 0, 1) + 1] = value;
      return globalThis.id;
    }
    if (command === 'bomb') { const list = []; for (;;) list.push({}); }
    return self;
  };
};

const gate = () => new Int32Array(new SharedArrayBuffer(8));
const open = (view) => { Atomics.store(view, 0, 1); Atomics.notify(view, 0); };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(condition) {
  while (!(await condition())) await sleep(1);
}
// Keeps `count` threads of a pool busy; gives the function that frees them.
async function occupy(pool, count) {
  const view = gate();
  const runs = Array.from({ length: count }, () => pool.run('wait', view));
  await until(() => Atomics.load(view, 1) === count);
  return async () => { open(view); return Promise.all(runs); };
}

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
    await assert.rejects(pool.run('echo', () => 1), { code: 'ERR_THREAD_NOT_CLONEABLE' });
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

describe('map and broadcast', () => {
  test('map gives results in order, from iterables and async iterables', async () => {
    const pool = new ThreadPool(() => (n) => n * 2, 2);
    const seen = [];
    for await (const value of pool.map([1, 2, 3, 4, 5])) seen.push(value);
    for await (const value of pool.map((async function* () { yield 6; yield 7; })())) seen.push(value);
    for await (const value of pool.map(new Set())) seen.push(value);
    assert.deepStrictEqual(seen, [2, 4, 6, 8, 10, 12, 14]);
    const unordered = [];
    for await (const value of pool.map(Array(100).keys(), { ordered: false, concurrency: 7 })) unordered.push(value);
    assert.deepStrictEqual(unordered.sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i * 2));
    await pool.dispose();
  });

  test('map reads its source only as fast as results are taken', async () => {
    const pool = new ThreadPool(() => (n) => n, 2);
    let read = 0;
    const source = { *[Symbol.iterator]() { for (;;) yield read++; } };
    let taken = 0;
    for await (const value of pool.map(source, { concurrency: 4 })) {
      assert.strictEqual(value, taken++);
      assert.ok(read <= taken + 4, `${read} read, ${taken} taken`);
      if (taken === 50) break;
    }
    await pool.dispose();
  });

  test('an error ends map, closes its source, and what waits is cancelled', async () => {
    const pool = new ThreadPool(context, 1);
    let closed = false;
    const source = {
      *[Symbol.iterator]() {
        try {
          for (let i = 0; ; i++) yield i;
        } finally {
          closed = true;
        }
      },
    };
    const seen = [];
    const failing = new ThreadPool(() => (n) => { if (n === 5) throw new RangeError('five'); return n; }, 1);
    await assert.rejects(async () => {
      for await (const value of failing.map(source, { concurrency: 3 })) seen.push(value);
    }, RangeError);
    assert.deepStrictEqual(seen, [0, 1, 2, 3, 4]);
    assert.ok(closed);
    await until(() => failing.stats().queued === 0);
    await Promise.all([pool.dispose(), failing.dispose()]);
  });

  test('a signal ends map', async () => {
    const pool = new ThreadPool(() => (n) => n, 1);
    const controller = new AbortController();
    const reason = new Error('enough');
    let taken = 0;
    await assert.rejects(async () => {
      for await (const value of pool.map(Array(1000).keys(), { signal: controller.signal, concurrency: 2 })) {
        taken = value;
        if (value === 10) controller.abort(reason);
      }
    }, reason);
    assert.strictEqual(taken, 10);
    await pool.dispose();
  });

  test('broadcast runs once on every thread', async () => {
    const pool = new ThreadPool(context, 4);
    await pool.ready;
    const ids = await pool.broadcast('id');
    assert.strictEqual(new Set(ids).size, 4);
    assert.deepStrictEqual(await pool.broadcast('id'), ids);
    await assert.rejects(pool.broadcast('echo', Symbol('s')), { code: 'ERR_THREAD_NOT_CLONEABLE' });
    await pool.dispose();
    await assert.rejects(pool.broadcast('id'), { code: 'ERR_THREAD_DISPOSED' });
  });
});

describe('the end', () => {
  test('close finishes what it has and takes no more', async () => {
    const pool = new ThreadPool(context, 2);
    const runs = Array.from({ length: 50 }, (_, i) => pool.run('echo', i));
    const closed = pool.close();
    await assert.rejects(pool.run('echo', 1), { code: 'ERR_THREAD_CLOSED' });
    assert.strictEqual((await Promise.all(runs)).length, 50);
    assert.strictEqual(await closed, undefined);
    assert.strictEqual(await pool.close(), undefined);
    await assert.rejects(pool.run('echo', 1), { code: 'ERR_THREAD_DISPOSED' });
  });

  test('close kills at its timeout', async () => {
    const pool = new ThreadPool(() => () => { for (;;); }, 1);
    const run = pool.run();
    const [result] = await Promise.allSettled([run, pool.close({ timeout: 30 })]);
    assert.strictEqual(result.reason.code, 'ERR_THREAD_DISPOSED');
  });

  test('Symbol.asyncDispose closes, Symbol.dispose disposes', async () => {
    const pool = new ThreadPool(context, 1);
    const run = pool.run('echo', 1);
    if (Symbol.asyncDispose) await pool[Symbol.asyncDispose]();
    assert.strictEqual(await run, 1);
    const other = new ThreadPool(() => () => { for (;;); }, 1);
    const endless = other.run();
    other[Symbol.dispose]?.();
    await assert.rejects(endless, { code: 'ERR_THREAD_DISPOSED' });
  });

  test('a pool does not keep the process, its runs do, unless it is unref\'d', async () => {
    const idle = await runChild("const { ThreadPool } = require(root); new ThreadPool(() => () => 1, 2).ready.then(() => console.log('up'));");
    assert.deepStrictEqual(idle, { code: 0, signal: null, stdout: 'up\n', stderr: '' });
    const unref = await runChild("const { ThreadPool } = require(root); const p = new ThreadPool(() => () => { for (;;); }, 2).unref(); p.run(); p.run();");
    assert.deepStrictEqual(unref, { code: 0, signal: null, stdout: '', stderr: '' });
    const ref = await runChild(`const { ThreadPool } = require(root);
      const p = new ThreadPool(() => (n) => n, 2).unref(); p.run(5).then(console.log); p.ref();`);
    assert.deepStrictEqual(ref, { code: 0, signal: null, stdout: '5\n', stderr: '' });
  });

  test('process.exit and Worker.terminate with busy pools that grow, shrink and recycle', async () => {
    const result = await runChild(() => {
      const source = `
        const { ThreadPool } = require(${JSON.stringify(root)});
        const pool = new ThreadPool(() => (n) => { let x = 0; for (let i = 0; i < n; i++) x += i; return x; }, undefined,
          { minThreads: 1, maxThreads: 4, idleTimeout: 1, maxTasksPerThread: 3 });
        (async () => { for (;;) await Promise.all([1, 2, 3, 4, 5].map(() => pool.run(1e5))); })();
        (async () => { for (let i = 0; ; i++) { await new Promise((r) => setTimeout(r, 2)); pool.resize(1 + (i % 4)); } })();
        require('node:worker_threads').parentPort?.postMessage('up');
      `;
      (async () => {
        for (let i = 0; i < 6; i++) {
          const worker = new Worker(source, { eval: true });
          await new Promise((resolve) => worker.once('message', resolve));
          await new Promise((resolve) => setTimeout(resolve, 10 + i * 5));
          await worker.terminate();
        }
        eval(source); // eslint-disable-line no-eval
        setTimeout(() => process.exit(5), 50);
      })();
    });
    assert.deepStrictEqual(result, { code: 5, signal: null, stdout: '', stderr: '' });
  });
});

describe('observability', () => {
  test('stats add up', async () => {
    const pool = new ThreadPool(context, 2);
    await pool.ready;
    await Promise.all(Array.from({ length: 100 }, (_, i) => pool.run('echo', i)));
    await assert.rejects(pool.run('throw', 'x'));
    const stats = pool.stats();
    assert.strictEqual(stats.completed, 100);
    assert.strictEqual(stats.failed, 1);
    assert.strictEqual(stats.runTime.count, 101);
    assert.strictEqual(stats.waitTime.count, 101);
    for (const { p50, p90, p99, p99_9, max } of [stats.runTime, stats.waitTime]) {
      assert.ok(0 <= p50 && p50 <= p90 && p90 <= p99 && p99 <= p99_9 && p99_9 <= max);
    }
    assert.strictEqual(stats.perThread.reduce((sum, { tasks }) => sum + tasks, 0), 101);
    for (const thread of stats.perThread) {
      assert.ok(thread.uptime > 0 && thread.busyShare >= 0 && thread.busyShare <= 1 && thread.cpuTime >= 0);
    }
    await pool.dispose();
  });

  test('diagnostics channels tell of threads and tasks', async () => {
    const { stdout } = await runChild(() => {
      const { ThreadPool: Pool } = require(root);
      const diagnostics = require('node:diagnostics_channel');
      const seen = [];
      for (const name of ['thread.start', 'thread.exit', 'task.start', 'task.end']) {
        diagnostics.subscribe(`isolated-threads.${name}`, (message) => {
          seen.push([name, message.result ?? message.error?.message ?? message.reason ?? ''].join(' '));
        });
      }
      (async () => {
        const pool = new Pool(() => (n) => { if (n === 2) throw new Error('two'); return n; }, 1);
        await pool.ready;
        await pool.run(1);
        await pool.run(2).catch(() => {});
        await pool.dispose();
        console.log(seen.join('\n'));
      })();
    });
    assert.deepStrictEqual(stdout.trim().split('\n').map((line) => line.trim()),
      ['thread.start', 'task.start', 'task.end 1', 'task.start', 'task.end two', 'thread.exit disposed']);
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
