'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread } = require('../..');

const echo = () => (...args) => (args.length === 1 ? args[0] : args);

describe('run', () => {
  test('gives the result of the function that the context returns', async () => {
    const thread = new Thread(() => {
      const offset = 40;
      const add = (a, b) => a + b;
      return (n) => add(offset, n);
    });
    assert.strictEqual(await thread.run(2), 42);
  });

  test('passes any number of arguments', async () => {
    const thread = new Thread(() => (...args) => args.length);
    for (const count of [0, 1, 2, 7, 8, 9, 100, 5000]) {
      assert.strictEqual(await thread.run(...new Array(count).fill('x')), count);
    }
  });

  test('awaits promises, async functions and thenables inside', async () => {
    const async = new Thread(async () => async (n) => n + 1);
    const promise = new Thread(() => (n) => new Promise((resolve) => resolve(n + 2)));
    const thenable = new Thread(() => (n) => ({ then: (resolve) => resolve(n + 3) }));
    assert.deepStrictEqual(await Promise.all([async.run(1), promise.run(1), thenable.run(1)]), [2, 3, 4]);
  });

  test('keeps the state of the context from run to run, and starts runs in order', async () => {
    const thread = new Thread(() => {
      const seen = [];
      return async (n) => {
        seen.push(n);
        await null;
        return n === 999 ? seen : n;
      };
    });
    const runs = [];
    for (let i = 0; i < 1000; i++) runs.push(thread.run(i));
    const results = await Promise.all(runs);
    assert.deepStrictEqual(results[999], Array.from({ length: 1000 }, (_, i) => i));
  });

  const cyclic = { name: 'cycle', list: [1, 2] };
  cyclic.self = cyclic;
  cyclic.list.push(cyclic.list);
  const sparse = [1, , 3]; // eslint-disable-line no-sparse-arrays
  sparse[10] = 'ten';
  const shared = { a: 1 };

  const values = {
    undefined: undefined,
    null: null,
    true: true,
    false: false,
    integer: 42,
    'negative integer': -(2 ** 31),
    'large integer': 2 ** 53,
    fraction: 0.1,
    'minus zero': -0,
    NaN: NaN,
    Infinity: -Infinity,
    'empty string': '',
    string: 'hello',
    'latin-1 string': 'gr\u00fc\u00dfe',
    'two-byte string': 'caf\u00e9 \u4f60\u597d \ud83d\ude00',
    'lone surrogate': '\ud800',
    'string with zeros': 'a\0b',
    'long string': 'x'.repeat(1e6),
    'long two-byte string': '\u4f60'.repeat(1e6),
    'sliced string': 'x'.repeat(100).slice(3, 60),
    'concatenated string': ['a', 'b'].join('-') + 'c'.repeat(50),
    bigint: 2n ** 200n,
    'negative bigint': -(2n ** 64n),
    object: { a: 1, b: { c: [1, 2, { d: null }] } },
    array: [1, 'two', [3]],
    'sparse array': sparse,
    'array with properties': Object.assign([1, 2], { extra: 'yes' }),
    Date: new Date(1234567890123),
    RegExp: /a(b)c/giu,
    Map: new Map([[1, { a: 1 }], ['k', new Map()]]),
    Set: new Set([1, 'a', { b: 2 }]),
    'boxed number': Object(1.5),
    'boxed string': Object('str'),
    'boxed boolean': Object(false),
    'boxed bigint': Object(10n),
    Error: new RangeError('bad', { cause: 'why' }),
    Uint8Array: new Uint8Array([1, 2, 3]),
    Float64Array: new Float64Array([1.5, -0]),
    BigInt64Array: new BigInt64Array([1n, -1n]),
    'view with an offset': new Uint16Array(new ArrayBuffer(16), 4, 3),
    DataView: new DataView(new ArrayBuffer(8), 2, 4),
    ArrayBuffer: new Uint8Array([9, 8, 7]).buffer,
    cycle: cyclic,
    'shared reference': { one: shared, two: shared },
  };
  for (const [name, value] of Object.entries(values)) {
    test(`clones in and out: ${name}`, async () => {
      const thread = new Thread(echo);
      const result = await thread.run(value);
      assert.deepStrictEqual(result, structuredClone(value));
      if (name === 'shared reference') assert.strictEqual(result.one, result.two);
    });
  }

  test('clones many values at once, of every kind', async () => {
    const thread = new Thread(echo);
    const all = Object.values(values);
    assert.deepStrictEqual(await thread.run(...all), structuredClone(all));
    assert.deepStrictEqual(await thread.run(1, 'two', null, undefined, true, 0.5), [1, 'two', null, undefined, true, 0.5]);
  });

  test('two arguments that share an object share it inside', async () => {
    const thread = new Thread(() => (a, b) => a.inner === b.inner && a.inner !== undefined);
    const inner = {};
    assert.strictEqual(await thread.run({ inner }, { inner }), true);
  });

  test('a Buffer arrives as a Uint8Array', async () => {
    const thread = new Thread(() => (b) => [b.constructor.name, b.length, b[0]]);
    assert.deepStrictEqual(await thread.run(Buffer.from('abc')), ['Uint8Array', 3, 97]);
  });

  test('SharedArrayBuffers are shared and not copied, anywhere in the value, both ways', async () => {
    const thread = new Thread(() => {
      let mine;
      return (command, value) => {
        if (command === 'make') {
          mine = new SharedArrayBuffer(8);
          return { deep: [new Map([['buffer', mine]]), mine] };
        }
        if (command === 'read') return new Int32Array(mine)[1];
        const view = new Int32Array(value.a.b[0]);
        Atomics.add(view, 0, 5);
        Atomics.notify(view, 0);
        return value.a.b[0] === value.again;
      };
    });
    const sent = new SharedArrayBuffer(16);
    assert.strictEqual(await thread.run('write', { a: { b: [sent] }, again: sent }), true);
    assert.strictEqual(Atomics.load(new Int32Array(sent), 0), 5);

    const { deep } = await thread.run('make');
    assert.strictEqual(deep[0].get('buffer'), deep[1]);
    Atomics.store(new Int32Array(deep[1]), 1, 77);
    assert.strictEqual(await thread.run('read'), 77);
    // The thread that made it may go.
    await thread.dispose();
    assert.strictEqual(new Int32Array(deep[1])[1], 77);
  });

  test('Atomics.wait and notify work between the host and a thread', async () => {
    const thread = new Thread(() => (buffer) => {
      const view = new Int32Array(buffer);
      Atomics.store(view, 1, 1);
      Atomics.notify(view, 1);
      return Atomics.wait(view, 0, 0, 20000);
    });
    const buffer = new SharedArrayBuffer(8);
    const view = new Int32Array(buffer);
    const run = thread.run(buffer);
    Atomics.wait(view, 1, 0, 20000);
    // It may be a moment before the thread waits.
    while (Atomics.notify(view, 0) === 0);
    assert.strictEqual(await run, 'ok');
  });

  const uncloneable = [
    ['a symbol', [1, Symbol('s')], /^args\[1\] is a symbol/],
    ['deep in an object', [{ a: { b: Symbol('s'), f() {} } }], /^args\[0\]\.a\.b is a symbol/],
    ['in an array', [1, [0, [Symbol.iterator]]], /^args\[1\]\[1\]\[0\] is a symbol/],
    ['under a strange key', [{ 'a-b': { 0: Symbol('s') } }], /^args\[0\]\["a-b"\]\["0"\] is a symbol/],
    ['in a Map', [new Map([['k', { f: Symbol('s') }]])], /^args\[0\]\.get\("k"\)\.f is a symbol/],
    ['in a Set', [new Set([1, Symbol('s')])], /^args\[0\]\.values\(\)\[1\] is a symbol/],
    ['a WeakMap', [{ w: new WeakMap() }], /^args\[0\]\.w is a WeakMap/],
    ['a promise', [Promise.resolve()], /^args\[0\] is a Promise/],
  ];
  for (const [name, args, pattern] of uncloneable) {
    test(`rejects an argument that cannot be cloned, and names it: ${name}`, async () => {
      const thread = new Thread(echo);
      const run = thread.run(...args);
      await assert.rejects(run, (error) => {
        assert.match(error.message, pattern);
        assert.strictEqual(error.code, 'ERR_THREAD_NOT_CLONEABLE');
        assert.strictEqual(error.name, 'DataCloneError');
        assert.ok(error instanceof Error);
        return true;
      });
      assert.strictEqual(await thread.run(1), 1);
    });
  }

  test('a getter of an argument that throws is told of, with its error as the cause', async () => {
    const thread = new Thread(echo);
    const thrown = new Error('from the getter');
    const argument = { a: 1, get bad() { throw thrown; } };
    await assert.rejects(thread.run(argument), (error) => {
      assert.strictEqual(error.code, 'ERR_THREAD_NOT_CLONEABLE');
      assert.strictEqual(error.cause, thrown);
      return true;
    });
  });

  test('a cycle does not hide the part that cannot be cloned', async () => {
    const thread = new Thread(echo);
    const root = { x: {} };
    root.x.back = root;
    root.f = Symbol('s');
    await assert.rejects(thread.run(root), { message: /^args\[0\]\.f is a symbol/ });
  });

  const uncloneableResults = [
    ['a symbol inside', () => () => ({ a: 1, c: Symbol('x') }), /^result\.c is a symbol/],
    ['a promise inside', () => async () => [Promise.resolve(1)], /^result\[0\] is a Promise/],
    ['a revoked proxy', () => () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return { proxy }; }, /^result\.proxy/],
    ['a proxy', () => () => new Proxy({ a: 1 }, {}), /^result/],
  ];
  for (const [name, context, pattern] of uncloneableResults) {
    test(`rejects a result that cannot be cloned, and names it: ${name}`, async () => {
      const thread = new Thread(context);
      await assert.rejects(thread.run(), (error) => {
        assert.strictEqual(error.code, 'ERR_THREAD_NOT_CLONEABLE');
        assert.match(error.message, pattern);
        return true;
      });
    });
  }

  test('a result whose getter throws rejects, with the error as the cause', async () => {
    const thread = new Thread(() => () => ({ get bad() { throw new RangeError('inner'); } }));
    await assert.rejects(thread.run(), (error) => {
      assert.strictEqual(error.code, 'ERR_THREAD_NOT_CLONEABLE');
      assert.ok(error.cause instanceof RangeError);
      assert.strictEqual(error.cause.message, 'inner');
      return true;
    });
  });

  test('values nested too deep for structured clone reject, both ways', async () => {
    const thread = new Thread(() => (n) => {
      if (typeof n !== 'number') return 0;
      let nested = [];
      for (let i = 0; i < n; i++) nested = [nested];
      return nested;
    });
    let nested = [];
    for (let i = 0; i < 1e6; i++) nested = [nested];
    await assert.rejects(thread.run(nested), { code: 'ERR_THREAD_NOT_CLONEABLE' });
    await assert.rejects(thread.run(1e6), { code: 'ERR_THREAD_NOT_CLONEABLE' });
    assert.deepStrictEqual(await thread.run(2), [[[]]]);
  });
});
