'use strict';

// Code inside that has turned the language around: the library's own in the thread (errors, the
// console, the limits) must not notice.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const path = require('node:path');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');
const { Thread } = require('../..');
const { inThread } = require('./fixtures/thread.js');

// Each is done inside before anything else.
const turns = {
  'methods that throw': () => {
    const no = () => { throw new Error('overwritten'); };
    const { ownKeys, getOwnPropertyDescriptor } = Reflect;
    const overwrite = (object) => {
      const names = ownKeys(object);
      for (let i = 0; i < names.length; i++) {
        if (names[i] !== 'constructor' && typeof getOwnPropertyDescriptor(object, names[i]).value === 'function') object[names[i]] = no;
      }
    };
    const prototypes = [Array, Map, Set, String, RegExp, Number, WeakMap, Promise];
    for (let i = 0; i < prototypes.length; i++) overwrite(prototypes[i].prototype);
    const owners = [Object, Reflect, JSON, Math, Array, Error];
    for (let i = 0; i < owners.length; i++) overwrite(owners[i]);
  },
  'setters that throw in every prototype': () => {
    const names = [
      '0', '1', 'isError', 'value', 'class', 'name', 'message', 'properties', 'cause', 'errors', 'both', 'depth', 'text', 'then', 'get', 'set',
      // What of the prelude is loaded when it is first needed.
      'exports', 'lib/describe.js', 'lib/culprit.js', 'lib/classes.js', 'lib/remote.js', 'lib/rebuild.js', 'lib/stream.js',
      'createDescriber', 'createRebuilder', 'createRemote', 'rebuild', 'describe', 'describeThrown', 'describeUncloneable',
      'stub', 'invoke', 'failure', 'substitute', 'released', 'open', 'classOfName', 'nameOfPrototype', 'errorClasses',
    ];
    const trap = { __proto__: null, set() { throw new Error('set'); }, get() { return undefined; }, configurable: true };
    for (const name of names) {
      for (const { prototype } of [Object, Array, Map]) Object.defineProperty(prototype, name, trap);
    }
  },
  'classes that are others': () => {
    for (const name of ['AggregateError', 'RangeError', 'TypeError', 'Map', 'Set', 'WeakMap', 'Promise', 'RegExp', 'Proxy', 'String']) {
      globalThis[name] = class Other { constructor() { throw new Error(`another ${name}`); } };
    }
  },
  'globals that are gone': () => {
    for (const key of Object.getOwnPropertyNames(globalThis)) if (!['globalThis', 'TypeError', 'Error', 'console', 'RangeError'].includes(key)) delete globalThis[key];
  },
};

