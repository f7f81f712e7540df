'use strict';

const assert = require('node:assert');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Thread } = require('../..');
const { runChild } = require('./fixtures/child.js');

describe('inside a thread', () => {
  test('WebAssembly has no functions that take a Response, which there is none of', async () => {
    // Without memoryLimit, with it, and in an isolate that Node has made.
    for (const flags of [[], ['-r', path.join(__dirname, 'fixtures', 'node-snapshot.js')]]) {
      const result = await runChild(`
        const look = () => () => ['compileStreaming', 'instantiateStreaming'].map((name) => {
          try { return WebAssembly[name](1); } catch (error) { return error.name; }
        });
        (async () => {
          for (const options of [{}, { memoryLimit: 64 }]) console.log((await new Thread(look, options).run()).join());
        })();`, { flags });
      assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'TypeError,TypeError\n'.repeat(2), stderr: '' });
    }
  });

  test('there is nothing of Node, nor of the web', async () => {
    const names = ['Buffer', 'require', 'module', 'exports', '__dirname', 'process', 'global', 'setTimeout', 'setInterval',
      'setImmediate', 'queueMicrotask', 'fetch', 'URL', 'TextEncoder', 'structuredClone', 'performance', 'navigator'];
    const thread = new Thread(() => (list) => list.filter((name) => typeof globalThis[name] !== 'undefined'));
    assert.deepStrictEqual(await thread.run(names), []);
  });

  test('eval, new Function, Intl, Atomics and the rest of JavaScript work', async () => {
    const thread = new Thread(() => () => [
      eval('1 + 1'),  
      new Function('a', 'return a * 2')(21),
      new Intl.NumberFormat('en-US').format(1234567.8),
      Atomics.add(new Int32Array(new SharedArrayBuffer(4)), 0, 3),
      typeof WeakRef,
      [3, 1, 2].toSorted().join(),
      'x'.at(-1),
      JSON.stringify({ a: 1 }),
    ]);
    assert.deepStrictEqual(await thread.run(), [2, 42, '1,234,567.8', 0, 'function', '1,2,3', 'x', '{"a":1}']);
  });

  // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
  const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
    100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);

  test('WebAssembly compiles and runs, in both ways', async () => {
    const thread = new Thread(() => async (bytes) => {
      const now = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.add(1, 2);
      const later = (await WebAssembly.instantiate(bytes)).instance.exports.add(3, 4);
      return [now, later];
    });
    assert.deepStrictEqual(await thread.run(wasm), [3, 7]);
  });

  test('import() rejects and says why', async () => {
    const thread = new Thread(() => () => import('node:fs'));
    await assert.rejects(thread.run(), (error) => {
      assert.ok(error instanceof TypeError);
      assert.strictEqual(error.code, 'ERR_THREAD_NO_IMPORT');
      assert.match(error.message, /import\(\) does not work inside a thread.*node:fs/);
      return true;
    });
    const fromEval = new Thread(() => () => eval('import("./x.js")'));  
    await assert.rejects(fromEval.run(), { code: 'ERR_THREAD_NO_IMPORT' });
  });

  test('Atomics.waitAsync works, also when notified while the thread is idle', async () => {
    const thread = new Thread(() => {
      let noted = 'nothing';
      return async (buffer) => {
        if (!buffer) return noted;
        const view = new Int32Array(buffer);
        const waiting = Atomics.waitAsync(view, 0, 0);
        if (Atomics.load(view, 1) === 1) {
          Atomics.store(view, 2, 1);
          return await waiting.value;
        }
        waiting.value.then((value) => { noted = value; Atomics.store(view, 3, 1); });
        return 'not awaited';
      };
    });
    const buffer = new SharedArrayBuffer(16);
    const view = new Int32Array(buffer);
    assert.strictEqual(await thread.run(buffer), 'not awaited');
    Atomics.notify(view, 0);
    while (Atomics.load(view, 3) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.strictEqual(await thread.run(), 'ok');

    Atomics.store(view, 1, 1);
    const run = thread.run(buffer);
    while (Atomics.load(view, 2) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    Atomics.notify(view, 0);
    assert.strictEqual(await run, 'ok');
  });

  test('FinalizationRegistry callbacks are called', async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const thread = new Thread(() => {
        let collected = 0;
        const registry = new FinalizationRegistry(() => { collected += 1; });
        return (command) => {
          if (command === 'make') {
            for (let i = 0; i < 100; i++) registry.register({ i });
            gc();
          }
          return collected;
        };
      });
      (async () => {
        await thread.run('make');
        for (let tries = 0; tries < 500; tries++) {
          if ((await thread.run()) > 90) return console.log('collected');
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        console.log('never');
      })();
    });
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'collected\n', stderr: '' });
  });

  test('an exception in such a callback is a warning on the host', async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const thread = new Thread(() => {
        const registry = new FinalizationRegistry(() => { throw new Error('in the callback'); });
        return (command) => {
          if (command === 'make') {
            for (let i = 0; i < 10; i++) registry.register({ i });
            gc();
          }
          return 1;
        };
      }, { name: 'finalizer' });
      const keep = setTimeout(() => {}, 20000);
      process.once('warning', async () => {
        clearTimeout(keep);
        console.log('lives', await thread.run());
      });
      thread.run('make');
    });
    assert.match(stderr, /ThreadWarning: Uncaught exception in thread "finalizer": Error: in the callback/);
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'lives 1\n' });
  });

  test('an unhandled rejection is a warning on the host and hurts nothing', async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const thread = new Thread(() => (n) => {
        if (n === 1) Promise.reject(new TypeError('nobody handles this'));
        if (n === 2) Promise.reject(new Error('handled in time')).catch(() => {});
        return n;
      }, { name: 'careless' });
      (async () => {
        console.log(await thread.run(1), await thread.run(2), await thread.run(3));
      })();
    });
    assert.strictEqual(stdout, '1 2 3\n');
    assert.match(stderr, /\[THREAD_UNHANDLED_REJECTION\] ThreadWarning: Unhandled rejection in thread "careless": TypeError: nobody handles this/);
    assert.doesNotMatch(stderr, /handled in time/);
    assert.strictEqual(code, 0);
  });

  test('endless recursion is a RangeError and the thread lives', async () => {
    const thread = new Thread(() => (n) => {
      const f = (k) => (k === 0 ? 0 : 1 + f(k - 1));
      return f(n);
    });
    await assert.rejects(thread.run(Infinity), RangeError);
    assert.strictEqual(await thread.run(5000), 5000);
  });

  test('globals of one thread are not those of another', async () => {
    const context = () => (set) => (set ? (globalThis.mark = set) : globalThis.mark);
    const [one, two] = [new Thread(context), new Thread(context)];
    await one.run('one');
    assert.strictEqual(await two.run(), undefined);
    assert.strictEqual(await one.run(), 'one');
  });
});
