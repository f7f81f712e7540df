'use strict';

// The tests and the libraries there are: a file each.

const fs = require('node:fs');
const path = require('node:path');
const { hasTarget } = require('./targets.js');

const folder = path.join(__dirname, '..');

// In the order in which they are shown; others come after them.
const TESTS = [
  'start', 'start-many', 'round-trip', 'int', 'object', 'string-10k', 'string-1m', 'buffer-1m', 'buffer-64m', 'map',
  'loop-delay', 'memory', 'idle', 'scaling', 'uneven', 'blocked', 'abort', 'noise', 'work-parse', 'work-compress', 'work-render',
];
const LIBRARIES = [
  'isolated-threads', 'worker_threads', 'piscina', 'tinypool', 'workerpool', 'poolifier', 'isolated-vm', 'main-thread',
];

function namesIn(subfolder, first) {
  const names = fs.readdirSync(path.join(folder, subfolder)).filter((file) => file.endsWith('.js')).map((file) => file.slice(0, -3));
  return [...first.filter((name) => names.includes(name)), ...names.filter((name) => !first.includes(name))];
}

const testNames = namesIn('tests', TESTS);
const libraryNames = namesIn('adapters', LIBRARIES);

const testOf = (name) => require(path.join(folder, 'tests', `${name}.js`));
const adapterOf = (name) => require(path.join(folder, 'adapters', `${name}.js`));

/** The version of a library, without loading it. */
function versionOf(name) {
  const adapter = adapterOf(name);
  if (adapter.version) return adapter.version();
  const file = path.join(folder, 'node_modules', adapter.package, 'package.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).version;
}

// In a quick run tests without a target meet no others that must be installed.
const PEERS_OF_QUICK = ['piscina'];

/** Does this library take part in that test? */
function takesPart(library, name, scale) {
  const adapter = adapterOf(library);
  const test = testOf(name);
  if (scale === 'quick' && !hasTarget(name) && adapter.package && !PEERS_OF_QUICK.includes(library)) return false;
  if (test.libraries) return test.libraries.includes(library);
  if (adapter.isVariant) return test.variants?.includes(library) ?? false;
  return !adapter.isInline || test.isInline === true;
}

module.exports = { testNames, libraryNames, testOf, adapterOf, versionOf, takesPart };
