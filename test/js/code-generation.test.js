'use strict';

// codeGeneration: what makes code of strings or of WebAssembly's bytes can be forbidden.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread, ThreadPool } = require('../..');

// Every way there is, and what each ends with.
const ways = () => {
  const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  const attempts = {
    eval: () => eval('1'),
    'indirect eval': () => (0, eval)('1'),
    Function: () => Function('return 1')(),
    'new Function': () => new Function('return 1')(),
    AsyncFunction: () => (async () => {}).constructor('return 1')(),
    GeneratorFunction: () => (function* () {}).constructor('yield 1')(),
    AsyncGeneratorFunction: () => (async function* () {}).constructor('yield 1')(),
    'WebAssembly.Module': () => new WebAssembly.Module(bytes),
    'WebAssembly.compile': () => WebAssembly.compile(bytes),
    'WebAssembly.instantiate': () => WebAssembly.instantiate(bytes),
  };
  return async () => {
    const outcomes = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      try {
        await attempt();
        outcomes[name] = 'fine';
      } catch (error) {
        outcomes[name] = error.name;
      }
    }
    return outcomes;
  };
};

const all = (strings, wasm) => ({
  eval: strings,
  'indirect eval': strings,
  Function: strings,
  'new Function': strings,
  AsyncFunction: strings,
  GeneratorFunction: strings,
  AsyncGeneratorFunction: strings,
  'WebAssembly.Module': wasm,
  'WebAssembly.compile': wasm,
  'WebAssembly.instantiate': wasm,
});

describe('codeGeneration', () => {
  const rows = [
    ['is all allowed by default', undefined, 'fine', 'fine'],
    ['forbids code from strings', { strings: false }, 'EvalError', 'fine'],
    ['forbids WebAssembly', { wasm: false }, 'fine', 'CompileError'],
    ['forbids both', { strings: false, wasm: false }, 'EvalError', 'CompileError'],
    ['allows what is true', { strings: true, wasm: true }, 'fine', 'fine'],
  ];
  for (const [name, codeGeneration, strings, wasm] of rows) {
    test(`of a Thread ${name}`, async () => {
      const thread = new Thread(ways, { codeGeneration });
      assert.deepStrictEqual(await thread.run(), all(strings, wasm));
      await thread.dispose();
    });
  }

  test('is that of every thread of a pool, those that come later too', async () => {
    const pool = new ThreadPool(ways, 2, { codeGeneration: { strings: false, wasm: false } });
    for (const outcomes of await pool.broadcast()) assert.deepStrictEqual(outcomes, all('EvalError', 'CompileError'));
    pool.resize(4);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => pool.run()));
    for (const each of outcomes) assert.deepStrictEqual(each, all('EvalError', 'CompileError'));
    await pool.dispose();
  });

  test('is that of a context made anew as well', async () => {
    const thread = new Thread(`() => { const look = (${ways})(); return (loops) => { if (loops) for (;;); return look(); }; }`, {
      codeGeneration: { strings: false, wasm: false },
    });
    const error = await thread.runWith({ timeout: 10 }, true).catch((reason) => reason);
    assert.strictEqual(error.code, 'ERR_THREAD_TIMEOUT');
    assert.deepStrictEqual(await thread.run(false), all('EvalError', 'CompileError'));
    await thread.dispose();
  });

  test('does not forbid the context itself, given as source', async () => {
    const thread = new Thread('() => (n) => n + 1', { codeGeneration: { strings: false, wasm: false } });
    assert.strictEqual(await thread.run(1), 2);
    await thread.dispose();
  });

  test('is not the host\'s', async () => {
    const thread = new Thread(() => () => 1, { codeGeneration: { strings: false, wasm: false } });
    assert.strictEqual(await thread.run(), 1);
    assert.strictEqual((0, eval)('2'), 2);
    await thread.dispose();
  });
});
