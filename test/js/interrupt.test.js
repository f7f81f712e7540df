'use strict';

// timeout, cpuTimeout and signal: what runs is stopped where it stands, the thread lives on.
// Nothing here measures time: a test whose run is not stopped hangs, and fails by its time limit.

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread, ThreadPool, ThreadError } = require('../..');
const { runChild } = require('./fixtures/child.js');

const SHORT_MS = 20;
const LIMIT = { timeout: 60000 };

// One context with every way not to end; `calls` counts since it was made.
const context = () => {
  let calls = 0;
  const cell = () => new Int32Array(new SharedArrayBuffer(4));
  const ways = {
    'a loop': () => { for (;;); },
    'a loop that catches': () => { for (;;) try { for (;;); } catch {} finally { calls += 1; } },
    'a regular expression': () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
    'a sort comparator': () => [3, 2, 1].sort(() => { for (;;); }),
    'JSON.parse': () => { const text = JSON.stringify(new Array(1e4).fill({ a: [1] })); for (;;) JSON.parse(text); },
    'JSON.stringify': () => { const value = new Array(1e4).fill({ a: [1] }); for (;;) JSON.stringify(value); },
    'a getter of the result': () => ({ get x() { for (;;); } }),
    'a getter of the error': () => { throw Object.defineProperty(new Error('x'), 'message', { get() { for (;;); } }); },
    'a getter that is asked for then': () => ({ get then() { for (;;); } }),
    'a getter of the prototype that is': () => Object.create({ get then() { for (;;); } }),
    'a thenable': () => ({ then() { for (;;); } }),
    'endless microtasks': async () => { for (;;) await null; },
    'microtasks of their own': () => { const f = () => { Promise.resolve().then(f); }; f(); return new Promise(() => {}); },
    'an await that never ends': () => new Promise(() => {}),
    'Atomics.wait': () => Atomics.wait(cell(), 0, 0),
    'Atomics.wait in a loop': () => { const i = cell(); for (;;) Atomics.wait(i, 0, 0, 1); },
    'Atomics.waitAsync': () => Atomics.waitAsync(cell(), 0, 0).value,
    'a console that is full': () => { for (;;) console.debug('x'.repeat(1000)); },
  };
  return (way) => {
    calls += 1;
    return way === 'calls' ? calls : ways[way]();
  };
};

const ways = [
  'a loop', 'a loop that catches', 'a regular expression', 'a sort comparator', 'JSON.parse', 'JSON.stringify',
  'a getter of the result', 'a getter of the error', 'a thenable', 'endless microtasks', 'microtasks of their own',
  'an await that never ends', 'Atomics.wait', 'Atomics.wait in a loop', 'Atomics.waitAsync', 'a console that is full',
];
const BUSY = ways.filter((way) => !/await|Atomics|console/.test(way));

console.debug = () => {};

const rejection = (promise) => promise.then((value) => assert.fail(`resolved with ${value}`), (error) => error);

// A loop of slow builtins may take a while to be stopped: on Node 26 one of JSON.stringify takes a
// second. That is not what these tests are about.
const PATIENT = { interruptGrace: 60000 };

function isTimeout(error) {
  assert.ok(error instanceof ThreadError && error instanceof Error, String(error));
  assert.strictEqual(error.code, 'ERR_THREAD_TIMEOUT');
  assert.strictEqual(error.name, 'TimeoutError');
  assert.match(error.message, /timeout/i);
}

function isAbort(error, reason) {
  assert.ok(error instanceof ThreadError, String(error));
  assert.strictEqual(error.code, 'ABORT_ERR');
  assert.strictEqual(error.name, 'AbortError');
  assert.strictEqual(error.cause, reason);
}

// Aborts when the thread has certainly begun: it says so in shared memory.
function abortWhenBegun(flag, controller, reason) {
  const look = () => (Atomics.load(flag, 0) === 1 ? controller.abort(reason) : setImmediate(look));
  look();
}

