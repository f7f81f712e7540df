'use strict';

// Files for libraries that run a module: in a folder of the run, which it removes at its end.

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

let count = 0;

/** The path of a new CommonJS file with this code. */
function moduleFile(code) {
  process.env.BENCH_FOLDER ??= fs.mkdtempSync(path.join(os.tmpdir(), 'isolated-threads-bench-'));
  const file = path.join(process.env.BENCH_FOLDER, `${process.pid}-${++count}.cjs`);
  fs.writeFileSync(file, code);
  return file;
}

module.exports = { moduleFile };
