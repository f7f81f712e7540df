'use strict';

// The figures of this library, beside worker_threads by hand, in one run:
//   npm run bench [-- --quick]
// Every measurement is a fresh child process; the libraries take turns; medians with ranges. Prints
// a Markdown table and writes bench/results/figures.json. For other packages see the issues: this
// measures what docs/performance.md quotes.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const repeats = process.argv.includes('--quick') ? 3 : 5;

// Each runs in a child: gives { name: number }. `make()` starts one thread, { run, end }.
const measurements = {
  start: async (make, now) => {
    const first = [];
    const end = [];
    for (let i = 0; i < 30; i++) {
      const begin = now();
      const thread = make();
      await thread.run(1);
      const ran = now();
      await thread.end();
      first.push(ran - begin);
      end.push(now() - ran);
    }
    return { 'start to first result, ms': median(first), 'destroy, ms': median(end) };
  },
  many: async (make, now) => {
    await make().run(1);
    const begin = now();
    const threads = Array.from({ length: 50 }, make);
    await Promise.all(threads.map((thread) => thread.run(1)));
    return { '50 threads to first results, ms': now() - begin };
  },
  memory: async (make) => {
    const one = make();
    await one.run(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = process.memoryUsage.rss();
    const threads = Array.from({ length: 50 }, make);
    await Promise.all(threads.map((thread) => thread.run(1)));
    await new Promise((resolve) => setTimeout(resolve, 500));
    return { 'RSS an idle thread, MB': (process.memoryUsage.rss() - before) / 50 / 1e6 };
  },
  roundTrip: async (make, now) => {
    const thread = make();
    for (let i = 0; i < 5000; i++) await thread.run(i);
    const times = [];
    for (let i = 0; i < 20000; i++) {
      const begin = now();
      await thread.run(i);
      times.push((now() - begin) * 1000);
    }
    times.sort((a, b) => a - b);
    return { 'round trip p50, us': times[10000], 'round trip p99, us': times[19800] };
  },
  pipelined: async (make, now) => {
    const results = {};
    const values = { int: 5, 'small object': { id: 1, name: 'hello', tags: ['a', 'b'], position: { x: 1.5, y: 2.5 } } };
    for (const count of [1, 2]) {
      const threads = Array.from({ length: count }, make);
      for (const [name, value] of Object.entries(values)) {
        const rates = [];
        for (let round = 0; round < 4; round++) {
          const runs = [];
          const begin = now();
          for (let i = 0; i < 100000; i++) runs.push(threads[i % count].run(value));
          await Promise.all(runs);
          rates.push(100000 / (now() - begin));
        }
        // The first round is for warming up.
        results[`pipelined ${name}, ${count} thread${count > 1 ? 's' : ''}, k/s`] = median(rates.slice(1));
      }
    }
    return results;
  },
};

const libraries = {
  'isolated-threads': () => {
    const { Thread } = require(root);
    return () => {
      const thread = new Thread(() => (x) => x);
      return { run: (x) => thread.run(x), end: () => thread.dispose() };
    };
  },
  worker_threads: () => {
    const { Worker } = require('node:worker_threads');
    const source = "const { parentPort } = require('node:worker_threads'); parentPort.on('message', ([id, x]) => parentPort.postMessage([id, x]));";
    return () => {
      const worker = new Worker(source, { eval: true });
      const waiting = new Map();
      let last = 0;
      worker.on('message', ([id, x]) => {
        waiting.get(id)(x);
        waiting.delete(id);
      });
      return {
        run: (x) => new Promise((resolve) => {
          waiting.set(++last, resolve);
          worker.postMessage([last, x]);
        }),
        end: () => worker.terminate(),
      };
    };
  },
};

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

async function child(library, measurement) {
  const results = await measurements[measurement](libraries[library](), () => performance.now());
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
}

function lineCounts() {
  const files = execFileSync('git', ['ls-files', 'src', 'lib', 'test'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  const counts = { C: 0, 'C++': 0, JavaScript: 0, tests: 0 };
  for (const file of files) {
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n').length - 1;
    if (file.startsWith('test/')) counts.tests += lines;
    else if (file.startsWith('src/engine/v8/')) counts['C++'] += lines;
    else if (/\.[ch]$/.test(file)) counts.C += lines;
    else if (/\.m?js$/.test(file)) counts.JavaScript += lines;
  }
  return counts;
}

function collect() {
  const collected = {};
  for (let round = 0; round < repeats; round++) {
    for (const measurement of Object.keys(measurements)) {
      for (const library of Object.keys(libraries)) {
        const output = execFileSync(process.execPath, [__filename, '--child', library, measurement], { encoding: 'utf8' });
        for (const [name, value] of Object.entries(JSON.parse(output))) ((collected[name] ??= {})[library] ??= []).push(value);
      }
    }
  }
  return collected;
}

const round = (number) => (number >= 100 ? number.toFixed(0) : Number(number.toPrecision(3)));
const cell = (numbers) => `${round(median(numbers))} (${round(Math.min(...numbers))} to ${round(Math.max(...numbers))})`;

function main() {
  const machine = { cpu: os.cpus()[0].model, cores: os.availableParallelism(), node: process.version, date: new Date().toISOString().slice(0, 10) };
  const figures = collect();
  const lines = lineCounts();
  console.log(`${machine.cores} cores (${machine.cpu}), Node ${machine.node}, ${machine.date}; medians of ${repeats} (range)\n`);
  console.log('| what | isolated-threads | worker_threads | ratio |\n|---|---|---|---|');
  for (const [name, { 'isolated-threads': ours, worker_threads: theirs }] of Object.entries(figures)) {
    const isRate = name.endsWith('k/s');
    const ratio = isRate ? median(ours) / median(theirs) : median(theirs) / median(ours);
    console.log(`| ${name} | ${cell(ours)} | ${cell(theirs)} | ${ratio.toFixed(1)} times better |`);
  }
  console.log(`\nLines: ${Object.entries(lines).map(([name, count]) => `${name} ${count}`).join(', ')}`);
  const folder = path.join(__dirname, 'results');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'figures.json'), `${JSON.stringify({ machine, repeats, figures, lines }, null, 2)}\n`);
}

const at = process.argv.indexOf('--child');
if (at === -1) main();
else child(process.argv[at + 1], process.argv[at + 2]);
