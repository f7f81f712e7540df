'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { runChild } = require('./fixtures/child.js');

// Runs a context's function in a child; what its console printed.
async function printed(context, { after = '' } = {}) {
  const result = await runChild(`
    const thread = new Thread(${context}, { name: 'logger' });
    thread.run().then((value) => { console.log('settled', value); ${after} });
  `);
  assert.strictEqual(result.code, 0, result.stderr);
  return result;
}

describe('console', () => {
  test('prints through the host\'s console, in order, before the promise settles', async () => {
    const { stdout, stderr } = await printed(() => () => {
      for (let i = 0; i < 5; i++) console.log('line', i);
      console.error('to stderr');
      return 'done';
    });
    assert.strictEqual(stdout, 'line 0\nline 1\nline 2\nline 3\nline 4\nsettled done\n');
    assert.strictEqual(stderr, 'to stderr\n');
  });

  test('values keep their shape and are inspected by the host', async () => {
    const { stdout } = await printed(() => () => {
      console.log('%s is %d', 'x', 42, { a: { b: { c: { d: 1 } } } }, [1, 2], new Map([['k', new Set([1])]]), null, undefined, 10n);
      console.log(new Date(0), /re/g, new Uint8Array(3), -0);
    });
    const [first, second] = stdout.split('\n');
    assert.strictEqual(first, "x is 42 { a: { b: { c: [Object] } } } [ 1, 2 ] Map(1) { 'k' => Set(1) { 1 } } null undefined 10n");
    assert.strictEqual(second, '1970-01-01T00:00:00.000Z /re/g Uint8Array(3) [ 0, 0, 0 ] -0');
  });

  test('what cannot be cloned prints as a placeholder, at any depth', async () => {
    const { stdout } = await printed(() => () => {
      function named() {}
      console.log(named, Symbol('s'), { f: named, ok: 1, deep: [Symbol.iterator, new WeakMap()] }, new Map([['k', named]]));
      console.log({ get bad() { throw new Error('x'); } }, Promise.resolve(1), new Proxy({ a: named }, {}));
      const cycle = { named };
      cycle.self = cycle;
      console.log(cycle);
    });
    const [first, second, ...third] = stdout.split('\n');
    assert.strictEqual(first, "[Function: named] Symbol(s) {");
    assert.match(stdout, /f: \[Function: named\],\n {2}ok: 1,\n {2}deep: \[ Symbol\(Symbol\.iterator\), \[WeakMap\] \]/);
    assert.match(stdout, /Map\(1\) \{ 'k' => \[Function: named\] \}/);
    assert.match(stdout, /\{ bad: \[Getter that threw\] \} \[Promise\] \{ a: \[Function: named\] \}/);
    assert.match(stdout, /<ref \*1> \{ named: \[Function: named\], self: \[Circular \*1\] \}/);
    assert.ok(second !== undefined && third.length > 0);
  });

  test('errors keep their class, stack, code and cause', async () => {
    const { stderr } = await printed(() => () => {
      console.error(Object.assign(new TypeError('boom', { cause: new Error('why') }), { code: 'E_BOOM' }));
    });
    assert.match(stderr, /TypeError: boom\n +at /);
    assert.match(stderr, /code: 'E_BOOM'/);
    assert.match(stderr, /\[cause\]: Error: why/);
  });

  test('every method of the standard console is there', async () => {
    const methods = ['assert', 'clear', 'count', 'countReset', 'debug', 'dir', 'dirxml', 'error', 'group', 'groupCollapsed',
      'groupEnd', 'info', 'log', 'table', 'time', 'timeEnd', 'timeLog', 'trace', 'warn'];
    const { stdout } = await printed(`() => () => ${JSON.stringify(methods)}.filter((m) => typeof console[m] !== 'function').join()`);
    assert.strictEqual(stdout, 'settled \n');
  });

  test('groups indent, and do not indent the host after the thread', async () => {
    const { stdout } = await printed(() => () => {
      console.group('outer');
      console.log('in\nside');
      console.groupCollapsed();
      console.info('deeper');
      console.groupEnd();
      console.debug('back');
      console.group();
    });
    assert.strictEqual(stdout, 'outer\n  in\n  side\n    deeper\n  back\nsettled undefined\n');
  });

  test('assert, count, table, dir and time', async () => {
    const { stdout, stderr } = await printed(() => () => {
      console.assert(true, 'not printed');
      console.assert(false, 'printed', { a: 1 });
      console.assert(false);
      console.count();
      console.count();
      console.count('x');
      console.countReset();
      console.countReset('missing');
      console.count();
      console.table([{ a: 1 }]);
      console.dir({ a: { b: { c: { d: 1 } } } }, { depth: 0 });
      console.time('t');
      console.timeLog('t', 'extra');
      console.timeEnd('t');
      console.timeEnd('t');
    });
    assert.match(stderr, /^Assertion failed: printed \{ a: 1 \}\nAssertion failed\n/);
    assert.match(stderr, /Count for 'missing' does not exist/);
    assert.match(stderr, /No such label 't' for console\.timeEnd\(\)/);
    assert.match(stdout, /^default: 1\ndefault: 2\nx: 1\ndefault: 1\n/);
    assert.match(stdout, /\(index\)/);
    assert.match(stdout, /\{ a: \[Object\] \}/);
    assert.match(stdout, /t: [\d.]+ms extra\nt: [\d.]+ms\n/);
  });

  test('trace shows the stack in the thread', async () => {
    const { stderr } = await printed(() => {
      function tracer() {
        console.trace('at %s', 'here');
      }
      return () => tracer();
    });
    assert.match(stderr, /^Trace: at here\n +at tracer \(/);
    assert.doesNotMatch(stderr, /prelude|console\.js/);
  });

  // A sanitizer keeps freed memory for a while, so the size of the process says nothing.
  test('a thread that logs without end is held back, and can be disposed', { skip: Boolean(process.env.ISO_PRELOAD) }, async () => {
    const { code, stdout, stderr } = await runChild(() => {
      let printed = 0;
      console.log = () => { printed += 1; };
      const thread = new Thread(() => () => {
        const text = 'x'.repeat(10000);
        for (;;) console.log(text);
      });
      const run = thread.run();
      const before = process.memoryUsage.rss();
      // The main loop is blocked: nothing is printed meanwhile, and nothing may pile up.
      setTimeout(() => {
        const end = Date.now() + 1000;
        while (Date.now() < end);
        const grown = (process.memoryUsage.rss() - before) / 1024 / 1024;
        process.stdout.write(`grown by less than 100 MB: ${grown < 100}\n`);
        thread.dispose();
      }, 200);
      run.catch((error) => process.stdout.write(`${error.code} ${printed > 0}\n`));
    });
    assert.strictEqual(stderr, '');
    assert.strictEqual(stdout, 'grown by less than 100 MB: true\nERR_THREAD_DISPOSED true\n');
    assert.strictEqual(code, 0);
  });

  test('100,000 calls all arrive', async () => {
    const { stdout } = await runChild(() => {
      let count = 0;
      const { log } = console;
      console.log = (i) => { if (i !== count++) log('out of order', i); };
      new Thread(() => () => { for (let i = 0; i < 1e5; i++) console.log(i); }).run().then(() => log(count));
    });
    assert.strictEqual(stdout, '100000\n');
  });

  test('a console of the host that throws hurts nothing', async () => {
    const { code, stdout } = await runChild(() => {
      console.info = () => { throw new Error('broken console'); };
      new Thread(() => () => { console.info('x'); return 1; }).run().then((v) => console.log('settled', v));
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'settled 1\n' });
  });
});
