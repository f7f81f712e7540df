'use strict';

// In an isolate with a memoryLimit: what V8 takes without looking at it is paid for, or measured,
// before it is taken. All other buffers come from the library's own allocator.

const limitBuffers = require('./limit-buffers.js');
const limitIntl = require('./limit-intl.js');
const limitText = require('./limit-text.js');
const limitWasm = require('./limit-wasm.js');
const { createPayments } = require('./payments.js');

module.exports = function limitMemory(natives) {
  const payments = createPayments(natives);
  limitBuffers(natives, payments, 'ArrayBuffer', 'resize');
  limitBuffers(natives, payments, 'SharedArrayBuffer', 'grow');
  if (globalThis.WebAssembly) limitWasm(natives, payments);
  if (globalThis.Intl) limitIntl(natives);
  limitText(natives);
};
