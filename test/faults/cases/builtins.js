'use strict';

// Code that does not end: in loops, in builtins that call back, in builtins that do not.

const TIME = ['ERR_THREAD_TIMEOUT'];
const options = { timeout: 300 };
// These cannot be interrupted, at least in some V8; the thread is written off at the grace's end.
const deaf = { timeout: 300, interruptGrace: 300 };

module.exports = [
  { name: 'for (;;)', run: () => () => { for (;;); }, expect: TIME, options, thread: true },
  { name: 'a loop that catches everything', run: () => () => { for (;;) try { for (;;); } catch {} finally { continue; } }, expect: TIME, options },
  { name: 'a loop in a context', run: () => { for (;;); }, context: true, expect: TIME, options },
  { name: 'an await in a context that never ends', run: () => new Promise(() => {}), context: true, expect: TIME, options },
  { name: 'endless microtasks', run: () => async () => { for (;;) await null; }, expect: TIME, options, thread: true },
  // Each of these promises waits for the next: they are never garbage.
  { name: 'microtasks that go on by themselves', run: () => () => { const f = () => Promise.resolve().then(f); f(); return new Promise(() => {}); }, expect: [...TIME, 'ERR_THREAD_OUT_OF_MEMORY'], options },
  { name: 'microtasks after the end', run: () => () => { const f = () => Promise.resolve().then(f); f(); return 1; }, expect: ['value', ...TIME, 'ERR_THREAD_OUT_OF_MEMORY'], options },
  { name: 'an await that never ends', run: () => () => new Promise(() => {}), expect: TIME, options, thread: true },
  { name: 'a thenable that never settles', run: () => () => ({ then() {} }), expect: TIME, options },
  { name: 'a thenable that loops', run: () => () => ({ then() { for (;;); } }), expect: TIME, options },
  { name: 'a then getter that loops', run: () => () => ({ get then() { for (;;); } }), expect: TIME, options },
  { name: 'a thenable that settles twice', run: () => () => ({ then(yes, no) { yes(1); yes(2); no(3); } }), expect: ['value'], value: 1 },
  { name: 'a thenable that settles and throws', run: () => () => ({ then(yes) { yes(1); throw new Error('late'); } }), expect: ['value'], value: 1 },
  { name: 'a thenable of itself', run: () => () => { const t = { then(yes) { yes(t); } }; return t; }, expect: TIME, options },
  { name: 'a throwing then', run: () => () => ({ get then() { throw new RangeError('then'); } }), expect: ['RangeError'] },
  { name: 'Atomics.wait for ever', run: () => () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), expect: TIME, options, thread: true },
  { name: 'Atomics.wait again and again', run: () => () => { const i = new Int32Array(new SharedArrayBuffer(4)); for (;;) Atomics.wait(i, 0, 0, 1); }, expect: TIME, options },
  { name: 'Atomics.waitAsync for ever', run: () => () => Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0).value, expect: TIME, options },
  { name: 'regex backtracking', run: () => () => /^(a+)+$/.test(`${'a'.repeat(40)}b`), expect: TIME, options, thread: true },
  { name: 'regex backtracking in replace', run: () => () => `${'a'.repeat(40)}b`.replace(/(a|aa)+$/g, ''), expect: TIME, options },
  { name: 'a sort comparator', run: () => () => [3, 2, 1].sort(() => { for (;;); }), expect: TIME, options },
  { name: 'a sort that is long', run: () => () => { for (;;) new Float64Array(4e6).map((_, i) => -i).sort((a, b) => a - b); }, expect: TIME, options: { timeout: 300, memoryLimit: 256 } },
  { name: 'a typed sort without a comparator', run: () => () => { for (;;) new Float64Array(4e6).map((_, i) => (i * 7919) % 4e6).sort(); }, expect: TIME, options: { timeout: 300, memoryLimit: 256 } },
  { name: 'JSON.parse with a reviver', run: () => () => JSON.parse('[1,2]', () => { for (;;); }), expect: TIME, options },
  { name: 'JSON.stringify with toJSON', run: () => () => JSON.stringify({ toJSON() { for (;;); } }), expect: TIME, options },
  { name: 'JSON.parse again and again', run: () => () => { const s = JSON.stringify(new Array(1e5).fill({ a: 1 })); for (;;) JSON.parse(s); }, expect: TIME, options },
  { name: 'JSON.stringify again and again', run: () => () => { const o = new Array(1e5).fill({ a: 1 }); for (;;) JSON.stringify(o); }, expect: TIME, options },
  { name: 'a Proxy trap', run: () => () => new Proxy({}, { get() { for (;;); } }).x, expect: TIME, options },
  { name: 'an iterator without end', run: () => () => { for (const x of { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }) if (x) return 1; }, expect: TIME, options },
  { name: 'new Map of an iterator without end', run: () => () => new Map({ [Symbol.iterator]: () => ({ next: () => ({ value: [1, 2] }) }) }), expect: TIME, options },
  { name: 'an async generator without end', run: () => async () => { for await (const x of (async function* () { for (;;) yield 0; })()) if (x) return 1; }, expect: TIME, options },
  { name: 'toString without end', run: () => () => `${{ toString() { for (;;); } }}`, expect: TIME, options },
  { name: 'replace with a function', run: () => () => 'x'.replace(/x/, () => { for (;;); }), expect: TIME, options },
  { name: 'eval', run: () => () => (0, eval)('for (;;);'), expect: TIME, options },
  { name: 'new Function', run: () => () => new Function('for (;;);')(), expect: TIME, options },
  { name: 'BigInt powers', run: () => () => { for (;;) (3n ** 2000000n).toString(); }, expect: TIME, options: deaf },
  { name: 'BigInt to text', run: () => () => ((1n << 16000000n) - 1n).toString().length, expect: [...TIME, 'value'], options: { ...deaf, memoryLimit: 256 } },
  { name: 'BigInt from text', run: () => () => { const s = '7'.repeat(2e6); for (;;) BigInt(s); }, expect: TIME, options: deaf },
  { name: 'includes over 2**53 holes', run: () => () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1), expect: TIME, options: deaf, thread: true, mayLose: true },
  { name: 'indexOf over 2**53 holes', run: () => () => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1), expect: TIME, options: deaf, mayLose: true },
  { name: 'reverse of 2**53 holes', run: () => () => Array.prototype.reverse.call({ length: 2 ** 53 - 1 }), expect: TIME, options: deaf, mayLose: true },
  { name: 'copyWithin of 2**53 holes', run: () => () => Array.prototype.copyWithin.call({ length: 2 ** 53 - 1 }, 1, 0), expect: TIME, options: deaf, mayLose: true },
  { name: 'splice of 2**53 holes', run: () => () => Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1), expect: TIME, options: deaf, mayLose: true },
  { name: 'sort of 2**32 holes', run: () => () => { const a = []; a.length = 2 ** 32 - 1; return a.sort().length; }, expect: [...TIME, 'value', 'ERR_THREAD_OUT_OF_MEMORY'], options: deaf, mayLose: true },
  { name: 'join of 2**32 holes', run: () => () => { const a = []; a.length = 2 ** 32 - 1; return a.join('').length; }, expect: [...TIME, 'value', 'RangeError', 'ERR_THREAD_OUT_OF_MEMORY'], options: deaf, mayLose: true },
  { name: 'a quadratic lastIndexOf', run: () => () => { const s = `b${'a'.repeat(1e7)}`; return s.lastIndexOf(`c${'a'.repeat(5e6)}`); }, expect: [...TIME, 'value'], options: deaf, mayLose: true },
  { name: 'localeCompare of long texts', run: () => () => { const s = 'ä'.repeat(5e6); for (;;) s.localeCompare(`${s}b`); }, expect: TIME, options: { ...deaf, memoryLimit: 256 }, mayLose: true },
  // V8's interpreter looks up from a loop every some ten thousand rounds only.
  { name: 'fill of a typed array for ever', run: () => () => { const a = new Uint8Array(3e7); for (;;) a.fill(1); }, expect: TIME, options: deaf, mayLose: true },
  { name: 'a large Array.prototype.fill', run: () => () => { const a = new Array(3e7); for (;;) a.fill(1); }, expect: [...TIME], options: { ...deaf, memoryLimit: 512 }, mayLose: true },
  { name: 'FinalizationRegistry callbacks for ever', run: () => () => { const r = new FinalizationRegistry(() => { for (;;); }); for (let i = 0; i < 1e5; i++) r.register({}, 1); return new Promise(() => {}); }, expect: TIME, options },
  { name: 'console calls for ever', run: () => () => { for (;;) console.debug('x'); }, expect: TIME, options },
  { name: '1e5 console calls', run: () => () => { for (let i = 0; i < 1e5; i++) console.debug(i); return 'logged'; }, expect: ['value'], value: 'logged' },
  { name: 'unhandled rejections', run: () => () => { for (let i = 0; i < 1e4; i++) Promise.reject(new Error('x')); return 'rejected'; }, expect: ['value'], value: 'rejected' },
  { name: 'CPU time: a loop', run: () => () => { for (;;); }, expect: ['ERR_THREAD_CPU_TIMEOUT'], options: { cpuTimeout: 200 } },
  { name: 'CPU time: microtasks', run: () => async () => { for (;;) await null; }, expect: ['ERR_THREAD_CPU_TIMEOUT'], options: { cpuTimeout: 200 } },
];
