'use strict';

// Source text, and recursion of every kind.

const MEMORY = ['ERR_THREAD_OUT_OF_MEMORY'];
const STACK = ['RangeError'];
const options = { timeout: 5000 };

module.exports = [
  { name: 'eval of 400 MB', run: () => () => (0, eval)(`"${'x'.repeat(4e8)}"`).length, expect: [...MEMORY, 'SyntaxError', 'RangeError', 'ERR_THREAD_TIMEOUT'], options: { timeout: 3000, interruptGrace: 500 }, thread: true, mayLose: true },
  { name: 'eval of 20 MB of code', run: () => () => (0, eval)('x = 1 + 2;'.repeat(2e6)), expect: [...MEMORY, 'value', 'RangeError'] },
  { name: 'eval of a function of 1e5 variables', left: 64, run: () => () => { let s = ''; for (let i = 0; i < 1e5; i++) s += `let v${i} = ${i};`; return new Function(`${s} return v7;`)(); }, expect: ['value', ...MEMORY, 'SyntaxError'] },
  { name: 'an array literal of 5e6', run: () => () => (0, eval)(`[${'{},'.repeat(5e6)}]`).length, expect: [...MEMORY, 'value', 'RangeError', 'SyntaxError'] },
  { name: 'new functions for ever', run: () => () => { const a = []; for (let i = 0; ; i++) { const f = new Function(`return () => ${i}`)(); f(); a.push(f); } }, expect: MEMORY },
  { name: 'eval that is garbage', run: () => () => { let n = 0; for (let i = 0; i < 2e4; i++) n += (0, eval)(`(() => ${i})()`); return n; }, expect: ['value'], value: 199990000 },
  { name: 'a syntax error a million characters in', run: () => () => (0, eval)(`${'x;'.repeat(5e5)} let let`), expect: ['SyntaxError'] },
  { name: 'a syntax error of a million characters', run: () => () => (0, eval)(`let ${'x'.repeat(1e6)} ${'y'.repeat(1e6)}`), expect: ['SyntaxError'] },
  { name: '1e6 open brackets', run: () => () => (0, eval)('('.repeat(1e6)), expect: [...STACK, 'SyntaxError'] },
  { name: '1e6 nested arrays in source', run: () => () => (0, eval)('['.repeat(1e6) + ']'.repeat(1e6)), expect: [...STACK, 'SyntaxError'] },
  { name: '1e5 nested functions in source', run: () => () => (0, eval)('()=>{'.repeat(1e5) + '}'.repeat(1e5)), expect: [...STACK, 'SyntaxError', ...MEMORY] },
  { name: '1e6 pluses', run: () => () => (0, eval)(`1${'+1'.repeat(1e6)}`), expect: ['value', ...STACK, ...MEMORY] },
  { name: '1e5 ternaries', run: () => () => (0, eval)(`${'0?0:'.repeat(1e5)}7`), expect: ['value', ...STACK] },
  { name: 'a regular expression of 1e6 groups', run: () => () => new RegExp('('.repeat(1e6) + ')'.repeat(1e6)), expect: ['SyntaxError', ...STACK] },
  { name: 'a regular expression that compiles to too much', run: () => () => new RegExp(`${'(?:a{0,1000}){0,1000}'.repeat(10)}$`).test('a'), expect: ['SyntaxError', 'RangeError', 'value', 'ERR_THREAD_TIMEOUT', ...MEMORY], options },
  { name: 'regular expressions for ever', run: () => () => { const a = []; for (let i = 0; ; i++) { const r = new RegExp(`(?:a|b${i})+[c-x]`, 'u'); r.test('zzz'); a.push(r); } }, expect: MEMORY },

  { name: 'recursion', run: () => () => { const f = () => f() + 1; return f(); }, expect: STACK, thread: true },
  { name: 'recursion that catches', run: () => () => { const f = () => { try { f(); } catch { f(); } }; f(); }, expect: ['ERR_THREAD_TIMEOUT'], options: { timeout: 300 } },
  { name: 'recursion with many arguments', run: () => () => { const f = (...a) => f(...a, 1, 2, 3); return f(); }, expect: STACK },
  { name: 'a call with 1e7 arguments', run: () => () => Math.max(...new Array(5e6).fill(1)), expect: STACK },
  { name: 'recursion in a constructor', run: () => () => { class A { constructor() { this.a = new A(); } } return new A(); }, expect: STACK },
  { name: 'recursion in JSON.parse', run: () => () => JSON.parse('['.repeat(1e6) + ']'.repeat(1e6)).length, expect: ['value', ...STACK, 'SyntaxError'] },
  { name: 'recursion in JSON.stringify', run: () => () => { let a = []; for (let i = 0; i < 1e6; i++) a = [a]; return JSON.stringify(a).length; }, expect: [...STACK, 'value'] },
  { name: 'recursion in toJSON', run: () => () => { const o = { toJSON() { return JSON.stringify(o); } }; return JSON.stringify(o); }, expect: STACK },
  { name: 'recursion in a regular expression', run: () => () => { const s = 'a'.repeat(1e7); return /(?:a|b)*c/.test(s) || /^(?:(a)|b)*$/.test(s); }, expect: ['value', ...STACK, 'ERR_THREAD_TIMEOUT', ...MEMORY], options },
  { name: 'recursion in a replacer', run: () => () => { const f = () => 'x'.replace(/x/, f); return f(); }, expect: STACK },
  { name: 'recursion in a comparator', run: () => () => { const f = () => [2, 1].sort(f).length; return f(); }, expect: STACK },
  { name: 'recursion in a Proxy trap', run: () => () => { const p = new Proxy({}, { get: (t, k) => p[k] }); return p.x; }, expect: STACK },
  { name: 'a prototype that is a Proxy of itself', run: () => () => { const o = {}; Object.setPrototypeOf(o, new Proxy(o, {})); return o.x; }, expect: STACK },
  { name: 'a chain of 1e5 proxies', run: () => () => { let p = []; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return [Array.isArray(p), p.length, typeof p]; }, expect: [...STACK, 'value'] },
  { name: 'a chain of 1e5 bound functions', run: () => () => { let f = () => 7; for (let i = 0; i < 1e5; i++) f = f.bind(null); return f(); }, expect: [...STACK, 'value'] },
  { name: 'a chain of 1e5 prototypes', run: () => () => { let o = {}; for (let i = 0; i < 1e5; i++) o = Object.create(o); return o.x === undefined; }, expect: ['value'] },
  { name: 'a cons string 1e6 deep', run: () => () => { let s = ''; for (let i = 0; i < 1e6; i++) s = `${'ab' + i}${s}`; return s.charCodeAt(9) > 0; }, expect: ['value', ...MEMORY] },
  { name: 'recursion in a getter', run: () => () => { const o = { get x() { return o.x; } }; return o.x; }, expect: STACK },
  { name: 'recursion in toString', run: () => () => { const o = { toString: () => `${o}` }; return `${o}`; }, expect: STACK },
  { name: 'recursion in a generator', run: () => () => { function* g() { yield* g(); } return [...g()]; }, expect: STACK },
  { name: 'recursion in eval', run: () => () => { globalThis.f = () => (0, eval)('f()'); return globalThis.f(); }, expect: STACK },
  { name: 'async recursion', run: () => async () => { const f = async () => { await f(); }; await f(); }, expect: [...STACK, ...MEMORY, 'ERR_THREAD_TIMEOUT'] },
  { name: 'async recursion after an await', peak: 288, run: () => async () => { const f = async () => { await null; await f(); }; await f(); }, expect: MEMORY },
  { name: 'recursion in a then', run: () => () => { const t = { get then() { return t.then; } }; return t; }, expect: STACK },
  { name: 'recursion while a result is cloned', run: () => () => { const make = () => ({ get x() { return make(); } }); return make(); }, expect: ['ERR_THREAD_NOT_CLONEABLE', ...STACK, ...MEMORY] },
  { name: 'recursion in prepareStackTrace', run: () => () => { Error.prepareStackTrace = () => new Error('again').stack; throw new TypeError('x'); }, expect: ['TypeError', ...STACK] },
  { name: 'recursion in the context', run: () => { const f = () => f() + 1; return f(); }, context: true, expect: STACK },
  { name: 'import()', run: () => () => import('node:fs'), expect: ['ERR_THREAD_NO_IMPORT'] },
];
