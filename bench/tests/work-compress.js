'use strict';

const fs = require('node:fs');
const { work } = require('../lib/work.js');

// Half a megabyte of JavaScript.
const code = () => `
  import { strToU8, zlibSync } from 'fflate';
  const text = ${JSON.stringify(fs.readFileSync(require.resolve('acorn'), 'utf8'))};
  const bytes = strToU8(text + text);
  export const work = () => zlibSync(bytes, { level: 6 }).length;`;

module.exports = work('Real work: a compressor (fflate)', code);
