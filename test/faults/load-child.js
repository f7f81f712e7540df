'use strict';

// 2,000 tasks on four threads, one of ten a bomb: prints what came of each kind as JSON.

const { ThreadPool } = require('../../lib/index.js');

const { setTimeout: sleep } = require('node:timers/promises');

const TASKS = 2000;
const RETURN_MS = 30000;
const seed = Number(process.argv[2]);
const MEMORY = 'ERR_THREAD_OUT_OF_MEMORY';
const TIME = 'ERR_THREAD_TIMEOUT';

// mulberry32
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const context = () => {
  let calls = 0;
  const bombs = {
    push: () => { const a = []; for (;;) a.push({}); },
    fill: () => new Array(1e9).fill(0).length,
    map: () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); },
    repeat: () => 'x'.repeat(2 ** 28).replace('x', 'y').charCodeAt(5),
    loop: () => { for (;;); },
    microtasks: async () => { for (;;) await null; },
    never: () => new Promise(() => {}),
    wait: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    regex: () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
    buffers: () => { const a = []; for (;;) a.push(new Uint8Array(1e6)); },
    recursion: () => { const f = () => f() + 1; return f(); },
    throws: () => { throw new TypeError('bad'); },
    uncloneable: () => Symbol('x'),
  };
  return (kind, n) => {
    calls += 1;
    if (kind !== 'good') return bombs[kind]();
    return { n, square: n * n, text: `${n}`, calls: calls > 0 };
  };
};

const expected = {
  push: [MEMORY], fill: [MEMORY], map: [MEMORY, 'RangeError'], repeat: [MEMORY],
  loop: [TIME], microtasks: [TIME], never: [TIME], wait: [TIME], regex: [TIME],
  buffers: ['RangeError', MEMORY], recursion: ['RangeError'], throws: ['TypeError'], uncloneable: ['ERR_THREAD_NOT_CLONEABLE'],
};

async function main() {
  const pool = new ThreadPool(context, 4, { memoryLimit: 64 });
  const kinds = Object.keys(expected);
  const outcomes = {};
  const wrong = [];
  const one = async (n) => {
    const kind = random() < 0.1 ? kinds[Math.floor(random() * kinds.length)] : 'good';
    let outcome;
    try {
      // The good ones have no timeout: they may wait behind bombs, and must never fail.
      const value = kind === 'good' ? await pool.run(kind, n) : await pool.runWith({ timeout: expected[kind][0] === TIME ? 50 : 60000 }, kind, n);
      const isRight = kind === 'good' && value.n === n && value.square === n * n && value.text === `${n}`;
      outcome = isRight ? 'right' : `value ${JSON.stringify(value)}`;
    } catch (error) {
      outcome = error.code ?? error.name;
    }
    const allowed = kind === 'good' ? ['right'] : expected[kind];
    if (!allowed.includes(outcome)) wrong.push(`task ${n} (${kind}): ${outcome}`);
    outcomes[`${kind}: ${outcome}`] = (outcomes[`${kind}: ${outcome}`] ?? 0) + 1;
  };
  // Up to 40 at a time, so that bombs and good tasks are always side by side.
  let next = 0;
  const lane = async () => {
    while (next < TASKS) await one(next++);
  };
  await Promise.all(Array.from({ length: 40 }, lane));
  const answers = await pool.broadcast('good', 3);
  // What was written off comes back when its builtin has ended.
  for (let waited = 0; waited < RETURN_MS && pool.stats().lost > 0; waited += 50) await sleep(50);
  const { lost = 0, parked = 0, respawned, threads } = pool.stats();
  console.log(JSON.stringify({ outcomes, wrong, answers: answers.map(({ square }) => square), lost, parked, respawned, threads }));
  await pool.close();
}

main();
