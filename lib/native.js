'use strict';

// The native library, loaded once, with an EventEmitter's methods above its class.

const { EventEmitter } = require('node:events');
const { load } = require('./binding.js');

const { native, configureStream } = load();

// The base class of lib/runner.js: cancel, broadcast, close, resize, dispose, ready, stats,
// needsDrain, ref and unref are in src/binding/pool_binding.c.
Object.setPrototypeOf(native.NativePool.prototype, EventEmitter.prototype);

// For the end of a process that has threads which nothing can stop: src/binding/host.c.
// To load node:worker_threads takes 2 ms, which are better spent at the end than at the start.
process.on('exit', (code) => {
  if (require('node:worker_threads').isMainThread) native.setExitCode(code);
});

/** A promise that nobody has to look at: whoever does still hears of a rejection. */
function quiet(promise) {
  promise.catch(() => {});
  return promise;
}

module.exports = { native, configureStream, quiet };