describe('timeout', LIMIT, () => {
  for (const way of ways) {
    test(`stops ${way}; the same thread goes on, with a new context`, async () => {
      const pool = new ThreadPool(context, 1, PATIENT);
      const [before] = (await pool.ready, pool.stats().perThread);
      isTimeout(await rejection(pool.runWith({ timeout: SHORT_MS }, way)));
      assert.strictEqual(await pool.run('calls'), 1);
      assert.strictEqual(await pool.run('calls'), 2);
      const after = pool.stats();
      assert.deepStrictEqual(after.perThread.map(({ id }) => id), [before.id]);
      assert.strictEqual(after.respawned, 0);
      assert.strictEqual(after.lost, 0);
      await pool.dispose();
    });
  }

  test('of a Thread, again and again', async () => {
    const thread = new Thread(context, PATIENT);
    await thread.ready;
    for (let i = 0; i < 30; i++) {
      isTimeout(await rejection(thread.runWith({ timeout: 5 }, ways[i % ways.length])));
      assert.strictEqual(await thread.runWith({ timeout: Infinity }, 'calls'), 1);
    }
    await thread.dispose();
  });

  test('lets the run alone that ends in time, and the next one too', async () => {
    const thread = new Thread(context, PATIENT);
    for (let i = 1; i <= 100; i++) assert.strictEqual(await thread.runWith({ timeout: 10000 }, 'calls'), i);
    await thread.dispose();
  });

  test('counts from the start in the thread, and not from the call', async () => {
    const pool = new ThreadPool(() => (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; }, 1);
    const first = pool.run(500);
    const rest = [0, 1, 2].map(() => pool.runWith({ timeout: 200 }, 0));
    assert.strictEqual(await first, 500);
    assert.deepStrictEqual(await Promise.all(rest), [0, 0, 0]);
    await pool.dispose();
  });

  test('of a constructor is the default, and of a run comes before it', async () => {
    const thread = new Thread(context, { ...PATIENT, timeout: SHORT_MS });
    isTimeout(await rejection(thread.run('a loop')));
    isTimeout(await rejection(thread.runWith({}, 'a loop')));
    isTimeout(await rejection(thread.runWith({ timeout: undefined }, 'an await that never ends')));
    await thread.dispose();

    const slow = new Thread(() => (ms) => { const end = Date.now() + ms; while (Date.now() < end); return 'slow'; }, { timeout: 50 });
    assert.strictEqual(await slow.runWith({ timeout: Infinity }, 300), 'slow');
    assert.strictEqual(await slow.runWith({ timeout: 60000 }, 300), 'slow');
    isTimeout(await rejection(slow.run(60000)));
    await slow.dispose();
  });

  test('bounds the evaluation of the context', async () => {
    for (const endless of [() => { for (;;); }, () => new Promise(() => {}), async () => { for (;;) await null; }]) {
      const thread = new Thread(endless, { timeout: SHORT_MS });
      isTimeout(await rejection(thread.ready));
      isTimeout(await rejection(thread.run()));
      await thread.dispose();
      const pool = new ThreadPool(endless, 2, { timeout: SHORT_MS });
      isTimeout(await rejection(pool.run()));
      await pool.dispose();
    }
  });

  test('has the caller in its stack, and the code and name among what is read', async () => {
    const thread = new Thread(context, { ...PATIENT, name: 'slow one' });
    async function callerOfRun() {
      await thread.runWith({ timeout: SHORT_MS }, 'a loop');
    }
    const error = await rejection(callerOfRun());
    assert.match(error.stack, /^TimeoutError: /);
    assert.match(error.stack, /callerOfRun/);
    assert.match(error.message, /thread "slow one"/);
    await thread.dispose();
  });

  test('of one run is not that of others on other threads', async () => {
    const pool = new ThreadPool(() => async (loops) => { if (loops) for (;;); return 'good'; }, 3);
    const runs = Array.from({ length: 60 }, (_, i) => pool.runWith({ timeout: i % 3 === 0 ? 5 : Infinity }, i % 3 === 0).catch((error) => error.code));
    const results = await Promise.all(runs);
    results.forEach((result, i) => assert.strictEqual(result, i % 3 === 0 ? 'ERR_THREAD_TIMEOUT' : 'good'));
    await pool.dispose();
  });

  test('that comes as the run ends hurts neither it nor the next', async () => {
    const other = new Thread(() => (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; });
    await other.ready;
    for (let i = 0; i < 100; i++) {
      const outcome = await other.runWith({ timeout: 3 }, i % 6).catch((error) => error.code);
      assert.ok(outcome === i % 6 || outcome === 'ERR_THREAD_TIMEOUT', String(outcome));
      assert.strictEqual(await other.runWith({ timeout: 60000 }, 0), 0);
    }
    await other.dispose();
  });
});

