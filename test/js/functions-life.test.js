'use strict';

// How long functions of the other side live, and what lives as long as they do. In child processes:
// for clean numbers, and because ends of processes are among them.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

// Sanitizers keep freed memory for a while, and take their time.
const isSanitized = process.env.LD_PRELOAD !== undefined;

const helpers = `
  const rest = () => new Promise((resolve) => setTimeout(resolve, 10));
  const settle = async () => { for (let i = 0; i < 3; i++) { gc(); await rest(); } };
  const until = async (condition) => { for (let i = 0; i < 500 && !condition(); i++) await settle(); return condition(); };
  const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
`;

async function run(program, options) {
  const { code, signal, stdout, stderr } = await runChild(`${helpers}(async () => { ${program} })();`, options);
  return { code, signal, stderr, stdout: stdout.trim() };
}

const ended = (stdout, code = 0) => ({ code, signal: null, stderr: '', stdout });

describe('the life of functions', () => {
  const passed = {
    'a million callbacks': ['() => (list) => { for (const f of list) f(1); }', 'await thread.run(Array.from({ length: 1000 }, () => () => {}));'],
    'a million functions of a thread': ['() => (count) => Array.from({ length: count }, () => () => 1)', 'await (await thread.run(1000))[0]();'],
  };
  for (const [name, [context, once]] of Object.entries(passed)) {
    test(`${name} leave flat memory`, { skip: process.platform !== 'linux' }, async () => {
      const tenth = isSanitized ? 1 : 100;
      const result = await run(`
        const thread = new Thread(${context}, { memoryLimit: 32 });
        const tenth = async () => {
          for (let i = 0; i < ${tenth}; i++) { ${once} }
          await settle();
          const { rss, heapTotal, heapUsed } = process.memoryUsage();
          // V8's heap keeps pages for later, more and more of them though nothing is in them.
          return { heapUsed, rss: rss - heapTotal };
        };
        for (let i = 0; i < 3; i++) await tenth();
        const before = await tenth();
        let after;
        for (let i = 0; i < 10; i++) after = await tenth();
        const mb = (key) => (after[key] - before[key]) / 1e6;
        // What is resident is the heaps as well, which take their time to find their size: the limit is
        // the thread's, and a million of the smallest things of ours would be more than this.
        const isFlat = mb('heapUsed') < 4 && mb('rss') < 64;
        console.log(${isSanitized} || isFlat ? 'flat' : [mb('heapUsed'), mb('rss')]);
        await thread.dispose();
      `, { timeout: 120000 });
      assert.deepStrictEqual(result, ended('flat'));
    });
  }

  test('a host lets go of what nobody in the thread holds', async () => {
    const result = await run(`
      const thread = new Thread(() => { let kept = []; return (f, forgets) => { if (forgets) kept = []; else kept.push(f); globalThis.trash = forgets && Array.from({ length: 3e5 }, (_, i) => ({ i })); }; });
      const refs = [];
      for (let i = 0; i < 20; i++) { let f = () => i; refs.push(new WeakRef(f)); await thread.run(f); f = undefined; }
      await settle();
      const held = refs.filter((ref) => ref.deref()).length;
      const all = await until(() => { thread.run(undefined, true).catch(() => {}); return refs.every((ref) => !ref.deref()); });
      console.log(held, all);
      await thread.dispose();
    `);
    assert.deepStrictEqual(result, ended('20 true'));
  });

  test('a dispose lets go of all that the thread held', async () => {
    const result = await run(`
      const thread = new Thread(() => { globalThis.kept = []; return (f) => { kept.push(f); }; });
      let f = () => 1;
      const ref = new WeakRef(f);
      await thread.run(f);
      f = undefined;
      await thread.dispose();
      console.log(await until(() => !ref.deref()));
    `);
    assert.deepStrictEqual(result, ended('true'));
  });

  test('a function keeps its thread, though nobody holds that', { skip: process.platform !== 'linux' }, async () => {
    const result = await run(`
      await (async () => { await new Thread(() => () => 1, { spares: 0 }).run(); })();
      await settle();
      let add = await new Thread(() => { let n = 0; return () => (k) => (n += k); }, { spares: 0 }).run();
      await settle();
      await settle();
      const before = threads();
      const sum = [await add(1), await add(2)];
      add = undefined;
      console.log(sum.join(), await until(() => threads() < before));
    `);
    assert.deepStrictEqual(result, ended('1,3 true'));
  });

  test('a lost thread answers calls, and its host goes on', async () => {
    const result = await run(`
      const thread = new Thread(() => () => ({ block: () => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600); let s = 'a'.repeat(3e4) + 'b'; return /^(a+)+$/.test(s); }, ok: () => 1 }), { timeout: 200, interruptGrace: 20 });
      const { block, ok } = await thread.run();
      console.log(await ok());
      console.log(await block().catch(({ code }) => code));
      console.log(await ok().catch(({ code }) => code));
      await thread.dispose();
    `);
    assert.deepStrictEqual(result, ended('1\nERR_THREAD_DISPOSED\nERR_THREAD_DISPOSED'));
  });

  test('a call that takes too much memory ends the thread, and those who wait hear of it', async () => {
    const { stderr, ...result } = await run(`
      const thread = new Thread(() => () => ({ bomb: () => { const a = []; for (;;) a.push({}); }, ok: () => 1 }), { memoryLimit: 64 });
      const { bomb, ok } = await thread.run();
      const calls = await Promise.allSettled([bomb(), ok()]);
      console.log(calls.map(({ reason, value }) => reason?.code ?? value).join());
      console.log(await thread.run().catch(({ code, cause }) => code + ' ' + cause.code));
      const sync = new Thread(() => (f) => { const a = []; for (;;) a.push(f.sync()); }, { memoryLimit: 64 });
      console.log(await sync.run(() => Array.from({ length: 1000 }, () => ({ a: 1 }))).catch(({ code }) => code));
      await thread.dispose();
    `);
    assert.ok(stderr === '' || /Last few GCs/.test(stderr), stderr);
    assert.deepStrictEqual(result, {
      code: 0,
      signal: null,
      stdout: 'ERR_THREAD_DISPOSED,ERR_THREAD_DISPOSED\nERR_THREAD_DISPOSED ERR_THREAD_OUT_OF_MEMORY\nERR_THREAD_OUT_OF_MEMORY',
    });
  });

  const worker = (body) => `
    const worker = new Worker(\`
      const { parentPort } = require('node:worker_threads');
      const { Thread } = require(\${JSON.stringify(root)});
      (async () => { ${body} })();
    \`, { eval: true });
    worker.once('message', () => worker.terminate());
    worker.on('exit', () => { process.exitCode = 4; });
  `;
  const waits = "const wait = () => { parentPort.postMessage(1); return new Promise(() => {}); };";
  const ends = {
    'process.exit in a sync call': ['new Thread(() => (f) => f.sync()).run(() => { process.exit(3); });', 3],
    'process.exit in an async call': ['new Thread(() => (f) => f()).run(() => { process.exit(3); });', 3],
    'process.exit while a sync call waits': ['new Thread(() => (f) => f.sync()).run(() => { setTimeout(() => process.exit(3), 10); return new Promise(() => {}); });', 3],
    'process.exit while the thread is called': ['const spin = await new Thread(() => () => () => { for (;;); }).run(); spin(); setTimeout(() => process.exit(3), 10);', 3],
    'a Worker terminated in a sync call': [worker(`${waits} new Thread(() => (f) => f.sync()).run(wait).catch(() => {});`), 4],
    'a Worker terminated in an async call': [worker(`${waits} new Thread(() => (f) => f()).run(wait).catch(() => {});`), 4],
    'a Worker terminated while it is called much': [worker('new Thread(() => (f) => { for (;;) f(); }).run(() => { parentPort.postMessage(1); }).catch(() => {});'), 4],
    'a Worker that exits itself': [worker('new Thread(() => (f) => f.sync()).run(() => { process.exit(); }).catch(() => {});'), 4],
    'functions of a thread that nobody calls keep nothing alive': ['const thread = new Thread(() => () => () => 1); globalThis.stub = await thread.run();', 0],
    'functions of a thread that is garbage keep nothing alive': ['globalThis.stub = await new Thread(() => () => () => 1).run(); await settle();', 0],
    'functions of the host that a thread holds keep nothing alive': ['globalThis.thread = new Thread(() => (f) => { globalThis.kept = f; }); await thread.run(() => 1);', 0],
    'a call that waits keeps it alive': ['const f = await new Thread(() => () => (g) => g()).run(); f(() => new Promise((resolve) => { setTimeout(resolve, 50).unref(); })).then(() => { process.exitCode = 5; });', 5],
    'a dispose in a sync call': ['const thread = new Thread(() => (f) => f.sync()); await thread.run(() => { thread.dispose().then(() => { process.exitCode = 6; }); return new Promise(() => {}); }).catch(() => {});', 6],
  };
  for (const [name, [program, wanted]] of Object.entries(ends)) {
    test(`the process ends: ${name}`, async () => {
      assert.deepStrictEqual(await run(program), ended('', wanted));
    });
  }
});
