'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');

const folder = path.join(__dirname, '..', 'types');

test('index.d.ts infers arguments and results, and refuses what is wrong', () => {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  assert.strictEqual(stdout, '');
  assert.strictEqual(status, 0);
});
