'use strict';

// Buffers, transfers, and what is shared: what arrives, who owns it, who pays for it.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread, ThreadPool, transfer } = require('../..');
const { runChild } = require('./fixtures/child.js');

const echo = () => (...args) => (args.length === 1 ? args[0] : args);
const KB = 1024;

const filled = (bytes) => new Uint8Array(bytes).map((_, i) => i % 251);

describe('buffers', () => {
  const sizes = [0, 1, 7, 2 * KB, 2 * KB + 1, 100 * KB, 4 * KB * KB, 4 * KB * KB + 5, 20 * KB * KB];
  for (const size of sizes) {
    test(`of ${size} bytes, alone and within, in and out`, async () => {
      const thread = new Thread(echo);
      const bytes = filled(size);
      for (const value of [bytes, bytes.buffer, { bytes }, { deep: [bytes.buffer] }, new Map([[bytes, bytes.buffer]])]) {
        const result = await thread.run(value);
        assert.ok(Buffer.compare(Buffer.from(structuredClone(bytes)), bytes) === 0);
        if (value instanceof Map) {
          const [[view, buffer]] = [...result];
          assert.strictEqual(view.buffer, buffer);
          assert.strictEqual(Buffer.compare(view, bytes), 0);
        } else {
          assert.deepStrictEqual(result, value);
        }
      }
      assert.strictEqual(bytes.length, size);
    });
  }

  const types = [
    Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array,
    Float64Array, BigInt64Array, BigUint64Array, DataView, globalThis.Float16Array,
  ].filter(Boolean);
  for (const Type of types) {
    test(`${Type.name}: whole, a part, on a large buffer, on a shared and on a resizable one`, async () => {
      const thread = new Thread(echo);
      for (const make of [
        () => filled(64).buffer,
        () => filled(64 * KB).buffer,
        () => { const buffer = new SharedArrayBuffer(64); new Uint8Array(buffer).set(filled(64)); return buffer; },
        () => { const buffer = new ArrayBuffer(64, { maxByteLength: 128 }); new Uint8Array(buffer).set(filled(64)); return buffer; },
      ]) {
        const buffer = make();
        const views = [new Type(buffer), new Type(buffer, 16, 2), new Type(buffer, 8)];
        const results = await thread.run(views);
        for (const [i, view] of views.entries()) {
          assert.strictEqual(results[i].constructor, Type);
          assert.strictEqual(results[i].buffer, results[0].buffer);
          assert.strictEqual(results[i].byteOffset, view.byteOffset);
          assert.strictEqual(results[i].byteLength, view.byteLength);
          assert.deepStrictEqual(
            Buffer.from(results[i].buffer, results[i].byteOffset, results[i].byteLength),
            Buffer.from(view.buffer, view.byteOffset, view.byteLength),
          );
        }
      }
    });
  }

  const sharing = {
    'two views': (buffer) => [new Uint8Array(buffer), new Uint16Array(buffer, 2, 4)],
    'two small views of a large buffer': (buffer) => [new Uint8Array(buffer, 10, 5), new Float64Array(buffer, 40, 1)],
    'a view, then its buffer': (buffer) => [new Uint8Array(buffer, 3, 5), buffer],
    'a buffer, then a view of it': (buffer) => [buffer, new Uint8Array(buffer, 3, 5)],
    'within objects, the view first': (buffer) => [{ view: new Uint8Array(buffer, 3, 5), buffer }],
    'within objects, the buffer first': (buffer) => [{ buffer, view: new Uint8Array(buffer, 3, 5) }],
    'an argument, and within another': (buffer) => [new Uint8Array(buffer, 3, 5), { buffer }],
    'within a Map, the buffer first': (buffer) => [new Map([[buffer, { buffer }]]), new Uint8Array(buffer, 3, 5)],
  };
  for (const [name, make] of Object.entries(sharing)) {
    test(`what shares a buffer shares it on the other side: ${name}`, async () => {
      const thread = new Thread(() => (...args) => {
        const buffers = new Set();
        const look = (value) => {
          if (value instanceof ArrayBuffer) buffers.add(value);
          else if (ArrayBuffer.isView(value)) buffers.add(value.buffer);
          else if (value instanceof Map) for (const [k, v] of value) { look(k); look(v); }
          else for (const inner of Object.values(value)) look(inner);
        };
        look(args);
        return [buffers.size, args];
      });
      for (const size of [64, 64 * KB]) {
        const args = make(filled(size).buffer);
        const [count, result] = await thread.run(...args);
        assert.strictEqual(count, 1);
        for (const [i, arg] of args.entries()) {
          if (ArrayBuffer.isView(arg)) assert.strictEqual(Buffer.compare(Buffer.from(result[i].buffer, result[i].byteOffset, result[i].byteLength), Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength)), 0);
          else assert.deepStrictEqual(result[i], arg);
        }
      }
    });
  }

  test('a small view of a large buffer travels alone', async () => {
    const thread = new Thread(() => (view) => [view.buffer.byteLength, view.byteOffset, view]);
    const bytes = filled(KB * KB);
    assert.deepStrictEqual(await thread.run(bytes.subarray(1003, 1013)), [10, 0, bytes.slice(1003, 1013)]);
    const small = Buffer.from('a few bytes in the pool');
    assert.deepStrictEqual(await thread.run(small), [small.length, 0, new Uint8Array(small)]);
  });

  test('so does one within objects, arrays, Maps and Sets, unless its buffer is there as well', async () => {
    const thread = new Thread(() => (value) => {
      const look = (inner) => {
        if (ArrayBuffer.isView(inner)) return [inner.buffer.byteLength];
        return typeof inner === 'object' && inner !== null ? [...(inner.values?.() ?? Object.values(inner))].flatMap(look) : [];
      };
      return look(value)[0];
    });
    const bytes = filled(KB * KB);
    const view = () => bytes.subarray(1003, 1013);
    const rest = [new Date(5), 10n ** 30n, 'text \u4f60', 1.5, -1, null, undefined, true, {}];
    for (const value of [{ view: view(), rest }, [view(), { a: 'b' }], new Map([['k', view()]]), new Set([view(), view().constructor.name])]) {
      assert.strictEqual(await thread.run(value), 10);
    }
    assert.strictEqual(await thread.run([view(), bytes.buffer]), KB * KB);
    assert.strictEqual(await thread.run([{ deep: view() }, new Map([[1, bytes.buffer]])]), KB * KB);
    // What is not known may hold the buffer.
    assert.strictEqual(await thread.run([view(), new Error('x')]), KB * KB);
  });

  test('resizable buffers stay so, and views that follow their length as well', async () => {
    const thread = new Thread(echo);
    const buffer = new ArrayBuffer(10000, { maxByteLength: 30000 });
    new Uint8Array(buffer)[9999] = 5;
    const sent = { buffer, follows: new Uint8Array(buffer), fixed: new Uint8Array(buffer, 0, 10000), tail: new Uint16Array(buffer, 9998) };
    const got = await thread.run(sent);
    assert.deepStrictEqual([got.buffer.resizable, got.buffer.maxByteLength, got.follows[9999]], [true, 30000, 5]);
    got.buffer.resize(20000);
    assert.deepStrictEqual([got.follows.length, got.fixed.length, got.tail.length], [20000, 10000, 5001]);
    assert.strictEqual(buffer.byteLength, 10000);
  });

  test('growable SharedArrayBuffers stay so', async () => {
    const thread = new Thread(() => (buffer, view) => {
      buffer.grow(64);
      return [view.buffer === buffer, view.length];
    });
    const buffer = new SharedArrayBuffer(16, { maxByteLength: 64 });
    assert.deepStrictEqual(await thread.run(buffer, new Uint8Array(buffer)), [true, 64]);
    assert.strictEqual(buffer.byteLength, 64);
  });

  test('detached buffers, and views of them, are refused', async () => {
    const thread = new Thread(echo);
    const view = new Uint8Array(5000);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    for (const value of [view, view.buffer, [view], { b: view.buffer }]) {
      await assert.rejects(thread.run(value), { code: 'ERR_THREAD_NOT_CLONEABLE', name: 'DataCloneError' });
    }
  });

  test('a getter that detaches or shrinks a buffer while it is cloned does no harm', async () => {
    const thread = new Thread(echo);
    const list = [];
    const buffer = new ArrayBuffer(9000, { maxByteLength: 9000 });
    const fixed = new ArrayBuffer(9000);
    list.push({ a: new Uint8Array(buffer, 8000, 1000), b: new Uint8Array(fixed), get c() { buffer.resize(10); structuredClone(fixed, { transfer: [fixed] }); return new Uint8Array(4); } });
    const [got] = await thread.run(list);
    assert.deepStrictEqual([got.a.length, got.b.length, got.c.length], [1000, 9000, 4]);
  });

  test('many small ones', async () => {
    const thread = new Thread(echo);
    const all = Array.from({ length: 5000 }, (_, i) => new Uint16Array(i % 50).fill(i));
    assert.deepStrictEqual(await thread.run(all), all);
    const large = Array.from({ length: 500 }, (_, i) => new Uint16Array(3000).fill(i));
    assert.deepStrictEqual(await thread.run(large), large);
  });
});

