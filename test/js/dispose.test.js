'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread } = require('../..');
const { runChild } = require('./fixtures/child.js');

const disposed = { code: 'ERR_THREAD_DISPOSED' };

describe('dispose', () => {
  const busy = {
    'an endless loop': () => () => { for (;;); },
    'endless microtasks': () => async () => { for (;;) await null; },
    'an endless chain of promises': () => () => { const f = () => Promise.resolve().then(f); return f(); },
    'a promise that never settles': () => () => new Promise(() => {}),
    'a thenable that never settles': () => () => ({ then() {} }),
    'Atomics.wait': () => () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    'a catch that goes on': () => () => { for (;;) try { for (;;); } catch { /* again */ } finally { for (;;); } }, // eslint-disable-line
    'a regular expression': () => () => /(a*)*b/.test('a'.repeat(50)),
    'a getter of the result that loops': () => () => ({ get loop() { for (;;); } }),
    'a thrown error whose getter loops': () => () => { throw Object.defineProperty(new Error('x'), 'bad', { enumerable: true, get() { for (;;); } }); },
    'a sort comparator': () => () => Array.from({ length: 1e4 }, (_, i) => i).sort(() => { for (;;); }),
    'endless logging': () => () => { for (;;) console.debug('x'); },
  };
  for (const [name, context] of Object.entries(busy)) {
    test(`stops ${name}`, async (t) => {
      t.mock.method(console, 'debug', () => {});
      const thread = new Thread(context);
      await thread.ready;
      const running = thread.run();
      const waiting = thread.run();
      await new Promise((resolve) => setTimeout(resolve, 20));
      const end = thread.dispose();
      await Promise.all([assert.rejects(running, disposed), assert.rejects(waiting, disposed)]);
      await end;
      await assert.rejects(thread.run(), disposed);
    });
  }

  test('stops a context that never ends', async () => {
    for (const context of [() => { for (;;); }, () => new Promise(() => {})]) {
      const thread = new Thread(context);
      const run = thread.run();
      const { ready } = thread;
      await new Promise((resolve) => setTimeout(resolve, 20));
      const end = thread.dispose();
      await Promise.all([assert.rejects(run, disposed), assert.rejects(ready, disposed)]);
      await end;
    }
  });

  test('right after the start, and while it starts', async () => {
    for (let delay = 0; delay < 12; delay++) {
      const thread = new Thread(() => () => 1);
      const run = thread.run();
      run.catch(() => {});
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      await thread.dispose();
      const result = await run.catch((error) => error.code);
      assert.ok(result === 1 || result === 'ERR_THREAD_DISPOSED', String(result));
    }
  });

  test('twice, thrice, and after the end, is fine', async () => {
    const thread = new Thread(() => () => 1);
    const first = thread.dispose();
    assert.strictEqual(thread.dispose(), first);
    assert.strictEqual(await first, undefined);
    assert.strictEqual(await thread.dispose(), undefined);
  });

  test('what has settled stays settled', async () => {
    const thread = new Thread(() => (n) => n);
    assert.strictEqual(await thread.run(1), 1);
    await thread.dispose();
    await assert.rejects(thread.ready.then(() => thread.run()), disposed);
  });

  test('Symbol.dispose and Symbol.asyncDispose, where Node has them', async () => {
    const thread = new Thread(() => () => 1);
    if (Symbol.asyncDispose) {
      await thread[Symbol.asyncDispose]();
      await assert.rejects(thread.run(), disposed);
    }
    if (Symbol.dispose) {
      const other = new Thread(() => () => 1);
      assert.strictEqual(other[Symbol.dispose](), undefined);
      await assert.rejects(other.run(), disposed);
    }
    assert.ok(Symbol.dispose);
  });

  test('its promise keeps the process until the end', async () => {
    const { code, stdout } = await runChild(() => {
      const thread = new Thread(() => () => { for (;;); });
      thread.run().catch(() => {});
      thread.dispose().then(() => console.log('ended'));
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'ended\n' });
  });
});
