'use strict';

// The other side of the adapter for worker_threads.

const { parentPort } = require('node:worker_threads');

parentPort.on('message', async ({ source, args }) => {
  try {
    parentPort.postMessage({ value: await (0, eval)(`(${source})`)(...args) });
  } catch (error) {
    parentPort.postMessage({ isError: true, error });
  }
});
