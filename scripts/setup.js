'use strict';

// Makes a clone ready: installs what the development needs, and builds. Quiet, and quick when
// there is nothing to do.

const { spawnSync } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { nodeGyp } = require('./node-gyp.js');

const root = path.join(__dirname, '..');
const buildFolder = path.join(root, 'build');

function newer(file, than) {
  return !fs.existsSync(than) || fs.statSync(file).mtimeMs > fs.statSync(than).mtimeMs;
}

function install() {
  const lock = path.join(root, 'package-lock.json');
  if (!newer(lock, path.join(root, 'node_modules', '.package-lock.json'))) return;
  console.log('installing the development dependencies ...');
  const npm = process.env.npm_execpath ? [process.execPath, [process.env.npm_execpath]] : ['npm', []];
  const result = spawnSync(npm[0], [...npm[1], 'ci', '--ignore-scripts', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) throw new Error('npm ci failed');
}

// What the build is configured for: a change of it needs a new configuration.
function wantedStamp() {
  const gyp = fs.readFileSync(path.join(root, 'binding.gyp'));
  return `${process.version} ${crypto.createHash('sha256').update(gyp).digest('hex')}`;
}

function build() {
  const stampFile = path.join(buildFolder, 'configured-for');
  const stamp = wantedStamp();
  if (!fs.existsSync(stampFile) || fs.readFileSync(stampFile, 'utf8') !== stamp) {
    console.log(`building for Node ${process.version} ...`);
    fs.rmSync(buildFolder, { recursive: true, force: true });
    nodeGyp(['configure', '--', '-Diso_dev=1'], { quiet: true });
    fs.writeFileSync(stampFile, stamp);
  }
  nodeGyp(['build', '--jobs=max'], { quiet: true });
}

// The loader takes a prebuilt library first: one that is older than the build would hide it.
function removeStalePrebuilt() {
  const { prebuiltPath, builtPath } = require('../lib/binding.js');
  if (fs.existsSync(prebuiltPath()) && newer(builtPath(), prebuiltPath())) {
    fs.rmSync(prebuiltPath());
    console.log(`removed ${path.relative(root, prebuiltPath())}: it was older than the build`);
  }
}

install();
build();
removeStalePrebuilt();
