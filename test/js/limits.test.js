'use strict';

// memoryLimit and the memory that V8 takes past the library's allocator: resizable buffers and
// WebAssembly's memories.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread } = require('../..');
const { inThread } = require('./fixtures/thread.js');

const LIMIT = { memoryLimit: 32 };

// A module with a memory of one page, exported, and f(): grows it by 2000 pages, gives what memory.grow gives.
const growing = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 5, 3, 1, 0, 1,
  7, 9, 2, 1, 102, 0, 0, 1, 109, 2, 0, 10, 9, 1, 7, 0, 0x41, 0xd0, 0x0f, 0x40, 0, 0x0b,
]);

describe('memoryLimit, beyond the allocator', () => {
  const refusals = {
    'a resizable buffer': () => () => { const b = new ArrayBuffer(0, { maxByteLength: 1e8 }); b.resize(9e7); },
    'a resizable buffer, from the start': () => () => new ArrayBuffer(9e7, { maxByteLength: 1e8 }),
    'reservations': () => () => { const all = []; for (;;) all.push(new ArrayBuffer(1, { maxByteLength: 2 ** 32 })); },
    'a growable SharedArrayBuffer': () => () => new SharedArrayBuffer(0, { maxByteLength: 1e8 }).grow(9e7),
    'a subclass': () => () => new (class extends ArrayBuffer {})(9e7, { maxByteLength: 1e8 }),
    'a constructor found elsewhere': () => () => new (new Uint8Array(1).buffer.constructor)(9e7, { maxByteLength: 1e8 }),
    'a memory': () => () => new WebAssembly.Memory({ initial: 1000 }),
    'a memory that grows': () => () => new WebAssembly.Memory({ initial: 1 }).grow(1000),
    'a shared memory that grows': () => () => new WebAssembly.Memory({ initial: 1, maximum: 60000, shared: true }).grow(1000),
  };
  for (const [name, attempt] of Object.entries(refusals)) {
    test(`refuses with a RangeError that can be caught: ${name}`, async () => {
      const source = `() => { const f = (${attempt})(); return () => { try { f(); return 'made'; } catch (error) { return error.name + ' ' + new Uint8Array(1e6).length; } }; }`;
      assert.strictEqual(await inThread(source, LIMIT), 'RangeError 1000000');
    });
  }

  test('gives back what is garbage', async () => {
    const context = () => () => {
      for (let i = 0; i < 50; i++) new ArrayBuffer(8e6, { maxByteLength: 9e6 }).resize(9e6);
      for (let i = 0; i < 50; i++) new WebAssembly.Memory({ initial: 100 }).grow(20);
      return 'done';
    };
    assert.strictEqual(await inThread(context, LIMIT), 'done');
  });

  test('gives back what moves away', async () => {
    const context = () => () => {
      const other = new ArrayBuffer(2e7, { maxByteLength: 2e7 });
      return globalThis.transfer(other, [other]);
    };
    const thread = new Thread(context, LIMIT);
    for (let i = 0; i < 5; i++) assert.strictEqual((await thread.run()).byteLength, 2e7);
    await thread.dispose();
  });

  test('counts resizable buffers that arrive', async () => {
    const large = new ArrayBuffer(9e7, { maxByteLength: 1e8 });
    await assert.rejects(inThread(() => (b) => b.byteLength, LIMIT, large), (error) => error.name === 'RangeError' || error.code === 'ERR_THREAD_OUT_OF_MEMORY');
    const small = new ArrayBuffer(1e6, { maxByteLength: 1e8 });
    const context = () => (b) => { try { b.resize(9e7); return 'resized'; } catch (error) { return error.name; } };
    assert.strictEqual(await inThread(context, LIMIT, small), 'RangeError');
  });

  const ways = {
    'new Module': () => (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f(),
    compile: () => async (bytes) => new WebAssembly.Instance(await WebAssembly.compile(bytes)).exports.f(),
    'instantiate of bytes': () => async (bytes) => (await WebAssembly.instantiate(bytes)).instance.exports.f(),
    'instantiate of a module': () => async (bytes) => (await WebAssembly.instantiate(new WebAssembly.Module(bytes))).exports.f(),
    'bytes in a buffer': () => (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes.buffer)).exports.f(),
  };
  for (const [name, context] of Object.entries(ways)) {
    test(`bounds a memory that code inside WebAssembly grows: ${name}`, async () => {
      assert.strictEqual(await inThread(context, LIMIT, growing), -1);
      assert.strictEqual(await inThread(context, {}, growing), 1);
    });
  }

  test('bounds the memory of a module that was compiled elsewhere', async () => {
    const context = () => (module) => new WebAssembly.Instance(module).exports.f();
    const module = new WebAssembly.Module(growing);
    assert.strictEqual(await inThread(context, LIMIT, module), -1);
    assert.strictEqual(await inThread(context, {}, module), 1);
  });

  test('changes nothing else', async () => {
    const context = () => () => {
      class Own extends ArrayBuffer {
        constructor() { super(3, { maxByteLength: 9 }); }
      }
      const own = new Own();
      own.resize(7);
      const memory = new WebAssembly.Memory({ initial: 1 });
      const errors = [() => ArrayBuffer(1), () => new ArrayBuffer(-1), () => new ArrayBuffer(5, { maxByteLength: 1 }),
        () => own.resize(10), () => ArrayBuffer.prototype.resize.call({}, 1), () => new WebAssembly.Memory(), () => new WebAssembly.Memory({}),
        () => new WebAssembly.Memory({ initial: 2, maximum: 1 }), () => WebAssembly.Memory.prototype.grow.call({}, 1),
        () => new WebAssembly.Module(new Uint8Array(4)), () => new WebAssembly.Module(1), () => new WebAssembly.Instance({})];
      return [
        own instanceof Own, own.constructor === Own, own.byteLength, own.maxByteLength, Object.getPrototypeOf(Own) === ArrayBuffer,
        ArrayBuffer.name, ArrayBuffer.length, ArrayBuffer.prototype.resize.name, WebAssembly.Memory.name,
        ArrayBuffer[Symbol.species] === ArrayBuffer, new ArrayBuffer(8).slice(1).byteLength, ArrayBuffer.isView(new Uint8Array(1)),
        /\[native code\]/.test(Function.prototype.toString.call(ArrayBuffer)), Object.prototype.toString.call(own),
        new Uint8Array(1).buffer.constructor === ArrayBuffer, memory.constructor === WebAssembly.Memory, memory instanceof WebAssembly.Memory,
        memory.grow(1), memory.buffer.byteLength,
        ...errors.map((f) => { try { f(); return 'nothing'; } catch (error) { return `${error.name}: ${error.message}`; } }),
      ];
    };
    assert.deepStrictEqual(await inThread(context, LIMIT), await inThread(context, {}));
  });
});

