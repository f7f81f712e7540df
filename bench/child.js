'use strict';

// One test with one library, in this fresh process, which bench/run.js starts:
//   node bench/child.js LIBRARY TEST full|quick|smoke
// The last line of its output is JSON: a number for each metric, or { skipped: reason }.

const path = require('node:path');

const SCALES = ['full', 'quick', 'smoke'];

// Runs something that a library may be unable to do.
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!error.isSkip) throw error;
    return { skipped: error.message };
  }
}

async function main(library, name, scale) {
  const adapter = require(path.join(__dirname, 'adapters', `${library}.js`));
  const test = require(path.join(__dirname, 'tests', `${name}.js`));
  const at = SCALES.indexOf(scale);
  // A library may leave the loop empty while it still owes an answer; the parent has a time limit.
  setInterval(() => {}, 2 ** 30);
  const result = await attempt(async () => {
    const begin = performance.now();
    const create = await adapter.load();
    const loadTime = performance.now() - begin;
    return test.run({ create, loadTime, attempt, isInline: adapter.isInline, pick: (...values) => values[at] });
  });
  // What a test has left behind must not keep the process: it has said all.
  process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));
}

main(...process.argv.slice(2));
