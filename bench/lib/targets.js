'use strict';

// The targets, as ratios in one run, and whether they are met.

const { median } = require('./numbers.js');

const US = 'isolated-threads';
const HAND = 'worker_threads';

// `of` [test, metric]; `at most` or `at least` so many times what `than` has in the same metric, or
// another metric of our own, or a plain number.
const targets = [
  { what: 'start to first result, a spare at hand', of: ['start', 'rested'], most: 0.2, unit: 'ms' },
  { what: 'start to first result, a spare at hand', of: ['start', 'rested'], most: 1 / 100, than: HAND },
  { what: 'start to first result, none at hand', of: ['start', 'cold'], most: 1 / 5, than: HAND },
  { what: '50 threads at once', of: ['start-many', 'cold50'], most: 1 / 8, than: HAND },
  { what: 'round trip p50, busy thread', of: ['round-trip', 'p50'], most: 5, unit: 'us' },
  { what: 'round trip p50, busy thread', of: ['round-trip', 'p50'], most: 1 / 12, than: HAND },
  { what: 'round trip p50, asleep', of: ['round-trip', 'asleep50'], most: 0.8, than: HAND },
  { what: 'pipelined int, 2 threads', of: ['int', 'two'], least: 5, than: HAND },
  { what: 'pipelined int, 2 threads', of: ['int', 'two'], least: 40, than: 'piscina' },
  { what: 'pipelined small object, 2 threads', of: ['object', 'two'], least: 3, than: HAND },
  { what: 'pipelined small object, 2 threads', of: ['object', 'two'], least: 15, than: 'piscina' },
  { what: '`pool.map` over integers', of: ['map', 'map'], least: 2, thanOwn: ['map', 'run'], as: 'our own `run`' },
  { what: '64 MB buffer copied in and out', of: ['buffer-64m', 'copied'], most: 1 / 3.5, than: HAND },
  { what: 'resident memory, an idle thread', of: ['memory', 'idle'], most: 1 / 3, than: HAND },
  { what: 'main-loop delay p99 while results come in', of: ['loop-delay', 'p99'], most: 1 / 3, than: HAND },
  { what: 'CPU seconds a task, pipelined int', of: ['int', 'cpu'], most: 1 / 3, than: HAND },
  { what: 'CPU seconds a task, pipelined small object', of: ['object', 'cpu'], most: 1 / 3, than: HAND },
  // A process that only waits for a timer is the nothing to compare with; the clock's grain is added.
  { what: 'idle pool: CPU beyond that of no pool', of: ['idle', 'cpu'], most: 1, than: 'main-thread', slack: 0.1 },
  { what: 'idle pool: wakes beyond those of no pool', of: ['idle', 'wakes'], most: 1, than: 'main-thread', slack: 1 },
  { what: 'work in a thread: parser', of: ['work-parse', 'share'], least: 95, unit: '%' },
  { what: 'work in a thread: compressor', of: ['work-compress', 'share'], least: 95, unit: '%' },
  { what: 'work in a thread: Markdown', of: ['work-render', 'share'], least: 95, unit: '%' },
];

const hasTarget = (test) => targets.some(({ of }) => of[0] === test);

function medianOf(results, [test, metric], library) {
  const values = results[test]?.[metric]?.[library]?.values;
  return values && median(values);
}

// "at most 1/5 of worker_threads"
function wording({ most, least, unit, than, as }) {
  const bound = most ?? least;
  const side = most === undefined ? 'at least' : 'at most';
  if (unit) return `${side} ${bound} ${unit}`;
  if (most === 1) return `no more than ${than}`;
  const factor = bound < 1 && 1 / bound >= 2 ? `1/${Number((1 / bound).toFixed(2))} of` : `${bound} times`;
  return `${side} ${factor} ${than ?? as}`;
}

/**
 * One row a target: { what, wanted, reached, met, by }; by: how many times better it must become.
 * Targets whose numbers this run has not measured are left out.
 */
function compare(results) {
  const rows = [];
  for (const target of targets) {
    const ours = medianOf(results, target.of, US);
    const base = target.unit ? 1 : target.thanOwn ? medianOf(results, target.thanOwn, US) : medianOf(results, target.of, target.than);
    if (ours === undefined || base === undefined) continue;
    const { most, least, slack = 0 } = target;
    const by = most === undefined ? (least * base) / ours : ours / (most * base + slack);
    rows.push({ what: target.what, wanted: wording(target), reached: reachedOf(target, ours, base), met: by <= 1, by });
  }
  return rows;
}

function reachedOf({ unit, most, than, as }, ours, base) {
  const short = (number) => Number(number.toPrecision(3));
  if (unit) return `${short(ours)} ${unit}`;
  if (most === 1) return `${short(ours)} where ${than} has ${short(base)}`;
  const ratio = ours / base;
  return most !== undefined && ratio < 1 ? `1/${short(1 / ratio)} of ${than}` : `${short(ratio)} times ${than ?? as}`;
}

module.exports = { hasTarget, compare };
