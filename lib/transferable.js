'use strict';

// Which ArrayBuffers may move: not those that Node keeps for itself.

// Small Buffers share one ArrayBuffer; detaching it would empty them all. Node 20 does not tell.
const isPool = (buffer) => buffer instanceof ArrayBuffer && buffer === Buffer.allocUnsafe(1).buffer;

// Loaded when it is first wanted, for that takes long.
let isKept = (buffer) => {
  isKept = require('node:worker_threads').isMarkedAsUntransferable ?? isPool;
  return isKept(buffer);
};

/** The list, with what must not move taken out: the native library then refuses that place of it. */
const transferable = (list) => list.map((item) => (isKept(item) ? null : item));

module.exports = { transferable };
