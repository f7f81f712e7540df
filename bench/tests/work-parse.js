'use strict';

const fs = require('node:fs');
const { work } = require('../lib/work.js');

// acorn parses acorn.
const code = () => `
  import { parse } from 'acorn';
  const text = ${JSON.stringify(fs.readFileSync(require.resolve('acorn'), 'utf8'))};
  export const work = () => parse(text, { ecmaVersion: 2022 }).body[0].end;`;

module.exports = work('Real work: a parser (acorn)', code);
