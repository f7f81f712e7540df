'use strict';

// What data costs on its way in and out:
//   npm run bench:data
// Each figure is a child process with nothing else in it; medians. The peers of each are measured in
// the same child, so that a ratio is of one moment of the machine.

const { execFileSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');
const MB = 1e6;

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function times(count, what) {
  const all = [];
  for (let i = 0; i < count; i++) {
    const begin = performance.now();
    await what();
    all.push(performance.now() - begin);
  }
  return median(all);
}

function peers() {
  const { Thread } = require(root);
  const { Worker } = require('node:worker_threads');
  const thread = new Thread(() => (x) => x);
  const worker = new Worker("const { parentPort } = require('node:worker_threads'); parentPort.on('message', (x) => parentPort.postMessage(x));", { eval: true });
  worker.unref();
  return {
    ours: (x, transfer) => (transfer ? thread.runWith({ transfer }, x) : thread.run(x)),
    theirs: (x, transfer = []) => new Promise((resolve) => {
      worker.ref();
      worker.once('message', (y) => { worker.unref(); resolve(y); });
      worker.postMessage(x, transfer);
    }),
  };
}

// A copy into memory that nobody has touched, as a peer's copies are.
function freshCopy(bytes) {
  const target = new Uint8Array(new ArrayBuffer(bytes.length));
  target.set(bytes);
  return target;
}

const measurements = {
  async 'a Uint8Array of 64 MB, in and out: times two plain copies'() {
    const { ours, theirs } = peers();
    const bytes = new Uint8Array(64 * MB).fill(1);
    await ours(1);
    await theirs(1);
    const copies = await times(9, () => { freshCopy(bytes); freshCopy(bytes); });
    const mine = await times(9, () => ours(bytes));
    const others = await times(9, () => theirs(bytes));
    return { 'two copies, ms': copies, 'ours, ms': mine, 'worker_threads, ms': others, 'ours / copies': mine / copies, 'worker_threads / ours': others / mine };
  },
  async 'an ArrayBuffer of 1 GB, transferred: microseconds until run has returned'() {
    const { ours } = peers();
    await ours(1);
    const all = [];
    for (let i = 0; i < 9; i++) {
      const buffer = new ArrayBuffer(2 ** 30);
      const begin = performance.now();
      const run = ours(buffer, [buffer]);
      all.push((performance.now() - begin) * 1000);
      if (buffer.byteLength !== 0 || (await run).byteLength !== 2 ** 30) throw new Error('not transferred');
    }
    return { us: median(all) };
  },
  async 'a string of 8 MB, in and out'() {
    const { ours, theirs } = peers();
    const text = 'x'.repeat(8 * MB - 1).concat(String(process.pid));
    text.charCodeAt(5);
    await ours(1);
    await theirs(1);
    const mine = await times(15, () => ours(text));
    const others = await times(15, () => theirs(text));
    return { 'ours, ms': mine, 'worker_threads, ms': others, 'worker_threads / ours': others / mine };
  },
  async 'a small object, in and out, on 2 threads: thousands a second'() {
    const { Thread } = require(root);
    const { Worker } = require('node:worker_threads');
    const value = { id: 1, name: 'hello', tags: ['a', 'b'], position: { x: 1.5, y: 2.5 } };
    const COUNT = 100000;
    const threads = [0, 1].map(() => new Thread(() => (x) => x));
    const workers = [0, 1].map(() => {
      const worker = new Worker("const { parentPort } = require('node:worker_threads'); parentPort.on('message', ([id, x]) => parentPort.postMessage([id, x]));", { eval: true });
      const waiting = new Map();
      let last = 0;
      worker.on('message', ([id, x]) => { waiting.get(id)(x); waiting.delete(id); });
      worker.unref();
      return { run: (x) => new Promise((resolve) => { worker.ref(); waiting.set(++last, resolve); worker.postMessage([last, x]); }) };
    });
    const rate = async (runners) => {
      const rates = [];
      for (let round = 0; round < 5; round++) {
        const begin = performance.now();
        const runs = [];
        for (let i = 0; i < COUNT; i++) runs.push(runners[i % 2].run(value));
        await Promise.all(runs);
        rates.push(COUNT / (performance.now() - begin));
      }
      return median(rates.slice(1));
    };
    const mine = await rate(threads);
    const others = await rate(workers);
    return { ours: mine, worker_threads: others, 'ours / worker_threads': mine / others };
  },
};

if (process.argv[2] === '--child') {
  measurements[process.argv[3]]().then((result) => process.stdout.write(JSON.stringify(result), () => process.exit(0)));
} else {
  for (const name of Object.keys(measurements).filter((each) => each.includes(process.argv[2] ?? ''))) {
    const output = execFileSync(process.execPath, [__filename, '--child', name], { encoding: 'utf8' });
    console.log(name);
    for (const [key, value] of Object.entries(JSON.parse(output))) console.log(`    ${key}: ${value.toPrecision(3)}`);
  }
}
