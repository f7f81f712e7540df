'use strict';

// How a process ends with threads in it. Every case is a child of its own.

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

const fine = (stdout = '') => ({ code: 0, signal: null, stdout, stderr: '' });

describe('the process', () => {
  test('ends by itself with idle threads that nobody disposed', async () => {
    const result = await runChild(() => {
      const threads = Array.from({ length: 4 }, () => new Thread(() => (n) => n));
      Promise.all(threads.map((thread, i) => thread.run(i))).then((values) => console.log(values.join()));
    });
    assert.deepStrictEqual(result, fine('0,1,2,3\n'));
  });

  test('ends by itself with a thread that was never used, or whose context never ends', async () => {
    assert.deepStrictEqual(await runChild(() => { new Thread(() => () => 1); }), fine());
    assert.deepStrictEqual(await runChild(() => { new Thread(() => { for (;;); }); }), fine());
  });

  // V8 takes what the build has compiled of our own JavaScript only where it has the same flags.
  for (const flags of [[], ['--no-lazy'], ['--max-lazy']]) {
    test(`threads are what they are under node ${flags.join(' ') || 'without flags'}`, async () => {
      const result = await runChild(() => {
        const context = () => async (call, value) => {
          console.log(value);
          if (value === 3) throw new RangeError('three');
          return [await call(value), eval('1 + 1')];
        };
        const run = async (options) => {
          const thread = new Thread(context, options);
          const call = (value) => value * 10;
          console.log(String(await thread.run(call, 1)), String(await thread.run(call, 2)));
          await thread.run(call, 3).catch((error) => console.log(error.name, error.message));
          await thread.dispose();
        };
        run({}).then(() => run({ memoryLimit: 32 })).then(() => run({}));
      }, { hasGc: false, flags });
      const each = '1\n2\n10,2 20,2\n3\nRangeError three\n';
      assert.deepStrictEqual(result, fine(each.repeat(3)));
    });
  }

  test('stays for pending runs', async () => {
    const result = await runChild(() => {
      const thread = new Thread(() => (ms) => {
        const end = Date.now() + ms;
        while (Date.now() < end);
        return 'done';
      });
      thread.run(300).then(console.log);
    });
    assert.deepStrictEqual(result, fine('done\n'));
  });

  test('process.exit(3) while threads spin exits 3', async () => {
    const result = await runChild(() => {
      const spin = () => () => { for (;;); };
      for (let i = 0; i < 4; i++) new Thread(spin).run();
      new Thread(() => async () => { for (;;) await null; }).run();
      new Thread(() => () => new Promise(() => {})).run();
      new Thread(() => () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)).run();
      setTimeout(() => process.exit(3), 100);
    });
    assert.deepStrictEqual(result, { code: 3, signal: null, stdout: '', stderr: '' });
  });

  test('process.exit while threads start, run, log and are disposed', async () => {
    for (let delay = 0; delay < 15; delay += 1) {
      const result = await runChild(`
        const work = new Thread(() => () => { let x = []; for (;;) { x.push({}); if (x.length > 1e5) x = []; } });
        work.run();
        const log = new Thread(() => () => { for (;;) console.debug('x'); });
        console.debug = () => {};
        log.run();
        const ending = new Thread(() => () => { for (;;); });
        ending.run().catch(() => {});
        const start = performance.now();
        setTimeout(() => ending.dispose(), ${delay});
        setImmediate(function wait() {
          if (performance.now() - start >= ${delay}) {
            new Thread(() => () => 1).run();
            process.exit(4);
          }
          setImmediate(wait);
        });
      `);
      assert.deepStrictEqual(result, { code: 4, signal: null, stdout: '', stderr: '' });
    }
  });

  // What libraries keep for each thread goes in a thread's last steps, and at the end of the
  // process: OpenSSL freed it twice where those were at once.
  test('process.exit has joined every thread', { skip: process.platform !== 'linux' || Boolean(process.env.ISO_PRELOAD) }, async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-'));
    const library = path.join(folder, 'slow_ends.so');
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, path.join(__dirname, 'fixtures', 'slow_ends.c')]);
    const program = (exit) => `
      const threads = Array.from({ length: 3 }, () => new Thread((n) => () => n, { spares: 0 }));
      console.log = () => { ${exit} };
      threads[0].ready.then(() => {
        ${exit}
        new Thread(() => () => console.log('x'), { spares: 0 }).run();
      });`;
    const ways = { 'of a promise': 'process.exit(4);', 'of an event': `if (done++) process.exit(4);` };
    for (const [name, exit] of Object.entries(ways)) {
      const result = await runChild(`let done = 0; ${program(exit)}`, { env: { LD_PRELOAD: library } });
      assert.deepStrictEqual(result, { code: 4, signal: null, stdout: '', stderr: 'threads at their end: 0\n' }, name);
    }
    fs.rmSync(folder, { recursive: true });
  });

  test('an uncaught exception ends it as always, with threads that spin', async () => {
    const result = await runChild(() => {
      new Thread(() => () => { for (;;); }).run();
      setTimeout(() => { throw new Error('uncaught in main'); }, 50);
    });
    assert.strictEqual(result.code, 1);
    assert.strictEqual(result.signal, null);
    assert.match(result.stderr, /uncaught in main/);
  });

  test('an unhandled rejection of run ends it as always', async () => {
    const result = await runChild(() => {
      new Thread(() => () => { throw new Error('nobody catches'); }).run();
    });
    assert.strictEqual(result.code, 1);
    assert.match(result.stderr, /nobody catches/);
  });

  test('a Worker can load the package, use it, and end', async () => {
    const result = await runChild(() => {
      const worker = new Worker(`
        const { Thread } = require(${JSON.stringify(root)});
        const { parentPort } = require('node:worker_threads');
        const thread = new Thread(() => (a, b) => a + b);
        thread.run(1, 2).then((sum) => parentPort.postMessage(sum));
      `, { eval: true });
      worker.on('message', (sum) => console.log('sum', sum));
      worker.on('exit', (code) => console.log('exit', code));
    });
    assert.deepStrictEqual(result, fine('sum 3\nexit 0\n'));
  });

  test('a Worker can be terminated while its threads run, start and log', async () => {
    const result = await runChild(() => {
      const source = `
        const { Thread } = require(${JSON.stringify(root)});
        console.debug = () => {};
        for (const context of [
          () => () => { for (;;); },
          () => async () => { for (;;) await null; },
          () => () => new Promise(() => {}),
          () => () => { for (;;) console.debug('x'); },
          () => (x) => x,
        ]) new Thread(context).run();
        const thread = new Thread(() => (x) => x);
        (async () => { for (let i = 0; ; i++) await thread.run(i); })();
        require('node:worker_threads').parentPort.postMessage('up');
      `;
      (async () => {
        for (let i = 0; i < 10; i++) {
          const worker = new Worker(source, { eval: true });
          await new Promise((resolve) => worker.once('message', resolve));
          await new Promise((resolve) => setTimeout(resolve, i * 2));
          await worker.terminate();
        }
        const { Thread: Again } = require(root);
        console.log(await new Again(() => () => 'main works').run());
      })();
    });
    assert.deepStrictEqual(result, fine('main works\n'));
  });

  test('process.exit in a Worker ends only the Worker', async () => {
    const result = await runChild(() => {
      const worker = new Worker(`
        const { Thread } = require(${JSON.stringify(root)});
        new Thread(() => () => { for (;;); }).run();
        setTimeout(() => process.exit(7), 30);
      `, { eval: true });
      worker.on('exit', (code) => console.log('exit', code));
    });
    assert.deepStrictEqual(result, fine('exit 7\n'));
  });

  test('two Workers one after the other, and ten at once', async () => {
    const result = await runChild(() => {
      const use = () => new Promise((resolve, reject) => {
        const worker = new Worker(`
          const { Thread } = require(${JSON.stringify(root)});
          const threads = [1, 2, 3].map(() => new Thread(() => (n) => n * 2));
          Promise.all(threads.map((t) => t.run(21))).then((v) => require('node:worker_threads').parentPort.postMessage(v[2]));
        `, { eval: true });
        let value;
        worker.on('message', (v) => (value = v));
        worker.on('error', reject);
        worker.on('exit', () => resolve(value));
      });
      (async () => {
        console.log(await use(), await use());
        console.log((await Promise.all(Array.from({ length: 10 }, use))).join());
      })();
    });
    assert.deepStrictEqual(result, fine(`42 42\n${new Array(10).fill(42).join()}\n`));
  });

  test('a SharedArrayBuffer outlives the Worker and the thread that made it', async () => {
    const result = await runChild(() => {
      // The main thread has not loaded the library itself: the Worker is the only one that holds it.
      const worker = new Worker(`
        const { Thread } = require(${JSON.stringify(root)});
        new Thread(() => () => new SharedArrayBuffer(1e6)).run()
          .then((buffer) => require('node:worker_threads').parentPort.postMessage(buffer));
      `, { eval: true });
      let buffer;
      worker.on('message', (value) => (buffer = value));
      worker.on('exit', () => {
        new Uint8Array(buffer).fill(7);
        console.log(new Uint8Array(buffer)[999999]);
        buffer = undefined;
        for (let i = 0; i < 5; i++) gc();
      });
    });
    assert.deepStrictEqual(result, fine('7\n'));
  });

  test('a signal ends it', { skip: process.platform === 'win32' }, async () => {
    const result = await runChild(() => {
      new Thread(() => () => { for (;;); }).run();
      setTimeout(() => process.kill(process.pid, 'SIGINT'), 50);
    });
    assert.strictEqual(result.signal, 'SIGINT');
  });

  test('signals that it handles or ignores do nothing to its threads', { skip: process.platform === 'win32' }, async () => {
    const result = await runChild(() => {
      const { ThreadPool } = require(root);
      let handled = 0;
      process.on('SIGUSR2', () => (handled += 1));
      const pool = new ThreadPool(() => async (n) => {
        // Asleep in a wait, awake, and asleep between two tasks.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, n % 3);
        for (let i = 0; i < n * 100; i++) Math.sqrt(i);
        return n;
      }, 3, { timeout: 60000, memoryLimit: 64 });
      (async () => {
        let sum = 0;
        for (let i = 0; i < 100; i++) {
          const runs = [1, 2, 3, 4].map((n) => pool.run(n));
          for (const signal of ['SIGWINCH', 'SIGCONT', 'SIGUSR2', 'SIGURG']) process.kill(process.pid, signal);
          for (const n of await Promise.all(runs)) sum += n;
        }
        console.log(sum, handled > 0);
      })();
    });
    assert.deepStrictEqual(result, fine('1000 true\n'));
  });

  // Node takes V8 down around such a thread; on Node 24 V8 aborts for it.
  for (const [name, end, code] of [
    ['by itself', "process.exitCode = 5", 5],
    ['by process.exit()', 'process.exit(6)', 6],
    ['by an uncaught exception', "throw new Error('uncaught')", 1],
    ['after a Worker that had it', `
      const worker = new Worker('(' + start + ')(require(' + JSON.stringify(root) + ').Thread).then(() => process.exit())', { eval: true });
      worker.on('exit', () => { process.exitCode = 7; })`, 7],
  ]) {
    test(`ends ${name} as it shall, with a thread that nothing can stop`, async () => {
      const result = await runChild(`
        const start = (Class) => new Class(() => () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1), { timeout: 20, interruptGrace: 20 })
          .run().catch((error) => { if (error.code !== 'ERR_THREAD_TIMEOUT') throw error; });
        start(Thread).then(() => { console.log('out'); ${end}; });
      `);
      assert.deepStrictEqual([result.code, result.signal, result.stdout], [code, null, 'out\n'], result.stderr);
    });
  }

  test('run after the exit event has begun hurts nothing', async () => {
    const result = await runChild(() => {
      const thread = new Thread(() => () => 1);
      process.on('exit', () => {
        thread.run();
        new Thread(() => () => 1).run();
        thread.dispose();
      });
      thread.run();
    });
    assert.deepStrictEqual(result, fine());
  });
});