describe('what code inside has overwritten', () => {
  for (const [name, turn] of Object.entries(turns)) {
    test(`${name}: an error is told of as it is`, async () => {
      const source = `() => () => {
        const error = new TypeError('told', { cause: new RangeError('why') });
        error.code = 'E1';
        error.list = [1, { a: 2 }];
        error.method = () => 1;
        (${turn})();
        throw error;
      }`;
      await assert.rejects(inThread(source), (error) => {
        assert.ok(error instanceof TypeError);
        assert.strictEqual(error.message, 'told');
        assert.match(error.stack, /^TypeError: told\n {4}at /);
        assert.doesNotMatch(error.stack, /isolated-threads:prelude/);
        assert.ok(error.cause instanceof RangeError);
        assert.strictEqual(error.cause.message, 'why');
        assert.strictEqual(error.code, 'E1');
        assert.deepStrictEqual(error.list, [1, { a: 2 }]);
        assert.match(error.method, /function/);
        return true;
      });
    });

    test(`${name}: what cannot be cloned is named`, async () => {
      await assert.rejects(inThread(`() => () => { const all = { a: [1, { 'odd key': Symbol('x') }] }; (${turn})(); return all; }`), {
        code: 'ERR_THREAD_NOT_CLONEABLE', message: /result\.a\[1\]\["odd key"\] is a symbol/,
      });
    });

    test(`${name}: functions go over and come back`, async () => {
      const context = `() => async (of) => {
        const all = new Map([['f', (n) => n + 1]]);
        (${turn})();
        const twice = await of(21);
        return { all, twice };
      }`;
      const thread = new Thread(context);
      const { all, twice } = await thread.run(async (n) => n * 2);
      assert.strictEqual(twice, 42);
      assert.strictEqual(await all.get('f')(1), 2);
      await thread.dispose();
    });

    test(`${name}: the console says what it is told`, async () => {
      const source = `() => () => {
        const values = ['text', 7, new Map([[1, () => 1]]), new Set([2]), { f() {} }, new Error('e')];
        (${turn})();
        console.log(values[0], values[1], values[2], values[3], values[4]);
        console.error(values[5]);
        console.count();
        console.group();
        console.groupEnd();
        return 1;
      }`;
      const script = `new (require('.').Thread)(${JSON.stringify(source)}).run().catch((error) => { console.log(error); process.exitCode = 1; })`;
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script], { cwd: path.join(__dirname, '..', '..') });
      assert.match(stdout, /^text 7 Map\(1\) \{ 1 => \[Function.*\] \} Set\(1\) \{ 2 \} \{ f: \[Function: f\] \}\ndefault: 1\n$/);
      assert.match(stderr, /^Error: e\n {4}at /);
    });
  }

  // A module with a memory of one page, and f(): grows it by 2000 pages, gives what memory.grow gives.
  const growing = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1,
    7, 9, 2, 1, 102, 0, 0, 1, 109, 2, 0, 10, 9, 1, 7, 0, 0x41, 0xd0, 0x0f, 0x40, 0, 0x0b,
  ]);

  test('iterators: modules are still limited', async () => {
    const context = () => (bytes) => {
      const original = Array.prototype[Symbol.iterator];
      // Whatever list is taken apart, the first of it is the module as it was.
      Array.prototype[Symbol.iterator] = function* () { yield bytes; };
      const made = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f();
      Array.prototype[Symbol.iterator] = original;
      return made;
    };
    assert.strictEqual(await inThread(context, { memoryLimit: 32 }, growing), -1);
  });

  test('promises: what stands between compile and instantiate changes nothing', async () => {
    const context = () => async (bytes) => {
      const { then, constructor } = Promise.prototype;
      const real = WebAssembly.instantiate;
      let seen = 'nothing';
      Object.defineProperty(Promise.prototype, 'constructor', { get: () => Object, configurable: true });
      Promise.prototype.then = function (yes, no) {
        return Reflect.apply(then, this, [(value) => yes(value instanceof WebAssembly.Module ? bytes : value), no]);
      };
      const promise = real(bytes);
      const result = await new constructor((resolve) => {
        Reflect.apply(then, promise, [({ instance }) => resolve(instance.exports.f()), (error) => { seen = error.name; resolve(-1); }]);
      });
      Object.defineProperty(Promise.prototype, 'constructor', { value: constructor });
      Promise.prototype.then = then;
      return [result, seen];
    };
    const [result] = await inThread(context, { memoryLimit: 32 }, growing);
    assert.strictEqual(result, -1);
  });

  test('promises: an instance that is none is nothing to hold memory for', async () => {
    const context = () => async (bytes) => {
      const { then, constructor } = Promise.prototype;
      Object.defineProperty(Promise.prototype, 'constructor', { get: () => Object, configurable: true });
      Promise.prototype.then = function (yes, no) {
        return Reflect.apply(then, this, [(value) => yes(value instanceof WebAssembly.Instance ? 7 : value), no]);
      };
      const promise = WebAssembly.instantiate(bytes);
      Object.defineProperty(Promise.prototype, 'constructor', { value: constructor });
      await new constructor((resolve) => { Reflect.apply(then, promise, [resolve, resolve]); });
      Promise.prototype.then = then;
      return 'alive';
    };
    assert.strictEqual(await inThread(context, { memoryLimit: 32 }, growing), 'alive');
  });
});
