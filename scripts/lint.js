'use strict';

// Everything that reads the code without running it:
//   npm run lint      all of it; needs clang-format, clang-tidy and clang for the C part
//   npm run format    lets clang-format rewrite what it can
//
// The layers' include rules are checked here as well: see ARCHITECTURE.md.

const { spawnSync, execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = path.join(__dirname, '..');
const fix = process.argv.includes('--fix');

const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file && fs.existsSync(path.join(root, file)));
const ofKind = (...endings) => tracked.filter((file) => endings.some((ending) => file.endsWith(ending)));

// The bugs on purpose are not for clang-tidy.
const cFiles = ofKind('.c').filter((file) => !file.endsWith('/faulty.c'));
const ccFiles = ofKind('.cc');
const headers = ofKind('.h');

function nodeInclude() {
  const folder = path.join(path.dirname(fs.realpathSync(process.execPath)), '..', 'include', 'node');
  if (!fs.existsSync(folder)) throw new Error(`no Node headers in ${folder}`);
  return folder;
}

const commonFlags = ['-Isrc', '-Itest/core', `-isystem${nodeInclude()}`, '-DNAPI_VERSION=9', '-Wall', '-Wextra'];
const cFlags = [...commonFlags, '-std=c11', '-D_GNU_SOURCE'];
const ccFlags = [
  ...commonFlags, '-std=c++20', '-fno-rtti', '-fno-exceptions', '-Ibuild/Release/obj/gen', '-DNODE_WANT_INTERNALS=0',
];

let failures = 0;

function check(name, command, args) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (result.error) throw new Error(`${name}: ${command} could not be run: ${result.error.message}`);
  const ok = result.status === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (ok) return;
  failures += 1;
  console.log(`${result.stdout}${result.stderr}`.split('\n').filter((line) => !/warnings? generated|Suppressed|Use -header-filter/.test(line)).join('\n'));
}

// What a layer may not name. Arrows run one way: lib -> binding -> core -> engine.h <- engine/v8.
const rules = [
  { in: 'src/core/', not: /#include\s*[<"](node|v8|js_native)[\w/-]*\.h|#include "(binding|engine\/v8)/, why: 'core knows neither V8 nor Node' },
  { in: 'src/binding/', not: /#include\s*[<"](node\.h|v8)|#include "engine\/v8/, why: 'binding speaks to V8 through engine.h only' },
  { in: 'src/engine/v8/', not: /#include "(binding\/|core\/(pool|task|thread|owner|internal))/, why: 'the engine decides nothing' },
  { in: 'src/engine/v8/', except: 'v8_compat.h', not: /#\s*if.*(V8|NODE)_\w*VERSION/, why: 'versions differ in v8_compat.h only' },
];

function checkRules() {
  const broken = [];
  for (const rule of rules) {
    for (const file of [...cFiles, ...ccFiles, ...headers]) {
      if (!file.startsWith(rule.in) || (rule.except && file.endsWith(rule.except))) continue;
      fs.readFileSync(path.join(root, file), 'utf8').split('\n').forEach((line, index) => {
        if (rule.not.test(line)) broken.push(`${file}:${index + 1}: ${rule.why}: ${line.trim()}`);
      });
    }
  }
  for (const file of ccFiles) {
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n').length;
    if (lines > 500) broken.push(`${file}: ${lines} lines, more than 500`);
  }
  console.log(`${broken.length === 0 ? 'ok    ' : 'FAILED'} the layers`);
  if (broken.length > 0) {
    failures += 1;
    console.log(broken.join('\n'));
  }
}

const eslint = require.resolve('eslint/package.json').replace('package.json', 'bin/eslint.js');
check('eslint', process.execPath, [eslint, ...(fix ? ['--fix'] : []), '.']);
check('clang-format', 'clang-format', [...(fix ? ['-i'] : ['--dry-run', '--Werror']), ...cFiles, ...ccFiles, ...headers]);
checkRules();
check('locks (-Wthread-safety)', 'clang', ['-fsyntax-only', '-Wthread-safety', '-Werror', ...cFlags, ...cFiles.filter((file) => file.startsWith('src/core/'))]);
for (const [files, flags] of [[cFiles, cFlags], [ccFiles, ccFlags]]) {
  for (const file of files) check(`clang-tidy ${file}`, 'clang-tidy', ['--quiet', file, '--', ...flags]);
}
process.exitCode = failures === 0 ? 0 : 1;
