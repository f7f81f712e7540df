'use strict';

// npm's install script: builds the native library, unless the package brings one for this Node.

const fs = require('node:fs');
const path = require('node:path');
const { prebuiltPath } = require('../lib/binding.js');

// In a clone, `npm test` and `npm start` build (scripts/setup.js).
const isClone = fs.existsSync(path.join(__dirname, 'setup.js'));

if (!isClone && !fs.existsSync(prebuiltPath())) {
  const { nodeGyp } = require('./node-gyp.js');
  nodeGyp(['rebuild', '--jobs=max']);
}
