'use strict';

// Primes, as a thread finds them, through a second thread that tells which of them are twins.
//   node examples/stream.js [up to]

const { Thread } = require('..');

const primes = () =>
  function* (limit) {
    const composite = new Uint8Array(limit + 1);
    for (let n = 2; n <= limit; n++) {
      if (composite[n]) continue;
      for (let m = n * n; m <= limit; m += n) composite[m] = 1;
      yield n;
    }
  };

const twins = () =>
  async function* (numbers) {
    let last = -1;
    for await (const n of numbers) {
      if (n - last === 2) yield [last, n];
      last = n;
    }
  };

async function main() {
  const limit = Number(process.argv[2] ?? 100000);
  const finder = new Thread(primes);
  const filter = new Thread(twins);

  let count = 0;
  let last;
  for await (const pair of filter.stream(finder.stream(limit))) {
    count += 1;
    last = pair;
    if (count <= 5) console.log(`${pair[0]} and ${pair[1]}`);
  }
  console.log(`... ${count} pairs of twin primes up to ${limit}, the last ${last[0]} and ${last[1]}`);

  // Whoever leaves the loop stops the generator over there: this one would go on to a billion.
  for await (const n of finder.stream(1e6)) {
    if (n < 1000) continue;
    console.log(`the first prime from 1000 on: ${n}`);
    break;
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
