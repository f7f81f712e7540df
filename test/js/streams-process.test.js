'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');

const root = path.join(__dirname, '..', '..');

function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 60000 });
  return { status, stdout, stderr };
}

describe('streams and the process', () => {
  test('examples/stream.js runs', () => {
    const { status, stdout, stderr } = node(path.join('examples', 'stream.js'), '1000');
    assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /35 pairs of twin primes up to 1000, the last 881 and 883/);
  });

  test('an open stream does not keep the process alive, whatever it fetches ahead; a next that waits does', () => {
    const script = `
      const { Thread } = require('.');
      const thread = new Thread(() => function* () { for (let i = 0; ; i++) yield i; });
      const late = new Thread(() => async function* () {
        const end = Date.now() + 300;
        while (Date.now() < end) await null;
        yield 'late';
      });
      (async () => {
        const stream = await thread.run();
        for (let i = 0; i < 40; i++) await stream.next();
        // What is fetched ahead never comes.
        await new Thread(() => function* () { yield 1; for (;;); }).stream().next();
        late.stream().next().then(({ value }) => console.log(value));
      })();`;
    assert.deepStrictEqual(node('-e', script), { status: 0, stdout: 'late\n', stderr: '' });
  });

  test('a stream that is garbage is stopped, and its thread is free', () => {
    const script = `
      const { Thread } = require('.');
      const thread = new Thread(() => function* (counts) {
        const seen = new Int32Array(counts);
        try { for (let i = 0; ; i++) yield i; } finally { Atomics.store(seen, 0, 1); }
      });
      const counts = new Int32Array(new SharedArrayBuffer(4));
      (async () => {
        await (async () => { const stream = await thread.run(counts.buffer); await stream.next(); })();
        const next = thread.stream(counts.buffer).next();
        let isOver = false;
        next.then(() => { isOver = true; });
        while (!isOver) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
        console.log(counts[0], (await next).value);
        process.exit();
      })();`;
    assert.deepStrictEqual(node('--expose-gc', '-e', script), { status: 0, stdout: '1 0\n', stderr: '' });
  });

  test('a Thread that is garbage lives as long as its stream', () => {
    const script = `
      const { Thread } = require('.');
      (async () => {
        let count = 0;
        for await (const _ of new Thread(() => function* () { for (let i = 0; i < 200; i++) yield i; }).stream()) {
          count++;
          if (count % 50 === 0) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
        }
        console.log(count);
      })();`;
    assert.deepStrictEqual(node('--expose-gc', '-e', script), { status: 0, stdout: '200\n', stderr: '' });
  });

  test('process.exit in the middle of streams', () => {
    const script = `
      const { ThreadPool } = require('.');
      const pool = new ThreadPool(() => async function* (values) { for await (const value of values) yield value; }, 4);
      const forever = async function* () { for (let i = 0; ; i++) yield i; };
      let count = 0;
      for (let i = 0; i < 8; i++) {
        (async () => { for await (const _ of pool.stream(forever())) if (++count === 1000) process.exit(3); })();
      }`;
    assert.deepStrictEqual(node('-e', script), { status: 3, stdout: '', stderr: '' });
  });
});
