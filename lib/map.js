'use strict';

// pool.map: an async iterator over the results for the items of a source, which is read no faster
// than results are taken.

const { checkOptions } = require('./options.js');

const MAP_OPTIONS = ['concurrency', 'ordered', 'signal'];

function iteratorOf(source) {
  const method = source?.[Symbol.asyncIterator] ?? source?.[Symbol.iterator];
  if (typeof method !== 'function') {
    const error = new TypeError('source must be an iterable or an async iterable');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return method.call(source);
}

/** @returns {AsyncIterableIterator<unknown>} */
function mapOver(pool, source, options) {
  const { concurrency = pool.stats().threads * 2 || 2, ordered = true, signal } = checkOptions(options, MAP_OPTIONS);
  return generate(pool, iteratorOf(source), concurrency, ordered, signal);
}

async function* generate(pool, items, concurrency, ordered, signal) {
  // Each { token, promise }, and its promise gives back the entry, so that a race tells who has won.
  const entries = [];
  let isExhausted = false;
  const aborted = abortOf(signal);

  const launch = (item) => {
    const entry = { token: {} };
    entry.promise = pool.runTask(0, undefined, entry.token, undefined, item).then((value) => ({ entry, value }));
    entry.promise.catch(() => {});
    entries.push(entry);
  };

  try {
    for (;;) {
      signal?.throwIfAborted();
      while (!isExhausted && entries.length < concurrency) {
        const { done, value } = await Promise.race([items.next(), aborted.promise]);
        if (done) isExhausted = true;
        else launch(await value);
      }
      if (entries.length === 0) return;
      const settled = ordered ? entries[0].promise : Promise.race(entries.map((entry) => entry.promise));
      const { entry, value } = await Promise.race([settled, aborted.promise]);
      entries.splice(entries.indexOf(entry), 1);
      yield value;
    }
  } finally {
    aborted.forget();
    for (const entry of entries) pool.cancel(entry.token);
    if (!isExhausted) await items.return?.();
  }
}

// A promise that rejects when the signal is aborted, and can be let go of.
function abortOf(signal) {
  let onAbort;
  const promise = new Promise((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  promise.catch(() => {});
  return { promise, forget: () => signal?.removeEventListener('abort', onAbort) };
}

module.exports = { mapOver };
