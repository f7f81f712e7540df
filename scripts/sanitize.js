'use strict';

// The C under a sanitizer, inside a stock node, by preloading the sanitizer's runtime:
//   node scripts/sanitize.js address         the core: AddressSanitizer, leaks, undefined behaviour
//   node scripts/sanitize.js thread          the core: ThreadSanitizer
//   node scripts/sanitize.js address --js    the whole library under the JavaScript suite
// First it runs bugs on purpose (test/core/faulty.c): a run that cannot fail proves nothing.

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { nodeGyp } = require('./node-gyp.js');

const root = path.join(__dirname, '..');
const kind = process.argv[2];
const kinds = {
  address: {
    gyp: 'address,undefined',
    runtime: 'libasan.so',
    faulty: ['faulty_use_after_free', 'faulty_leak'],
    env: {
      // A parked thread keeps its memory for good; what node itself leaves is in the suppressions.
      ASAN_OPTIONS: 'detect_leaks=1:halt_on_error=1:exitcode=66',
      LSAN_OPTIONS: `suppressions=${path.join(__dirname, 'lsan.supp')}:print_suppressions=0`,
      UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    },
  },
  thread: {
    gyp: 'thread',
    runtime: 'libtsan.so',
    faulty: ['faulty_race'],
    env: {
      TSAN_OPTIONS: `suppressions=${path.join(__dirname, 'tsan.supp')}:halt_on_error=1:exitcode=66:second_deadlock_stack=1`,
    },
  },
};
const chosen = kinds[kind];
if (!chosen) throw new Error('usage: node scripts/sanitize.js address | thread [--js]');

const folder = path.join(root, '.lines', `sanitize-${kind}`);
fs.mkdirSync(folder, { recursive: true });
for (const source of ['binding.gyp', 'src', 'lib', 'scripts', 'test/core']) {
  fs.cpSync(path.join(root, source), path.join(folder, source), { recursive: true, preserveTimestamps: true });
}
console.log(`building with -fsanitize=${chosen.gyp} ...`);
nodeGyp(['configure', '--', '-Diso_dev=1', `-Diso_sanitize=${chosen.gyp}`], { folder, quiet: true });
nodeGyp(['build', '--jobs=max'], { folder, quiet: true });

const built = (name) => path.join(folder, 'build', 'Release', `${name}.node`);
const preload = execFileSync('gcc', [`-print-file-name=${chosen.runtime}`], { encoding: 'utf8' }).trim();
const env = {
  ...process.env,
  ...chosen.env,
  ISO_PRELOAD: preload,
  ISO_CORE_TEST_LIBRARY: built('core_test'),
  ISOLATED_THREADS_LIBRARY: built('isolated_threads'),
};

for (const name of chosen.faulty) {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['-e', 'require(process.argv[1]).run(process.argv[2])', built('core_test'), name],
    { encoding: 'utf8', env: { ...env, LD_PRELOAD: preload } },
  );
  if (status === 0 || !/Sanitizer/.test(stderr)) throw new Error(`${name} was not found: the sanitizer does not work here\n${stderr}`);
  console.log(`found ${name}, as it should`);
}

// The library under the JavaScript suite: what was freed is kept from use for 16 MB, not 256, for
// leaks.test.js looks at the size of the process, and would see those come and go.
const underNode = 'detect_leaks=0:exitcode=66:quarantine_size_mb=16';

const js = process.argv.includes('--js');
const result = spawnSync(process.execPath, ['scripts/test.js', ...(js ? ['test/js'] : ['test/core'])], {
  cwd: root,
  stdio: 'inherit',
  env: js ? { ...env, LD_PRELOAD: preload, ASAN_OPTIONS: underNode } : env,
});
process.exitCode = result.status ?? 1;