describe('memoryLimit, of what V8 does not count', () => {
  const OUT = { code: 'ERR_THREAD_OUT_OF_MEMORY' };

  test('Intl looks and works as ever', async () => {
    const context = () => () => {
      const { Collator, DateTimeFormat, NumberFormat, Segmenter } = Intl;
      class Mine extends NumberFormat {}
      return [
        new NumberFormat('de').format(1234.5), NumberFormat('de').format(1.5), new Mine('en').format(2), new Mine() instanceof Mine,
        NumberFormat.name, NumberFormat.length, new NumberFormat() instanceof Intl.NumberFormat, new NumberFormat().constructor === NumberFormat,
        new DateTimeFormat('en', { timeZone: 'UTC' }).format(0), DateTimeFormat.supportedLocalesOf(['de'])[0],
        ['b', 'a'].sort(Collator('de').compare).join(), new Date(0).toLocaleDateString('de', { timeZone: 'UTC' }),
        (1.5).toLocaleString('de'), 12n.toLocaleString('de'), 'a'.localeCompare('b', 'de'),
        [...new Segmenter('en', { granularity: 'word' }).segment('two words')].map(({ segment }) => segment).join('|'),
      ].join(' ');
    };
    assert.strictEqual(await inThread(context, LIMIT), await inThread(context));
  });

  for (const [name, bomb] of Object.entries({
    'formatters': () => () => { const all = []; for (;;) all.push(new Intl.DateTimeFormat('fr')); },
    'segments': () => () => { const all = []; const s = new Intl.Segmenter(); const text = 'x'.repeat(1e5); for (;;) all.push(s.segment(text)); },
    'iterators of segments': () => () => { const all = []; const s = new Intl.Segmenter().segment('x'.repeat(1e5)); for (;;) all.push(s[Symbol.iterator]()); },
    'a string of 100 MB': () => () => 'x'.repeat(1e8).length,
    'a padded string': () => () => ''.padEnd(1e8).length,
    'source text': () => () => (0, eval)(`"${'x'.repeat(3e6)}"`).length,
    'source text of a function': () => () => new Function(' '.repeat(3e6))(),
  })) {
    test(`ends what goes beyond it: ${name}`, async () => {
      await assert.rejects(inThread(bomb, LIMIT), OUT);
    });
  }

  test('formatters that are garbage do not count', async () => {
    const context = () => () => {
      for (let i = 0; i < 3000; i++) new Intl.DateTimeFormat('fr');
      for (let i = 0; i < 3000; i++) new Date().toLocaleString('fr', { dateStyle: 'full' });
      return 'done';
    };
    assert.strictEqual(await inThread(context, LIMIT), 'done');
  });

  test('texts do what they ever did', async () => {
    const context = () => () => {
      const attempt = (f) => { try { return f(); } catch (error) { return error.name; } };
      const local = 7;
      return JSON.stringify([
        'ab'.repeat(3), attempt(() => 'a'.repeat(-1)), attempt(() => 'ab'.repeat(Infinity)), attempt(() => 'ab'.repeat(2 ** 30)),
        attempt(() => String.prototype.repeat.call(null, 1)), String.prototype.repeat.call(12, '2'), 'a'.padEnd(4, 'bc'), 'a'.padStart(3),
        attempt(() => 'a'.normalize('X')), 'e\u0301'.normalize(), 'e\u0301'.normalize(undefined).length, attempt(() => encodeURIComponent('\ud800')),
        encodeURIComponent('\u00e4/'), encodeURI('\u00e4/'), encodeURIComponent(),
        JSON.stringify({ a: [1, undefined], b: undefined }), JSON.stringify([1], null, 1), JSON.stringify({ a: 1, b: 2 }, ['a']), JSON.stringify(undefined) === undefined,
        JSON.parse('[1]', (key, value) => (key === '0' ? 2 : value)), eval('local + 1'), (0, eval)(8), (0, eval)('typeof local'), new Function('a', 'return a + 1')(9),
        attempt(() => (0, eval)('(')), 'abc'.repeat.length + 'abc'.padEnd.length + JSON.stringify.length + JSON.parse.length, local,
      ]);
    };
    assert.strictEqual(await inThread(context, LIMIT), await inThread(context));
  });

  test('a shared buffer after buffers that are garbage by now', async () => {
    const thread = new Thread(() => (fills) => {
      const all = [];
      while (fills) all.push(new Uint8Array(1e6));
      return new SharedArrayBuffer(4).byteLength;
    }, { memoryLimit: 64 });
    for (let i = 0; i < 10; i++) {
      await assert.rejects(thread.run(true), { name: 'RangeError' });
      assert.strictEqual(await thread.run(false), 4);
    }
  });
});
