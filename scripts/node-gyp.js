'use strict';

// Runs node-gyp: the one that npm brings, with the headers of the Node that runs this where they
// stand beside it.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');

/** The folder whose include/node belongs to this Node; undefined: node-gyp must find the headers. */
function headersOf(execPath) {
  const folder = path.join(path.dirname(fs.realpathSync(execPath)), '..');
  return fs.existsSync(path.join(folder, 'include', 'node', 'node.h')) ? folder : undefined;
}

function nodeGypPath() {
  const npmFolder = process.env.npm_execpath
    ? path.join(path.dirname(process.env.npm_execpath), '..')
    : path.join(path.dirname(fs.realpathSync(process.execPath)), '..', 'lib', 'node_modules', 'npm');
  const found = [
    process.env.npm_config_node_gyp,
    path.join(npmFolder, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'),
  ].find((file) => file && fs.existsSync(file));
  if (!found) throw new Error('node-gyp was not found: run this through npm (npm run compile)');
  return found;
}

/** Throws where node-gyp fails, with its output if that was not shown. */
function nodeGyp(args, { folder = root, execPath = process.execPath, quiet = false } = {}) {
  const nodedir = headersOf(execPath);
  const binFolder = path.dirname(execPath);
  const result = spawnSync(execPath, [nodeGypPath(), ...args], {
    cwd: folder,
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: {
      ...process.env,
      PATH: `${binFolder}${path.delimiter}${process.env.PATH}`,
      ...(nodedir && { npm_config_nodedir: nodedir, npm_package_config_node_gyp_nodedir: nodedir }),
    },
  });
  if (result.status === 0) return;
  if (quiet) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  throw new Error(`node-gyp ${args.join(' ')} failed: ${result.error ?? `exit code ${result.status}`}`);
}

module.exports = { nodeGyp };
