'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { ThreadPool } = require('../..');
const { runChild } = require('./fixtures/child.js');

const { context, gate, occupy, open, sleep, until } = require('./fixtures/pool-context.js');

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

  test('a signal ends map also while its source is stuck, or gives a promise that is', async () => {
    const pool = new ThreadPool(() => (n) => n, 1);
    for (const source of [
      (async function* () { yield 1; await new Promise(() => {}); })(),
      [1, new Promise(() => {})],
    ]) {
      const controller = new AbortController();
      const results = pool.map(source, { signal: controller.signal, concurrency: 1 });
      assert.strictEqual((await results.next()).value, 1);
      const next = results.next();
      setImmediate(() => controller.abort(new Error('enough')));
      await assert.rejects(next, /^Error: enough$/);
    }
    const aborted = pool.map([1], { signal: AbortSignal.abort(new Error('before')) });
    await assert.rejects(aborted.next(), /^Error: before$/);
    await pool.dispose();
  });

  test('map gives out a result when it is there, though the source waits for that', async () => {
    const pool = new ThreadPool(() => (n) => n, 1);
    for (const ordered of [true, false]) {
      let onTaken;
      const source = async function* () {
        for (let i = 0; i < 3; i++) {
          const isTaken = new Promise((resolve) => { onTaken = resolve; });
          yield i;
          await isTaken;
        }
      };
      const seen = [];
      for await (const value of pool.map(source(), { concurrency: 4, ordered })) {
        seen.push(value);
        onTaken();
      }
      assert.deepStrictEqual(seen, [0, 1, 2]);
    }
    await pool.dispose();
  });

  test('unordered: a slow item holds nothing up', async () => {
    const view = gate();
    const names = (function* () { yield ['wait', view]; for (let i = 0; i < 20; i++) yield ['echo', i]; })();
    const pool = new ThreadPool(`() => { const inner = (${context})(); return ([name, value]) => inner(name, value); }`, 2);
    const seen = [];
    for await (const value of pool.map(names, { ordered: false })) {
      seen.push(value);
      if (seen.length === 20) open(view);
    }
    assert.strictEqual(seen.length, 21);
    assert.deepStrictEqual(seen.slice(0, 20).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
    await pool.dispose();
  });

  test('map closes its source as for await does', async () => {
    const pool = new ThreadPool(() => (n) => { if (n < 0) throw new RangeError('task'); return n; }, 1);
    const sourceOf = (next, end = () => ({})) => {
      const source = { returned: 0, next, return() { source.returned += 1; return end(); }, [Symbol.iterator]: () => source };
      return source;
    };
    const drain = async (source) => { for await (const value of pool.map(source)) if (value === 7) break; };
    const throwing = sourceOf(() => { throw new Error('next'); });
    await assert.rejects(drain(throwing), /^Error: next$/);
    assert.strictEqual(throwing.returned, 0);
    const badEnd = sourceOf(() => ({ value: -1, done: false }), () => { throw new Error('return'); });
    await assert.rejects(drain(badEnd), /^RangeError: task$/);
    assert.strictEqual(badEnd.returned, 1);
    const rejecting = sourceOf(() => ({ value: Promise.reject(new Error('value')), done: false }));
    await assert.rejects(drain(rejecting), /^Error: value$/);
    assert.strictEqual(rejecting.returned, 1);
    const left = sourceOf(() => ({ value: 7, done: false }), () => { throw new Error('return'); });
    await assert.rejects(drain(left), /^Error: return$/);
    const done = sourceOf(() => ({ done: true }));
    await drain(done);
    assert.strictEqual(done.returned, 0);
    await pool.dispose();
  });

  test('map keeps no result that has been taken', async () => {
    const pool = new ThreadPool(() => () => ({}), 1);
    const taken = [];
    let count = 0;
    for await (const value of pool.map((function* () { for (;;) yield 1; })())) {
      if (++count <= 20) taken.push(new WeakRef(value));
      await sleep(0);
      if (count > 25) {
        gc();
        if (taken.every((reference) => reference.deref() === undefined)) break;
        assert.ok(count < 200, 'taken results are still held');
      }
    }
    await pool.dispose();
  });

  test('map goes with maxQueue, and uses all threads that may come', async () => {
    const pool = new ThreadPool(context, undefined, { minThreads: 0, maxThreads: 3, maxQueue: 0 });
    const seen = [];
    for await (const value of pool.map(Array(50).fill('id'))) seen.push(value);
    assert.strictEqual(seen.length, 50);
    assert.strictEqual(pool.stats().threads, 3);
    await pool.dispose();
  });

  // Items are given to the threads together once results come fast.
  const many = 5000;
  const odd = 3333;
  const numbers = function* (instead) { for (let i = 0; i < many; i++) yield i === odd ? instead() : i; };

  async function take(results) {
    const seen = [];
    try {
      for await (const value of results) seen.push(value);
    } catch (error) {
      return { seen, error };
    }
    return { seen };
  }

  test('map of many gives each result once, in order', async () => {
    const pool = new ThreadPool(() => (n) => n, 2);
    const expected = Array.from({ length: many }, (_, i) => i);
    const promised = await take(pool.map(numbers(() => Promise.resolve(odd))));
    assert.deepStrictEqual(promised, { seen: expected });
    const unordered = await take(pool.map(numbers(() => odd), { ordered: false }));
    assert.deepStrictEqual(unordered.seen.sort((a, b) => a - b), expected);
    await pool.dispose();
  });

  test('map takes each item as it is when it is read', async () => {
    const pool = new ThreadPool(() => (item) => item.n ?? item, 2);
    const item = { n: 0 };
    const source = function* () { for (let i = 0; i < many; i++) { item.n = i; yield i % 3 === 0 ? i : item; } };
    const { seen } = await take(pool.map(source()));
    assert.deepStrictEqual(seen, Array.from({ length: many }, (_, i) => i));
    await pool.dispose();
  });

  test('map of many ends where an item cannot be cloned, fails, or is none', async () => {
    const pool = new ThreadPool(() => (n) => { if (n === 'fail') throw new RangeError(n); return n; }, 2);
    const before = Array.from({ length: odd }, (_, i) => i);
    const uncloneable = await take(pool.map(numbers(() => Symbol('odd'))));
    assert.deepStrictEqual(uncloneable.seen, before);
    assert.strictEqual(uncloneable.error.code, 'ERR_THREAD_NOT_CLONEABLE');
    const failing = await take(pool.map(numbers(() => 'fail')));
    assert.deepStrictEqual(failing.seen, before);
    assert.ok(failing.error instanceof RangeError);
    const throwing = await take(pool.map(numbers(() => { throw new TypeError('source'); })));
    assert.strictEqual(throwing.error.message, 'source');
    // What was read before that has been begun.
    await until(() => pool.stats().queued === 0 && pool.stats().running === 0);
    await pool.dispose();
  });

  test('map of many may be ended from within its source, or from within an item', async () => {
    const pool = new ThreadPool(() => ({ n }) => n, 2);
    const ended = [];
    const source = (end) => (function* () {
      for (let i = 0; i < many; i++) yield i === odd ? end() : { n: i };
    })();
    const fromSource = pool.map(source(() => {
      ended.push(fromSource.return());
      return { n: odd };
    }));
    assert.strictEqual((await take(fromSource)).error, undefined);
    const fromItem = pool.map(source(() => ({ get n() { ended.push(fromItem.return()); return odd; } })));
    assert.strictEqual((await take(fromItem)).error, undefined);
    assert.deepStrictEqual(await Promise.all(ended), Array(2).fill({ value: undefined, done: true }));
    await until(() => pool.stats().queued === 0 && pool.stats().running === 0);
    assert.strictEqual(await pool.run({ n: 1 }), 1);
    await pool.dispose();
  });

  test('a pool that closes while an item is cloned ends its map', async () => {
    const pool = new ThreadPool(() => ({ n }) => n, 2);
    const source = function* () {
      for (let i = 0; i < many; i++) yield i === odd ? { get n() { pool.dispose(); return odd; } } : { n: i };
    };
    const { error } = await take(pool.map(source()));
    assert.strictEqual(error.code, 'ERR_THREAD_DISPOSED');
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

describe('broadcast and threads that come and go', () => {
  test('a pool with no thread at rest gives no results', async () => {
    const pool = new ThreadPool(context, undefined, { minThreads: 0, maxThreads: 2 });
    assert.deepStrictEqual(await pool.broadcast('echo', 1), []);
    assert.strictEqual(await pool.run('echo', 1), 1);
    assert.deepStrictEqual(await pool.broadcast('echo', 1), [1]);
    await pool.close();
    await assert.rejects(pool.broadcast('echo', 1), { code: 'ERR_THREAD_DISPOSED' });
  });

  test('a thread that ends meanwhile is none that it runs on', async () => {
    const pool = new ThreadPool(context, undefined, { minThreads: 1, maxThreads: 4, idleTimeout: 0 });
    await pool.ready;
    for (let i = 0; i < 400; i++) {
      await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.run('echo', n)));
      // Counting the threads, making a run for each and placing them are three steps.
      const argument = Array(1000).fill(i);
      for (const result of await pool.broadcast('echo', argument)) assert.strictEqual(result.length, 1000);
    }
    await pool.dispose();
  });

  test('its runs count as waiting ones', async () => {
    const pool = new ThreadPool(context, 2, { maxQueue: 3 });
    await pool.ready;
    const free = await occupy(pool, 2);
    const first = pool.broadcast('echo', 1);
    assert.strictEqual(pool.needsDrain, false);
    const second = pool.broadcast('echo', 2);
    assert.strictEqual(pool.needsDrain, true);
    await free();
    assert.deepStrictEqual(await Promise.all([first, second]), [[1, 1], [2, 2]]);
    await pool.dispose();
  });
});

describe('the end', () => {
  test('close finishes what it has and takes no more', async () => {
    // Nothing passes the gate before the pool has refused a run.
    const gate = new Int32Array(new SharedArrayBuffer(4));
    const pool = new ThreadPool(() => (gate, i) => { Atomics.wait(gate, 0, 0); return i; }, 2);
    const runs = Array.from({ length: 50 }, (_, i) => pool.run(gate, i));
    const closed = pool.close();
    await assert.rejects(pool.run(gate, 1), { code: 'ERR_THREAD_CLOSED' });
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    assert.strictEqual((await Promise.all(runs)).length, 50);
    assert.strictEqual(await closed, undefined);
    assert.strictEqual(await pool.close(), undefined);
    await assert.rejects(pool.run(gate, 1), { code: 'ERR_THREAD_DISPOSED' });
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
        eval(source);  
        setTimeout(() => process.exit(5), 50);
      })();
    });
    assert.deepStrictEqual(result, { code: 5, signal: null, stdout: '', stderr: '' });
  });
});

