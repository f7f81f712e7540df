'use strict';

// Runs that give streams: their ends, and `stream()`, which is there before the run has begun.

const { typeError } = require('./options.js');

// Settled when the run of a stream is over, whatever the stream has been told before.
const ends = new WeakMap();

// Longer than any wait; the timer is only there for the loop to go on.
const MAX_TIMER_MS = 2 ** 31 - 1;

let timer;
let waits = 0;

/** Keeps the process alive until the promise is settled: an open stream does not. */
function held(promise) {
  timer ??= setInterval(() => {}, MAX_TIMER_MS);
  if (waits++ === 0) timer.ref();
  const release = () => {
    if (--waits === 0) timer.unref();
  };
  promise.then(release, release);
  return promise;
}

/** A run has become a stream. */
function opened(remote, stream, end) {
  end.catch(() => {});
  ends.set(stream, end);
  remote.configure(stream, { whyEnded: () => held(end) });
}

/** Of what a run has given; undefined: it is no stream. */
const endOf = (result) => (typeof result === 'object' && result !== null ? ends.get(result) : undefined);

/** The stream of a run, for those who have only the promise. */
class RunStream {
  #stream;

  constructor(run) {
    this.#stream = run.then((result) => {
      if (endOf(result) !== undefined) return result;
      throw typeError('the result of a run with stream()', 'that of a generator', result);
    });
    this.#stream.catch(() => {});
  }

  async next() {
    return (await this.#stream).next();
  }

  async return(value) {
    return (await this.#stream).return(value);
  }

  async throw(error) {
    return (await this.#stream).throw(error);
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(RunStream.prototype, Symbol.asyncDispose, {
    async value() {
      await this.return();
    },
    writable: true,
    configurable: true,
  });
}

module.exports = { RunStream, endOf, held, opened };
