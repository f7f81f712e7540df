'use strict';

// How pools share work, on two threads:
//   npm run bench:pool
// 1. The main loop is blocked for a second after 100 tasks of 5 ms were given: how many are done?
// 2. One task of 400 ms among 200 of 2 ms: how much longer than ideal?
// Piscina is the peer (bench/package.json). Each measurement is a child process; medians of 5.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const REPEATS = 5;

const spin = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

// A thread has no performance.now(): Date will do for whole milliseconds.
const context = () => (job) => {
  const end = Date.now() + job.ms;
  while (Date.now() < end);
  if (job.done) Atomics.add(job.done, 0, 1);
};

const libraries = {
  'isolated-threads': () => ours({}),
  'isolated-threads, strict round-robin': () => ours({ steal: false }),
  piscina: async () => {
    const { Piscina } = require('piscina');
    const file = path.join(__dirname, 'pool-worker.js');
    const pool = new Piscina({ filename: file, minThreads: 2, maxThreads: 2 });
    await Promise.all([pool.run({ ms: 20 }), pool.run({ ms: 20 })]);
    return (job) => pool.run(job);
  },
};

async function ours(options) {
  const { ThreadPool } = require(root);
  const pool = new ThreadPool(context, 2, options);
  await pool.ready;
  return (job) => pool.run(job);
}

const measurements = {
  async blocked(run) {
    const done = new Int32Array(new SharedArrayBuffer(4));
    const runs = Array.from({ length: 100 }, () => run({ ms: 5, done }));
    spin(1000);
    const seen = Atomics.load(done, 0);
    await Promise.all(runs);
    return seen;
  },
  async uneven(run) {
    const jobs = Array.from({ length: 200 }, () => ({ ms: 2 }));
    jobs.splice(20, 0, { ms: 400 });
    const begin = performance.now();
    await Promise.all(jobs.map(run));
    // Both threads busy all the time: (400 + 200 * 2) / 2.
    return (performance.now() - begin) / 400;
  },
};

async function child(library, measurement) {
  const run = await libraries[library]();
  const result = await measurements[measurement](run);
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}

function main() {
  if (!fs.existsSync(path.join(__dirname, 'node_modules', 'piscina'))) {
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    execFileSync(npm[0], [...npm.slice(1), 'install', '--loglevel=error', '--no-package-lock'], { cwd: __dirname, stdio: 'inherit' });
  }
  const results = {};
  for (let i = 0; i < REPEATS; i++) {
    for (const library of Object.keys(libraries)) {
      for (const measurement of Object.keys(measurements)) {
        const output = execFileSync(process.execPath, [__filename, '--child', library, measurement], { encoding: 'utf8' });
        ((results[library] ??= {})[measurement] ??= []).push(JSON.parse(output));
      }
    }
  }
  const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
  const range = (numbers, digits) => `${median(numbers).toFixed(digits)} (${Math.min(...numbers).toFixed(digits)} to ${Math.max(...numbers).toFixed(digits)})`;
  console.log('| | done of 100 after a blocked second | uneven tasks, time over ideal |\n|---|---|---|');
  for (const [library, { blocked, uneven }] of Object.entries(results)) {
    console.log(`| ${library} | ${range(blocked, 0)} | ${range(uneven, 2)} |`);
  }
  fs.mkdirSync(path.join(__dirname, 'results'), { recursive: true });
  fs.writeFileSync(path.join(__dirname, 'results', 'pool.json'), `${JSON.stringify(results, null, 2)}\n`);
}

const at = process.argv.indexOf('--child');
if (at === -1) main();
else child(process.argv[at + 1], process.argv[at + 2]);