describe('transfer', () => {
  const detached = (buffer) => buffer.byteLength === 0;

  test('runWith moves the bytes: detached here, there, and back', async () => {
    const thread = new Thread(() => (buffer) => {
      new Uint8Array(buffer)[0]++;
      const size = buffer.byteLength;
      const result = transfer({ buffer, size }, [buffer]);
      return result;
    });
    let buffer = filled(5 * KB * KB).buffer;
    for (let i = 1; i <= 20; i++) {
      const sent = buffer;
      const run = thread.runWith({ transfer: [sent] }, sent);
      assert.ok(detached(sent));
      const result = await run;
      assert.strictEqual(result.size, 5 * KB * KB);
      buffer = result.buffer;
      assert.strictEqual(new Uint8Array(buffer)[0], i);
      assert.strictEqual(new Uint8Array(buffer)[1000], 1000 % 251);
    }
  });

  test('transfer(value, list) among the arguments, and within one; views move with their buffer', async () => {
    const thread = new Thread(() => (...args) => JSON.stringify(args));
    const a = new Uint8Array([1, 2]);
    const b = new Uint8Array([3]);
    assert.strictEqual(await thread.run(0, transfer(a, [a.buffer]), { deep: [transfer({ b }, [b.buffer])] }),
      '[0,{"0":1,"1":2},{"deep":[{"b":{"0":3}}]}]');
    assert.ok(detached(a.buffer) && detached(b.buffer));
  });

  test('in a pool, in map, and what is in the list but not in the value', async () => {
    const pool = new ThreadPool(() => (x) => x.byteLength ?? x, 2);
    const buffers = Array.from({ length: 10 }, (_, i) => new ArrayBuffer(3000 + i));
    const results = [];
    for await (const size of pool.map(buffers.map((buffer) => transfer(buffer, [buffer])))) results.push(size);
    assert.deepStrictEqual(results, Array.from({ length: 10 }, (_, i) => 3000 + i));
    assert.ok(buffers.every(detached));
    const other = new ArrayBuffer(10);
    assert.strictEqual(await pool.runWith({ transfer: [other], key: 1 }, 5), 5);
    assert.ok(detached(other));
    await pool.close();
  });

  test('resizable and empty buffers move as well', async () => {
    const thread = new Thread(() => (b) => { if (b.resizable) b.resize(20); return transfer(b, [b]); });
    const resizable = new ArrayBuffer(10, { maxByteLength: 100 });
    const result = await thread.runWith({ transfer: [resizable] }, resizable);
    assert.deepStrictEqual([result.byteLength, result.maxByteLength, resizable.byteLength], [20, 100, 0]);
    const empty = new ArrayBuffer(0);
    assert.strictEqual((await thread.runWith({ transfer: [empty] }, empty)).byteLength, 0);
  });

  test('what cannot be transferred is refused, and nothing is detached', async () => {
    const thread = new Thread(echo);
    const good = new ArrayBuffer(8);
    const gone = new ArrayBuffer(8);
    structuredClone(gone, { transfer: [gone] });
    const wasm = new WebAssembly.Memory({ initial: 1 }).buffer;
    const cases = [
      [[good, good], 'transfer[1] is in the list twice'],
      [[good, gone], 'transfer[1] is an ArrayBuffer that is already detached'],
      [[good, new Uint8Array(4)], 'transfer[1] is not an ArrayBuffer that can be transferred'],
      [[good, new SharedArrayBuffer(4)], 'transfer[1] is not an ArrayBuffer that can be transferred'],
      [[good, undefined], 'transfer[1] is not an ArrayBuffer that can be transferred'],
      [[good, Buffer.from('pool').buffer], 'transfer[1] is not an ArrayBuffer that can be transferred'],
      [[good, wasm], 'transfer[1] is an ArrayBuffer that cannot be detached'],
    ];
    for (const [list, message] of cases) {
      for (const run of [() => thread.runWith({ transfer: list }, good), () => thread.run(transfer({ good }, list))]) {
        await assert.rejects(run(), { code: 'ERR_THREAD_NOT_CLONEABLE', name: 'DataCloneError', message });
        assert.strictEqual(good.byteLength, 8);
      }
    }
    await assert.rejects(thread.runWith({ transfer: [good] }, good, Symbol('no')), { message: /^args\[1\] is a symbol/ });
    await assert.rejects(thread.run(transfer({ good }, [good]), { get a() { throw new Error('no'); } }), { code: 'ERR_THREAD_NOT_CLONEABLE' });
    assert.strictEqual(good.byteLength, 8);
    assert.strictEqual((await thread.runWith({ transfer: [good] }, good)).byteLength, 8);
    assert.strictEqual(Buffer.from('pool').toString(), 'pool');
  });

  test('a run that is refused leaves its buffers where they are', async () => {
    const pool = new ThreadPool(() => (gate) => { if (gate) Atomics.wait(new Int32Array(gate), 0, 0); }, 1, { maxQueue: 1 });
    await pool.ready;
    const gate = new SharedArrayBuffer(4);
    const good = new ArrayBuffer(8);
    const running = pool.run(gate);
    while (pool.stats().running === 0) await new Promise(setImmediate);
    const waiting = pool.run();
    await assert.rejects(pool.runWith({ transfer: [good] }, good), { code: 'ERR_THREAD_QUEUE_FULL' });
    await assert.rejects(pool.run(transfer({ good }, [good])), { code: 'ERR_THREAD_QUEUE_FULL' });
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    await Promise.all([running, waiting]);
    const closed = pool.close();
    await assert.rejects(pool.runWith({ transfer: [good] }, good), { code: /ERR_THREAD_(CLOSED|DISPOSED)/ });
    await closed;
    await assert.rejects(pool.runWith({ transfer: [good] }, good), { code: /ERR_THREAD_(CLOSED|DISPOSED)/ });
    assert.strictEqual(good.byteLength, 8);
  });

  test('a transfer that fails in the thread rejects there, and the thread keeps its buffer', async () => {
    const thread = new Thread(() => {
      const buffer = new Uint8Array([7]).buffer;
      return (twice) => (twice ? transfer({}, [buffer, buffer]) : new Uint8Array(buffer)[0]);
    });
    await assert.rejects(thread.run(true), { code: 'ERR_THREAD_NOT_CLONEABLE', name: 'DataCloneError', message: 'transfer[1] is in the list twice' });
    assert.strictEqual(await thread.run(false), 7);
  });

  test('bad arguments are a TypeError at the call', async () => {
    const thread = new Thread(echo);
    assert.throws(() => thread.runWith({ transfer: new ArrayBuffer(8) }, 1), { name: 'TypeError', message: /^options\.transfer must be an array/ });
    assert.throws(() => transfer(5, []), { name: 'TypeError', message: /^value must be an object/ });
    assert.throws(() => transfer({}, new ArrayBuffer(8)), { name: 'TypeError', message: /^list must be an array/ });
    const inside = new Thread(() => () => { try { transfer(1, []); } catch (error) { return error.name; } });
    assert.strictEqual(await inside.run(), 'TypeError');
  });
});

