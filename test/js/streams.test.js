'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread, ThreadPool } = require('../..');

const collect = async (iterable) => {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
};
const upTo = (count) => Array.from({ length: count }, (_, i) => i);

const counting = () =>
  function* (count) {
    for (let i = 0; i < count; i++) yield i;
    return 'the end';
  };

// Counts in shared memory what has been yielded, and whether `finally` has run.
const watched = () =>
  async function* (counts, count = Infinity) {
    const seen = new Int32Array(counts);
    try {
      for (let i = 0; i < count; i++) {
        Atomics.add(seen, 0, 1);
        yield i;
      }
    } finally {
      await null;
      Atomics.add(seen, 1, 1);
      Atomics.notify(seen, 1);
    }
  };
const watchedSync = () =>
  function* (counts, count = Infinity) {
    const seen = new Int32Array(counts);
    try {
      for (let i = 0; i < count; i++) {
        Atomics.add(seen, 0, 1);
        yield i;
      }
    } finally {
      Atomics.add(seen, 1, 1);
    }
  };

describe('streams out of a thread', () => {
  test('run gives an async iterable where the function is a generator', async () => {
    const thread = new Thread(counting);
    assert.deepStrictEqual(await collect(await thread.run(100)), upTo(100));
    assert.deepStrictEqual(await collect(await thread.run(0)), []);
  });

  test('stream gives it at once, also of async generators and of promises of generators', async () => {
    const contexts = [
      counting,
      () =>
        async function* (count) {
          for (let i = 0; i < count; i++) {
            if (i % 3 === 0) await null;
            yield i;
          }
        },
      () => {
        function* values(count) {
          for (let i = 0; i < count; i++) yield i;
        }
        return async (count) => values(count);
      },
    ];
    for (const context of contexts) {
      const thread = new Thread(context);
      assert.deepStrictEqual(await collect(thread.stream(1000)), upTo(1000));
    }
  });

  test('the value that a generator returns comes with done', async () => {
    const stream = new Thread(counting).stream(1);
    assert.deepStrictEqual(await stream.next(), { value: 0, done: false });
    assert.deepStrictEqual(await stream.next(), { value: 'the end', done: true });
    assert.deepStrictEqual(await stream.next(), { value: undefined, done: true });
  });

  test('next may be called ahead', async () => {
    const stream = new Thread(counting).stream(3);
    const results = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()]);
    assert.deepStrictEqual(results.map(({ value }) => value), [0, 1, 2, 'the end']);
  });

  test('values arrive as they are yielded, though the generator never lets go', async () => {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    // Spins until the host has seen the value before.
    const thread = new Thread(() =>
      function* (buffer) {
        const seen = new Int32Array(buffer);
        for (let i = 0; i < 10; i++) {
          yield i;
          while (Atomics.load(seen, 0) <= i);
        }
      });
    for await (const value of thread.stream(flag.buffer)) Atomics.store(flag, 0, value + 1);
    assert.strictEqual(flag[0], 10);
  });

  for (const [name, context] of Object.entries({ 'an async': watched, 'a sync': watchedSync })) {
    test(`${name} generator is never more than the window ahead`, async () => {
      const thread = new Thread(context);
      for (const window of [undefined, 1, 4, 100]) {
        const counts = new Int32Array(new SharedArrayBuffer(8));
        const stream = thread.streamWith(window === undefined ? {} : { window }, counts.buffer, 1000);
        let taken = 0;
        for await (const value of stream) {
          assert.strictEqual(value, taken);
          taken += 1;
          if (taken % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
          const ahead = Atomics.load(counts, 0) - taken;
          assert.ok(ahead <= (window ?? 16), `${ahead} ahead with a window of ${window}`);
        }
        assert.strictEqual(taken, 1000);
      }
    });

    test(`break stops ${name} generator and runs its finally`, async () => {
      const thread = new Thread(context);
      const counts = new Int32Array(new SharedArrayBuffer(8));
      for await (const value of thread.stream(counts.buffer)) if (value === 20) break;
      assert.strictEqual(counts[1], 1);
      assert.ok(counts[0] >= 21 && counts[0] <= 37);
      // And the thread is free.
      assert.deepStrictEqual(await collect(thread.stream(counts.buffer, 2)), [0, 1]);
    });
  }

  test('return before the first next stops it too', async () => {
    const thread = new Thread(counting);
    const stream = await thread.run(1e9);
    assert.deepStrictEqual(await stream.return('mine'), { value: 'mine', done: true });
    assert.deepStrictEqual(await thread.stream(5).return('mine'), { value: 'mine', done: true });
    assert.deepStrictEqual(await collect(thread.stream(2)), [0, 1]);
  });

  test('an error arrives after the values before it, and the thread goes on', async () => {
    const thread = new Thread(() =>
      function* (count) {
        for (let i = 0; i < count; i++) yield i;
        throw Object.assign(new RangeError('over'), { code: 'E_OVER' });
      });
    for (const count of [0, 1, 5, 40]) {
      const values = [];
      await assert.rejects(
        async () => {
          for await (const value of thread.stream(count)) values.push(value);
        },
        (error) => error instanceof RangeError && error.message === 'over' && error.code === 'E_OVER',
      );
      assert.deepStrictEqual(values, upTo(count));
    }
  });

  test('what cannot be cloned is such an error', async () => {
    const thread = new Thread(() =>
      function* (count) {
        for (let i = 0; i < count; i++) yield i;
        yield Symbol('here');
        yield 'never';
      });
    for (const count of [0, 1, 5, 40]) {
      const values = [];
      await assert.rejects(async () => {
        for await (const value of thread.stream(count)) values.push(value);
      }, { code: 'ERR_THREAD_NOT_CLONEABLE' });
      assert.deepStrictEqual(values, upTo(count));
    }
    assert.strictEqual((await thread.stream(1).next()).value, 0);
  });

  test('an error of finally rejects return', async () => {
    const thread = new Thread(() =>
      function* () {
        try {
          for (let i = 0; ; i++) yield i;
        } finally {
          throw new TypeError('in finally'); // eslint-disable-line no-unsafe-finally
        }
      });
    const stream = thread.stream();
    await stream.next();
    await assert.rejects(stream.return(), { name: 'TypeError', message: 'in finally' });
  });

  test('a function that gives no generator has no stream', async () => {
    const thread = new Thread(() => (n) => n);
    await assert.rejects(thread.stream(1).next(), TypeError);
    assert.strictEqual(await thread.run(1), 1);
  });

  test('a run that fails fails its stream', async () => {
    const thread = new Thread(() => () => {
      throw new RangeError('none');
    });
    await assert.rejects(thread.stream().next(), { name: 'RangeError', message: 'none' });
  });

  test('large and odd values', async () => {
    const thread = new Thread(() =>
      async function* () {
        yield new Uint8Array(1 << 20).fill(7);
        yield 'x'.repeat(1 << 20);
        yield new Map([[1, new Set([2])]]);
        yield undefined;
        yield new RangeError('a value');
        yield (a, b) => a + b;
      });
    const [bytes, text, map, nothing, error, add] = await collect(thread.stream());
    assert.strictEqual(bytes.length, 1 << 20);
    assert.strictEqual(bytes[5], 7);
    assert.strictEqual(text.length, 1 << 20);
    assert.deepStrictEqual(map, new Map([[1, new Set([2])]]));
    assert.strictEqual(nothing, undefined);
    assert.strictEqual(error.message, 'a value');
    assert.strictEqual(await add(1, 2), 3);
  });

  test('ReadableStream.from takes it', { skip: typeof ReadableStream.from !== 'function' }, async () => {
    const readable = ReadableStream.from(new Thread(counting).stream(50));
    assert.deepStrictEqual(await collect(readable), upTo(50));
    const counts = new Int32Array(new SharedArrayBuffer(8));
    const reader = ReadableStream.from(await new Thread(watched).run(counts.buffer)).getReader();
    assert.strictEqual((await reader.read()).value, 0);
    await reader.cancel();
    assert.strictEqual(counts[1], 1);
  });

  test('a timeout ends it with its own error', async () => {
    const thread = new Thread(() =>
      async function* () {
        yield 1;
        await new Promise(() => {});
      }, { timeout: 200 });
    const stream = thread.stream();
    assert.strictEqual((await stream.next()).value, 1);
    await assert.rejects(stream.next(), { code: 'ERR_THREAD_TIMEOUT' });
    assert.deepStrictEqual(await stream.next(), { value: undefined, done: true });
    assert.strictEqual((await thread.stream().next()).value, 1);
  });

  test('so does an abort', async () => {
    const thread = new Thread(() =>
      function* () {
        yield 1;
        for (;;);
      });
    const controller = new AbortController();
    const stream = await thread.runWith({ signal: controller.signal });
    assert.strictEqual((await stream.next()).value, 1);
    const next = stream.next();
    controller.abort(new Error('enough'));
    await assert.rejects(next, (error) => error.code === 'ABORT_ERR' && error.cause.message === 'enough');
    assert.strictEqual((await thread.stream().next()).value, 1);
  });

  test('so does dispose', async () => {
    const thread = new Thread(() =>
      function* () {
        yield 1;
        for (;;);
      });
    const stream = thread.stream();
    await stream.next();
    const next = stream.next();
    thread.dispose();
    await assert.rejects(next, { code: 'ERR_THREAD_DISPOSED' });
    await assert.rejects(thread.stream().next(), { code: 'ERR_THREAD_DISPOSED' });
  });

  test('so does the end of memory', async () => {
    const thread = new Thread(() =>
      function* () {
        const all = [];
        for (;;) {
          all.push(new Array(1e5).fill(all.length));
          yield all.length;
        }
      }, { memoryLimit: 32 });
    await assert.rejects(collect(thread.stream()), { code: 'ERR_THREAD_OUT_OF_MEMORY' });
  });

  test('runs of a thread wait until the stream is over, those of a pool go elsewhere', async () => {
    const pool = new ThreadPool(counting, 2);
    const [one, two] = await Promise.all([pool.run(100), pool.run(100)]);
    assert.strictEqual(pool.stats().running, 2);
    const third = collect(pool.stream(5));
    assert.deepStrictEqual(await collect(one), upTo(100));
    assert.deepStrictEqual(await third, upTo(5));
    assert.deepStrictEqual(await collect(two), upTo(100));
    await pool.close();
  });

  test('close waits for streams, and loses nothing of them', async () => {
    const pool = new ThreadPool(counting, 1, { maxTasksPerThread: 1 });
    const stream = await pool.run(10);
    assert.strictEqual((await stream.next()).value, 0);
    const closed = pool.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepStrictEqual(await collect(stream), upTo(10).slice(1));
    await closed;
  });

  test('options are checked', () => {
    const thread = new Thread(counting);
    assert.throws(() => thread.streamWith({ window: 0 }, 1), { name: 'RangeError', message: /options\.window/ });
    assert.throws(() => thread.streamWith({ window: 'x' }, 1), { name: 'TypeError', message: /options\.window/ });
    assert.throws(() => thread.streamWith({ windows: 1 }, 1), { name: 'TypeError', message: /options\.windows/ });
  });
});

