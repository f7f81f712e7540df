'use strict';

// What goes through a thread is what structuredClone gives, for arbitrary values. A failure prints
// its seed and path; FC_SEED brings a run back.

const assert = require('node:assert');
const { describe, test, after } = require('node:test');
const fc = require('fast-check');
const { Thread, transfer } = require('../..');

const parameters = { numRuns: Number(process.env.FC_RUNS ?? 300), seed: process.env.FC_SEED && Number(process.env.FC_SEED) };
const thread = new Thread(() => (...args) => (args.length === 1 ? args[0] : args));
after(() => thread.dispose());

// deepStrictEqual tells neither -0 within typed arrays nor which references are the same.
function assertSame(actual, expected, pairs = new Map()) {
  if (typeof expected !== 'object' || expected === null) {
    assert.ok(Object.is(actual, expected), `${String(actual)} is not ${String(expected)}`);
    return;
  }
  if (pairs.has(expected)) {
    assert.strictEqual(actual, pairs.get(expected), 'what was one object is two');
    return;
  }
  pairs.set(expected, actual);
  assert.strictEqual(Object.prototype.toString.call(actual), Object.prototype.toString.call(expected));
  assert.strictEqual(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected));
  if (ArrayBuffer.isView(expected)) {
    assert.strictEqual(actual.byteLength, expected.byteLength);
    assert.deepStrictEqual(
      Buffer.from(actual.buffer, actual.byteOffset, actual.byteLength),
      Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength),
    );
    if (pairs.has(expected.buffer)) assert.strictEqual(actual.buffer, pairs.get(expected.buffer));
    else pairs.set(expected.buffer, actual.buffer);
    return;
  }
  if (expected instanceof ArrayBuffer) {
    assert.deepStrictEqual(Buffer.from(actual), Buffer.from(expected));
    assert.deepStrictEqual([actual.resizable, actual.maxByteLength], [expected.resizable, expected.maxByteLength]);
    return;
  }
  if (expected instanceof Map || expected instanceof Set) {
    assertSame([...actual], [...expected], pairs);
    return;
  }
  // To deepStrictEqual no invalid date is like another.
  if (expected instanceof Date) {
    assertSame(actual.getTime(), expected.getTime());
    return;
  }
  if (expected instanceof RegExp || expected instanceof Number || expected instanceof String) {
    assert.deepStrictEqual(actual, expected);
    return;
  }
  if (expected instanceof Error) {
    for (const key of ['name', 'message', 'stack']) assertSame(actual[key], expected[key], pairs);
  }
  assert.deepStrictEqual(Object.keys(actual), Object.keys(expected));
  if (Array.isArray(expected)) assert.strictEqual(actual.length, expected.length);
  for (const key of Object.keys(expected)) assertSame(actual[key], expected[key], pairs);
}

const outcome = async (what) => {
  try {
    return { value: await what() };
  } catch (error) {
    return { error };
  }
};

async function assertLikeStructuredClone(value) {
  const expected = await outcome(() => structuredClone(value));
  const actual = await outcome(() => thread.run(value));
  if (expected.error) {
    assert.ok(actual.error, 'it must be refused');
    assert.strictEqual(actual.error.name, 'DataCloneError');
    return;
  }
  if (actual.error) throw actual.error;
  assertSame(actual.value, expected.value);
}

const check = (arbitrary, property = assertLikeStructuredClone) =>
  fc.assert(fc.asyncProperty(arbitrary, property), parameters);

