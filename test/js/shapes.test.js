'use strict';

// Objects that come again and again are written and made by their shape; what only looks like one
// of them must arrive as structured clone would have it all the same.

const assert = require('node:assert');
const { after, describe, test } = require('node:test');
const { Thread } = require('../../lib/index.js');

const OFTEN = 600;

const make = (i) => ({ id: i, name: `name ${i}`, tags: ['a', 'b'], position: { x: i + 0.5, y: i } });

describe('objects of a shape that is known', () => {
  const echo = new Thread(() => (value) => value);
  after(() => echo.dispose());

  const learn = async (each = make) => {
    for (let i = 0; i < OFTEN; i++) {
      const value = each(i);
      assert.deepStrictEqual(await echo.run(value), value);
    }
  };

  test('arrive as they are, whatever primitives they hold', async () => {
    await learn();
    const leaves = [0, -0, 1.5, NaN, Infinity, -1, 2 ** 31, '', 'é', '\u{1f600}', 'x'.repeat(5000), 'y'.repeat(100000), true, false, null, undefined];
    for (const leaf of leaves) {
      for (const value of [{ ...make(1), id: leaf }, { ...make(1), tags: [leaf, leaf] }, { ...make(1), position: { x: leaf, y: leaf } }]) {
        assert.deepStrictEqual(await echo.run(value), structuredClone(value));
      }
      const value = make(2);
      value.name = leaf;
      value.position.x = leaf;
      assert.deepStrictEqual(await echo.run(value), structuredClone(value));
    }
  });

  const variants = {
    'another order of properties': () => ({ name: 'n', id: 1, tags: ['a', 'b'], position: { x: 1, y: 2 } }),
    'one property more': () => Object.assign(make(1), { more: 1 }),
    'one property less': () => { const value = make(1); delete value.position; return value; },
    'a property that was deleted and put back': () => { const value = make(1); delete value.id; value.id = 1; return value; },
    'a dictionary': () => {
      const value = make(1);
      for (let i = 0; i < 2000; i++) value[`key ${i}`] = i;
      for (let i = 0; i < 2000; i++) delete value[`key ${i}`];
      return value;
    },
    'an index': () => Object.assign(make(1), { 7: 'seven' }),
    'an index in an object inside': () => { const value = make(1); value.position[0] = 'zero'; return value; },
    'a symbol': () => Object.assign(make(1), { [Symbol('s')]: 1 }),
    'a getter': () => Object.defineProperty(make(1), 'id', { get: () => 42, enumerable: true }),
    'a getter inside': () => { const value = make(1); Object.defineProperty(value.position, 'x', { get: () => 42, enumerable: true }); return value; },
    'a property that is not enumerable': () => Object.defineProperty(make(1), 'id', { value: 42, enumerable: false }),
    'no prototype': () => Object.setPrototypeOf(make(1), null),
    'another prototype': () => Object.setPrototypeOf(make(1), { inherited: 1 }),
    frozen: () => Object.freeze(make(1)),
    'a proxy inside that cannot be cloned': () => ({ ...make(1), position: new Proxy({ x: 1, y: 2 }, {}) }),
    'a Map in the place of an object': () => Object.assign(make(1), { position: new Map([[1, 2]]) }),
    'a Date in the place of a primitive': () => Object.assign(make(1), { id: new Date(7) }),
    'a BigInt': () => Object.assign(make(1), { id: 7n }),
    'a primitive in the place of an object': () => Object.assign(make(1), { position: 7 }),
    'a boxed primitive': () => Object.assign(make(1), { id: Object(7) }),
    'a longer array': () => Object.assign(make(1), { tags: ['a', 'b', 'c'] }),
    'a shorter array': () => Object.assign(make(1), { tags: ['a'] }),
    'an array with a hole': () => Object.assign(make(1), { tags: ['a', , 'b'] }), // eslint-disable-line no-sparse-arrays
    'an array that ends in a hole': () => { const tags = ['a']; tags.length = 2; return Object.assign(make(1), { tags }); },
    'an array with a name': () => Object.assign(make(1), { tags: Object.assign(['a', 'b'], { extra: 1 }) }),
    'an array of another class': () => Object.assign(make(1), { tags: new (class extends Array {})('a', 'b') }),
    'an object in the place of an array': () => Object.assign(make(1), { tags: { 0: 'a', 1: 'b', length: 2 } }),
    'an Error': () => Object.assign(make(1), { id: new RangeError('r') }),
    arguments: () => (function () { return arguments; })(1, 2),
  };
  for (const [name, variant] of Object.entries(variants)) {
    test(`no longer known with ${name}`, async () => {
      await learn();
      for (let i = 0; i < 3; i++) {
        let expected;
        try {
          expected = structuredClone(variant());
        } catch (error) {
          await assert.rejects(echo.run(variant()), { name: error.name });
          continue;
        }
        assert.deepStrictEqual(await echo.run(variant()), expected);
      }
    });
  }

  test('one object twice arrives as one: in an argument, in two, in the result', async () => {
    await learn((i) => ({ a: { x: i }, b: { x: i } }));
    const shared = { x: 1 };
    const { a, b } = await echo.run({ a: shared, b: shared });
    assert.strictEqual(a, b);
    const thread = new Thread(() => (first, second) => [first === second, first.a === first.b, second]);
    for (let i = 0; i < OFTEN; i++) await thread.run({ a: { x: i }, b: { x: i } }, i);
    const value = { a: { x: 1 }, b: { x: 2 } };
    assert.deepStrictEqual(await thread.run(value, value), [true, false, value]);
    assert.deepStrictEqual(await thread.run({ a: shared, b: shared }, 7), [false, true, 7]);
    assert.deepStrictEqual(await thread.run(value, structuredClone(value)), [false, false, value]);
    await thread.dispose();
  });

  test('one object in an argument and beside it, and at two depths', async () => {
    const thread = new Thread(() => (first, second) => [first.p === second, first, second]);
    for (let i = 0; i < OFTEN; i++) {
      await thread.run({ p: { x: i } }, 0);
      await thread.run({ x: i }, 0);
    }
    const child = { x: 1 };
    assert.deepStrictEqual(await thread.run({ p: child }, child), [true, { p: child }, child]);
    assert.deepStrictEqual(await thread.run({ p: child }, { x: 1 }), [false, { p: child }, child]);
    await thread.dispose();
    await learn((i) => ({ a: { b: { c: { x: i } } }, d: { x: i } }));
    const result = await echo.run({ a: { b: { c: child } }, d: child });
    assert.strictEqual(result.a.b.c, result.d);
    assert.deepStrictEqual(result, { a: { b: { c: child } }, d: child });
  });

  test('a cycle', async () => {
    await learn((i) => ({ self: { self: i } }));
    const value = { self: null };
    value.self = value;
    const result = await echo.run(value);
    assert.strictEqual(result.self, result);
  });

  test('getters run once', async () => {
    await learn();
    let count = 0;
    const value = Object.defineProperty(make(1), 'id', { get: () => ++count, enumerable: true });
    assert.strictEqual((await echo.run(value)).id, 1);
    assert.strictEqual(count, 1);
  });

  test('among other arguments, as arguments and results of functions, in streams', async () => {
    const thread = new Thread(() => async (first, value, call) => [first, value, await call(value)]);
    for (let i = 0; i < OFTEN; i++) {
      const value = make(i);
      assert.deepStrictEqual(await thread.run(i, value, (inner) => ({ inner })), [i, value, { inner: value }]);
    }
    await thread.dispose();
    const stream = new Thread(() => function* (n) { for (let i = 0; i < n; i++) yield { i, square: [i * i] }; });
    let i = 0;
    for await (const value of stream.stream(OFTEN)) {
      assert.deepStrictEqual(value, { i, square: [i * i] });
      i += 1;
    }
    await stream.dispose();
  });

  test('the thread has a context of its own after an interrupt, and goes on', async () => {
    const thread = new Thread(() => (value) => { if (value.id < 0) for (;;); return value; }, { timeout: 50 });
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < OFTEN; i++) assert.deepStrictEqual(await thread.run(make(i)), make(i));
      await assert.rejects(thread.run(make(-1)), { code: 'ERR_THREAD_TIMEOUT' });
    }
    await thread.dispose();
  });

  test('of hundreds of shapes, in turns', async () => {
    const shapes = Array.from({ length: 200 }, (_, i) => new Function('n', `return { key${i}: n, more: [n, { x${i % 7}: 'text' }] }`));
    for (let i = 0; i < 40 * shapes.length; i++) {
      const value = shapes[i % shapes.length](i);
      assert.deepStrictEqual(await echo.run(value), value);
    }
  });
});
