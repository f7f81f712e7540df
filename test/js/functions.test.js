'use strict';

// Functions among arguments and results, called from the other side.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Thread, ThreadPool, transfer } = require('../../lib/index.js');

const root = path.join(__dirname, '..', '..');

describe('functions', () => {
  test('of the host are async in a thread', async () => {
    await using_(() => async (f, n) => [await f(n), await f(n + 1)], async (thread) => {
      assert.deepStrictEqual(await thread.run((n) => n * 2, 1), [2, 4]);
      assert.deepStrictEqual(await thread.run(async (n) => ({ n }), 1), [{ n: 1 }, { n: 2 }]);
    });
  });

  test('sync waits for the host, and for the promise that it returns', async () => {
    await using_(() => (f) => f.sync(20) + 1, async (thread) => {
      assert.strictEqual(await thread.run((n) => n * 2), 41);
      assert.strictEqual(await thread.run(async (n) => n * 3), 61);
    });
  });

  test('errors cross as they are', async () => {
    await using_(() => (f) => f.sync(), async (thread) => {
      const error = await thread.run(() => {
        throw Object.assign(new RangeError('no', { cause: new TypeError('why') }), { extra: 1 });
      }).catch((thrown) => thrown);
      assert.ok(error instanceof RangeError);
      assert.ok(error.cause instanceof TypeError);
      assert.strictEqual(error.extra, 1);
    });
    await using_(() => async (f) => { try { await f(); } catch (error) { return [error instanceof TypeError, error.message]; } }, async (thread) => {
      assert.deepStrictEqual(await thread.run(() => { throw new TypeError('bad'); }), [true, 'bad']);
    });
  });

  test('all of an error crosses, both ways', async () => {
    const check = (error, name) => {
      assert.ok(error instanceof AggregateError, name);
      assert.strictEqual(error.message, 'all', name);
      assert.strictEqual(error.code, 'E_ALL', name);
      assert.deepStrictEqual(error.detail, { at: [1, new Date(5)] }, name);
      assert.ok(error.errors[0] instanceof RangeError && error.errors[1] instanceof TypeError, name);
      assert.strictEqual(error.cause, error.errors[0], name);
      assert.match(error.stack, /thrower/, name);
    };
    const source = `function thrower() {
      const first = new RangeError('first');
      throw Object.assign(new AggregateError([first, new TypeError('second')], 'all', { cause: first }), { code: 'E_ALL', detail: { at: [1, new Date(5)] } });
    }`;
    const thrower = new Function(`return ${source}`)();
    await using_(`() => { ${source} return (how, f) => (how === 'sync' ? f.sync() : how === 'async' ? f() : thrower); }`, async (thread) => {
      check(await thread.run('sync', thrower).catch((error) => error), 'sync');
      check(await thread.run('async', thrower).catch((error) => error), 'async');
      check(await (await thread.run('stub'))().catch((error) => error), 'stub');
    });
    await using_(() => async (f) => {
      const seen = [];
      for (const how of ['async', 'sync']) {
        try {
          await (how === 'sync' ? f.sync() : f());
        } catch (error) {
          seen.push([
            error instanceof AggregateError, error.code, error.detail.at[1] instanceof Date,
            error.errors[0] instanceof RangeError, error.cause === error.errors[0], /thrower/.test(error.stack),
          ]);
        }
      }
      return seen;
    }, async (thread) => {
      const all = [true, 'E_ALL', true, true, true, true];
      assert.deepStrictEqual(await thread.run(thrower), [all, all]);
    });
  });

  test('what is thrown need not be an error, nor a value that can be cloned', async () => {
    await using_(() => async (f) => [await f(1).catch((e) => e), await f(2).catch((e) => [e.code, e.message])], async (thread) => {
      const thrower = (which) => { throw which === 1 ? { plain: [1] } : Symbol('s'); };
      const [first, second] = await thread.run(thrower);
      assert.deepStrictEqual(first, { plain: [1] });
      assert.strictEqual(second[0], 'ERR_THREAD_NOT_CLONEABLE');
      assert.match(second[1], /the thrown value is a symbol/);
    });
  });

  test('what cannot be cloned rejects the call alone', async () => {
    await using_(() => async (f) => {
      const argument = await f(Symbol('s')).catch((error) => String(error));
      const result = await f(1).catch((error) => [error.code, error.message]);
      return [argument, result, await f(2)];
    }, async (thread) => {
      const [argument, result, last] = await thread.run((n) => (n === 1 ? { w: new WeakMap() } : n));
      assert.match(argument, /could not be cloned|symbol/i);
      assert.strictEqual(result[0], 'ERR_THREAD_NOT_CLONEABLE');
      assert.match(result[1], /^result\.w is a WeakMap/);
      assert.strictEqual(last, 2);
    });
  });

  test('of a thread are callable from the host, and keep their state', async () => {
    await using_(() => { let n = 0; return () => ({ add: (k) => (n += k) }); }, async (thread) => {
      const { add } = await thread.run();
      assert.strictEqual(await add(2), 2);
      assert.strictEqual(await add(3), 5);
    });
  });

  test('keep their identity, there and back, wherever they stand', async () => {
    const f = () => 1;
    await using_(() => (a, b) => ({ same: a === b.deep[0] && b.map.get('f') === a && b.set.has(a), back: a, b }), async (thread) => {
      const b = { deep: [f], map: new Map([['f', f]]), set: new Set([f]) };
      b.cycle = b;
      const result = await thread.run(f, b);
      assert.strictEqual(result.same, true);
      assert.strictEqual(result.back, f);
      assert.strictEqual(result.b.cycle.deep[0], f);
    });
  });

  test('are themselves again when they come back, through calls too', async () => {
    await using_(() => { let mine; return (f, g) => { mine = () => f; return { mine, same: (x) => x === mine, back: (x) => x, asked: g.sync(mine, f) }; }; }, async (thread) => {
      const f = () => 1;
      const { mine, same, back, asked } = await thread.run(f, (x, y) => ({ x, isOriginal: y === f }));
      assert.strictEqual(asked.isOriginal, true);
      assert.strictEqual(asked.x, mine);
      assert.strictEqual(await same(mine), true);
      assert.strictEqual(await back(f), f);
      assert.strictEqual(await back(mine), mine);
      assert.strictEqual(await mine(), f);
    });
  });

  test('go from thread to thread', async () => {
    await using_(() => (n) => () => n * 2, async (first) => {
      await using_(() => async (f) => [await f(), f.sync()], async (second) => {
        assert.deepStrictEqual(await second.run(await first.run(21)), [42, 42]);
      });
    });
  });

  test('all that was told before a run ends is heard before it', async () => {
    await using_(() => (done) => { for (let i = 0; i < 5000; i++) done(i); }, async (thread) => {
      const seen = [];
      await thread.run((i) => { seen.push(i); });
      assert.strictEqual(seen.length, 5000);
      assert.ok(seen.every((value, index) => value === index));
    });
  });

  test('a timeout ends a wait for the host, and the thread goes on', async () => {
    await using_(() => (f) => f.sync(), async (thread) => {
      await assert.rejects(thread.run(() => new Promise(() => {})), { code: 'ERR_THREAD_TIMEOUT' });
      assert.strictEqual(await thread.run(() => 7), 7);
    }, { timeout: 50 });
  });

  test('waiting for the host is no CPU time', async () => {
    await using_(() => (f) => f.sync(), async (thread) => {
      assert.strictEqual(await thread.run(() => new Promise((resolve) => { setTimeout(resolve, 120, 1); })), 1);
    }, { cpuTimeout: 60 });
  });

  test('an abort ends a wait for the host', async () => {
    await using_(() => (f) => f.sync(), async (thread) => {
      const controller = new AbortController();
      const run = thread.runWith({ signal: controller.signal }, () => { controller.abort(new Error('why')); return new Promise(() => {}); });
      await assert.rejects(run, (error) => error.name === 'AbortError' && error.cause.message === 'why');
      assert.strictEqual(await thread.run(() => 7), 7);
    });
  });

  test('waiting for the host counts against timeout, awaited or not', async () => {
    await using_(() => async (f, how) => (how === 'sync' ? f.sync() : await f()), async (thread) => {
      for (const how of ['sync', 'async']) {
        await assert.rejects(thread.run(() => new Promise(() => {}), how), { code: 'ERR_THREAD_TIMEOUT' });
      }
    }, { timeout: 50 });
  });

  test('a call that does not end between runs is interrupted, and the thread goes on', async () => {
    await using_(() => () => () => { for (;;); }, async (thread) => {
      const spin = await thread.run();
      await assert.rejects(spin(), { code: 'ERR_THREAD_DISPOSED', message: /made anew after an interruption/ });
      assert.strictEqual(typeof await thread.run(), 'function');
    }, { timeout: 50 });
  });

  test('calls and runs take turns, for however long the others keep coming', { timeout: 60000 }, async () => {
    await using_(() => { let n = 0; return (more) => (more ? n : () => ++n); }, async (thread) => {
      const call = await thread.run(false);
      const run = () => thread.run(true);
      for (const [many, few] of [[call, run], [run, call]]) {
        let isOver = false;
        let done = 0;
        const keepComing = async () => { while (!isOver) { await many(); done++; } };
        const others = Array.from({ length: 100 }, keepComing);
        for (let i = 0; i < 20; i++) await few();
        assert.ok(done > 0, 'the others had to wait');
        isOver = true;
        await Promise.all(others);
      }
    });
  });

  test('calls do not wait for the runs that wait, on any thread of a pool', async () => {
    const pool = new ThreadPool(() => (milliseconds) => {
      for (const end = Date.now() + milliseconds; Date.now() < end;);
      return (n) => n + 1;
    }, 2);
    const functions = await pool.broadcast(0);
    let done = 0;
    const runs = Array.from({ length: 200 }, () => pool.run(2).then(() => done++));
    for (let i = 0; i < 5; i++) assert.deepStrictEqual(await Promise.all(functions.map((f) => f(i))), [i + 1, i + 1]);
    assert.ok(done < 200, 'calls had to wait for all runs');
    await Promise.all(runs);
    await pool.dispose();
  });

  test('buffers that come with calls and answers count against memoryLimit', async () => {
    await using_(() => { const kept = []; return async (f, how) => {
      try {
        for (let i = 0; i < 100; i++) kept.push(how === 'sync' ? f.sync() : await f());
      } catch (error) {
        return [error.name, kept.splice(0).length];
      }
      return [null, kept.length];
    }; }, async (thread) => {
      for (const how of ['sync', 'async']) {
        const [name, count] = await thread.run(() => new Uint8Array(4e6), how);
        assert.strictEqual(name, 'RangeError');
        assert.ok(count > 2 && count < 17, `${count}`);
      }
    }, { memoryLimit: 64 });
    await using_(() => { const kept = []; return () => (bytes) => kept.push(bytes); }, async (thread) => {
      const keep = await thread.run();
      let count = 0;
      await assert.rejects(async () => { for (;;) count = await keep(new Uint8Array(4e6)); }, RangeError);
      assert.ok(count > 2 && count < 17, `${count}`);
    }, { memoryLimit: 64 });
  });

  test('memory that a thread gives away in a call is no longer its', async () => {
    await using_(() => (f) => {
      for (let i = 0; i < 40; i++) {
        const bytes = new Uint8Array(4e6);
        f.sync(transfer(bytes, [bytes.buffer]));
      }
      return 'all';
    }, async (thread) => {
      let sum = 0;
      assert.strictEqual(await thread.run((bytes) => { sum += bytes.length; }), 'all');
      assert.strictEqual(sum, 160e6);
    }, { memoryLimit: 64 });
  });

  test('calls are refused where too many wait', async () => {
    const refused = { code: 'ERR_THREAD_QUEUE_FULL', message: 'This function was not called: too many calls wait for their answers already' };
    await using_(() => (wait) => (wait ? wait.sync() : () => 1), async (thread) => {
      const one = await thread.run();
      let open;
      const blocked = thread.run(() => new Promise((resolve) => { open = resolve; }));
      const calls = Array.from({ length: 65536 }, () => one());
      await assert.rejects(one(), refused);
      while (!open) await new Promise((resolve) => { setTimeout(resolve, 1); });
      open();
      await blocked;
      assert.ok((await Promise.all(calls)).every((value) => value === 1));
      assert.strictEqual(await one(), 1);
    });
    await using_(() => { let calls; return async (f) => {
      if (calls) return new Set(await Promise.all(calls)).size;
      calls = Array.from({ length: 65536 }, () => f());
      return f().catch(({ code, message }) => ({ code, message }));
    }; }, async (thread) => {
      const waiting = [];
      const f = () => new Promise((resolve) => { waiting.push(resolve); });
      assert.deepStrictEqual(await thread.run(f), refused);
      const rest = thread.run(f);
      for (const resolve of waiting) resolve(1);
      assert.strictEqual(await rest, 1);
    });
  });

  test('dispose ends a wait for the host; later calls of the thread reject', async () => {
    const thread = new Thread(() => (f) => (f ? f.sync() : () => 1));
    const stub = await thread.run();
    let disposed;
    const run = thread.run(() => { disposed = thread.dispose(); return new Promise(() => {}); });
    await assert.rejects(run, { code: 'ERR_THREAD_DISPOSED' });
    await disposed;
    await assert.rejects(stub(), { code: 'ERR_THREAD_DISPOSED' });
  });

  test('functions of a context that was made anew are gone', async () => {
    await using_(() => (spins) => { while (spins); return () => 1; }, async (thread) => {
      const stub = await thread.run(false);
      assert.strictEqual(await stub(), 1);
      await assert.rejects(thread.runWith({ timeout: 50 }, true), { code: 'ERR_THREAD_TIMEOUT' });
      await assert.rejects(stub(), { code: 'ERR_THREAD_DISPOSED' });
      assert.strictEqual(await (await thread.run(false))(), 1);
    });
  });

  test('pools take them too', async () => {
    const pool = new ThreadPool(() => (n, progress) => { progress(n); return n; }, 2);
    const seen = [];
    await Promise.all([1, 2, 3].map((n) => pool.run(n, (done) => { seen.push(done); })));
    assert.deepStrictEqual(seen.sort(), [1, 2, 3]);
    await pool.dispose();
  });

  test('in broadcast and in the items of map', async () => {
    const pool = new ThreadPool(() => (f) => f(2), 2);
    const seen = [];
    assert.deepStrictEqual(await pool.broadcast((n) => { seen.push(n); return n * 2; }), [4, 4]);
    assert.deepStrictEqual(seen, [2, 2]);
    const results = [];
    for await (const value of pool.map([(n) => n + 1, (n) => n + 2])) results.push(value);
    assert.deepStrictEqual(results.sort(), [3, 4]);
    const counters = await new ThreadPool(() => { let n = 0; return () => () => ++n; }, 2).broadcast();
    assert.deepStrictEqual(await Promise.all([...counters, ...counters].map((count) => count())), [1, 1, 2, 2]);
    await pool.dispose();
  });

  test('examples/progress.js runs', () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(root, 'examples', 'progress.js')], { encoding: 'utf8' });
    assert.strictEqual(status, 0, stderr);
    assert.deepStrictEqual(stdout.trim().split('\n').slice(-2), ['100 %', '17984 primes']);
  });
});

async function using_(context, use, options) {
  const thread = new Thread(context, options);
  try {
    await use(thread);
  } finally {
    await thread.dispose();
  }
}
