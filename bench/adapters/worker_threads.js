'use strict';

// What one writes by hand: workers that are sent [id, value] and send back [id, result], in turn.

const { Worker } = require('node:worker_threads');

const code = (source, movesResult) => `
  const { parentPort } = require('node:worker_threads');
  const run = (${source})();
  parentPort.on('message', ([id, value]) => {
    const result = run(value);
    parentPort.postMessage([id, result]${movesResult ? ', [result.buffer]' : ''});
  });`;

class Hand {
  #waiting = new Map();
  #last = 0;
  #worker;

  constructor(text) {
    this.#worker = new Worker(text, { eval: true });
    this.#worker.on('message', ([id, result]) => {
      const { resolve } = this.#waiting.get(id);
      this.#waiting.delete(id);
      resolve(result);
    });
  }

  run(value, list) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#last, { resolve, reject });
      this.#worker.postMessage([this.#last, value], list);
    });
  }

  close() {
    for (const { reject } of this.#waiting.values()) reject(new Error('terminated'));
    return this.#worker.terminate();
  }
}

module.exports = {
  package: null,
  version: () => process.versions.node,

  load: () => ({ source, threads, movesResult }) => {
    const text = code(source, movesResult);
    const hands = Array.from({ length: threads }, () => new Hand(text));
    let next = 0;
    const turn = () => {
      next = next + 1 === threads ? 0 : next + 1;
      return hands[next];
    };
    return {
      run: (value) => turn().run(value),
      move: (value) => turn().run(value, [value.buffer]),
      abortAfter: (value, ms) => {
        const hand = turn();
        setTimeout(() => {
          hands[hands.indexOf(hand)] = new Hand(text);
          hand.close();
        }, ms);
        return hand.run(value);
      },
      close: () => Promise.all(hands.map((hand) => hand.close())),
    };
  },
};
