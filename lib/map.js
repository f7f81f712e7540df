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

// Where the options say nothing, items are read further ahead while results come fast, for then the
// way there and back is what counts: after as many results as may be under way, twice or half as many.
const FAST_MS = 2;
const SLOW_MS = 20;
const MAX_AHEAD = 1024;
// Where results come fast and many items are read ahead, not one is read for each result that is taken
// but some at a time, and given to the threads together: that costs less.
const PART_AT_ONCE = 8;
const MOST_AT_ONCE = 64;

class Width {
  #least;
  #most;
  #left;
  #since = performance.now();

  constructor(least, most) {
    this.now = least;
    this.atOnce = 1;
    this.#least = least;
    this.#most = Math.max(least, Math.min(most, MAX_AHEAD));
    this.#left = least;
  }

  /** A result was taken. */
  count() {
    if (--this.#left > 0) return;
    const time = performance.now();
    const took = time - this.#since;
    if (took < FAST_MS) {
      this.now = Math.min(this.now * 2, this.#most);
      this.atOnce = Math.max(1, Math.min(Math.floor(this.now / PART_AT_ONCE), MOST_AT_ONCE));
    } else if (took > SLOW_MS) {
      this.now = Math.max(this.now >> 1, this.#least);
      this.atOnce = 1;
    }
    this.#left = this.now;
    this.#since = time;
  }
}

const isObject = (value) => (typeof value === 'object' && value !== null) || typeof value === 'function';
const isThenable = (value) => typeof value === 'object' && value !== null && 'then' in value;

// One item that has been read.
class Entry {
  isSettled = false;
  value;
  // { error }
  failure;
  #mapping;

  constructor(mapping) {
    this.#mapping = mapping;
  }

  settle(value) {
    this.value = value;
    this.isSettled = true;
    this.#mapping.settled(this);
  }

  fail(error) {
    this.failure = { error };
    this.settle(undefined);
  }

  follow(promise) {
    promise.then((value) => this.settle(value), (error) => this.fail(error));
  }
}

// The entries of all maps that are under way, by the number that the native library knows them by: to
// hold an object it would need a handle of V8's each.
const entries = [];
const free = [];

/** The number of an entry, until the native library has told of its end by it. */
function numberOf(entry) {
  const number = free.length > 0 ? free.pop() : entries.length;
  entries[number] = entry;
  return number;
}

function entryOf(number) {
  const entry = entries[number];
  entries[number] = undefined;
  free.push(number);
  return entry;
}

/** Called by the native library, with the number of an entry and its result for each item that is over. */
function deliverItems(...items) {
  for (let i = 0; i < items.length; i += 2) {
    const entry = entryOf(items[i]);
    const value = items[i + 1];
    if (isThenable(value)) entry.follow(Promise.resolve(value));
    else entry.settle(value);
  }
}

/** Called by the native library, with the number of an entry and an error, or a promise that rejects with one. */
function failItem(number, error) {
  entryOf(number).follow(error instanceof Promise ? error : Promise.reject(error));
}

// Two things go on at once: the source is read while there is room for another run, and results are
// given out as they come; each wakes the other. (Promise.race would do as well, but each race stays
// hung on what never settles, with its result, for as long as the whole iteration takes.)
class Mapping {
  // How many entries are not taken yet.
  untaken = 0;
  // Those of them in the order in which they are given out, once that is known.
  #queue = [];
  #head = 0;
  isReading = false;
  isExhausted = false;
  isOver = false;
  // { error } of the source.
  failure;
  #wake;
  // Entry and item of each that has been read and not been begun.
  #read = [];

  constructor(source, runs, { width, ordered = true, signal }) {
    Object.assign(this, iteratorOf(source), runs, { width, ordered, signal });
  }

  wake() {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  settled(entry) {
    if (!this.ordered) this.#queue.push(entry);
    // What is behind another one wakes nobody.
    if (this.#queue[this.#head] === entry) this.wake();
  }

  launch(item) {
    const entry = new Entry(this);
    this.untaken++;
    if (this.ordered) this.#queue.push(entry);
    this.#read.push(entry, item);
    // An object may be another by the time that the next item is read.
    if (isObject(item) || this.#read.length >= 2 * this.width.atOnce) this.begin();
  }

  /** Begins what has been read. */
  begin() {
    const pairs = this.#read;
    if (pairs.length === 0) return;
    this.#read = [];
    // The source may have ended it all while it was read.
    if (!this.isOver) this.start(pairs);
  }

  hasRoom() {
    return !this.isOver && !this.isExhausted && this.untaken < this.width.now;
  }

  hasRoomForSome() {
    return this.hasRoom() && this.width.now - this.untaken >= this.width.atOnce;
  }

  // One item, by its way through promises if it must be.
  async readOne(pending) {
    let step;
    try {
      step = await pending;
      if (step.done) this.isExhausted = true;
    } catch (error) {
      // As everywhere in the language: a source that throws is over, and not told to return.
      this.isExhausted = true;
      throw error;
    }
    if (this.isExhausted) return;
    const item = await step.value;
    if (this.isOver) return;
    this.launch(item);
    this.begin();
  }

  // As many as can be read without waiting; what must be waited for, as it came from the source.
  readSome() {
    try {
      while (this.hasRoom()) {
        const step = this.step();
        if (this.isAsync) return step;
        if (this.isExhausted) return undefined;
        if (isThenable(step.value)) return step;
        this.launch(step.value);
      }
      return undefined;
    } finally {
      this.begin();
    }
  }

  step() {
    try {
      const step = this.items.next();
      if (!this.isAsync && step.done) this.isExhausted = true;
      return step;
    } catch (error) {
      this.isExhausted = true;
      throw error;
    }
  }

  async readOn(pending) {
    try {
      await this.readOne(pending);
      while (this.hasRoom()) {
        const next = this.readSome();
        if (next !== undefined) await this.readOne(next);
      }
    } catch (error) {
      this.failure = { error };
    }
    this.isReading = false;
    this.wake();
  }

  read() {
    this.isReading = true;
    try {
      const pending = this.readSome();
      if (pending !== undefined) {
        this.readOn(pending);
        return;
      }
    } catch (error) {
      this.failure = { error };
    }
    this.isReading = false;
  }

  /** Takes a result that may be given out now; undefined: there is none yet. */
  take() {
    const entry = this.#queue[this.#head];
    if (!entry?.isSettled) return undefined;
    this.#queue[this.#head++] = undefined;
    if (this.#head === MAX_AHEAD) this.#queue.splice(0, this.#head), this.#head = 0;
    this.untaken--;
    this.width.count();
    return entry;
  }

  /**
   * The same, as { entry }; throws what a failed run has thrown. The generator is left standing with
   * what it yields, so whoever gets that takes the entry out of it.
   */
  takeNext() {
    const entry = this.take();
    if (entry?.failure) throw entry.failure.error;
    return entry && { entry };
  }

  /** As take, where nothing but a result can come next, and that is one. */
  takeReady() {
    const entry = this.#queue[this.#head];
    if (!entry?.isSettled || entry.failure || this.failure || this.isOver || this.signal?.aborted) return undefined;
    const taken = this.take();
    // At once, so that threads do not wait; what it throws comes with the next call.
    if (!this.isReading && this.hasRoomForSome()) this.read();
    return taken;
  }

  /** Is there nothing to come? Throws what ends it all. */
  isDone() {
    this.signal?.throwIfAborted();
    if (this.failure) throw this.failure.error;
    if (this.hasRoom() && !this.isReading) this.read();
    if (this.failure) throw this.failure.error;
    return this.isExhausted && !this.isReading && this.untaken === 0;
  }

  woken() {
    return new Promise((resolve) => { this.#wake = resolve; });
  }

  /** Ends it all. An error of the source's own return counts only if there is none before it. */
  async end(hasFailed) {
    this.isOver = true;
    // What runs is let run, unless it is for the signal that all ends.
    if (this.untaken > 0) this.cancel(this.signal?.aborted ?? false);
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
    for (;;) {
      const isDone = mapping.isDone();
      const taken = mapping.takeNext();
      if (taken) yield taken;
      else if (isDone) return;
      else await mapping.woken();
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    mapping.signal?.removeEventListener('abort', onAbort);
    await mapping.end(hasFailed);
  }
}

const { prototype: generators } = async function* () {};

// What map gives: the generator above, whose way for a result that is there already is long.
class Results {
  #mapping;
  #generator;
  // Calls of the generator's that are not over.
  #calls = 0;
  #isBegun = false;

  constructor(mapping) {
    this.#mapping = mapping;
    this.#generator = generate(mapping);
  }

  next() {
    if (this.#isBegun && this.#calls === 0) {
      const entry = this.#mapping.takeReady();
      if (entry !== undefined) return Promise.resolve({ value: entry.value, done: false });
    }
    this.#isBegun = true;
    return this.#nextOfGenerator();
  }

  return(value) {
    return this.#counted(this.#generator.return(value));
  }

  throw(error) {
    return this.#counted(this.#generator.throw(error));
  }

  async #nextOfGenerator() {
    const { value: taken, done } = await this.#counted(this.#generator.next());
    if (done) return { value: undefined, done };
    const { value } = taken.entry;
    taken.entry = undefined;
    return { value, done };
  }

  async #counted(promise) {
    this.#calls++;
    try {
      return await promise;
    } finally {
      this.#calls--;
    }
  }
}
Object.setPrototypeOf(Results.prototype, Object.getPrototypeOf(Object.getPrototypeOf(generators)));

/**
 * @param {{ start: (entry: Entry, item: unknown) => void, cancel: (interrupts: boolean) => void }} runs
 *   begins a run; ends those that wait, and if `interrupts` those that run
 * @param {number} usual concurrency where the options name none
 * @param {number} most to which it may grow
 * @returns {AsyncIterableIterator<unknown>}
 */
function mapOver(source, options, usual, most, runs) {
  const { concurrency, ordered, signal } = checkOptions(options, MAP_OPTIONS);
  const width = new Width(concurrency ?? usual, concurrency ?? most);
  return new Results(new Mapping(source, runs, { width, ordered, signal }));
}

module.exports = { mapOver, numberOf, deliverItems, failItem };
