'use strict';

// One run with options: what lib/options.js has checked, and the signal that may end it.

const { fromCode } = require('./errors.js');
const { configureStream } = require('./native.js');
const { checkRunOptions, checkStreamOptions } = require('./options.js');
const { runTask } = require('./runner.js');
const { RunStream, endOf } = require('./streams.js');

function abortError(signal) {
  return fromCode('ABORT_ERR', 'AbortError', 'The run was aborted before it began', '', null, signal.reason);
}

function runWith(pool, options, args) {
  const { priority = 0, key, timeout, cpuTimeout, signal, transfer } = checkRunOptions(options);
  if (signal === undefined) return runTask(pool, priority, key, timeout, cpuTimeout, undefined, transfer, ...args);
  if (signal.aborted) return Promise.reject(abortError(signal));
  const token = { reason: undefined };
  const run = runTask(pool, priority, key, timeout, cpuTimeout, token, transfer, ...args);
  return untilAborted(pool, signal, token, run);
}

// The runs under way of each signal, so that one listener does for all of them.
const runsOf = new WeakMap();

function watch(signal) {
  const runs = new Map();
  const onAbort = () => {
    for (const [token, pool] of runs) {
      token.reason = signal.reason;
      pool.cancel(token, true);
    }
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const watched = { runs, unwatch: () => signal.removeEventListener('abort', onAbort) };
  runsOf.set(signal, watched);
  return watched;
}

async function untilAborted(pool, signal, token, promise) {
  const { runs, unwatch } = runsOf.get(signal) ?? watch(signal);
  runs.set(token, pool);
  const forget = () => {
    runs.delete(token);
    if (runs.size > 0) return;
    unwatch();
    runsOf.delete(signal);
  };
  let end;
  try {
    const result = await promise;
    end = endOf(result);
    return result;
  } finally {
    // A stream can be aborted until it is over.
    if (end === undefined) forget();
    else end.then(forget, forget);
  }
}

function streamWith(pool, options, args) {
  const { window, ...rest } = checkStreamOptions(options);
  const run = pool.runWith(rest, ...args);
  if (window === undefined) return new RunStream(run);
  return new RunStream(run.then((result) => {
    configureStream(result, { window });
    return result;
  }));
}

module.exports = { runWith, streamWith };
