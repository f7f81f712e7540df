'use strict';

// Every function that code in a thread can reach, called with what it does not expect: none may end
// the process. Most are V8's own, and some of those ask the host for something that a thread has not.

const assert = require('node:assert');
const path = require('node:path');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

const context = () => {
  const found = [];
  const seen = new Set();
  const visit = (value, name) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return;
    seen.add(value);
    if (typeof value === 'function') found.push([name, value]);
    for (const key of Reflect.ownKeys(value)) {
      const own = Reflect.getOwnPropertyDescriptor(value, key);
      for (const each of [own.value, own.get, own.set]) visit(each, `${name}.${String(key)}`);
    }
    visit(Reflect.getPrototypeOf(value), `${name}.__proto__`);
  };
  visit(globalThis, 'globalThis');
  for (const each of [async () => {}, function* () {}, async function* () {}, [].values(), new Map().values(), new Set().values(), /a/g[Symbol.matchAll](''), ''[Symbol.iterator]()]) {
    visit(each, 'hidden');
  }

  const odd = () => [
    undefined, null, 0, -1, 1.5, NaN, 2 ** 31, 'a', '', Symbol('s'), 10n, {}, [], () => {}, /x/g, new Date(0), new Map(), new Uint8Array(8),
    new ArrayBuffer(8), new SharedArrayBuffer(8), Promise.resolve(1), new Proxy({}, {}), new WeakRef({}), new Int32Array(new SharedArrayBuffer(8)),
    globalThis, new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]), { then(resolve) { resolve(1); } }, class {},
  ];
  // These wait.
  const waits = /Atomics\.(wait|pause)$|\.sync$/;
  const attempt = (call) => {
    try {
      const result = call();
      if (result && typeof result.then === 'function') result.then(() => {}, () => {});
    } catch {
      // As it should.
    }
  };
  return (from, to, state) => {
    const random = (n) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state >> 8) % n;
    };
    for (const [name, each] of found.slice(from, to)) {
      if (waits.test(name)) continue;
      for (let i = 0; i < 6; i++) {
        const values = odd();
        const args = Array.from({ length: random(4) }, () => values[random(values.length)]);
        attempt(() => Reflect.apply(each, values[random(values.length)], args));
        attempt(() => Reflect.construct(each, args));
      }
    }
    return found.length;
  };
};

// What such calls have done to a thread's world may end its later tasks, and it: then another does.
const program = (options, seed) => `
  const make = () => new Thread(${context}, { timeout: 5000, ...${JSON.stringify(options)} });
  (async () => {
    let count = await make().run(0, 0, 0);
    for (let from = 0; from < count; from += 20) await make().run(from, from + 20, ${seed} + from).catch(() => {});
    console.log(count > 500 ? 'called' : count);
    process.exit();
  })();`;

describe('whatever is called in a thread', () => {
  const seed = Number(process.env.ISO_SEED ?? Date.now() % 1e6);
  for (const [title, options, flags] of [
    ['without limits', {}, []],
    ['with a memoryLimit', { memoryLimit: 64 }, []],
    ["in an isolate from Node's snapshot", {}, ['-r', path.join(__dirname, 'fixtures', 'node-snapshot.js')]],
  ]) {
    test(`does not end the process, ${title}`, async () => {
      const result = await runChild(program(options, seed), { flags });
      assert.deepStrictEqual(
        { code: result.code, signal: result.signal, stdout: result.stdout.split('\n').at(-2) },
        { code: 0, signal: null, stdout: 'called' },
        `ISO_SEED=${seed}`,
      );
    });
  }
});