describe('cpuTimeout', LIMIT, () => {
  for (const way of BUSY) {
    test(`stops ${way}`, async () => {
      const thread = new Thread(context, PATIENT);
      const error = await rejection(thread.runWith({ cpuTimeout: SHORT_MS }, way));
      assert.strictEqual(error.code, 'ERR_THREAD_CPU_TIMEOUT');
      assert.strictEqual(error.name, 'TimeoutError');
      assert.strictEqual(await thread.run('calls'), 1);
      await thread.dispose();
    });
  }

  test('does not count what is awaited', async () => {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Thread(() => async (flag) => { await Atomics.waitAsync(flag, 0, 0).value; return 'waited'; });
    const run = thread.runWith({ cpuTimeout: 100 }, flag);
    await new Promise((resolve) => { setTimeout(resolve, 400); });
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    assert.strictEqual(await run, 'waited');
    await thread.dispose();
  });

  test('does not count other runs of the thread', async () => {
    const thread = new Thread(() => (ms) => { const end = Date.now() + ms; while (Date.now() < end); return ms; });
    for (let i = 0; i < 10; i++) assert.strictEqual(await thread.runWith({ cpuTimeout: 1000 }, 150), 150);
    await thread.dispose();
  });

  test('is a default of the constructor, and ends a context', async () => {
    const thread = new Thread(context, { ...PATIENT, cpuTimeout: SHORT_MS });
    assert.strictEqual((await rejection(thread.run('a loop'))).code, 'ERR_THREAD_CPU_TIMEOUT');
    const endless = new Thread(() => { for (;;); }, { cpuTimeout: SHORT_MS });
    assert.strictEqual((await rejection(endless.run())).code, 'ERR_THREAD_CPU_TIMEOUT');
    await Promise.all([thread.dispose(), endless.dispose()]);
  });

  test('and timeout together: the first that is met', async () => {
    const thread = new Thread(context, PATIENT);
    isTimeout(await rejection(thread.runWith({ cpuTimeout: 60000, timeout: SHORT_MS }, 'a loop')));
    assert.strictEqual((await rejection(thread.runWith({ cpuTimeout: SHORT_MS, timeout: 60000 }, 'a loop'))).code, 'ERR_THREAD_CPU_TIMEOUT');
    await thread.dispose();
  });
});

