'use strict';

// Runs one row of cases/ in this process, and prints what came of it as one line of JSON:
//   node child.js FILE NAME pool|thread
// That it lives to print is most of the test.

const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { Thread, ThreadPool } = require('../../lib/index.js');

const MEMORY_LIMIT_MB = 64;
// What a bomb takes is CPU time; how long that lasts is the machine's affair.
const CPU_TIMEOUT_MS = 20000;
const TIMEOUT_MS = 100000;
const SETTLED_WITHIN_MB = 16;
const SETTLE_MS = Number(process.env.ISO_SETTLE_MS ?? 20000);

const [file, name, kind] = process.argv.slice(2);
const row = require(path.join(__dirname, 'cases', file)).find((each) => each.name === name);

console.debug = () => {};
// Warnings of unhandled rejections inside are what they should be; any other is told.
const warnings = [];
process.removeAllListeners('warning');
process.on('warning', (warning) => {
  if (warning.name !== 'ThreadWarning') warnings.push(String(warning));
});

const MB = 1024 * 1024;
const round = (bytes) => Math.round(bytes / MB);
const status = (field) => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) * 1024;

// The highest resident set since start(): the kernel's own mark where it may be set back, and what
// is seen every few milliseconds elsewhere.
class Peak {
  #mark = false;
  #seen = 0;
  #timer;

  start() {
    this.#seen = process.memoryUsage.rss();
    try {
      fs.writeFileSync('/proc/self/clear_refs', '5');
      this.#mark = true;
    } catch {
      this.#timer = setInterval(() => { this.#seen = Math.max(this.#seen, process.memoryUsage.rss()); }, 5);
    }
    return process.memoryUsage.rss();
  }

  stop() {
    clearInterval(this.#timer);
    return this.#mark ? status('VmHWM') : Math.max(this.#seen, process.memoryUsage.rss());
  }
}

// The function of the row, and beside it an answer to 'ping', which says that the thread is well.
function sourceOf({ run, context }) {
  if (context) return `(${run})`;
  return `() => {
    const bomb = (${run})();
    return (...args) => (args[0] === 'ping' ? 'pong' : bomb(...args));
  }`;
}

function outcomeOf(error) {
  if (typeof error !== 'object' || error === null) return 'thrown';
  if (typeof error.code === 'string' && /^(ERR_THREAD_|ABORT_ERR)/.test(error.code)) return error.code;
  return error instanceof Error ? error.name : 'thrown';
}

function make(source) {
  const options = { memoryLimit: MEMORY_LIMIT_MB, timeout: TIMEOUT_MS, cpuTimeout: CPU_TIMEOUT_MS, ...row.options };
  return kind === 'thread' ? new Thread(source, options) : new ThreadPool(source, 1, options);
}

async function bomb(threads, args) {
  let value;
  for (let i = 0; i < (row.calls ?? 1); i++) value = await threads.run(...args);
  return value;
}

// A pool answers the next task, and so does a thread that was not killed by memory.
async function last(stream) {
  let value;
  for await (value of stream);
  return value;
}

async function next(threads, outcome) {
  if (row.context) return new ThreadPool(() => () => 'pong', 1).run();
  try {
    return await threads.run('ping');
  } catch (error) {
    const isRight = kind === 'thread' && error.code === 'ERR_THREAD_DISPOSED' && [outcome, 'ERR_THREAD_LOST'].includes(error.cause?.code);
    return isRight ? 'gone' : outcomeOf(error);
  }
}

// What is resident when the system has been given a while to take memory back, and written off
// threads to come back.
async function settle(start, isSettled) {
  const left = () => process.memoryUsage.rss() - start;
  for (let waited = 0; waited < SETTLE_MS && !isSettled(left()); waited += 50) {
    await sleep(50);
    globalThis.gc?.();
  }
  return left();
}

async function main() {
  const warm = new ThreadPool(() => (n) => new Array(1000).fill(n), 1);
  await warm.run(1);
  const args = row.args?.() ?? [];
  globalThis.gc?.();
  const peak = new Peak();
  const start = peak.start();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const threads = make(sourceOf(row));
  const report = { outcome: 'value' };
  try {
    report.value = await bomb(threads, args);
    if (typeof report.value?.[Symbol.asyncIterator] === 'function') report.value = await last(report.value);
    if (typeof report.value === 'object') report.value = typeof report.value;
  } catch (error) {
    report.outcome = outcomeOf(error);
    // What waits for a context that fails hears that the thread is gone, and why.
    if (row.context && report.outcome === 'ERR_THREAD_DISPOSED' && error.cause) report.outcome = outcomeOf(error.cause);
    report.message = String(error?.message ?? error).slice(0, 300);
  }
  const { user, system } = process.cpuUsage(cpu);
  report.cpu = Math.round((user + system) / 1000);
  report.wall = Math.round(performance.now() - began);
  report.next = await next(threads, report.outcome);
  report.peak = round(peak.stop() - start);
  const stats = () => threads.stats?.() ?? { lost: 0, parked: 0 };
  if (!row.mayLose) await settle(start, () => stats().lost === 0);
  report.lost = stats().lost;
  report.parked = stats().parked;
  // What a thread holds that lives on, and may, is no concern of ours.
  if (report.outcome !== 'ERR_THREAD_OUT_OF_MEMORY') await threads.dispose();
  report.left = round(await settle(start, (left) => report.lost > 0 || left <= SETTLED_WITHIN_MB * MB));
  report.warnings = warnings;
  console.log(JSON.stringify(report));
}

main();
