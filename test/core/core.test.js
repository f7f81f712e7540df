'use strict';

// The tests of the C core: a child process for each entry of list.h, so that a crash is one failed
// test. The library under test is build/Release/core_test.node, or ISO_CORE_TEST_LIBRARY.

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const library = process.env.ISO_CORE_TEST_LIBRARY ?? path.join(__dirname, '..', '..', 'build', 'Release', 'core_test.node');
const names = [...fs.readFileSync(path.join(__dirname, 'list.h'), 'utf8').matchAll(/XX\((\w{2,})\)/g)].map(([, name]) => name);

// Under a sanitizer its runtime is preloaded, into the children only (scripts/sanitize.js).
function environmentOf(name) {
  const env = { ...process.env };
  if (env.ISO_PRELOAD) env.LD_PRELOAD = env.ISO_PRELOAD;
  // A parked thread keeps its memory for good, by design.
  if (env.ASAN_OPTIONS && name.includes('parks')) env.ASAN_OPTIONS = env.ASAN_OPTIONS.replace('detect_leaks=1', 'detect_leaks=0');
  return env;
}

describe('core', () => {
  test('the list has tests', () => assert.ok(names.length > 40));
  for (const name of names) {
    test(name.replaceAll('_', ' '), () => {
      const { status, signal, stdout, stderr } = spawnSync(
        process.execPath,
        ['-e', 'require(process.argv[1]).run(process.argv[2])', library, name],
        {
          encoding: 'utf8',
          timeout: 120000,
          killSignal: 'SIGKILL',
          env: environmentOf(name),
        },
      );
      const output = `${stdout}${stderr}`;
      assert.deepStrictEqual({ status, signal }, { status: 0, signal: null }, output);
      assert.match(stdout, new RegExp(`^passed ${name}$`, 'm'), output);
      assert.doesNotMatch(stderr, /Sanitizer|runtime error/, output);
    });
  }
});