const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', '0', '-1', '1.5', 'a"b', '\\', '\u4f60', ''));
const primitive = fc.oneof(
  fc.integer(), fc.double(), fc.string({ unit: 'binary' }), fc.string({ unit: 'binary-ascii' }), fc.boolean(), fc.bigInt(),
  fc.constantFrom(undefined, null, -0, NaN, Infinity, 2 ** 31, -(2 ** 31), 2 ** 53, '\ud800'),
);
const bytes = fc.uint8Array({ maxLength: 40 });
const leaf = fc.oneof(
  { weight: 6, arbitrary: primitive },
  bytes, bytes.map((view) => view.buffer), bytes.map((view) => new Float32Array(view.buffer.slice(0, view.length & ~3))),
  fc.date(), fc.constantFrom(/a/gi, new RegExp('[/]', 'u')), primitive.filter((each) => each !== null && each !== undefined).map(Object),
  fc.string().map((text) => new RangeError(text)),
);
const { value: anything } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, { weight: 3, arbitrary: leaf }, tie('object'), tie('array'), tie('sparse'), tie('map'), tie('set')),
  object: fc.dictionary(key, tie('value'), { maxKeys: 6 }),
  array: fc.array(tie('value'), { maxLength: 6 }),
  sparse: fc.sparseArray(tie('value'), { maxNumElements: 4, maxLength: 30 }),
  map: fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(tie('value'), { maxLength: 4 }).map((items) => new Set(items)),
}));

// Joins values into one graph: some places then hold objects that are elsewhere in it, too.
const graph = fc.tuple(fc.array(anything, { minLength: 1, maxLength: 6 }), fc.array(fc.tuple(fc.nat(), fc.nat(), key), { maxLength: 8 })).map(([parts, links]) => {
  const objects = [];
  const collect = (value) => {
    if (typeof value !== 'object' || value === null || objects.includes(value)) return;
    objects.push(value);
    if (value instanceof Map) for (const entry of value) entry.forEach(collect);
    else if (value instanceof Set) value.forEach(collect);
    else if (ArrayBuffer.isView(value)) collect(value.buffer);
    else Object.values(value).forEach(collect);
  };
  collect(parts);
  const plain = objects.filter((object) => Array.isArray(object) || Object.getPrototypeOf(object) === Object.prototype);
  for (const [from, to, at] of links) {
    const target = plain[from % plain.length];
    // The length of an array is no place for one.
    if (Array.isArray(target) && at === 'length') continue;
    Reflect.defineProperty(target, at, { value: objects[to % objects.length], enumerable: true, configurable: true, writable: true });
  }
  return parts;
});

