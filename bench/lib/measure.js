'use strict';

// Runs the plan: every (library, test) in a fresh process, the libraries taking turns, all of it
// several times over, so that whatever else the machine does meets all of them alike.

const { spawn } = require('node:child_process');
const path = require('node:path');
const { adapterOf, takesPart, testOf } = require('./catalogue.js');

const child = path.join(__dirname, '..', 'child.js');
const TIME_LIMIT_MS = { full: 120000, quick: 15000, smoke: 30000 };

function runChild(library, test, scale) {
  return new Promise((resolve) => {
    const args = [...(adapterOf(library).nodeFlags ?? []), child, library, test, scale];
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    started.stdout.on('data', (chunk) => { output += chunk; });
    started.stderr.on('data', (chunk) => { errors += chunk; });
    const limit = TIME_LIMIT_MS[scale];
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      started.kill('SIGKILL');
    }, limit);
    started.on('close', (code, signal) => {
      clearTimeout(timer);
      const last = output.trimEnd().split('\n').at(-1);
      const end = signal ?? `code ${code}`;
      if (isLate) resolve({ skipped: `not over after ${limit / 1000} s` });
      // A library that crashes while its process ends has been measured none the less.
      else if (last.startsWith('{')) resolve({ ...JSON.parse(last), ...(code !== 0 && { crashed: `after its result: ${end}` }) });
      else resolve({ skipped: `crashed, ${end}`, crashed: `${end}, no result: ${errors.trim().split('\n').slice(-12).join('\n')}` });
    });
  });
}

// { values: [numbers] } or { skipped: reason }: what one metric of one library has come to.
function note(results, test, library, result) {
  for (const metric of Object.keys(testOf(test).metrics)) {
    const row = (results[test][metric] ??= {});
    const value = result.skipped ? result : result[metric];
    if (typeof value === 'number') ((row[library] ??= { values: [] }).values ??= []).push(value);
    else if (value?.skipped && !row[library]) row[library] = { skipped: value.skipped };
  }
}

/**
 * @returns {Promise<{ results: object, crashes: { test, library, how }[] }>} results[test][metric][library]
 *   = { values } or { skipped }
 */
async function measure({ tests, libraries, scale, repeats, missing, onStep }) {
  const results = Object.fromEntries(tests.map((test) => [test, {}]));
  const crashes = [];
  for (let round = 0; round < repeats; round++) {
    for (const test of tests) {
      for (const library of libraries) {
        if (!takesPart(library, test, scale)) continue;
        onStep({ round, test, library });
        const result = missing[library] ? { skipped: missing[library] } : await runChild(library, test, scale);
        if (result.crashed) crashes.push({ test, library, how: result.crashed });
        note(results, test, library, result);
      }
    }
  }
  return { results, crashes };
}

module.exports = { measure };
