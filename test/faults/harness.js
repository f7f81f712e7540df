'use strict';

// The rows of cases/, and how one is run. A row is
//   name      unique in its file
//   run       the context; its function gets `args` and is called `calls` times (1)
//   args      a function that makes the arguments, in the child
//   expect    the outcomes allowed: the code of a ThreadError, the name of another error, 'thrown'
//             for what is no error, 'value' for a result (which is `value`, where that is given)
//   options   beside memoryLimit 64 and cpuTimeout 20000
//   thread    run it in a Thread as well, and not only in a pool of one
//   context   the bomb is the context itself
//   mayLose   the thread may be written off: nothing can stop what V8 does there
//   peak      MB that the resident set may rise by; else twice the limit and 64. Whatever is more
//             is told of in docs/isolation.md
//   left      MB of these that may stay; else 32

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const HANG_MS = 240000;
const MEMORY_LIMIT_MB = 64;
const LEFT_MB = 32;
const MARGIN_MB = 64;
const folder = path.join(__dirname, 'cases');

const families = fs.readdirSync(folder).filter((file) => file.endsWith('.js')).sort();

/** Every row, once for each kind of owner that it is run with. */
function allCases(files = families) {
  return files.flatMap((file) =>
    require(path.join(folder, file)).flatMap((row) =>
      (row.thread ? ['pool', 'thread'] : ['pool']).map((kind) => ({ file, kind, row }))));
}

// What V8 prints of itself where it gives up, and cannot be told not to: the last collections, from
// a buffer of 512 bytes that goes round, so that the first of them may be cut; and, not always, the
// heading of a JavaScript stack, which is empty.
const LAST_GCS = /\n?<--- Last few GCs --->\n\n(?:[\w ():;,.+\-=>/[\]]+\n){0,12}\n?(?:\n?<--- JS stacktrace --->\n\n?)?/g;

// What V8 prints where it is stopped while it puts our own --expose-gc into a new context.
const NO_GC = ['Exception thrown during bootstrapping', "Error installing extension 'v8/gc'."];

/** What else than that there is on stderr: lines. */
const strangeLines = (stderr) => stderr.replace(LAST_GCS, '').split('\n').filter((line) => line !== '' && !NO_GC.includes(line));
const hasGivenUp = (stderr) => stderr.includes('<--- Last few GCs --->');

function start(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--expose-gc', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let isHung = false;
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    const timer = setTimeout(() => {
      isHung = true;
      child.kill('SIGKILL');
    }, HANG_MS);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, isHung });
    });
  });
}

/** Runs a case in a child: how that ended, and its report, null where it made none. */
async function runCase({ file, kind, row }) {
  const result = await start([path.join(__dirname, 'child.js'), file, row.name, kind]);
  const line = result.stdout.trim().split('\n').at(-1);
  return { ...result, hasGivenUp: hasGivenUp(result.stderr), report: line.startsWith('{') ? JSON.parse(line) : null };
}

/** What is wrong with how a case ended: a list of sentences, empty where all is well. */
function problemsOf({ kind, row }, { code, signal, stderr, isHung, report }) {
  const problems = [];
  if (isHung) problems.push('the process hangs');
  else if (code !== 0) problems.push(`the process ended with code ${code}, signal ${signal}`);
  const strange = strangeLines(stderr);
  if (strange.length > 0) problems.push(`on stderr: ${strange.slice(0, 5).join(' | ').slice(0, 500)}`);
  if (report === null) return [...problems, 'it told nothing'];
  if (!row.expect.includes(report.outcome)) problems.push(`outcome ${report.outcome} (${report.message}), not ${row.expect.join(' or ')}`);
  if ('value' in row && report.outcome === 'value' && report.value !== row.value) problems.push(`value ${report.value}, not ${row.value}`);
  const mayBeGone = kind === 'thread' && /OUT_OF_MEMORY|TIMEOUT/.test(report.outcome);
  if (report.next !== 'pong' && !(mayBeGone && report.next === 'gone')) problems.push(`the next task: ${report.next}`);
  if (report.warnings.length > 0) problems.push(`warnings: ${report.warnings.join(' | ')}`);
  if (report.lost > 0 && !row.mayLose) problems.push(`${report.lost} threads lost`);
  const limit = row.options?.memoryLimit ?? MEMORY_LIMIT_MB;
  const peak = row.peak ?? 2 * limit + MARGIN_MB;
  const left = row.left ?? LEFT_MB;
  if (report.peak > peak) problems.push(`${report.peak} MB at the most, not ${peak}`);
  // What is not back yet cannot have given its memory back.
  if (report.left > left && report.lost === 0) problems.push(`${report.left} MB are left, not ${left}`);
  return problems;
}

module.exports = { families, allCases, runCase, problemsOf, strangeLines, start };
