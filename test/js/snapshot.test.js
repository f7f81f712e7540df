'use strict';

// Threads of which the isolate comes from V8's default snapshot (src/engine/v8/snapshot.cc): they are
// as those that come from Node's.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { runChild, root } = require('./fixtures/child.js');

// Not with Node 20's V8: see v8_compat.h.
const isTaken = Number(process.versions.node.split('.')[0]) >= 22;
// So many bytes a fresh thread has in its heap, from the one snapshot and from the other.
const MOST_OF_DEFAULT = 650000;
const LEAST_OF_NODE = 700000;
const fromNode = ['-r', path.join(__dirname, 'fixtures', 'node-snapshot.js')];

const look = `
  const thread = new Thread(() => () => 1, { spares: 0 });
  thread.run().then(() => {
    const { heapUsed } = thread.stats().perThread[0];
    console.log(heapUsed < ${MOST_OF_DEFAULT} ? 'default' : heapUsed > ${LEAST_OF_NODE} ? 'Node' : heapUsed);
  });`;

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

const seeWorld = async (flags) => {
  const { stdout, stderr, code } = await runChild(
    `new Thread(${describeWorld}).run().then((world) => { process.stdout.write(world); });`,
    { flags },
  );
  assert.deepStrictEqual({ stderr, code }, { stderr: '', code: 0 });
  return stdout.split('\n');
};

describe('a thread comes from', () => {
  const snapshot = isTaken ? 'default' : 'Node';

  test("V8's default snapshot, where it fits", async () => {
    assert.deepStrictEqual(await runChild(look), { code: 0, signal: null, stdout: `${snapshot}\n`, stderr: '' });
  });

  test("Node's, where it is not to be tried", async () => {
    assert.deepStrictEqual(await runChild(look, { flags: fromNode }), { code: 0, signal: null, stdout: 'Node\n', stderr: '' });
  });

  test('the default one in a program that has started from it, or from its own', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-'));
    const entry = path.join(folder, 'entry.js');
    fs.writeFileSync(entry, `require('v8').startupSnapshot.setDeserializeMainFunction(() => {
      const { createRequire } = require('module');
      const { Thread } = createRequire(${JSON.stringify(`${root}/`)})(${JSON.stringify(root)});
      ${look}
    });`);
    const main = path.join(folder, 'main.js');
    fs.writeFileSync(main, `const { Thread } = require(${JSON.stringify(root)});${look}`);
    const node = (...args) => spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    const built = node('--snapshot-blob', 'snap.blob', '--build-snapshot', entry);
    assert.strictEqual(built.status, 0, built.stderr);
    const own = node('--snapshot-blob', 'snap.blob', 'main.js');
    assert.deepStrictEqual({ status: own.status, stdout: own.stdout }, { status: 0, stdout: `${snapshot}\n` }, own.stderr);
    const none = node('--no-node-snapshot', 'main.js');
    assert.deepStrictEqual({ status: none.status, stdout: none.stdout }, { status: 0, stdout: 'default\n' }, none.stderr);
    fs.rmSync(folder, { recursive: true });
  });
});

describe('a thread from the default snapshot', () => {
  test('has the same world', async () => {
    const [one, other] = [await seeWorld([]), await seeWorld(fromNode)];
    assert.ok(one.length > 1000, `${one.length} lines`);
    assert.deepStrictEqual(one.filter((line) => !other.includes(line)), []);
    assert.deepStrictEqual(one, other);
  });

  for (const [title, flags] of [["does what JavaScript does", []], ["does it as one from Node's", fromNode]]) test(title, async () => {
    const result = await runChild(async () => {
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
    }, { flags });
    assert.strictEqual(result.code, 0, result.stderr);
    assert.strictEqual(
      result.stdout,
      "{ wasm: 5, intl: [ '1.234,5', '1/1/1970' ], text: [ 'STRASSE', 'a1b2', 2 ], async: 3, eval: 42, bigint: 18446744073709551616n, " +
        "weak: true, grow: 300, shared: 1, thrown: [ 'TypeError', true ], ends: [ 'ERR_THREAD_TIMEOUT', 'ERR_THREAD_OUT_OF_MEMORY', 2, 3 ], after: 4 }\n",
    );
  });
});