describe('streams into a thread', () => {
  const sum = () => async (values, take = Infinity) => {
    let total = 0;
    let count = 0;
    for await (const value of values) {
      total += value;
      count += 1;
      if (count >= take) break;
    }
    return total;
  };
  async function* numbers(count, log = {}) {
    log.made = 0;
    try {
      for (let i = 0; i < count; i++) {
        log.made += 1;
        if (i % 5 === 0) await null;
        yield i;
      }
    } finally {
      log.isOver = true;
    }
  }

  test('async generators, generators, ReadableStreams and objects of one’s own', async () => {
    const thread = new Thread(sum);
    const total = (999 * 1000) / 2;
    assert.strictEqual(await thread.run(numbers(1000)), total);
    assert.strictEqual(await thread.run(upTo(1000).values()), total);
    assert.strictEqual(await thread.run(upTo(1000)), total);
    assert.strictEqual(await thread.run({ [Symbol.asyncIterator]: () => numbers(1000) }), total);
    class Source {
      [Symbol.asyncIterator]() {
        return numbers(1000);
      }
    }
    assert.strictEqual(await thread.run(new Source()), total);
    if (typeof ReadableStream.from === 'function') {
      assert.strictEqual(await thread.run(ReadableStream.from(numbers(1000))), total);
    }
    assert.strictEqual(await thread.run(require('node:stream').Readable.from(numbers(1000))), total);
  });

  test('are never more than the window ahead', async () => {
    const log = {};
    const thread = new Thread(() => async (values, seen) => {
      let count = 0;
      for await (const value of values) {
        count += 1;
        await seen(value);
      }
      return count;
    });
    let taken = 0;
    const count = await thread.run(numbers(500, log), () => {
      taken += 1;
      assert.ok(log.made - taken <= 16, `${log.made - taken} ahead`);
    });
    assert.strictEqual(count, 500);
    assert.strictEqual(taken, 500);
  });

  test('break in the thread stops the source', async () => {
    const log = {};
    assert.strictEqual(await new Thread(sum).run(numbers(Infinity, log), 10), 45);
    assert.strictEqual(log.isOver, true);
    assert.ok(log.made <= 26);
  });

  test('errors of the source arrive in the thread, in order', async () => {
    async function* failing() {
      yield 1;
      yield 2;
      throw new RangeError('source');
    }
    const thread = new Thread(() => async (values) => {
      const seen = [];
      try {
        for await (const value of values) seen.push(value);
      } catch (error) {
        seen.push(`${error.name}: ${error.message}`);
      }
      return seen;
    });
    assert.deepStrictEqual(await thread.run(failing()), [1, 2, 'RangeError: source']);
  });

  test('a source that nobody reads any more is told so when its thread goes', async () => {
    const log = {};
    let stopped;
    const isStopped = new Promise((resolve) => {
      stopped = resolve;
    });
    async function* source() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        log.isOver = true;
        stopped();
      }
    }
    const thread = new Thread(() => async (values) => {
      for await (const value of values) await new Promise(() => value);
    });
    const rejected = assert.rejects(thread.run(source()), { code: 'ERR_THREAD_DISPOSED' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await thread.dispose();
    await rejected;
    await isStopped;
    assert.strictEqual(log.isOver, true);
  });

  test('out and in at once', async () => {
    const thread = new Thread(() =>
      async function* (values) {
        for await (const value of values) yield value * 2;
      });
    assert.deepStrictEqual(await collect(thread.stream(numbers(300))), upTo(300).map((n) => n * 2));
    // Through two threads, one after the other.
    const first = thread.stream(numbers(100));
    const second = new Thread(() =>
      async function* (values) {
        for await (const value of values) yield value + 1;
      }).stream(first);
    assert.deepStrictEqual(await collect(second), upTo(100).map((n) => n * 2 + 1));
  });
});
