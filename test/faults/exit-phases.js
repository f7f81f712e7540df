'use strict';

// What threads are in the middle of when their process or Worker ends. Each starts something that
// goes on for longer than the ends wait.

const { Thread, ThreadPool } = require('../../lib/index.js');

const ignore = () => {};
const run = (threads, ...args) => threads.run(...args).catch(ignore);

const grow = () => () => { const a = []; for (;;) a.push({}); };
const fill = () => () => new Array(1e9).fill(0).length;
const spin = () => () => { for (;;); };
const forever = (start) => {
  const again = () => { start().then(() => setImmediate(again)); };
  again();
};

module.exports = {
  // Threads that run out of memory and are replaced, again and again.
  bomb() {
    const pool = new ThreadPool(grow, 2, { memoryLimit: 32 });
    for (let i = 0; i < 50; i++) run(pool);
    run(new Thread(fill, { memoryLimit: 32 }));
  },
  // Runs that are stopped, and contexts that are made anew, again and again.
  interrupt() {
    const pool = new ThreadPool(spin, 2);
    forever(() => pool.runWith({ timeout: 1 }).catch(ignore));
    forever(() => {
      const controller = new AbortController();
      setImmediate(() => controller.abort());
      return pool.runWith({ signal: controller.signal }).catch(ignore);
    });
    const keeps = new Thread(() => async () => { for (;;) await null; }, { timeout: 1, onInterrupt: 'keep' });
    forever(() => run(keeps));
  },
  creation() {
    for (let i = 0; i < 3; i++) run(new Thread(() => (n) => n), i);
    run(new ThreadPool(() => (n) => n, 3), 1);
    new Thread(() => { for (;;); });
    new Thread(() => new Promise(() => {}));
  },
  disposal() {
    for (const context of [spin, () => (n) => n, () => () => new Promise(() => {}), grow]) {
      const thread = new Thread(context, { memoryLimit: 32 });
      run(thread);
      setImmediate(() => thread.dispose());
    }
    const pool = new ThreadPool(() => (n) => n, 3);
    for (let i = 0; i < 20; i++) run(pool, i);
    pool.close();
  },
  // A thread that nothing can stop, written off.
  lost() {
    const pool = new ThreadPool(() => () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1), 1, { timeout: 1, interruptGrace: 1 });
    run(pool);
  },
  // Threads that are held back because their host does not print fast enough.
  console() {
    console.debug = ignore;
    run(new ThreadPool(() => () => { for (;;) console.debug('x'.repeat(1000)); }, 2));
  },
};
