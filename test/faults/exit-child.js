'use strict';

// node exit-child.js PHASE END DELAY_MS: starts a phase, and ends after the delay by
//   exit       process.exit(4)
//   handled    a SIGINT, and a handler that exits with 4
//   signal     a SIGINT that nobody handles
//   throw      an error nobody catches
// node exit-child.js PHASE worker SEED TIMES: as many Workers, each terminated in the phase; then a
// thread of the main one must still work.

const { Worker, isMainThread, workerData, parentPort } = require('node:worker_threads');
const { once } = require('node:events');
const phases = require('./exit-phases.js');

const MAX_DELAY_MS = 25;

// As exact as the loop allows, and the loop stays free.
function after(delay, then) {
  const start = performance.now();
  const look = () => (performance.now() - start >= delay ? then() : setImmediate(look));
  look();
}

const ends = {
  exit: () => process.exit(4),
  handled() {
    setInterval(() => {}, 1000);
    process.on('SIGINT', () => process.exit(4));
    process.kill(process.pid, 'SIGINT');
  },
  signal() {
    // It may come to a thread of ours, and later than the last thing that keeps this one.
    setInterval(() => {}, 1000);
    process.kill(process.pid, 'SIGINT');
  },
  throw() { throw new Error('the end'); },
};

async function terminateWorkers(phase, seed, times) {
  let state = seed;
  for (let i = 0; i < times; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const worker = new Worker(__filename, { workerData: phase });
    await once(worker, 'message');
    await new Promise((resolve) => { after(((state >>> 8) / 2 ** 24) * MAX_DELAY_MS, resolve); });
    await worker.terminate();
  }
  const { Thread } = require('../../lib/index.js');
  console.log(await new Thread(() => (n) => n + 1).run(41));
}

if (isMainThread) {
  const [phase, end, number, times] = process.argv.slice(2);
  if (end === 'worker') {
    terminateWorkers(phase, Number(number), Number(times));
  } else {
    phases[phase]();
    after(Number(number), ends[end]);
  }
} else {
  phases[workerData]();
  parentPort.postMessage('up');
}