describe('signal', LIMIT, () => {
  for (const way of ways) {
    test(`stops ${way}`, async () => {
      const pool = new ThreadPool(`() => {
        const inner = (${context})();
        return (flag, way) => { if (flag) Atomics.store(flag, 0, 1); return inner(way); };
      }`, 1);
      const flag = new Int32Array(new SharedArrayBuffer(4));
      const controller = new AbortController();
      const reason = new Error('why');
      const run = pool.runWith({ signal: controller.signal }, flag, way);
      abortWhenBegun(flag, controller, reason);
      isAbort(await rejection(run), reason);
      assert.strictEqual(await pool.run(null, 'calls'), 1);
      assert.strictEqual(pool.stats().respawned, 0);
      await pool.dispose();
    });
  }

  test('that is aborted already starts nothing', async () => {
    const count = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Thread(() => (count) => Atomics.add(count, 0, 1));
    const reason = { any: 'value' };
    isAbort(await rejection(thread.runWith({ signal: AbortSignal.abort(reason) }, count)), reason);
    assert.strictEqual(await thread.run(count), 0);
    await thread.dispose();
  });

  test('takes what waits out of the queue at once', async () => {
    const pool = new ThreadPool(() => () => { for (;;); }, 1);
    const running = rejection(pool.run());
    while (pool.stats().running === 0) await new Promise(setImmediate);
    const controller = new AbortController();
    const waiting = pool.runWith({ signal: controller.signal });
    const others = [pool.run(), pool.run()].map(rejection);
    controller.abort('not needed');
    isAbort(await rejection(waiting), 'not needed');
    assert.strictEqual(pool.stats().queued, 2);
    await pool.dispose();
    for (const error of await Promise.all([running, ...others])) assert.strictEqual(error.code, 'ERR_THREAD_DISPOSED');
  });

  test('of AbortSignal.timeout has its reason as the cause', async () => {
    const thread = new Thread(context, PATIENT);
    const signal = AbortSignal.timeout(SHORT_MS);
    const error = await rejection(thread.runWith({ signal }, 'a loop'));
    isAbort(error, signal.reason);
    assert.strictEqual(error.cause.name, 'TimeoutError');
    await thread.dispose();
  });

  test('of many runs aborts them all, and nothing else', async () => {
    const pool = new ThreadPool(() => (loops) => { if (loops) for (;;); return 'good'; }, 2);
    const controller = new AbortController();
    const bad = Array.from({ length: 20 }, () => rejection(pool.runWith({ signal: controller.signal }, true)));
    const good = Array.from({ length: 20 }, () => pool.run(false));
    setImmediate(() => controller.abort('all'));
    for (const error of await Promise.all(bad)) isAbort(error, 'all');
    assert.deepStrictEqual(await Promise.all(good), new Array(20).fill('good'));
    await pool.dispose();
  });

  test('after the end does nothing, and holds nothing', async () => {
    const thread = new Thread(() => (n) => n);
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    signal.addEventListener = function (...args) { listeners += 1; return addEventListener.apply(this, args); };
    signal.removeEventListener = function (...args) { listeners -= 1; return removeEventListener.apply(this, args); };
    for (let i = 0; i < 50; i++) assert.strictEqual(await thread.runWith({ signal }, i), i);
    assert.ok(listeners <= 1, `${listeners} listeners are left`);
    controller.abort();
    assert.strictEqual(await thread.run(7), 7);
    await thread.dispose();
  });

  test('and dispose at once: each run is settled once', async () => {
    for (let i = 0; i < 30; i++) {
      const thread = new Thread(() => () => { for (;;); });
      const controller = new AbortController();
      const runs = [0, 1, 2].map(() => rejection(thread.runWith({ signal: controller.signal, timeout: 1 + (i % 4) })));
      if (i % 2) controller.abort();
      const ended = thread.dispose();
      if (!(i % 2)) controller.abort();
      for (const error of await Promise.all(runs)) assert.match(error.code, /^(ABORT_ERR|ERR_THREAD_(DISPOSED|TIMEOUT))$/);
      await ended;
    }
  });
});