describe('who pays for buffers', () => {
  const buffersOf = (pool) => pool.stats().perThread[0].buffers;

  test('the thread that holds them, and nobody once the host has them', async () => {
    const pool = new ThreadPool(() => {
      let kept;
      return (command, value) => {
        if (command === 'keep') kept = value;
        if (command === 'copy') return kept;
        if (command === 'give') return transfer(kept, [kept.buffer]);
        if (command === 'make') kept = new Uint8Array(value);
        return undefined;
      };
    }, 1);
    const MB8 = 8e6;
    const before = buffersOf(pool);
    await pool.run('keep', new Uint8Array(MB8));
    assert.strictEqual(buffersOf(pool) - before, MB8);
    const copy = await pool.run('copy');
    assert.strictEqual(copy.length, MB8);
    assert.strictEqual(buffersOf(pool) - before, MB8);
    const given = await pool.run('give');
    assert.strictEqual(buffersOf(pool) - before, 0);
    // What the host has made, too; and what has been here before.
    for (const bytes of [new Uint8Array(MB8), given]) {
      await pool.runWith({ transfer: [bytes.buffer] }, 'keep', bytes);
      assert.strictEqual(buffersOf(pool) - before, MB8);
      assert.strictEqual((await pool.run('give')).length, MB8);
      assert.strictEqual(buffersOf(pool) - before, 0);
    }
    await pool.run('make', MB8);
    assert.strictEqual(buffersOf(pool) - before, MB8);
    assert.strictEqual((await pool.run('give')).length, MB8);
    assert.strictEqual(buffersOf(pool) - before, 0);
    await pool.close();
  });

  test('memoryLimit counts arguments, copied and transferred; the thread lives on', async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const thread = new Thread(() => (b) => b.byteLength, { memoryLimit: 32 });
      (async () => {
        const big = new Uint8Array(64e6);
        for (const options of [{}, { transfer: [big.buffer] }]) {
          await thread.runWith(options, big).catch((error) => console.log(error.name, /memoryLimit/.test(error.message)));
        }
        console.log(await thread.run(new Uint8Array(16e6)));
      })();
    });
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: 'RangeError true\nRangeError true\n16000000\n', stderr: '' });
  });
});

