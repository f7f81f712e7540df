'use strict';

// Values that come one after the other from the other side: createStream makes what stands here for
// an iterator over there, createSource what serves it from there. The same on the host and, built
// into the library with src/prelude/, in threads.
//
// All goes through one function, `pull`, which crosses as any function does:
//   pull(n)   let the iterator go on until n values wait, and give what is there, once that is one
//   pull(0)   no more: return() of the iterator
// n is what the stream has room for, so never more than its window are ahead of who takes them. The
// answer is a Batch; an error comes by itself, after all that was before it.

const { append, arraySlice, concat, Promise, promiseThen } = require('./primordials.js');

const nothing = () => {};
const ignoreRejection = (promise) => promiseThen(promise, undefined, nothing);

/** What one pull gives. If it cannot be cloned, it is tried again with one value. */
class Batch {
  #putBack;

  constructor(values, isDone, value, putBack) {
    this.values = values;
    this.isDone = isDone;
    this.value = value;
    this.#putBack = putBack;
  }

  /** The first value alone; undefined: it is already. */
  alone() {
    if (this.values.length < 2) return undefined;
    this.#putBack(arraySlice(this.values, 1));
    return new Batch([this.values[0]], false, undefined, this.#putBack);
  }

  /** What cannot be cloned: after it there is nothing more. */
  fail() {
    this.#putBack(undefined);
    return this.isDone ? this.value : this.values[0];
  }
}

/**
 * @param iterator whose values shall go
 * @param isCalled does something wait that only a turn of the loop lets in?
 * @param onEnd called once there is nothing more to do
 * @returns {{ pull: (count: number) => Batch | Promise<Batch>, stop: () => Promise<Batch> }}
 */
function createSource(iterator, isCalled, onEnd) {
  let ready = [];
  let room = 0;
  let isRunning = false;
  // How the iterator ended, { value } or { error }: it is asked nothing more.
  let end;
  let waiting;
  let isOver = false;

  const finish = () => {
    if (!isOver) onEnd();
    isOver = true;
  };

  const hasSome = () => ready.length > 0 || end !== undefined;

  // What is there. Over is only what has been told to the last.
  function take() {
    const values = ready;
    ready = [];
    room -= values.length;
    if (values.length > 0) return new Batch(values, false, undefined, putBack);
    finish();
    if ('error' in end) throw end.error;
    return new Batch(values, true, end.value, putBack);
  }

  // Gives it to whoever waits.
  function hand() {
    if (waiting === undefined || !hasSome()) return;
    const { resolve, reject } = waiting;
    waiting = undefined;
    try {
      resolve(take());
    } catch (error) {
      reject(error);
    }
  }

  function putBack(values) {
    if (values !== undefined) ready = concat(values, ready);
    else ignoreRejection(stop());
  }

  async function produce() {
    isRunning = true;
    // What pull has returned goes first: the next value may take long.
    await undefined;
    try {
      while (end === undefined && ready.length < room && (waiting !== undefined || !isCalled())) {
        let step = iterator.next();
        // Awaited only if it must be.
        if (typeof step?.then === 'function') step = await step;
        if (step.done) end ??= { value: step.value };
        else if (end === undefined) append(ready, step.value);
        if (waiting !== undefined) {
          hand();
          await undefined;
        }
      }
    } catch (error) {
      end ??= { error };
      hand();
    }
    isRunning = false;
  }

  async function stop() {
    const hasEnded = end !== undefined;
    end ??= { value: undefined };
    ready = [];
    try {
      const result = hasEnded ? undefined : await iterator.return?.();
      return new Batch([], true, result?.value, putBack);
    } finally {
      hand();
      finish();
    }
  }

  function pull(count) {
    if (count === 0) return stop();
    room = count;
    if (!isRunning && end === undefined) produce();
    if (hasSome()) return take();
    return new Promise((resolve, reject) => {
      waiting = { resolve, reject };
    });
  }
  return { pull, stop };
}

const DEFAULT_WINDOW = 16;

/**
 * @param pull that of the source over there
 * @param held gives a promise back, and keeps the process alive until it is settled
 * @returns the stream, and its settings: `window`, how many values may be ahead; `whyEnded`, asked
 *   when a pull fails: it may know better why, and throws that
 */
function createStream(pull, held) {
  const settings = { window: DEFAULT_WINDOW, whyEnded: undefined };

  async function* values() {
    let isOver = false;
    try {
      // Up to here it runs at once, so that return() before the first next() finds it begun.
      yield;
      let asked;
      for (;;) {
        const { values: batch, isDone, value } = await held(asked ?? pull(settings.window));
        asked = undefined;
        if (isDone) {
          isOver = true;
          return value;
        }
        for (let i = 0; i < batch.length; i++) {
          const left = batch.length - 1 - i;
          if (asked === undefined && left <= settings.window / 2 && settings.window > left) {
            asked = pull(settings.window - left);
            // It is awaited later, if at all.
            ignoreRejection(asked);
          }
          yield batch[i];
        }
      }
    } catch (error) {
      isOver = true;
      await settings.whyEnded?.();
      throw error;
    } finally {
      if (!isOver) await held(pull(0));
    }
  }

  const stream = values();
  stream.next();
  return { stream, settings };
}

module.exports = { Batch, createSource, createStream, ignoreRejection };
