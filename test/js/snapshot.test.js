'use strict';

// Isolates that come from the snapshot that the library makes once it has started many threads
// (src/core/snapshot.h): they are as those that come from Node's.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { runChild, root } = require('./fixtures/child.js');

// In the child: the heap of the first of many threads, one after the other, and of the last. That
// one comes from the snapshot, if there is one: its heap is smaller by far.
const startMany = `
  const startMany = async () => {
    const heaps = [];
    for (let i = 0; i < 40; i++) {
      const thread = new Thread('() => () => 1', { spares: 0 });
      await thread.run();
      heaps.push(thread.stats().perThread[0].heapUsed);
      await thread.dispose();
    }
    return heaps.at(-1) < heaps[0] * 0.8 ? 'made' : 'not made';
  };`;

const afterMany = (program, options) =>
  runChild(`${startMany} startMany().then(${program}).catch((error) => { console.error(error); process.exit(1); });`, options);

// All that can be reached from globalThis: names, attributes, kinds, prototypes.
const describeWorld = () => {
  const known = new Map();
  const lines = [];
  const kindOf = (value, name) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
      return typeof value === 'symbol' ? String(value) : `${typeof value} ${typeof value === 'number' || typeof value === 'string' ? value : ''}`;
    }
    if (!known.has(value)) {
      known.set(value, name);
      visit(value, name);
    }
    return `-> ${known.get(value)}`;
  };
  const visit = (object, name) => {
    lines.push(`${name}: ${Object.prototype.toString.call(object)} ${Object.isExtensible(object)} ${kindOf(Object.getPrototypeOf(object), `${name}.__proto__`)}`);
    for (const key of Reflect.ownKeys(object)) {
      const { value, get, set, writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(object, key);
      const own = `${name}.${String(key)}`;
      const kinds = [value, get, set].map((each, i) => kindOf(each, own + ['', ' get', ' set'][i]));
      lines.push(`${own} ${writable}${enumerable}${configurable} ${kinds.join(' ')}`);
    }
  };
  kindOf(globalThis, 'globalThis');
  for (const each of [async () => {}, function* () {}, async function* () {}, [].values(), new Map().values(), /a/g[Symbol.matchAll]('')]) {
    kindOf(each, String(Object.prototype.toString.call(each)));
  }
  return () => lines.join('\n');
};

// Node 20's V8 cannot: see v8_compat.h.
const canBeMade = Number(process.versions.node.split('.')[0]) >= 22;

