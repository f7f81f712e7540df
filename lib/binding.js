'use strict';

// Finds the native library, and gives it the functions that settle what C cannot.

const fs = require('node:fs');
const path = require('node:path');
const { isNativeError } = require('node:util').types;

const root = path.join(__dirname, '..');

// The system's own loader is named near the start of the program's file. (process.report would tell
// as well, but takes longer than all the rest here, and looks up the names of open connections.)
function libcName() {
  if (process.platform !== 'linux') return '';
  const head = Buffer.alloc(2048);
  try {
    const file = fs.openSync(process.execPath, 'r');
    fs.readSync(file, head);
    fs.closeSync(file);
  } catch {
    // A program that cannot be read is taken for the usual one.
  }
  return head.includes('/ld-musl-') ? '-musl' : '-glibc';
}

/** Where a prebuilt library for this Node would be; scripts/lines.js puts it there. */
function prebuiltPath() {
  const target = `${process.platform}-${process.arch}${libcName()}`;
  return path.join(root, 'prebuilds', target, `node-abi${process.versions.modules}.node`);
}

const builtPath = () => path.join(root, 'build', 'Release', 'isolated_threads.node');

function findLibrary() {
  // For the tests, which must not run on an old prebuilt one: see CONTRIBUTING.md.
  if (process.env.ISOLATED_THREADS_LIBRARY) return process.env.ISOLATED_THREADS_LIBRARY;
  for (const file of [prebuiltPath(), builtPath()]) {
    if (fs.existsSync(file)) return file;
  }
  const error = new Error(
    `isolated-threads has no native library for Node ${process.version} (ABI ${process.versions.modules}) ` +
      `on ${process.platform} ${process.arch}${libcName()}. ` +
      'Its install script may have been skipped: build it, in the folder of your package.json, with\n\n' +
      // Run by name, a script needs no approval of npm's.
      '    npm explore isolated-threads -- npm run install\n\n' +
      '(this needs Python 3, make and a C and C++ compiler). Looked for:\n' +
      `    ${prebuiltPath()}\n    ${builtPath()}`,
  );
  error.code = 'ERR_THREAD_NO_LIBRARY';
  throw error;
}

function load() {
  const binding = require(findLibrary());
  // V8 itself refuses a second snapshot in a debug build, fitting or not.
  if (!process.features.debug) binding.examineHeap();
  const { fromThread, fromCode, uncloneable, rebuild } = require('./errors.js');
  const { createDescriber } = require('./describe.js');
  const { createRemote } = require('./remote.js');
  const { print } = require('./console.js');
  const { notice } = require('./notices.js');
  const { held, opened } = require('./streams.js');
  const { deliverItems, failItem } = require('./map.js');
  const { cloneable } = binding;
  const { describeThrown, describeUncloneable } = createDescriber({ isError: isNativeError, cloneable });
  const remote = createRemote(binding.remote, { canWait: false, rebuild, describeThrown, describeUncloneable, held });
  binding.initialize({
    fromThread,
    fromCode,
    uncloneable: (args, exception, trace) => uncloneable(args, exception, trace, cloneable),
    print,
    notice,
    opened: (stream, end) => opened(remote, stream, end),
    deliverItems,
    failItem,
    remote,
  });
  return { native: binding, configureStream: remote.configure };
}

module.exports = { load, prebuiltPath, builtPath };
