'use strict';

// pool.map: an async iterator over the results for the items of a source, which is read no faster
// than results are taken.

const { checkOptions } = require('./options.js');

const MAP_OPTIONS = ['concurrency', 'ordered', 'signal'];

function iteratorOf(source) {
  const asyncMethod = source?.[Symbol.asyncIterator];
  const method = asyncMethod ?? source?.[Symbol.iterator];
  if (typeof method !== 'function') {
    const error = new TypeError('source must be an iterable or an async iterable');
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }
  return { items: method.call(source), isAsync: method === asyncMethod };
}

// Two things go on at once: the source is read while there is room for another run, and results are
// given out as they come; each wakes the other. (Promise.race would do as well, but each race stays
// hung on what never settles, with its result, for as long as the whole iteration takes.)
class Mapping {
  // Runs whose result is not taken yet: { token, isSettled, value, failure: { error } }.
  entries = [];
  isReading = false;
  isExhausted = false;
  isOver = false;
  // { error } of the source.
  failure;
  wake = () => {};

  constructor(source, runs, { concurrency, ordered = true, signal }) {
    Object.assign(this, iteratorOf(source), runs, { concurrency, ordered, signal });
  }

  launch(item) {
    const entry = { token: {}, isSettled: false };
    const settle = (outcome) => {
      Object.assign(entry, outcome, { isSettled: true });
      this.wake();
    };
    this.entries.push(entry);
    this.start(entry.token, item).then((value) => settle({ value }), (error) => settle({ failure: { error } }));
  }

  hasRoom() {
    return !this.isOver && !this.isExhausted && this.entries.length < this.concurrency;
  }

  async readOne() {
    let step;
    try {
      step = await this.items.next();
      if (step.done) this.isExhausted = true;
    } catch (error) {
      // As everywhere in the language: a source that throws is over, and not told to return.
      this.isExhausted = true;
      throw error;
    }
    if (this.isExhausted) return;
    const item = await step.value;
    if (!this.isOver) this.launch(item);
  }

  async read() {
    this.isReading = true;
    try {
      while (this.hasRoom()) await this.readOne();
    } catch (error) {
      this.failure = { error };
    }
    this.isReading = false;
    this.wake();
  }

  /** Takes a result that may be given out now; undefined: there is none yet. */
  take() {
    const index = this.ordered ? 0 : this.entries.findIndex(({ isSettled }) => isSettled);
    const entry = this.entries[index];
    if (!entry?.isSettled) return undefined;
    this.entries.splice(index, 1);
    return entry;
  }

  async *results() {
    for (;;) {
      this.signal?.throwIfAborted();
      if (this.failure) throw this.failure.error;
      const entry = this.take();
      if (this.hasRoom() && !this.isReading) this.read();
      if (entry?.failure) throw entry.failure.error;
      if (entry) yield entry.value;
      else if (this.isExhausted && !this.isReading && this.entries.length === 0) return;
      else await new Promise((resolve) => { this.wake = resolve; });
    }
  }

  /** Ends it all. An error of the source's own return counts only if there is none before it. */
  async end(hasFailed) {
    this.isOver = true;
    // What runs is let run, unless it is for the signal that all ends.
    for (const { token } of this.entries) this.cancel(token, this.signal?.aborted ?? false);
    if (this.isExhausted) return;
    const closed = (async () => this.items.return?.())();
    if (hasFailed) closed.catch(() => {});
    // An async one that is being read returns when it has come to its next yield, perhaps never.
    if (!(this.isReading && this.isAsync)) await closed.catch((error) => { if (!hasFailed) throw error; });
  }
}

async function* generate(mapping) {
  const onAbort = () => mapping.wake();
  let hasFailed = false;
  mapping.signal?.addEventListener('abort', onAbort);
  try {
    yield* mapping.results();
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    mapping.signal?.removeEventListener('abort', onAbort);
    await mapping.end(hasFailed);
  }
}

/**
 * @param {{ start: (token: object, item: unknown) => Promise<unknown>, cancel: (token: object, interrupts: boolean) => void }} runs
 *   begins a run; ends one that waits, and if `interrupts` one that runs
 * @param {number} usual concurrency where the options name none
 * @returns {AsyncIterableIterator<unknown>}
 */
function mapOver(source, options, usual, runs) {
  const { concurrency = usual, ordered, signal } = checkOptions(options, MAP_OPTIONS);
  return generate(new Mapping(source, runs, { concurrency, ordered, signal }));
}

module.exports = { mapOver };
