'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { work } = require('../lib/work.js');

const readme = path.join(__dirname, '..', 'node_modules', 'markdown-it', 'README.md');

// Its own README, twenty times.
const code = () => `
  import markdownIt from 'markdown-it';
  const text = ${JSON.stringify(fs.readFileSync(readme, 'utf8'))}.repeat(20);
  const renderer = markdownIt();
  export const work = () => renderer.render(text).length;`;

module.exports = work('Real work: a Markdown renderer (markdown-it)', code);
