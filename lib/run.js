'use strict';

// One run with options: what lib/options.js has checked, and the signal that may end it.

const { fromCode } = require('./errors.js');
const { checkRunOptions } = require('./options.js');

function abortError(signal) {
  return fromCode('ABORT_ERR', 'AbortError', 'The run was aborted before it began', '', null, signal.reason);
}

function runWith(pool, options, args) {
  const { priority = 0, key, timeout, cpuTimeout, signal, transfer } = checkRunOptions(options);
  if (signal === undefined) return pool.runTask(priority, key, timeout, cpuTimeout, undefined, transfer, ...args);
  if (signal.aborted) return Promise.reject(abortError(signal));
  const token = { reason: undefined };
  const run = pool.runTask(priority, key, timeout, cpuTimeout, token, transfer, ...args);
  return untilAborted(pool, signal, token, run);
}

async function untilAborted(pool, signal, token, promise) {
  const onAbort = () => {
    token.reason = signal.reason;
    pool.cancel(token, true);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

module.exports = { runWith };