describe('threads from our own snapshot', () => {
  test('are as the others, and smaller', async () => {
    const { stdout, stderr, code } = await runChild(`${startMany}
      const look = async () => {
        const thread = new Thread(${describeWorld}, { spares: 0 });
        const world = await thread.run();
        await thread.dispose();
        return world;
      };
      (async () => {
        const before = await look();
        const how = await startMany();
        const after = await look();
        console.log(how, before.length > 50000, before === after);
        if (before !== after) {
          const known = new Set(before.split('\\n'));
          console.log(after.split('\\n').filter((line) => !known.has(line)).slice(0, 20).join('\\n'));
        }
      })();`);
    assert.deepStrictEqual({ stdout, stderr, code }, { stdout: `${canBeMade ? '' : 'not '}made true true\n`, stderr: '', code: 0 });
  });

  test('do what the others do', async () => {
    const result = await afterMany(async () => {
      const { ThreadPool } = require(root);
      const thread = new Thread(() => {
        const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 97, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
        const does = {
          wasm: () => new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports.a(2, 3),
          intl: () => [new Intl.NumberFormat('de').format(1234.5), new Date(0).toLocaleDateString('en-US', { timeZone: 'UTC' })],
          text: () => ['Straße'.toUpperCase(), 'a1b22'.replace(/\d+/gu, (d) => d.length), 'é'.normalize('NFD').length],
          async: async () => { let sum = 0; for await (const n of (async function* () { yield 1; yield 2; })()) sum += n; return sum; },
          clone: (value) => value,
          eval: () => new Function('a', 'return a * 2')(21),
          bigint: () => 2n ** 64n,
          weak: () => new WeakRef({}).deref() !== undefined,
          grow: () => { const all = []; for (let i = 0; i < 300; i++) all.push(new Array(10000).fill(i)); return all.length; },
          shared: (array) => Atomics.add(array, 0, 1),
          thrown: () => null.x,
        };
        return (name, ...args) => does[name](...args);
      }, { timeout: 60000 });
      const shared = new Int32Array(new SharedArrayBuffer(4));
      const value = { date: new Date(5), map: new Map([[1, new Set([2])]]), re: /x/gi, bytes: new Uint8Array([1, 2]), error: new RangeError('e') };
      const seen = {};
      for (const name of ['wasm', 'intl', 'text', 'async', 'eval', 'bigint', 'weak', 'grow']) seen[name] = await thread.run(name);
      require('node:assert').deepStrictEqual(await thread.run('clone', value), value);
      await thread.run('shared', shared);
      seen.shared = shared[0];
      seen.thrown = await thread.run('thrown').catch((error) => [error.name, /does/.test(error.stack) || /thrown/.test(error.stack)]);
      const pool = new ThreadPool(() => (n) => { if (n === 0) for (;;); const all = []; while (n === 1) all.push(new Array(1000).fill(1.5)); return n; }, 2, { memoryLimit: 32 });
      const ends = [0, 1, 2, 3].map((n) => pool.runWith(n === 0 ? { timeout: 50 } : {}, n).catch((error) => error.code));
      seen.ends = await Promise.all(ends);
      seen.after = await pool.run(4);
      console.log(require('node:util').inspect(seen, { breakLength: Infinity }));
    });
    assert.strictEqual(result.code, 0, result.stderr);
    assert.strictEqual(
      result.stdout,
      "{ wasm: 5, intl: [ '1.234,5', '1/1/1970' ], text: [ 'STRASSE', 'a1b2', 2 ], async: 3, eval: 42, bigint: 18446744073709551616n, " +
        "weak: true, grow: 300, shared: 1, thrown: [ 'TypeError', true ], ends: [ 'ERR_THREAD_TIMEOUT', 'ERR_THREAD_OUT_OF_MEMORY', 2, 3 ], after: 4 }\n",
    );
  });

  test('the process may end while it is made', async () => {
    for (const delay of [0, 5, 10, 20, 30, 40, 60, 90]) {
      const result = await runChild(`
        for (let i = 0; i < 50; i++) new Thread(() => () => 1).run().catch(() => {});
        setTimeout(() => process.exit(3), ${delay});`);
      assert.deepStrictEqual(result, { code: 3, signal: null, stdout: '', stderr: '' }, `after ${delay} ms`);
    }
  });

  test('a Worker may end while it is made', async () => {
    for (const delay of [0, 10, 30, 60]) {
      const result = await runChild(`
        const worker = new Worker('const { Thread } = require(' + JSON.stringify(root) + '); for (let i = 0; i < 50; i++) new Thread(() => () => 1).run().catch(() => {}); require("node:worker_threads").parentPort.postMessage(1);', { eval: true });
        worker.on('message', () => setTimeout(() => worker.terminate(), ${delay}));
        worker.on('exit', async () => {
          const threads = Array.from({ length: 50 }, () => new Thread(() => (n) => n));
          console.log((await Promise.all(threads.map((thread, i) => thread.run(i)))).at(-1));
        });`);
      assert.deepStrictEqual(result, { code: 0, signal: null, stdout: '49\n', stderr: '' }, `after ${delay} ms`);
    }
  });

  test('it is not made beside another snapshot', async () => {
    const result = await afterMany((how) => { console.log(how); }, { flags: ['--no-node-snapshot'] });
    assert.deepStrictEqual(result, { code: 0, signal: null, stdout: 'not made\n', stderr: '' });
  });

  test('nor in a program that has come from its own', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-'));
    const entry = path.join(folder, 'entry.js');
    fs.writeFileSync(entry, `require('node:v8').startupSnapshot.setDeserializeMainFunction(() => {
      const { createRequire } = require('node:module');
      const { Thread } = createRequire(${JSON.stringify(`${root}/`)})(${JSON.stringify(root)});
      ${startMany}
      startMany().then((how) => { console.log(how); });
    });`);
    const node = (args, options = '') =>
      spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: options } });
    const built = node(['--snapshot-blob', 'snap.blob', '--build-snapshot', entry]);
    assert.strictEqual(built.status, 0, built.stderr);
    const ways = [
      [['--snapshot-blob', 'snap.blob', 'main.js']],
      [['--snapshot_blob=snap.blob', 'main.js']],
      [['main.js'], '--snapshot_blob=snap.blob'],
    ];
    for (const way of ways) {
      const { status, stdout, stderr } = node(...way);
      assert.deepStrictEqual({ status, stdout }, { status: 0, stdout: 'not made\n' }, stderr);
    }
    fs.rmSync(folder, { recursive: true });
  });
});