describe('after an interrupt', LIMIT, () => {
  test('globals and prototypes are new as well', async () => {
    const thread = new Thread(() => (command) => {
      if (command === 'spoil') {
        globalThis.mark = 1;
        Array.prototype.push = null;
        delete globalThis.Map;
        for (;;);
      }
      return [typeof mark, typeof [].push, typeof Map, typeof console.log];
    });
    isTimeout(await rejection(thread.runWith({ timeout: SHORT_MS }, 'spoil')));
    assert.deepStrictEqual(await thread.run('look'), ['undefined', 'function', 'function', 'function']);
    await thread.dispose();
  });

  test('what the old context still waits for does not disturb the new one', async () => {
    const flag = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Thread(() => async (flag, command) => {
      if (command === 'count') return Atomics.load(flag, 1);
      Atomics.waitAsync(flag, 0, 0).value.then(() => { for (;;) Atomics.add(flag, 1, 1); });
      await new Promise(() => {});
    });
    const shared = new Int32Array(new SharedArrayBuffer(8));
    isTimeout(await rejection(thread.runWith({ timeout: SHORT_MS }, shared)));
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
    const after = await Promise.all(Array.from({ length: 50 }, () => thread.run(shared, 'count')));
    assert.strictEqual(after.length, 50);
    assert.strictEqual(flag[0], 0);
    await thread.dispose();
  });

  test("onInterrupt: 'keep' keeps the context", async () => {
    const thread = new Thread(context, { ...PATIENT, onInterrupt: 'keep' });
    let calls = 0;
    for (const way of ways.filter((each) => each !== 'a loop that catches')) {
      isTimeout(await rejection(thread.runWith({ timeout: SHORT_MS }, way)));
      calls += 2;
      assert.strictEqual(await thread.run('calls'), calls);
    }
    await thread.dispose();
  });

  test("onInterrupt: 'renew' is the default", async () => {
    const thread = new Thread(context, { ...PATIENT, onInterrupt: 'renew' });
    isTimeout(await rejection(thread.runWith({ timeout: SHORT_MS }, 'a loop')));
    assert.strictEqual(await thread.run('calls'), 1);
    await thread.dispose();
  });

  test('a context that cannot be made again ends the thread with its error, and nothing hangs', async () => {
    const first = new Int32Array(new SharedArrayBuffer(4));
    // The second evaluation finds what the first has left in the source: only a clock can tell them
    // apart, for a context is handed nothing.
    const thread = new Thread(`() => { if (Date.now() > ${Date.now() + 1500}) throw new Error('too late'); return () => { for (;;); }; }`);
    await thread.ready;
    isTimeout(await rejection(thread.runWith({ timeout: 1600 })));
    const error = await rejection(thread.run());
    assert.ok(error.message === 'too late' || error.cause?.message === 'too late' || error.code === 'ERR_THREAD_CONTEXT', String(error.stack));
    assert.strictEqual(first[0], 0);
    await thread.dispose();
  });

  test('keys stay with their thread, and keep their order', async () => {
    const pool = new ThreadPool(() => (n) => { if (n < 0) for (;;); return n; }, 2);
    const runs = Array.from({ length: 40 }, (_, i) => pool.runWith({ key: 'k', timeout: i % 10 === 5 ? 5 : 60000 }, i % 10 === 5 ? -1 : i).catch((error) => error.code));
    (await Promise.all(runs)).forEach((result, i) => assert.strictEqual(result, i % 10 === 5 ? 'ERR_THREAD_TIMEOUT' : i));
    await pool.dispose();
  });

  test('map goes on with the others', async () => {
    const pool = new ThreadPool(() => (n) => { if (n === 3) for (;;); return n; }, 2, { timeout: 50 });
    const seen = [];
    const error = await rejection((async () => { for await (const value of pool.map([0, 1, 2, 3, 4])) seen.push(value); })());
    isTimeout(error);
    assert.deepStrictEqual(seen, [0, 1, 2]);
    assert.strictEqual(await pool.run(9), 9);
    await pool.dispose();
  });

  test('the memory of old contexts is freed', async () => {
    const { code, stdout } = await runChild(() => {
      const thread = new Thread(() => { const held = new Array(5e5).fill(1.5); return (loops) => { if (loops) for (;;); return held.length; }; }, { memoryLimit: 64 });
      (async () => {
        for (let i = 0; i < 60; i++) await thread.runWith({ timeout: 2 }, true).catch((error) => { if (error.code !== 'ERR_THREAD_TIMEOUT') throw error; });
        console.log(await thread.run(false));
      })();
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: '500000\n' });
  });
});