describe('a thread and structuredClone agree', () => {
  test('on anything', () => check(anything));
  test('on graphs with cycles and shared references', () => check(graph));
  test('on what fast-check takes for objects', () => check(fc.object({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withSet: true, withSparseArray: true, withTypedArray: true })));

  test('on small plain objects, again and again, whatever their primitives become', async () => {
    const shape = fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: 'small' }, { weight: 3, arbitrary: fc.constant(null) }, tie('object'), tie('array')),
      object: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
      array: fc.array(tie('value'), { maxLength: 5 }),
    }));
    const fill = (node, next) => {
      if (node === null) return next();
      if (Array.isArray(node)) return node.map((item) => fill(item, next));
      const filled = {};
      for (const name of Object.keys(node)) Object.defineProperty(filled, name, { value: fill(node[name], next), enumerable: true, configurable: true, writable: true });
      return filled;
    };
    await fc.assert(
      fc.asyncProperty(fc.oneof(shape.object, shape.array), fc.array(primitive, { minLength: 1, maxLength: 50 }), async (node, primitives) => {
        let at = 0;
        for (let i = 0; i < 40; i++) await assertLikeStructuredClone(fill(node, () => primitives[at++ % primitives.length]));
      }),
      { ...parameters, numRuns: Math.ceil(parameters.numRuns / 6) },
    );
  });

  test('on objects with accessors, other prototypes, hidden and symbol keys; getters are called once', async () => {
    const descriptor = fc.record({ kind: fc.constantFrom('data', 'getter', 'hidden', 'throwing'), value: anything });
    const arbitrary = fc.tuple(fc.dictionary(key, descriptor, { maxKeys: 5 }), fc.constantFrom(Object.prototype, null, class A {}.prototype, Array.prototype));
    await check(arbitrary, async ([parts, prototype]) => {
      const make = (log) => {
        const object = Object.create(prototype);
        object[Symbol('hidden')] = 1;
        for (const [name, { kind, value }] of Object.entries(parts)) {
          Object.defineProperty(object, name, kind === 'getter' || kind === 'throwing'
            ? { enumerable: true, get() { log.push(name); if (kind === 'throwing') throw new Error('thrown'); return value; } }
            : { enumerable: kind !== 'hidden', value });
        }
        return object;
      };
      const [ours, theirs] = [[], []];
      const expected = await outcome(() => structuredClone(make(theirs)));
      const actual = await outcome(() => thread.run(make(ours)));
      assert.strictEqual(Boolean(actual.error), Boolean(expected.error));
      if (expected.error) {
        // Who is to blame is looked for afterwards, but nothing has been given away.
        assert.deepStrictEqual(ours.slice(0, theirs.length), theirs);
      } else {
        assert.deepStrictEqual(ours, theirs);
        assertSame(actual.value, expected.value);
      }
    });
  });

  test('on long strings of both widths, alone and within', () =>
    fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 40000 }), fc.boolean(), async (text, times, isWithin) => {
        const long = text.repeat(times);
        await assertLikeStructuredClone(isWithin ? { long, again: [long] } : long);
      }),
      { ...parameters, numRuns: Math.ceil(parameters.numRuns / 6) },
    ));

  test('on views of buffers large and small, resizable, detached, and shared with each other', async () => {
    const view = fc.record({ buffer: fc.nat({ max: 2 }), type: fc.constantFrom(Uint8Array, Int16Array, Float64Array, DataView, BigUint64Array), offset: fc.nat({ max: 2000 }), length: fc.option(fc.nat({ max: 300 })), isBare: fc.boolean(), isDeep: fc.boolean() });
    const buffer = fc.record({ size: fc.constantFrom(0, 8, 1000, 2048, 2049, 9000, 70000), kind: fc.constantFrom('fixed', 'fixed', 'fixed', 'resizable', 'detached') });
    await check(fc.tuple(fc.array(buffer, { minLength: 3, maxLength: 3 }), fc.array(view, { minLength: 1, maxLength: 6 })), async ([buffers, views]) => {
      const made = buffers.map(({ size, kind }) => {
        const each = kind === 'resizable' ? new ArrayBuffer(size, { maxByteLength: size * 2 }) : new ArrayBuffer(size);
        new Uint8Array(each).forEach((_, i, all) => { all[i] = i * 7; });
        return each;
      });
      const values = views.map(({ buffer: index, type, offset, length, isBare, isDeep }) => {
        let value = made[index];
        if (!isBare) {
          const element = type.BYTES_PER_ELEMENT ?? 1;
          const start = Math.min(Math.floor(offset / element) * element, Math.floor(value.byteLength / element) * element);
          const most = Math.floor((value.byteLength - start) / element);
          const isWhole = length === null && (value.byteLength - start) % element === 0;
          value = isWhole ? new type(value, start) : new type(value, start, Math.min(length ?? most, most));
        }
        return isDeep ? { deep: [value] } : value;
      });
      buffers.forEach(({ kind }, i) => { if (kind === 'detached') structuredClone(made[i], { transfer: [made[i]] }); });
      await assertLikeStructuredClone(values);
      const alone = await outcome(() => thread.run(...values));
      const expected = await outcome(() => structuredClone(values.length === 1 ? values[0] : values));
      assert.strictEqual(Boolean(alone.error), Boolean(expected.error));
      if (!alone.error) assertSame(alone.value, expected.value);
    });
  });

  test('on transfers', async () => {
    await check(fc.tuple(anything, bytes), async ([value, view]) => {
      // The arbitrary itself stays whole, to be printed.
      const [mine, other] = [view.slice(), view.slice()];
      const make = (one) => ({ value, one, buffer: one.buffer, again: [one] });
      const expected = structuredClone(make(other), { transfer: [other.buffer] });
      const actual = await thread.run(transfer(make(mine), [mine.buffer]));
      assertSame(actual, expected);
      assert.strictEqual(mine.byteLength, 0);
    });
  });
});
