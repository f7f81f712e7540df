'use strict';

// What the numbers belong to: the machine, the versions, the size of this library.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout } = require('node:timers/promises');

const root = path.join(__dirname, '..', '..');

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function commit() {
  try {
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src', 'lib') ? ', changed' : ''}`;
  } catch {
    return 'unknown';
  }
}

const describe = () => ({
  cpu: os.cpus()[0].model,
  cores: os.availableParallelism(),
  memoryGB: Math.round(os.totalmem() / 1e9),
  system: `${os.type()} ${os.release()} ${os.arch()}`,
  node: process.versions.node,
  v8: process.versions.v8,
  commit: commit(),
  date: new Date().toISOString().slice(0, 10),
});

/** Had other work so much of the machine that the numbers mean little? `load`: before the run. */
const wasBusy = ({ machine, load }) => load > machine.cores / 2;

/** Waits until what was done before (a build, a test) has left the load of the machine; not for ever. */
async function settle() {
  const quietLoad = os.availableParallelism() / 4;
  for (const end = Date.now() + 180000; os.loadavg()[0] > quietLoad && Date.now() < end;) await setTimeout(1000);
}

/** Lines of this library, a language each. */
function lineCounts() {
  const counts = { C: 0, 'C++': 0, JavaScript: 0, tests: 0 };
  for (const file of git('ls-files', 'src', 'lib', 'test').split('\n')) {
    if (!fs.existsSync(path.join(root, file))) continue;
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n').length - 1;
    if (file.startsWith('test/')) counts.tests += lines;
    else if (file.startsWith('src/engine/v8/')) counts['C++'] += lines;
    else if (/\.[ch]$/.test(file)) counts.C += lines;
    else if (/\.m?js$/.test(file)) counts.JavaScript += lines;
  }
  return counts;
}

module.exports = { describe, wasBusy, settle, lineCounts };
