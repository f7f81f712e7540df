'use strict';

// Feeds the C side of the message format with corrupt messages: node scripts/fuzz.js [seconds]
// First a bug on purpose must be found, for a run that cannot fail proves nothing. What is new is kept
// in .lines/fuzz; test/fuzz/corpus holds the few messages to start from.

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const folder = path.join(root, '.lines', 'fuzz');
const seconds = Number(process.argv[2] ?? 60);
if (!(seconds > 0)) throw new Error('usage: node scripts/fuzz.js [seconds]');

const CORE = ['account', 'alloc', 'bare', 'block', 'message', 'shape', 'wasm'].map((name) => `src/core/${name}.c`);

function build(name, flags = []) {
  const binary = path.join(folder, name);
  execFileSync('clang', [
    '-std=c11', '-D_GNU_SOURCE', '-O1', '-g', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all', '-Isrc', ...flags,
    ...CORE, 'test/fuzz/message_fuzz.c', '-o', binary,
  ], { cwd: root, stdio: 'inherit' });
  return binary;
}

const run = (binary, corpus, time) =>
  spawnSync(binary, [corpus, path.join(root, 'test', 'fuzz', 'corpus'), `-max_total_time=${time}`, '-max_len=600', '-print_final_stats=1', `-artifact_prefix=${folder}/`], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });

const corpus = path.join(folder, 'corpus');
fs.mkdirSync(corpus, { recursive: true });
const scratch = fs.mkdtempSync(path.join(folder, 'scratch-'));
const faulty = run(build('message_fuzz_faulty', ['-DISO_FUZZ_FAULT']), scratch, 60);
fs.rmSync(scratch, { recursive: true });
for (const file of fs.readdirSync(folder)) if (file.startsWith('crash-')) fs.rmSync(path.join(folder, file));
if (faulty.status === 0 || !/heap-buffer-overflow/.test(faulty.stderr)) throw new Error(`the bug on purpose was not found\n${faulty.stderr}`);
console.log('found the bug on purpose, as it should');

const { status, stderr } = run(build('message_fuzz'), corpus, seconds);
if (status !== 0) {
  console.error(stderr);
  throw new Error(`a message was misread; it is kept in ${path.relative(root, folder)}`);
}
const [, executed] = /stat::number_of_executed_units: (\d+)/.exec(stderr) ?? [];
const [, covered] = /DONE\s+cov: (\d+)/.exec(stderr) ?? [];
console.log(`${executed} messages in ${seconds} s, ${covered} edges covered, none misread`);
