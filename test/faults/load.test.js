'use strict';

// Bombs among good tasks: every good task is right, every bad one has its code.
//   ISO_SEED=7 node --test test/faults/load.test.js

const assert = require('node:assert');
const path = require('node:path');
const { test } = require('node:test');
const { start, strangeLines } = require('./harness.js');

const TASKS = 2000;

test('a pool of four, 2,000 tasks, one of ten a bomb', async () => {
  const seed = Number(process.env.ISO_SEED ?? Math.floor(Math.random() * 1e9));
  const told = `ISO_SEED=${seed}`;
  const { code, signal, stdout, stderr, isHung } = await start([path.join(__dirname, 'load-child.js'), seed]);
  assert.deepStrictEqual({ code, signal, isHung }, { code: 0, signal: null, isHung: false }, `${told}\n${stdout}\n${stderr}`);
  assert.deepStrictEqual(strangeLines(stderr), [], told);
  const report = JSON.parse(stdout.trim().split('\n').at(-1));
  assert.deepStrictEqual(report.wrong, [], told);
  const count = (isWanted) => Object.entries(report.outcomes).reduce((sum, [key, n]) => sum + (isWanted(key) ? n : 0), 0);
  assert.strictEqual(count(() => true), TASKS, told);
  assert.ok(count((key) => key !== 'good: right') > TASKS / 20, `${told}: too few bombs`);
  assert.deepStrictEqual(report.answers, [9, 9, 9, 9], told);
  assert.strictEqual(report.threads, 4, told);
  assert.strictEqual(report.lost, 0, told);
});