describe('peak memory', () => {
  test('of 256 MB in and out is two copies, and little more', { skip: process.platform !== 'linux' || process.env.LD_PRELOAD !== undefined }, async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const thread = new Thread(() => (bytes) => bytes);
      (async () => {
        await thread.run(1);
        const bytes = new Uint8Array(256 * 2 ** 20).fill(1);
        const before = process.resourceUsage().maxRSS;
        const result = await thread.run(bytes);
        const copies = (process.resourceUsage().maxRSS - before) / 1024;
        console.log(result.length, copies > 400 && copies <= 2 * 256 + 32 ? 'within' : `${copies} MB`);
      })();
    });
    assert.deepStrictEqual({ code, stdout, stderr }, { code: 0, stdout: '268435456 within\n', stderr: '' });
  });
});

describe('shared and compiled', () => {
  const add = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);

  test('a WebAssembly.Module, anywhere in the value, in and out', async () => {
    const thread = new Thread(() => ({ deep }) => {
      const [module, again] = deep.get('module');
      return { sum: new WebAssembly.Instance(module).exports.add(2, 3), same: module === again, module };
    });
    const module = new WebAssembly.Module(add);
    const result = await thread.run({ deep: new Map([['module', [module, module]]]) });
    assert.deepStrictEqual([result.sum, result.same], [5, true]);
    assert.strictEqual(new WebAssembly.Instance(result.module).exports.add(4, 5), 9);
    const [made] = await new Thread(() => (bytes) => [new WebAssembly.Module(bytes)]).run(add);
    assert.strictEqual(new WebAssembly.Instance(made).exports.add(1, 1), 2);
  });

  test('a shared WebAssembly.Memory, which may grow', async () => {
    const thread = new Thread(() => ({ memory }) => {
      new Uint8Array(memory.buffer)[5] = 7;
      memory.grow(1);
      return { memory, size: memory.buffer.byteLength };
    });
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true });
    const result = await thread.run({ memory });
    assert.strictEqual(new Uint8Array(memory.buffer)[5], 7);
    assert.deepStrictEqual([memory.buffer.byteLength, result.size, result.memory.buffer.byteLength], [131072, 131072, 131072]);
    new Uint8Array(result.memory.buffer)[6] = 8;
    assert.strictEqual(new Uint8Array(memory.buffer)[6], 8);
    await assert.rejects(thread.run({ memory: new WebAssembly.Memory({ initial: 1 }) }), { code: 'ERR_THREAD_NOT_CLONEABLE' });
  });
});
