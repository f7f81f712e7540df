'use strict';

// The faults: functions as they are called in a thread of each library, and what they ought to end
// with. They are taken over as text, so they see nothing from outside themselves.

module.exports = {
  'an array that grows': () => { const a = []; for (;;) a.push({}); },
  'a Map that grows': () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); },
  'an object of 1e7 keys': () => { const o = {}; for (let i = 0; i < 1e7; i++) o[`k${i}`] = i; return 1; },
  'spread': () => { let a = [1]; for (;;) a = [...a, ...a]; },
  'new Array(1e8) filled by index': () => { const a = new Array(1e8); for (let i = 0; i < 1e8; i++) a[i] = i; return a.length; },
  'new Array(1e9).fill(0)': () => new Array(1e9).fill(0).length,
  'Array(2 ** 27).fill(1)': () => Array(2 ** 27).fill(1).length,
  'a string of 512 MB': () => 'x'.padEnd(2 ** 29 - 30, 'abc').charCodeAt(2 ** 28),
  'JSON.parse of 50 M numbers': () => JSON.parse(`[${'1,'.repeat(5e7)}1]`).length,
  'typed arrays one by one': () => { const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1)); },
  'a Wasm memory that grows': () => { const m = new WebAssembly.Memory({ initial: 1 }); for (;;) { m.grow(16); new Uint8Array(m.buffer, m.buffer.byteLength - 2 ** 20).fill(1); } },
  'a result too large to send': () => new Array(1e4).fill('x'.repeat(1e6)),
  'for (;;)': () => { for (;;); },
  'regex backtracking': () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
  'endless microtasks': async () => { for (;;) await null; },
  'an await that never ends': () => new Promise(() => {}),
  'Atomics.wait for ever': () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
  'a builtin nothing can stop': () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1),
  'a getter that loops in a result': () => ({ get x() { for (;;); } }),
  'endless recursion': () => { const f = () => f() + 1; return f(); },
  'a rejection nobody handles': () => { Promise.reject(new Error('nobody')); return 1; },
  'throw undefined': () => { throw undefined; },
  'a function as result': () => () => 1,
};