describe('a builtin that cannot be interrupted', LIMIT, () => {
  test('is given up after interruptGrace: the promise rejects, the pool goes on with another thread', async () => {
    const { code, stdout, stderr } = await runChild(() => {
      const { ThreadPool } = require(root);
      const pool = new ThreadPool(() => (deaf) => (deaf ? Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1) : 'good'), 1, { timeout: 20, interruptGrace: 50 });
      (async () => {
        const [a, b] = [pool.run(true), pool.run(false)];
        console.log(await a.catch((error) => error.code), await b);
        const { lost, threads, respawned } = pool.stats();
        console.log(lost, threads, respawned);
        const { Thread } = require(root);
        const thread = new Thread(() => () => Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1), { timeout: 20, interruptGrace: 50 });
        console.log(await thread.run().catch((error) => error.code));
        console.log(await thread.run().catch((error) => [error.code, error.cause?.code].join()));
        await Promise.all([pool.dispose(), thread.dispose()]);
        console.log('disposed');
      })();
    });
    assert.strictEqual(stdout, 'ERR_THREAD_TIMEOUT good\n1 1 1\nERR_THREAD_TIMEOUT\nERR_THREAD_DISPOSED,ERR_THREAD_LOST\ndisposed\n');
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('that does come back is freed, and counted no more', async () => {
    const { code, stdout } = await runChild(() => {
      const { ThreadPool } = require(root);
      // Some seconds of one builtin call; longer than the grace on any machine, and not for ever.
      const pool = new ThreadPool(() => (steps) => (steps ? Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1, 2 ** 53 - 1 - steps) : 'good'), 1, { timeout: 10, interruptGrace: 10 });
      (async () => {
        console.log(await pool.run(5e5).catch((error) => error.code), await pool.run(0), pool.stats().lost);
        while (pool.stats().lost > 0) await new Promise((resolve) => { setTimeout(resolve, 20); });
        console.log(await pool.run(0), pool.stats().threads);
        await pool.close();
      })();
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'ERR_THREAD_TIMEOUT good 1\ngood 1\n' });
  });
});

describe('the options', () => {
  const run = () => new Thread(() => () => 1, { name: 'o' });
  const wrong = [
    ['timeout', '5', TypeError], ['timeout', NaN, RangeError], ['timeout', -1, RangeError], ['timeout', null, TypeError],
    ['cpuTimeout', true, TypeError], ['cpuTimeout', -1, RangeError], ['cpuTimeout', NaN, RangeError],
  ];
  const onlyOfConstructors = [
    ['interruptGrace', 'x', TypeError], ['interruptGrace', -5, RangeError],
    ['onInterrupt', 'stop', RangeError], ['onInterrupt', 1, TypeError],
  ];
  const onlyOfRuns = [['signal', {}, TypeError], ['signal', null, TypeError], ['signal', 'x', TypeError]];

  const refuses = (call, name, Class) => assert.throws(call, (error) => {
    assert.ok(error instanceof Class, String(error));
    assert.match(error.message, new RegExp(`^options\\.${name} must be .*Received`));
    return true;
  });

  for (const [name, value, Class] of [...wrong, ...onlyOfConstructors]) {
    test(`of constructors: ${name} ${String(value)} is a ${Class.name}`, () => {
      refuses(() => new Thread(() => () => 1, { [name]: value }), name, Class);
      refuses(() => new ThreadPool(() => () => 1, 1, { [name]: value }), name, Class);
    });
  }
  for (const [name, value, Class] of [...wrong, ...onlyOfRuns]) {
    test(`of runWith: ${name} ${String(value)} is a ${Class.name}`, async () => {
      const thread = run();
      refuses(() => thread.runWith({ [name]: value }), name, Class);
      await thread.dispose();
    });
  }

  test('runWith refuses those of constructors, and constructors those of runWith', async () => {
    const thread = run();
    for (const name of ['interruptGrace', 'onInterrupt', 'memoryLimit']) {
      assert.throws(() => thread.runWith({ [name]: undefined }), { name: 'TypeError', message: new RegExp(`^options\\.${name} is not an option`) });
    }
    assert.throws(() => new Thread(() => () => 1, { signal: new AbortController().signal }), /is not an option/);
    await thread.dispose();
  });

  test('of undefined are as if not given', async () => {
    const thread = new Thread(() => () => 1, { timeout: undefined, cpuTimeout: undefined, interruptGrace: undefined, onInterrupt: undefined });
    assert.strictEqual(await thread.runWith({ timeout: undefined, cpuTimeout: undefined, signal: undefined }), 1);
    await thread.dispose();
  });
});
