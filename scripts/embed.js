'use strict';

// Builds the JavaScript that runs in every isolate into one C string, and what this Node's V8 makes
// of it, so that no thread need compile it under the same V8:
//   node scripts/embed.js OUT.h ARCHITECTURE
// A small bundler of our own files only: each becomes a function, required by its path.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

// V8 takes only what an isolate from the same snapshot has compiled, and from Node 22 on threads come
// from V8's default one (src/engine/v8/snapshot.cc).
if (Number.parseInt(process.version.slice(1), 10) >= 22 && !process.execArgv.includes('--no-node-snapshot')) {
  execFileSync(process.execPath, ['--no-node-snapshot', ...process.argv.slice(1)], { stdio: 'inherit' });
  process.exit();
}

const root = path.join(__dirname, '..');
const entry = 'src/prelude/prelude.js';

const read = (file) => fs.readFileSync(path.join(root, file), 'utf8');
const resolve = (file, target) => path.posix.join(path.posix.dirname(file), target);

// What every start runs: what is required outside functions, from the entry on.
const soon = new Set();
function addSoon(file) {
  soon.add(file);
  for (const [, target] of read(file).matchAll(/^\S.*\brequire\('(\.[^']+)'\)/gm)) addSoon(resolve(file, target));
}
addSoon(entry);

const modules = new Map();

// In parentheses V8 compiles a function at once, else when it is called, and reads it twice.
const compiledAt = (file, text) => (soon.has(file) ? `(${text})` : text);

function add(file) {
  if (modules.has(file)) return;
  const text = read(file)
    // Comments that have lines of their own only cost time at every start.
    .replace(/^\s*\/\*\*[\s\S]*?\*\/$/gm, '')
    .replace(/^\s*\/\/.*$/gm, '');
  modules.set(file, '');
  const body = text.replace(/require\('(\.[^']+)'\)/g, (_, target) => {
    const resolved = resolve(file, target);
    add(resolved);
    return `require(${JSON.stringify(resolved)})`;
  })
    .replace(/^(module\.exports = )(function [\s\S]*?^\});/m, (_, before, text) => `${before}${compiledAt(file, text)};`);
  modules.set(file, body.replace(/^\s*\n/gm, ''));
}

add(entry);

const table = [...modules]
  .map(([file, body]) => `${JSON.stringify(file)}: ${compiledAt(file, `function (module, require) {${body}}`)}`)
  .join(',\n');

const source = `(function () {
'use strict';
const table = { __proto__: null, ${table} };
const loaded = { __proto__: null };
const require = (name) => {
  if (loaded[name] === undefined) {
    const module = { __proto__: null, exports: undefined };
    table[name](module, require);
    loaded[name] = module.exports;
  }
  return loaded[name];
};
return require(${JSON.stringify(entry)});
})()`;

if (/[^\x20-\x7e\n]/.test(source)) throw new Error('the prelude must be plain ASCII');

const literal = source
  .split('\n')
  .map((line) => `  "${line.replace(/[\\"]/g, '\\$&').replace(/\?/g, '\\?')}\\n"`)
  .join('\n');

// What was compiled for another architecture is of no use, and no V8 has this version.
const [, , out, architecture] = process.argv;
const v8 = architecture === process.arch ? process.versions.v8 : 'another';

// Run once, so that the functions are in it that every start calls.
function compiled() {
  const script = new vm.Script(`${source}\n`, { filename: 'isolated-threads:prelude' });
  const natives = new Proxy({ compile: () => () => () => 0 }, { get: (target, name) => target[name] ?? (() => 0) });
  script.runInContext(vm.createContext())(natives).load('', '', 0, 0);
  return script.createCachedData();
}

fs.writeFileSync(out, `static const char iso_prelude_source[] =
${literal};
static const char iso_prelude_v8[] = ${JSON.stringify(v8)};
alignas(16) static const unsigned char iso_prelude_compiled[] = {${compiled().join(',')}};
`);
