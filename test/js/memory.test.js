'use strict';

// memoryLimit: every case in a child, which must live.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

// V8 prints its last collections where it gives up; that is allowed, and nothing else.
const onlyLastGcs = (stderr) => stderr === '' || /^\s*<--- Last few GCs --->/.test(stderr);

describe('memoryLimit', () => {
  const bombs = {
    'an array that grows': () => () => { const a = []; for (;;) a.push({}); },
    'a string that doubles': () => () => { let s = 'x'; const all = []; for (;;) { s += s; all.push(s.replace('x', 'y')); if (s.length > 1e6) s = 'x' + all.length; } },
    'a Map that grows': () => () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); },
    closures: () => () => { let f = () => 0; for (;;) { const g = f; f = () => g; } },
    'errors with stacks': () => () => { const a = []; for (;;) a.push(new Error('x').stack); },
    'filled by index': () => () => { const a = new Array(1e8); for (let i = 0; i < 1e8; i++) a[i] = i; return a.length; },
  };
  for (const [name, bomb] of Object.entries(bombs)) {
    test(`ends the thread and not the process: ${name}`, async () => {
      const { code, signal, stdout, stderr } = await runChild(`
        const thread = new Thread(${bomb}, { memoryLimit: 64, name: 'bomb' });
        const other = new Thread(() => (n) => n);
        (async () => {
          const bomb = thread.run();
          const waiting = thread.run();
          const results = await Promise.allSettled([bomb, waiting]);
          for (const { reason } of results) console.log(reason.code, reason.cause?.code);
          await thread.run().catch((error) => console.log(error.code, error.cause.code));
          console.log(await other.run(7));
          await thread.dispose();
        })();
      `);
      assert.strictEqual(stdout, 'ERR_THREAD_OUT_OF_MEMORY undefined\nERR_THREAD_DISPOSED ERR_THREAD_OUT_OF_MEMORY\n' +
        'ERR_THREAD_DISPOSED ERR_THREAD_OUT_OF_MEMORY\n7\n');
      assert.deepStrictEqual({ code, signal }, { code: 0, signal: null });
      assert.ok(onlyLastGcs(stderr), stderr);
    });
  }

  test('a buffer beyond it is a RangeError inside, which can be caught', async () => {
    const { code, stdout } = await runChild(() => {
      const thread = new Thread(() => () => {
        try {
          return new Uint8Array(100e6).length;
        } catch (error) {
          return `${error.name} ${new Uint8Array(1e6).length}`;
        }
      }, { memoryLimit: 64 });
      thread.run().then(console.log);
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'RangeError 1000000\n' });
  });

  test('buffers that are garbage do not count', async () => {
    const { code, stdout } = await runChild(() => {
      const thread = new Thread(() => () => {
        let sum = 0;
        for (let i = 0; i < 1000; i++) sum += new Uint8Array(8e6).fill(1)[i];
        return sum;
      }, { memoryLimit: 32 });
      thread.run().then(console.log);
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: '1000\n' });
  });

  test('the message says how much it was, though nothing of it may be left', async () => {
    const bombs = {
      'small objects': () => () => { const all = []; for (;;) all.push({ all }); },
      'arrays': () => () => { const all = []; for (;;) all.push(new Array(1e4).fill(1)); },
      'one string': () => () => 'x'.repeat(2 ** 28),
    };
    for (const [name, bomb] of Object.entries(bombs)) {
      const { stdout } = await runChild(`new Thread(${bomb}, { memoryLimit: 32 }).run().catch(({ message }) => console.log(message))`);
      const [, limit, used] = /limit (\d+) MB, in use (\d+) MB/.exec(stdout) ?? assert.fail(stdout);
      assert.strictEqual(limit, '32');
      assert.ok(Number(used) >= 24, `${name}: ${stdout}`);
    }
  });
});
