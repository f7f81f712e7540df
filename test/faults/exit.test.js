'use strict';

// However a process or a Worker ends, in whatever its threads are in the middle of: at once, with
// the code that was asked for, by no signal of its own.
//   ISO_EXIT_TIMES=200 node --test test/faults/exit.test.js     npm run test:exit
// ISO_SEED chooses the moments.

const assert = require('node:assert');
const path = require('node:path');
const { describe, test } = require('node:test');
const { start, strangeLines } = require('./harness.js');
const phases = require('./exit-phases.js');

const TIMES = Number(process.env.ISO_EXIT_TIMES ?? 15);
const MAX_DELAY_MS = 40;
// A thread that nothing can stop costs the end of its process a second.
const SLOW = ['lost'];

const seed = Number(process.env.ISO_SEED ?? Math.floor(Math.random() * 2 ** 31));
let state = seed;
function random() {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) / 2 ** 24;
}

const expected = {
  exit: { code: 4, signal: null },
  handled: { code: 4, signal: null },
  signal: { code: null, signal: 'SIGINT' },
  throw: { code: 1, signal: null },
};
const child = path.join(__dirname, 'exit-child.js');

for (const phase of Object.keys(phases)) {
  describe(`in the middle of: ${phase}`, () => {
    const times = SLOW.includes(phase) ? Math.ceil(TIMES / 15) : TIMES;
    for (const [end, wanted] of Object.entries(expected)) {
      test(`${end}, ${times} times`, async () => {
        for (let i = 0; i < times; i++) {
          const delay = random() * MAX_DELAY_MS;
          const { code, signal, isHung, stderr } = await start([child, phase, end, delay]);
          const told = `ISO_SEED=${seed}, node test/faults/exit-child.js ${phase} ${end} ${delay}\n${stderr}`;
          assert.deepStrictEqual({ code, signal, isHung }, { ...wanted, isHung: false }, told);
          if (end !== 'throw') assert.deepStrictEqual(strangeLines(stderr), [], told);
        }
      });
    }
    test(`worker.terminate(), ${times} times`, async () => {
      const { code, signal, isHung, stdout, stderr } = await start([child, phase, 'worker', seed, times]);
      const told = `node test/faults/exit-child.js ${phase} worker ${seed} ${times}\n${stderr}`;
      assert.deepStrictEqual({ code, signal, isHung, stdout }, { code: 0, signal: null, isHung: false, stdout: '42\n' }, told);
      assert.deepStrictEqual(strangeLines(stderr), [], told);
    });
  });
}
