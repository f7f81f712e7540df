'use strict';

// The benchmark: npm run bench [-- OPTIONS]. See bench/README.md.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');
const { install, prepare } = require('./lib/install.js');
const { libraryNames, testNames, versionOf } = require('./lib/catalogue.js');

const root = path.join(__dirname, '..');

const HELP = `npm run bench -- [OPTIONS]
  --quick               under three minutes
  --smoke               does it still work? Seconds; checks that nothing is missing; nothing to rely on
  --only a,b            these tests: ${testNames.join(', ')}
  --libraries a,b       these libraries: ${libraryNames.join(', ')}
  --repeats N           processes for each library and test (5; 1 with --quick and --smoke)
  --write               writes docs/performance.md and docs/charts, as a full run of everything does
  --from FILE           measures nothing: reports what an earlier run has left in bench/results`;

const SMOKE = {
  tests: ['start', 'round-trip', 'int', 'object', 'string-10k', 'buffer-1m', 'idle', 'map', 'work-render'],
  libraries: ['isolated-threads', 'worker_threads'],
};

function listOf(text, known, what) {
  const names = text.split(',').filter(Boolean);
  for (const name of names) {
    if (!known.includes(name)) throw new Error(`there is no ${what} '${name}': ${known.join(', ')}`);
  }
  return names;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean' }, smoke: { type: 'boolean' }, write: { type: 'boolean' }, help: { type: 'boolean' },
      only: { type: 'string' }, libraries: { type: 'string' }, repeats: { type: 'string' }, from: { type: 'string' },
    },
  });
  const scale = values.smoke ? 'smoke' : values.quick ? 'quick' : 'full';
  const repeats = Number(values.repeats ?? (scale === 'full' ? 5 : 1));
  if (!Number.isInteger(repeats) || repeats < 1) throw new Error(`--repeats must be a number, 1 or more: ${values.repeats}`);
  const isPart = values.only !== undefined || values.libraries !== undefined;
  return {
    ...values,
    scale,
    repeats,
    tests: values.only ? listOf(values.only, testNames, 'test') : values.smoke ? SMOKE.tests : testNames,
    libraries: values.libraries ? listOf(values.libraries, libraryNames, 'library') : values.smoke ? SMOKE.libraries : libraryNames,
    writes: values.write || (scale === 'full' && !isPart),
  };
}

function build() {
  // scripts/lines.js names a library that it has built.
  if (process.env.ISOLATED_THREADS_LIBRARY) return;
  const { status } = spawnSync(process.execPath, [path.join(root, 'scripts', 'setup.js')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the library could not be built');
}

function progress({ scale, repeats }) {
  const begin = Date.now();
  let last;
  return ({ round, test, library }) => {
    const seconds = Math.round((Date.now() - begin) / 1000);
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${seconds} s, round ${round + 1} of ${repeats}: ${test}, ${library}`);
    else if (last !== test && scale !== 'smoke') process.stderr.write(`${seconds} s, round ${round + 1} of ${repeats}: ${test}\n`);
    last = test;
  };
}

// Metrics that a library has neither measured nor given a reason for.
function gapsOf({ results, libraries }) {
  const { testOf, takesPart } = require('./lib/catalogue.js');
  const gaps = [];
  for (const [test, metrics] of Object.entries(results)) {
    for (const library of libraries.filter((name) => takesPart(name, test, 'smoke'))) {
      for (const metric of Object.keys(testOf(test).metrics)) {
        const { values, skipped } = metrics[metric]?.[library] ?? {};
        // The main thread has no second thread to measure.
        if (library === 'main-thread') continue;
        if (!skipped && !values?.every(Number.isFinite)) gaps.push(`${test}, ${metric}: nothing of ${library}`);
      }
    }
  }
  return gaps;
}

async function run(options) {
  const { describe, lineCounts, settle } = require('./lib/machine.js');
  const { measure } = require('./lib/measure.js');
  const missing = {};
  for (const library of options.libraries) missing[library] = prepare(library);
  for (const reason of Object.values(missing).filter(Boolean)) console.error(reason);

  process.env.BENCH_FOLDER = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-bench-'));
  if (options.scale === 'full') await settle();
  const begin = Date.now();
  const load = os.loadavg()[0];
  try {
    const { results, crashes } = await measure({ ...options, missing, onStep: progress(options) });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    return {
      machine: describe(),
      versions: Object.fromEntries(options.libraries.map((name) => [name, versionOf(name)])),
      scale: options.scale,
      repeats: options.repeats,
      seconds: (Date.now() - begin) / 1000,
      load,
      lines: lineCounts(),
      results,
      crashes,
    };
  } finally {
    fs.rmSync(process.env.BENCH_FOLDER, { recursive: true, force: true });
  }
}

function report(run, options) {
  const { markdown, insert } = require('./lib/report.js');
  const { draw } = require('./lib/charts.js');
  const text = markdown(run);
  console.log(text);
  const results = path.join(__dirname, 'results');
  const charts = options.writes ? path.join(root, 'docs', 'charts') : path.join(results, run.scale);
  const files = draw(run, charts);
  if (!options.from) {
    const file = path.join(results, `${options.writes ? 'performance' : run.scale}.json`);
    fs.writeFileSync(file, `${JSON.stringify(run, null, 1)}\n`);
    console.log(`\nresults   ${path.relative(root, file)}`);
  }
  console.log(`charts    ${path.relative(root, charts)}: ${files.join(', ')}`);
  if (!options.writes) return;
  insert(path.join(root, 'docs', 'performance.md'), text);
  console.log('document  docs/performance.md');
}

async function main() {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  install();
  if (options.from) return report(JSON.parse(fs.readFileSync(options.from, 'utf8')), options);
  build();
  const done = await run(options);
  report(done, options);
  for (const { test, library, how } of done.crashes) console.error(`CRASHED ${test} with ${library}: ${how}`);
  const gaps = options.smoke ? gapsOf({ ...done, libraries: options.libraries }) : [];
  for (const gap of gaps) console.error(`MISSING ${gap}`);
  // What others do is a result; this library must not crash.
  if (gaps.length > 0 || done.crashes.some(({ library }) => library.startsWith('isolated-threads'))) process.exitCode = 1;
  return undefined;
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
