'use strict';

// Installs what the benchmark needs, with scripts off, and builds isolated-vm where it must be.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { nodeGyp } = require('../../scripts/node-gyp.js');

const folder = path.join(__dirname, '..');

/** The name by which bench/package.json knows the isolated-vm that supports this Node. */
const isolatedVm = Number(process.versions.node.split('.')[0]) >= 24 ? 'isolated-vm-7' : 'isolated-vm-5';

function install() {
  const lock = path.join(folder, 'package-lock.json');
  const done = path.join(folder, 'node_modules', '.package-lock.json');
  if (fs.existsSync(done) && fs.statSync(done).mtimeMs >= fs.statSync(lock).mtimeMs) return;
  console.log('installing what the benchmark needs ...');
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const result = spawnSync(npm[0], [...npm.slice(1), 'ci', '--ignore-scripts', '--loglevel=error'], { cwd: folder, stdio: 'inherit' });
  if (result.status !== 0) throw new Error('npm ci failed in bench/');
}

// Version 5 is built here, once a Node; version 7 brings libraries.
function buildIsolatedVm() {
  if (isolatedVm !== 'isolated-vm-5') return;
  const place = path.join(folder, 'node_modules', isolatedVm);
  const stamp = path.join(place, 'out', 'built-for');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === process.version) return;
  console.log(`building isolated-vm for Node ${process.version}, which takes a minute ...`);
  nodeGyp(['rebuild', '--release', '--jobs=max'], { folder: place, quiet: true });
  fs.writeFileSync(stamp, process.version);
}

/**
 * Why a library cannot be used here; undefined: it can. Only isolated-vm may be missing.
 */
function prepare(library) {
  if (library !== 'isolated-vm') return undefined;
  try {
    buildIsolatedVm();
    return undefined;
  } catch (error) {
    return `isolated-vm cannot be built here: ${error.message}`;
  }
}

module.exports = { install, prepare, isolatedVm };
