'use strict';

// Functions among arguments and results, called from the other side.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Thread, ThreadPool } = require('../../lib/index.js');

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

  test('are released: many of them leave flat memory', () => {
    const { stdout, stderr, status } = child(`
      const thread = new Thread(() => (f) => { f(1); });
      const round = async () => {
        for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 1000 }, () => thread.run(() => {})));
        return process.memoryUsage().rss;
      };
      await round();
      const before = await round();
      let after;
      for (let i = 0; i < 8; i++) after = await round();
      console.log(after - before < 40e6 ? 'flat' : after - before);
      await thread.dispose();`);
    assert.deepStrictEqual({ stdout: stdout.trim(), status }, { stdout: 'flat', status: 0 }, stderr);
  });

  test('examples/progress.js runs', () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [path.join(root, 'examples', 'progress.js')], { encoding: 'utf8' });
    assert.strictEqual(status, 0, stderr);
    assert.deepStrictEqual(stdout.trim().split('\n').slice(-2), ['100 %', '17984 primes']);
  });

  const ends = {
    'exit in a sync call': ['new Thread(() => (f) => f.sync()).run(() => { process.exit(3); });', 3],
    'exit in an async call': ['new Thread(() => (f) => f()).run(() => { process.exit(3); });', 3],
    'a Worker terminated in a sync call': [`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(\`
        const { Thread } = require(\${JSON.stringify(${JSON.stringify(root)})});
        new Thread(() => (f) => f.sync()).run(() => { require('node:worker_threads').parentPort.postMessage(1); return new Promise(() => {}); }).catch(() => {});
      \`, { eval: true });
      worker.on('message', () => worker.terminate());
      worker.on('exit', () => { process.exitCode = 4; });`, 4],
    'an idle stub keeps nothing alive': ['const thread = new Thread(() => () => () => 1); globalThis.stub = await thread.run();', 0],
  };
  for (const [name, [code, wanted]] of Object.entries(ends)) {
    test(`the process ends: ${name}`, () => {
      const { status, signal, stderr } = child(code);
      assert.deepStrictEqual({ status, signal }, { status: wanted, signal: null }, stderr);
    });
  }
});

function child(code) {
  const script = `const { Thread } = require(${JSON.stringify(root)}); (async () => { ${code} })();`;
  return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60000, killSignal: 'SIGKILL' });
}

async function using_(context, use, options) {
  const thread = new Thread(context, options);
  try {
    await use(thread);
  } finally {
    await thread.dispose();
  }
}
