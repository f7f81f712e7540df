'use strict';

// What runs in the threads: texts of functions that return the function that is called there. No
// `performance` and no `console`: a bare isolate may have neither.

/** Gives back what it is given. */
const echo = '() => (x) => x';

/** Says that it is there, waits until all are, and gives their number: nobody can do two of these. */
const meet = `() => ({ gate, count }) => {
  const arrived = new Int32Array(gate);
  Atomics.add(arrived, 0, 1);
  Atomics.notify(arrived, 0);
  for (;;) {
    const now = Atomics.load(arrived, 0);
    if (now >= count) return now;
    Atomics.wait(arrived, 0, now);
  }
}`;

/** Takes so many milliseconds, and counts itself. */
const spin = `() => ({ ms, done }) => {
  const end = Date.now() + ms;
  while (Date.now() < end);
  if (done) Atomics.add(done, 0, 1);
}`;

/** So many steps of arithmetic. */
const compute = `() => (steps) => {
  let x = 1;
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  return x;
}`;

const endless = "() => (x) => { if (x === 'for ever') for (;;); return x; }";

/** The example of the README, without its console. */
const noise = `() => {
  const random = () => Math.round(Math.random() * 255);
  return ({ w, h, c }) => {
    const sharedArray = new SharedArrayBuffer(w * h * c);
    const image = new Uint8Array(sharedArray);
    for (let i = 0; i < image.length; i++) image[i] = random();
    return sharedArray;
  };
}`;

/** A value for `meet`. */
const meeting = (count) => ({ gate: new SharedArrayBuffer(4), count });

/** Starts threads and waits until each of them has answered. */
async function startAll(create, threads) {
  const pool = create({ source: meet, threads });
  const value = meeting(threads);
  await Promise.all(Array.from({ length: threads }, () => pool.run(value)));
  return pool;
}

const smallObject = { id: 1, name: 'hello', tags: ['a', 'b'], position: { x: 1.5, y: 2.5 } };

module.exports = { echo, spin, compute, endless, noise, startAll, smallObject };
