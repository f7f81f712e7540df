'use strict';

// The supported Node lines:
//   node scripts/lines.js prebuild   builds the library for each into prebuilds/
//   node scripts/lines.js test       does that, then runs the JavaScript suite on each
//   node scripts/lines.js oldest     a part of it on the first version of each: what Node gives to those
//                                    who embed it has changed within a line
//   node scripts/lines.js faults [TIMES] [--all]   the faults, with and without load, and each end of
//                                    the process so many times (3); the libraries must be built.
//                                    Without --all, only two families of faults on lines but the first
//   node scripts/lines.js run 24 FILE ...   runs a file on one line, with its prebuilt library

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { fetchNode } = require('./fetch-node.js');
const { nodeGyp } = require('./node-gyp.js');

const LINES = [20, 22, 24, 26];
const root = path.join(__dirname, '..');
const workFolder = path.join(root, '.lines');
const SOURCES = ['binding.gyp', 'src', 'lib', 'scripts'];

/** The node binary of a line: this one, where it is of that line. */
function nodeOf(line) {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  return fetchNode(line, path.join(workFolder, `node-${line}`));
}

const libraryOf = (line) =>
  execFileSync(nodeOf(line), ['-p', 'require("./lib/binding.js").prebuiltPath()'], { cwd: root, encoding: 'utf8' }).trim();

// A copy of the sources, so that each line keeps its own objects and builds only what has changed.
function buildFolderOf(line) {
  const folder = path.join(workFolder, `build-${line}`);
  fs.mkdirSync(folder, { recursive: true });
  for (const source of SOURCES) {
    fs.cpSync(path.join(root, source), path.join(folder, source), { recursive: true, preserveTimestamps: true });
  }
  return folder;
}

function prebuild(line) {
  const folder = buildFolderOf(line);
  const execPath = nodeOf(line);
  console.log(`building for Node ${line} ...`);
  nodeGyp(['configure'], { folder, execPath, quiet: true });
  nodeGyp(['build', '--jobs=max'], { folder, execPath, quiet: true });
  const library = libraryOf(line);
  fs.mkdirSync(path.dirname(library), { recursive: true });
  // A new file and not the old one's inode: it may be in use.
  fs.rmSync(library, { force: true });
  fs.copyFileSync(path.join(folder, 'build', 'Release', 'isolated_threads.node'), library);
  execFileSync('strip', ['--strip-unneeded', library]);
  console.log(`  ${path.relative(root, library)}, ${(fs.statSync(library).size / 1024).toFixed(0)} KB`);
}

function run(line, args, binary = nodeOf(line)) {
  const result = spawnSync(binary, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ISOLATED_THREADS_LIBRARY: libraryOf(line) },
  });
  return result.status ?? 1;
}

const [command, ...rest] = process.argv.slice(2);
if (command === 'prebuild') {
  for (const line of LINES) prebuild(line);
} else if (command === 'test') {
  let failed = 0;
  for (const line of LINES) {
    prebuild(line);
    console.log(`\n== Node ${line}`);
    if (run(line, ['scripts/test.js', 'test/js', ...rest]) !== 0) failed += 1;
  }
  process.exitCode = failed === 0 ? 0 : 1;
} else if (command === 'oldest') {
  const files = ['snapshot', 'run', 'data', 'errors', 'memory', 'code-generation', 'inside'].map((name) => `test/js/${name}.test.js`);
  const failed = LINES.filter((line) => {
    console.log(`\n== Node ${line}.0.0`);
    return run(line, ['--expose-gc', '--test', ...files], fetchNode(`${line}.0.0`, path.join(workFolder, `node-${line}.0.0`))) !== 0;
  });
  process.exitCode = failed.length === 0 ? 0 : 1;
} else if (command === 'faults') {
  const isWhole = rest.includes('--all');
  process.env.ISO_EXIT_TIMES = rest.find((each) => each !== '--all') ?? '3';
  const failed = LINES.flatMap((line) => {
    const families = isWhole || line === LINES[0] ? [] : ['clone.js', 'code.js'];
    const suites = [
      ['test/faults/table.js', '--brief', '--jobs=5', ...families],
      ['scripts/test.js', 'test/faults/load.test.js', 'test/faults/exit.test.js'],
    ];
    console.log(`\n== Node ${line}`);
    return suites.filter((args) => run(line, args) !== 0);
  });
  process.exitCode = failed.length === 0 ? 0 : 1;
} else if (command === 'run') {
  process.exitCode = run(Number(rest[0]), rest.slice(1));
} else {
  throw new Error('usage: node scripts/lines.js prebuild | test | oldest | faults [TIMES] [--all] | run LINE FILE ...');
}
