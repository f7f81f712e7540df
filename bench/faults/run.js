'use strict';

// What faults do: each in each library, in a process of its own.
//   node bench/faults/run.js [LIBRARY or /PATTERN/ ...]
// The table says how the task ended, what became of the thread, and how far the process's resident
// set went. A full run goes to bench/results/faults.json. It installs the libraries of
// bench/package.json, as the benchmark does; one that cannot be built is left out.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { install, prepare } = require('../lib/install.js');
const { adapters, isInstalled } = require('./libraries.js');
const faults = require('./faults.js');

const HANG_MS = 40000;
const TOO_MUCH_MB = 6000;
const LOOK_MS = 20;

const resultFile = path.join(__dirname, '..', 'results', 'faults.json');
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const patterns = words.filter((word) => word.startsWith('/')).map((word) => new RegExp(word.slice(1, -1)));
const names = words.filter((word) => !word.startsWith('/'));
const wanted = Object.keys(faults).filter((name) => patterns.length === 0 || patterns.some((pattern) => pattern.test(name)));

function residentMb(pid, field) {
  try {
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Runs one; how it ended, what it said, and its highest resident set. */
function once(library, fault) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...(adapters[library].nodeFlags ?? []), path.join(__dirname, 'child.js'), library, fault], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    let peak = 0;
    let killed;
    child.stdout.on('data', (chunk) => (stdout += chunk));
    const kill = (why) => {
      killed ??= why;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => kill('hangs'), HANG_MS);
    const looker = setInterval(() => {
      peak = Math.max(peak, residentMb(child.pid, 'VmHWM'));
      if (residentMb(child.pid, 'VmRSS') > TOO_MUCH_MB) kill('takes all');
    }, LOOK_MS);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      clearInterval(looker);
      const said = Object.fromEntries(stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).map((each) => [each.what, each]));
      resolve({ library, fault, code, signal, killed, peak: Math.round(peak), said });
    });
  });
}

/** One of few words for how it ended. */
function outcomeOf({ code, signal, killed, said }) {
  if (killed === 'takes all') return `takes over ${TOO_MUCH_MB / 1000} GB`;
  const settled = said.value ? 'task returns' : 'task fails';
  if (killed === 'hangs') {
    if (said.answers) return `${settled}, process never ends`;
    return said.value || said.rejected ? `${settled}, then nothing answers` : 'hangs';
  }
  if (signal !== null || (code !== 0 && !said.failed)) return `process dies (${signal ?? `exit code ${code}`})`;
  if (!said.answers) return `${settled}, then nothing answers`;
  return `${settled}, ${said.answers.newThreads > 0 ? 'new thread' : 'thread goes on'}`;
}

async function main() {
  const results = [];
  install();
  const problems = Object.keys(adapters).map(prepare).filter((problem) => problem !== undefined);
  const libraries = Object.keys(adapters).filter((name) => (names.length === 0 || names.includes(name)) && isInstalled(name));
  console.log([`Node ${process.version}, a limit of 64 MB`, ...problems].join('\n'));
  console.log(`\n| fault | ${libraries.join(' | ')} |\n|---|${libraries.map(() => '---|').join('')}`);
  for (const fault of wanted) {
    const row = [];
    for (const library of libraries) row.push(await once(library, fault));
    results.push(...row.map((result) => ({ ...result, outcome: outcomeOf(result) })));
    console.log(`| ${fault} | ${row.map((result) => `${outcomeOf(result)}; ${result.peak} MB`).join(' | ')} |`);
  }
  if (words.length > 0) return;
  const machine = { node: process.version, platform: `${process.platform} ${process.arch}`, cores: os.availableParallelism() };
  const brief = results.map(({ library, fault, outcome, peak }) => ({ library, fault, outcome, peak }));
  fs.writeFileSync(resultFile, `${JSON.stringify({ ...machine, results: brief }, null, 1)}\n`);
}

main();
