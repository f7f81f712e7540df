'use strict';

// Arguments, results and thrown values that fight their way across, and contexts that have turned
// the language around.

const TIME = ['ERR_THREAD_TIMEOUT'];
const NOT = ['ERR_THREAD_NOT_CLONEABLE'];
const options = { timeout: 300 };

function nested(depth) {
  let value = [];
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

module.exports = [
  { name: '1e6 nested arrays as an argument', args: () => [nested(1e6)], run: () => () => 1, expect: [...NOT, 'RangeError', 'value'] },
  { name: '1e6 nested arrays as a result', run: () => () => { let a = []; for (let i = 0; i < 1e6; i++) a = [a]; return a; }, expect: [...NOT, 'RangeError', 'ERR_THREAD_OUT_OF_MEMORY'] },
  { name: '1200 nested arrays both ways', args: () => [nested(1200)], run: () => (a) => a, expect: ['value'] },
  { name: '1e6 nested Maps as a result', peak: 288, run: () => () => { let m = new Map(); for (let i = 0; i < 1e6; i++) m = new Map([[1, m]]); return m; }, expect: [...NOT, 'RangeError', 'ERR_THREAD_OUT_OF_MEMORY'] },
  { name: 'a getter that throws in an argument', args: () => [{ get x() { throw new Error('host getter'); } }], run: () => () => 1, expect: NOT },
  { name: 'a getter that throws in a result', run: () => () => ({ get x() { throw new Error('getter'); } }), expect: NOT },
  { name: 'a getter that loops in a result', run: () => () => ({ get x() { for (;;); } }), expect: TIME, options, thread: true },
  { name: 'a getter that grows in a result', peak: 288, run: () => () => ({ get x() { const a = []; for (;;) a.push({}); } }), expect: ['ERR_THREAD_OUT_OF_MEMORY'] },
  { name: 'a getter that shrinks what is cloned', run: () => () => { const a = [1, 2, 3]; Object.defineProperty(a, 0, { get() { a.length = 0; return 1; }, enumerable: true }); return a; }, expect: ['value', ...NOT] },
  { name: 'a getter that detaches what is cloned', run: () => () => { const b = new ArrayBuffer(8, { maxByteLength: 8 }); return { get x() { b.resize(0); return 1; }, b, v: new Uint8Array(b) }; }, expect: ['value', ...NOT, 'TypeError'] },
  { name: 'a Proxy as a result', run: () => () => new Proxy({}, {}), expect: NOT },
  { name: 'a revoked Proxy as a result', run: () => () => { const p = Proxy.revocable({}, {}); p.revoke(); return p.proxy; }, expect: [...NOT, 'TypeError'] },
  { name: 'a Proxy whose traps loop as a result', run: () => () => new Proxy({}, { get() { for (;;); }, ownKeys() { for (;;); } }), expect: TIME, options },
  { name: 'a cycle', run: () => () => { const a = {}; a.a = a; a.m = new Map([[a, a]]); return a; }, expect: ['value'] },
  { name: 'throw undefined', run: () => () => { throw undefined; }, expect: ['thrown'] },
  { name: 'throw null', run: () => () => { throw null; }, expect: ['thrown'] },
  { name: 'throw a revoked Proxy', run: () => () => { const p = Proxy.revocable({}, {}); p.revoke(); throw p.proxy; }, expect: NOT },
  { name: 'throw a function', run: () => () => { throw () => 1; }, expect: NOT },
  { name: 'throw a Proxy of an error', run: () => () => { throw new Proxy(new Error('x'), {}); }, expect: [...NOT, 'Error'] },
  { name: 'throw an error without a prototype', run: () => () => { throw Object.setPrototypeOf(new Error('bare'), null); }, expect: ['Error'] },
  { name: 'throw an error whose message loops', run: () => () => { throw Object.defineProperty(new Error('x'), 'message', { get() { for (;;); } }); }, expect: TIME, options },
  { name: 'throw an error whose keys throw', run: () => () => { throw Object.defineProperty(new Error('x'), 'k', { enumerable: true, get() { throw new Error('no'); } }); }, expect: ['Error'] },
  { name: 'an error with 1e5 causes', run: () => () => { let e = new Error('0'); for (let i = 0; i < 1e5; i++) e = new Error('x', { cause: e }); throw e; }, expect: ['Error', 'RangeError', 'ERR_THREAD_OUT_OF_MEMORY'] },
  { name: 'an error that is its own cause', run: () => () => { const e = new Error('x'); e.cause = e; throw e; }, expect: ['Error'] },
  { name: 'an error in 1e5 AggregateErrors', run: () => () => { let e = new Error('0'); for (let i = 0; i < 1e5; i++) e = new AggregateError([e]); throw e; }, expect: ['AggregateError', 'RangeError', 'ERR_THREAD_OUT_OF_MEMORY'] },
  { name: 'an error with 1e5 properties', run: () => () => { const e = new Error('x'); for (let i = 0; i < 1e5; i++) e[`k${i}`] = i; throw e; }, expect: ['Error'] },
  { name: 'a rejection with a looping getter', run: () => () => Promise.reject({ get x() { for (;;); } }), expect: TIME, options },
  { name: 'prepareStackTrace throws', run: () => () => { Error.prepareStackTrace = () => { throw new Error('prepare'); }; throw new TypeError('x'); }, expect: ['TypeError'] },
  { name: 'prepareStackTrace loops', run: () => () => { Error.prepareStackTrace = () => { for (;;); }; throw new Error('x'); }, expect: [...TIME, 'Error'], options },
  { name: 'stackTraceLimit is a getter that throws', run: () => () => { Object.defineProperty(Error, 'stackTraceLimit', { get() { throw new Error('limit'); } }); throw new TypeError('x'); }, expect: ['TypeError'] },
  { name: 'Array.prototype.push throws', run: () => () => { Array.prototype.push = () => { throw new Error('push'); }; throw new TypeError('x'); }, expect: ['TypeError', 'RangeError', 'Error'] },
  { name: 'Promise.prototype.then is overwritten', run: () => async () => { Promise.prototype.then = () => { throw new Error('then'); }; return 5; }, expect: ['value'], value: 5 },
  { name: 'Promise.prototype.then loops', run: () => () => { Promise.prototype.then = () => { for (;;); }; return Promise.resolve(6); }, expect: ['value', ...TIME], options },
  { name: 'Object.prototype has setters', run: () => () => { for (const key of ['isError', 'value', 'class', 'message', 'stack', 'properties', 'cause', 'next', 'done', 'get', 'set']) Object.defineProperty(Object.prototype, key, { set() { throw new Error(key); }, get() { throw new Error(key); }, configurable: true }); throw new TypeError('x'); }, expect: ['TypeError', 'RangeError', 'Error'] },
  { name: 'Object.prototype.then', run: () => () => { Object.prototype.then = function (yes) { yes(1); }; return {}; }, expect: ['value'] },
  { name: 'Object.prototype.then loops', run: () => () => { Object.prototype.then = () => { for (;;); }; return {}; }, expect: TIME, options },
  { name: 'Symbol.iterator is gone', run: () => () => { delete Array.prototype[Symbol.iterator]; throw Object.assign(new TypeError('x'), { a: [1] }); }, expect: ['TypeError', 'RangeError', 'Error'] },
  { name: 'Map and RegExp are overwritten', run: () => () => { Map.prototype.get = Map.prototype.has = Map.prototype.set = RegExp.prototype.exec = String.prototype.replace = () => { throw new Error('no'); }; throw new TypeError('x'); }, expect: ['TypeError', 'RangeError', 'Error'] },
  { name: 'RegExp.prototype.exec loops', run: () => () => { RegExp.prototype.exec = () => { for (;;); }; throw new TypeError('x'); }, expect: ['TypeError', ...TIME], options },
  { name: 'Function.prototype.call and apply are gone', run: () => () => { delete Function.prototype.call; delete Function.prototype.apply; delete Function.prototype.bind; throw new TypeError('x'); }, expect: ['TypeError'] },
  { name: 'console is gone', run: () => () => { delete globalThis.console; Promise.reject(1); return 'gone'; }, expect: ['value'], value: 'gone' },
  { name: 'console methods throw', run: () => () => { for (const key of Object.keys(console)) console[key] = () => { throw new Error(key); }; Promise.reject(1); return 'thrown'; }, expect: ['value'], value: 'thrown' },
  { name: 'every global is deleted', run: () => () => { for (const key of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[key]; } catch {} return 'empty'; }, expect: ['value'], value: 'empty' },
  { name: 'every prototype is emptied', run: () => () => { const { getOwnPropertyNames, getPrototypeOf } = Object; const names = getOwnPropertyNames(globalThis); for (const name of names) { const p = globalThis[name]?.prototype; if (p) for (const key of getOwnPropertyNames(p)) try { delete p[key]; } catch {} } getPrototypeOf({}); return 'empty'; }, expect: ['value', 'Error', 'TypeError'] },
  { name: 'everything is frozen', run: () => () => { for (const name of Object.getOwnPropertyNames(globalThis)) { const v = globalThis[name]; if (Object(v) === v) { Object.freeze(v); if (v.prototype) Object.freeze(v.prototype); } } throw new TypeError('frozen'); }, expect: ['TypeError', 'Error'] },
  { name: 'the global prototype is a Proxy', run: () => () => { try { Object.setPrototypeOf(Object.prototype, new Proxy({}, { get() { for (;;); } })); } catch { return 'immutable'; } return globalThis.notThere; }, expect: ['value', ...TIME, 'ReferenceError'], options },
];
