'use strict';

// One fault in one library: node child.js LIBRARY FAULT. Says what it has seen so far a line each,
// for it may die or hang after any of them.

const { adapters } = require('./libraries.js');
const faults = require('./faults.js');

const MEMORY_LIMIT_MB = 64;
const TIMEOUT_MS = 2000;
// Memory bombs may take longer than the time limit that the others are given.
const MEMORY_TIMEOUT_MS = 20000;
const PAUSE_MS = 200;
const TIMED = /for \(;;\)|backtracking|microtasks|await|wait|builtin|loops/;

const [library, name] = process.argv.slice(2);
const say = (what, more) => process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
const textOf = (error) => (error instanceof Error ? `${error.code ?? error.name}: ${error.message}` : String(error)).slice(0, 100);

process.on('unhandledRejection', (error) => {
  say('unhandled', { text: textOf(error) });
  process.exit(1);
});

async function main() {
  const timeout = TIMED.test(name) ? TIMEOUT_MS : MEMORY_TIMEOUT_MS;
  const { run, threads } = adapters[library].make({ memoryLimit: MEMORY_LIMIT_MB, timeout });
  const good = (n) => run('(n) => n * n', n);
  if ((await good(3)) !== 9) throw new Error('does not work at all');
  const before = threads();
  say('up');
  try {
    const value = await run(String(faults[name]));
    say('value', { text: typeof value });
  } catch (error) {
    say('rejected', { text: textOf(error) });
  }
  // Long enough for a thread that has died to be known to have.
  await new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); });
  if ((await good(4)) !== 16) throw new Error('answers wrongly');
  say('answers', { newThreads: threads() - before });
  process.exitCode = 0;
  setTimeout(() => process.exit(), 100);
}

main().catch((error) => {
  say('failed', { text: textOf(error) });
  process.exit(2);
});