describe('the error event', () => {
  const run = (body) => runChild(`
    const { ThreadPool } = require(root);

    ${body}
  `);

  test('tells of a thread that died, and of what nobody in a thread handles', async () => {
    const { code, stdout, stderr } = await run(`
      const pool = new ThreadPool(() => (what) => {
        if (what === 'reject') { Promise.reject(new RangeError('lost')); Promise.reject('a text'); }
        else { const list = []; for (;;) list.push({}); }
      }, 1, { memoryLimit: 32 });
      pool.on('error', (error, thread) => console.log(error?.message ?? error, error?.code, thread?.threadId));
      (async () => {
        await pool.run('reject');
        await pool.run('bomb').catch(() => {});
        await pool.run('reject');
        await pool.dispose();
      })();
    `);
    assert.deepStrictEqual(stdout.split('\n'), [
      'lost undefined undefined', 'a text undefined undefined',
      'pool "1": this took more than memoryLimit, and the thread was disposed ERR_THREAD_OUT_OF_MEMORY 1',
      'lost undefined undefined', 'a text undefined undefined', '',
    ]);
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('tells of a context that fails, though nobody waits for it', async () => {
    const { code, stdout, stderr } = await run(`
      const pool = new ThreadPool(() => { throw new TypeError('no context'); }, 1);
      pool.on('error', (error, { threadId }) => console.log(error instanceof TypeError, error.message, threadId));
      setTimeout(() => {}, 100);
    `);
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'true no context 1\n', stderr: '' });
  });

  test('hurts nothing without a listener, and is no business of drained', async () => {
    const { code, stdout, stderr } = await run(`
      new ThreadPool(() => { throw new TypeError('no context'); }, 2);
      const pool = new ThreadPool(() => () => Promise.reject(1) && 1, 1, { maxQueue: 1 });
      pool.run();
      pool.run();
      pool.drained().then(() => console.log('drained'));
      setTimeout(() => console.log('alive'), 200);
    `);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'drained\nalive\n' });
    assert.match(stderr, /Unhandled rejection in pool "2": 1/);
  });

  test('is an uncaught exception where its listener throws', async () => {
    const { code, stderr } = await run(`
      const pool = new ThreadPool(() => () => { Promise.reject(1); }, 1);
      pool.on('error', (error) => { throw new Error('from the listener ' + error); });
      pool.run().then(() => setTimeout(() => {}, 1000));
    `);
    assert.strictEqual(code, 1);
    assert.match(stderr, /Error: from the listener 1/);
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
    const ready = new ThreadPool(context, 1);
    await ready.ready;
    assert.ok(ready.stats().perThread[0].heapUsed > 100000);
    await ready.dispose();
    for (const thread of stats.perThread) {
      assert.ok(thread.heapUsed > 100000);
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
        await pool.broadcast(3);
        for await (const value of pool.map([4])) seen.push(`mapped ${value}`);
        process.on('unhandledRejection', ({ message }) => seen.push(`unhandled ${message}`));
        pool.run(2);
        while (!seen.includes('unhandled two')) await new Promise((resolve) => setTimeout(resolve, 1));
        await pool.runWith({ priority: -1 }, 5);
        await pool.dispose();
        console.log(seen.join('\n'));
      })();
    });
    assert.deepStrictEqual(stdout.trim().split('\n').map((line) => line.trim()),
      ['thread.start', 'task.start', 'task.end 1', 'task.start', 'task.end two', 'task.start', 'task.end 3', 'task.start', 'task.end 4', 'mapped 4',
        'task.start', 'task.end two', 'unhandled two', 'task.start', 'task.end 5', 'thread.exit disposed']);
  });

  test('is ready when all threads are that a resize before it has asked for', async () => {
    // Long enough for the resize to come before the first thread has loaded.
    const pool = new ThreadPool(() => { const end = Date.now() + 200; while (Date.now() < end); return () => 1; }, 1);
    pool.resize(4);
    await pool.ready;
    assert.strictEqual(pool.stats().perThread.filter(({ ready }) => ready).length, 4);
    await pool.dispose();
  });
});
