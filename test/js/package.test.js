'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { root } = require('./fixtures/child.js');

function node(args, options) {
  return spawnSync(process.execPath, args, { encoding: 'utf8', ...options });
}

// What a user gets: the files of the tarball, in a folder of its own.
function installPacked(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const { files } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const target = path.join(folder, 'node_modules', 'isolated-threads');
  fs.mkdirSync(target, { recursive: true });
  for (const file of ['package.json', ...files]) {
    if (file === 'prebuilds' || !fs.existsSync(path.join(root, file))) continue;
    fs.cpSync(path.join(root, file), path.join(target, file), { recursive: true });
  }
  return { folder, target };
}

describe('the package', () => {
  test('is one instance for require and import', () => {
    const { stdout, stderr } = node(['--input-type=module', '-e', `
      import { createRequire } from 'node:module';
      import isolatedThreads, * as names from 'isolated-threads';
      const required = createRequire(import.meta.url)('isolated-threads');
      console.log(names.Thread === required.Thread, isolatedThreads === required, Object.keys(required).sort().join());
      console.log(Object.keys(required).every((key) => names[key] === required[key]));
      console.log(await new names.Thread(() => (a) => a * 2).run(21));
    `], { cwd: root });
    assert.strictEqual(stderr, '');
    assert.strictEqual(stdout, 'true true Thread,ThreadError,ThreadPool,transfer\ntrue\n42\n');
  });

  test('makes no report of the process to find its library', () => {
    const { status, stdout } = node(['-e', `
      process.report.getReport = () => { throw new Error('asked for'); };
      const { prebuiltPath } = require(${JSON.stringify(path.join(root, 'lib', 'binding.js'))});
      console.log(prebuiltPath());
    `]);
    assert.strictEqual(status, 0);
    const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
    if (process.platform === 'linux') assert.ok(stdout.includes(`-${libc}${path.sep}`), stdout);
  });

  test('finds a prebuilt library before one that was built', (t) => {
    const { folder, target } = installPacked(t);
    const { prebuiltPath, builtPath } = require(path.join(target, 'lib', 'binding.js'));
    const library = process.env.ISOLATED_THREADS_LIBRARY ?? require('../../lib/binding.js').builtPath();
    fs.mkdirSync(path.dirname(prebuiltPath()), { recursive: true });
    fs.copyFileSync(library, prebuiltPath());
    fs.mkdirSync(path.dirname(builtPath()), { recursive: true });
    fs.writeFileSync(builtPath(), 'no library');
    const { stdout, stderr } = node(['-e', "new (require('isolated-threads').Thread)(() => () => 'up').run().then(console.log)"], {
      cwd: folder,
      env: { ...process.env, ISOLATED_THREADS_LIBRARY: '' },
    });
    assert.deepStrictEqual({ stdout, stderr }, { stdout: 'up\n', stderr: '' });
  });

  test('says exactly what to run where there is no library', (t) => {
    const { folder } = installPacked(t);
    const { status, stderr } = node(['-e', "require('isolated-threads')"], {
      cwd: folder,
      env: { ...process.env, ISOLATED_THREADS_LIBRARY: '' },
    });
    assert.strictEqual(status, 1);
    const [, command] = /^ {4}(npm .+)$/m.exec(stderr);
    // The command works: here with a node-gyp that only says what it was asked for.
    const nodeGyp = path.join(folder, 'node-gyp.js');
    fs.writeFileSync(nodeGyp, "console.log('asked to', process.argv[2]);");
    const env = { ...process.env, ISOLATED_THREADS_LIBRARY: '', npm_config_node_gyp: nodeGyp };
    const asked = spawnSync(command, { cwd: folder, shell: true, encoding: 'utf8', env });
    assert.match(asked.stdout, /^asked to rebuild$/m, asked.stderr);
    assert.match(stderr, /ERR_THREAD_NO_LIBRARY/);
    assert.match(stderr, new RegExp(`ABI ${process.versions.modules}`));
  });

  test('has every file that it names', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
    for (const file of [manifest.main, manifest.types, manifest.exports['.'].import, ...manifest.files]) {
      if (file !== 'prebuilds') assert.ok(fs.existsSync(path.join(root, file)), file);
    }
    assert.strictEqual(Object.keys(manifest.dependencies ?? {}).length, 0);
  });

  test('its list of error codes in index.d.ts is that of the C core', () => {
    const types = fs.readFileSync(path.join(root, 'index.d.ts'), 'utf8');
    const header = fs.readFileSync(path.join(root, 'src', 'core', 'error.h'), 'utf8');
    // ECONTEXT stands for what the context threw, and is not seen by itself.
    const codes = [...header.matchAll(/"(ERR_\w+|ABORT_ERR)"/g)].map(([, code]) => code).filter((code) => code !== 'ERR_THREAD_CONTEXT');
    const typed = [...types.matchAll(/\| '(ERR_\w+|ABORT_ERR)'/g)].map(([, code]) => code);
    assert.deepStrictEqual(typed.sort(), codes.sort());
  });

  test('the example makes its picture', { timeout: 120000 }, () => {
    const { status, stdout, stderr } = node([path.join(root, 'examples', 'noise.js')], { cwd: root });
    assert.strictEqual(stderr, '');
    assert.strictEqual(status, 0);
    assert.match(stdout, /^generating noise image with params \{ w: 3840, h: 2160, c: 3 \}$/m);
    const [, file] = /^picture +(.+)$/m.exec(stdout);
    assert.strictEqual(fs.readFileSync(file).toString('latin1', 1, 4), 'PNG');
    assert.ok(Number(/^meanwhile +(\d+) ticks/m.exec(stdout)[1]) > 0);
  });
});
