'use strict';

// Which ArrayBuffers may move: not those that Node keeps for itself.

const { isMarkedAsUntransferable } = require('node:worker_threads');

// Small Buffers share one ArrayBuffer; detaching it would empty them all. Node 20 does not tell.
const isPool = (buffer) => buffer instanceof ArrayBuffer && buffer === Buffer.allocUnsafe(1).buffer;
const isKept = isMarkedAsUntransferable ?? isPool;

/** The list, with what must not move taken out: the native library then refuses that place of it. */
const transferable = (list) => list.map((item) => (isKept(item) ? null : item));

module.exports = { transferable };
