'use strict';

// Counts primes on all cores, with a bar that the threads move: a function among the arguments is
// called in the host.
//   node examples/progress.js

const { ThreadPool } = require('..');

const LIMIT = 200000;
const PART = 10000;

const context = () => {
  const isPrime = (n) => {
    for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
    return n > 1;
  };
  return (from, to, done) => {
    let count = 0;
    for (let n = from; n < to; n++) {
      if (isPrime(n)) count += 1;
      if ((n + 1) % 1000 === 0) done(1000);
    }
    return count;
  };
};

function createBar(total) {
  let sum = 0;
  let shown = -1;
  return {
    update(amount) {
      sum += amount;
      const percent = Math.round((100 * sum) / total);
      if (percent === shown) return;
      shown = percent;
      process.stdout.write(process.stdout.isTTY ? `\r${percent} %` : `${percent} %\n`);
    },
  };
}

async function main() {
  const pool = new ThreadPool(context);
  const bar = createBar(LIMIT);
  const runs = [];
  for (let from = 0; from < LIMIT; from += PART) {
    runs.push(pool.run(from, from + PART, (amount) => bar.update(amount)));
  }
  const counts = await Promise.all(runs);
  if (process.stdout.isTTY) process.stdout.write('\n');
  console.log(`${counts.reduce((sum, count) => sum + count, 0)} primes`);
  await pool.dispose();
}

main();
