'use strict';

// Streams and functions of the other side, by code that does its worst with them.

const TIME = ['ERR_THREAD_TIMEOUT'];
const NOT = ['ERR_THREAD_NOT_CLONEABLE'];
const MEMORY = ['ERR_THREAD_OUT_OF_MEMORY'];
const options = { timeout: 300 };

async function* endless() {
  for (let i = 0; ; i++) yield i;
}

module.exports = [
  { name: 'a generator that grows', run: () => function* () { const all = []; for (;;) { all.push(new Array(1e5).fill(all.length)); yield 1; } }, expect: MEMORY, thread: true },
  { name: 'an async generator that grows', run: () => async function* () { const all = []; for (;;) { all.push(new Array(1e5).fill(all.length)); await null; yield 1; } }, expect: MEMORY },
  // What it has yielded is the host's by then.
  { name: 'a generator that yields more than may be held', peak: 288, left: 192, run: () => function* () { for (let i = 0; i < 100; i++) yield new Uint8Array(4e6).fill(1); return 1; }, expect: [...MEMORY, 'value'] },
  { name: 'a generator that loops between two yields', run: () => function* () { yield 1; for (;;); }, expect: TIME, options, thread: true },
  { name: 'a generator whose finally loops', run: () => function* () { try { yield 1; throw new Error('x'); } finally { for (;;); } }, expect: TIME, options },
  { name: 'an async generator that never goes on', run: () => async function* () { yield 1; await new Promise(() => {}); }, expect: TIME, options, thread: true },
  { name: 'a generator without an end', run: () => function* () { for (let i = 0; ; i++) yield i; }, expect: TIME, options },
  { name: 'a generator that throws null', run: () => function* () { yield 1; throw null; }, expect: ['thrown'] },
  { name: 'a generator that yields a Proxy', run: () => function* () { yield 1; yield new Proxy({}, {}); }, expect: NOT },
  { name: 'a generator that yields a looping getter', run: () => function* () { yield { get x() { for (;;); } }; }, expect: TIME, options },
  { name: 'a generator with a next of its own that loops', run: () => () => { const g = (function* () {})(); g.next = () => { for (;;); }; return g; }, expect: TIME, options },
  { name: 'a generator with a next of its own that gives nothing', run: () => () => { const g = (function* () {})(); g.next = () => undefined; return g; }, expect: ['TypeError'] },
  { name: 'a generator with a then', run: () => () => { const g = (function* () { yield 1; })(); g.then = (yes) => yes(7); return g; }, expect: ['value'], value: 7 },
  { name: 'generator prototypes are overwritten', run: () => { const p = Object.getPrototypeOf(function* () {}).prototype; p.next = p.return = () => { throw new Error('next'); }; return function* () { yield 1; }; }, expect: ['Error'] },
  { name: 'a stream while Promise and Array are overwritten', run: () => function* () { Promise.prototype.then = Array.prototype.push = Array.prototype.slice = () => { throw new Error('no'); }; for (let i = 0; i < 100; i++) yield i; }, expect: ['value'], value: 99 },
  { name: 'a source without an end', args: () => [endless()], run: () => async (values) => { for await (const value of values) void value; }, expect: TIME, options },
  // V8 may give up where the thread cannot leave it, inside the loop: then it is parked.
  { name: 'a source kept whole', peak: 288, left: 288, args: () => [endless()], run: () => async (values) => { const all = []; for await (const value of values) all.push(new Array(1e4).fill(value)); }, expect: MEMORY },
  { name: 'a source that throws', args: () => [(async function* () { yield 1; throw new RangeError('source'); })()], run: () => async (values) => { for await (const value of values) void value; }, expect: ['RangeError'] },
  { name: 'a thousand sources nobody reads', args: () => Array.from({ length: 1000 }, endless), run: () => (...all) => all.length, expect: ['value'], value: 1000 },
  { name: 'a function of the host that never answers, by sync', args: () => [() => new Promise(() => {})], run: () => (ask) => ask.sync(), expect: TIME, options, thread: true },
  { name: 'a function of the host that never answers, awaited', args: () => [() => new Promise(() => {})], run: () => (ask) => ask(), expect: TIME, options },
  { name: 'a function of the host that throws null', args: () => [() => { throw null; }], run: () => (ask) => ask(), expect: ['thrown'] },
  { name: 'a function of the host that gives a Proxy', args: () => [() => new Proxy({}, {})], run: () => (ask) => ask.sync(), expect: NOT },
  { name: 'calls of the host without end', args: () => [() => 1], run: () => (ask) => { for (;;) ask(); }, expect: [...TIME, ...MEMORY, 'ERR_THREAD_QUEUE_FULL'], options },
  { name: 'functions without end', args: () => [() => 1], run: () => (keep) => { for (;;) keep.sync(() => 1); }, expect: TIME, options },
  { name: 'a function of the thread that grows when called', args: () => [async (grow) => { await grow(); }], run: () => (ask) => ask(() => { const all = []; for (;;) all.push({}); }), expect: MEMORY },
  { name: 'a function of the thread that loops when called', args: () => [async (loop) => { await loop(); }], run: () => (ask) => ask(() => { for (;;); }), expect: TIME, options },
];
