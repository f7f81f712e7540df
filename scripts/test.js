'use strict';

// Runs the tests: node scripts/test.js [folder or file ...], all of them by default. They use the
// library in build/, unless ISOLATED_THREADS_LIBRARY names another.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { builtPath } = require('../lib/binding.js');

const root = path.join(__dirname, '..');

function testsIn(place) {
  if (fs.statSync(place).isFile()) return [place];
  return fs
    .readdirSync(place)
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => path.join(place, name));
}

const places = process.argv.slice(2).filter((place) => !place.startsWith('-'));
const flags = process.argv.slice(2).filter((place) => place.startsWith('-'));
const folders = places.length > 0 ? places : ['test/core', 'test/js'];
const files = folders.flatMap((place) => testsIn(path.resolve(root, place)));

// Much of it waits: one file for each core, and not one less, as is the default.
const concurrency = `--test-concurrency=${os.availableParallelism()}`;

const result = spawnSync(process.execPath, ['--expose-gc', '--test', concurrency, ...flags, ...files], {
  cwd: root,
  stdio: 'inherit',
  env: { ISOLATED_THREADS_LIBRARY: builtPath(), ...process.env },
});
process.exitCode = result.status ?? 1;
