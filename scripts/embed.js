'use strict';

// Builds the JavaScript that runs in every isolate into one C string:
//   node scripts/embed.js OUT.h
// A small bundler of our own files only: each becomes a function, required by its path.

const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const entry = 'src/prelude/prelude.js';

const modules = new Map();

// In parentheses V8 compiles a function at once, else when it is called, and reads it twice. What
// limits memory is rarely called.
const soon = (file, text) => (/limit|payments/.test(file) ? text : `(${text})`);

function add(file) {
  if (modules.has(file)) return;
  const text = fs
    .readFileSync(path.join(root, file), 'utf8')
    // Comments that have lines of their own only cost time at every start.
    .replace(/^\s*\/\*\*[\s\S]*?\*\/$/gm, '')
    .replace(/^\s*\/\/.*$/gm, '');
  modules.set(file, '');
  const body = text.replace(/require\('(\.[^']+)'\)/g, (_, target) => {
    const resolved = path.posix.join(path.posix.dirname(file), target);
    add(resolved);
    return `require(${JSON.stringify(resolved)})`;
  })
    .replace(/^(module\.exports = )(function [\s\S]*?^\});/m, (_, before, text) => `${before}${soon(file, text)};`);
  modules.set(file, body.replace(/^\s*\n/gm, ''));
}

add(entry);

const table = [...modules]
  .map(([file, body]) => `${JSON.stringify(file)}: ${soon(file, `function (module, require) {${body}}`)}`)
  .join(',\n');

const source = `(function () {
'use strict';
const table = {${table}};
const loaded = {};
const require = (name) => {
  if (!loaded[name]) table[name]((loaded[name] = { exports: {} }), require);
  return loaded[name].exports;
};
return require(${JSON.stringify(entry)});
})()`;

if (/[^\x20-\x7e\n]/.test(source)) throw new Error('the prelude must be plain ASCII');

const literal = source
  .split('\n')
  .map((line) => `  "${line.replace(/[\\"]/g, '\\$&').replace(/\?/g, '\\?')}\\n"`)
  .join('\n');

fs.writeFileSync(process.argv[2], `static const char iso_prelude_source[] =\n${literal};\n`);
