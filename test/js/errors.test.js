'use strict';

const assert = require('node:assert');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Thread, ThreadError } = require('../..');
const { runChild } = require('./fixtures/child.js');

async function caught(context, ...args) {
  try {
    await new Thread(context).run(...args);
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'run should have rejected' });
}

describe('errors', () => {
  const classes = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
  for (const [name, Class] of Object.entries(classes)) {
    test(`arrive as the class that was thrown: ${name}`, async () => {
      const error = await caught(() => (n) => { throw new globalThis[n]('the message'); }, name);
      assert.strictEqual(Object.getPrototypeOf(error), Class.prototype);
      assert.strictEqual(error.message, 'the message');
      assert.strictEqual(error.name, name);
    });
  }

  test('are told of as they are after some that there was no stack left to describe', async () => {
    const { stdout, stderr } = await runChild(`
      const thread = new Thread(() => () => {
        let tries = 0;
        const dive = () => {
          try {
            return dive();
          } catch {
            // From the bottom up, until there is stack enough.
            if (tries++ % 20 === 0) console.log(new Error('deep'));
            throw new Error('up');
          }
        };
        try {
          dive();
        } catch {
          throw new TypeError('after', { cause: new RangeError('why') });
        }
      });
      thread.run().catch((error) => console.log('caught', error instanceof TypeError, error.message, error.cause instanceof RangeError));
    `);
    assert.strictEqual(stderr, '');
    assert.match(stdout, /^caught true after true$/m);
    assert.match(stdout, /^Error: deep$/m);
  });

  test('WebAssembly errors arrive as such', async () => {
    const error = await caught(() => () => new WebAssembly.Module(new Uint8Array([1, 2, 3])));
    assert.ok(error instanceof WebAssembly.CompileError);
  });

  test('keep code, cause and own enumerable properties', async () => {
    const error = await caught(() => () => {
      const inner = Object.assign(new TypeError('inner'), { code: 'E_INNER' });
      const outer = new Error('outer', { cause: inner });
      outer.code = 'E_OUTER';
      outer.details = { list: [1, new Map([['a', 1]])] };
      outer.other = new RangeError('in a property');
      throw outer;
    });
    assert.strictEqual(error.code, 'E_OUTER');
    assert.deepStrictEqual(error.details, { list: [1, new Map([['a', 1]])] });
    assert.ok(error.other instanceof RangeError);
    assert.ok(error.cause instanceof TypeError);
    assert.strictEqual(error.cause.code, 'E_INNER');
    assert.match(error.cause.stack, /errors\.test\.js/);
    assert.ok(!Object.keys(error).includes('cause'));
    assert.deepStrictEqual(Object.keys(error), ['code', 'details', 'other']);
  });

  test('a cause that is no error, or undefined, stays what it is', async () => {
    const text = await caught(() => () => { throw new Error('m', { cause: 'because' }); });
    assert.strictEqual(text.cause, 'because');
    const none = await caught(() => () => { throw new Error('m', { cause: undefined }); });
    assert.ok(Object.hasOwn(none, 'cause'));
    const absent = await caught(() => () => { throw new Error('m'); });
    assert.ok(!Object.hasOwn(absent, 'cause'));
  });

  test('cycles of causes survive', async () => {
    const error = await caught(() => () => {
      const a = new Error('a');
      const b = new Error('b', { cause: a });
      a.cause = b;
      throw a;
    });
    assert.strictEqual(error.cause.cause, error);
  });

  test('a chain of causes too long to describe is cut, and what was thrown is kept', async () => {
    for (const length of [150, 3000, 100000]) {
      const error = await caught(() => (n) => {
        let inner = new TypeError('the first');
        for (let i = 0; i < n; i++) inner = new RangeError(`number ${i}`, { cause: inner });
        throw Object.assign(inner, { code: 'E_LAST' });
      }, length);
      assert.ok(error instanceof RangeError);
      assert.strictEqual(error.message, `number ${length - 1}`);
      assert.strictEqual(error.code, 'E_LAST');
      let depth = 0;
      let last = error;
      for (; last.cause instanceof Error; depth++) last = last.cause;
      if (length === 150) assert.strictEqual(last.message, 'the first');
      else assert.match(last.cause, /^RangeError: number \d+ \(and what is behind it/);
      assert.ok(depth >= 150);
    }
    const wide = await caught(() => () => { throw new AggregateError(Array.from({ length: 1000 }, (_, i) => new Error(`e${i}`))); });
    assert.strictEqual(wide.errors.length, 1000);
  });

  test('AggregateError keeps its errors', async () => {
    const error = await caught(() => () => Promise.any([Promise.reject(new TypeError('one')), Promise.reject(2)]));
    assert.ok(error instanceof AggregateError);
    assert.strictEqual(error.errors.length, 2);
    assert.ok(error.errors[0] instanceof TypeError);
    assert.strictEqual(error.errors[1], 2);
  });

  test('SuppressedError keeps both its errors', { skip: typeof SuppressedError === 'undefined' }, async () => {
    const error = await caught(() => () => {
      throw new SuppressedError(Object.assign(new RangeError('new'), { code: 'E_NEW' }), { old: 1 }, 'both');
    });
    assert.ok(error instanceof SuppressedError);
    assert.ok(error.error instanceof RangeError);
    assert.strictEqual(error.error.code, 'E_NEW');
    assert.deepStrictEqual(error.suppressed, { old: 1 });
    assert.deepStrictEqual(Object.keys(error), []);
  });

  test('subclasses fall back to the nearest built-in class and keep their name', async () => {
    const error = await caught(() => {
      class ParseError extends SyntaxError {
        constructor(message, line) {
          super(message);
          this.name = 'ParseError';
          this.line = line;
        }
      }
      return () => { throw new ParseError('unexpected', 7); };
    });
    assert.ok(error instanceof SyntaxError);
    assert.strictEqual(error.name, 'ParseError');
    assert.strictEqual(error.line, 7);
    assert.match(String(error), /^ParseError: unexpected/);
  });

  const values = [undefined, null, 0, 'text', 10n, { code: 1 }, [1, 2]];
  for (const value of values) {
    test(`values that are no errors arrive as they are: ${JSON.stringify(typeof value === 'bigint' ? '10n' : value)}`, async () => {
      const thread = new Thread(() => async (v) => { throw v; });
      let thrown;
      await thread.run(value).then(() => assert.fail('should reject'), (reason) => (thrown = { reason }));
      assert.deepStrictEqual(thrown.reason, value);
    });
  }

  test('a thrown value that cannot be cloned is told of', async () => {
    const error = await caught(() => () => { throw () => 1; });
    assert.strictEqual(error.code, 'ERR_THREAD_NOT_CLONEABLE');
    assert.match(error.message, /^the thrown value is a function/);
  });

  test('a property that cannot be cloned does not cost the error', async () => {
    const error = await caught(() => () => { throw Object.assign(new Error('kept'), { fn() {}, fine: 1 }); });
    assert.strictEqual(error.message, 'kept');
    assert.strictEqual(error.fine, 1);
    assert.match(error.fn, /function/);
  });

  test('errors that fight back are still settled', async () => {
    for (const context of [
      () => () => { throw new Proxy(new Error('x'), { get() { throw new Error('trap'); } }); },
      () => () => { const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw 1; } }); throw e; },
      () => () => { const e = new Error('x'); Object.setPrototypeOf(e, null); throw e; },
      () => () => { const e = new Error('x'); e.stack = { not: 'a string' }; throw e; },
      () => () => { Error.prepareStackTrace = () => { throw new Error('no'); }; throw new Error('x'); },
      () => () => { delete globalThis.Error; Object.keys = null; throw new TypeError('x'); },
      () => { const f = () => f(); return f; },
    ]) {
      assert.ok((await caught(context)) instanceof Error);
    }
  });

  test('the stack shows the frames in the thread, at the line of this file, then those of the caller', async () => {
    const thread = new Thread(() => {
      function thrower() {
        throw new Error('where'); // line A
      }
      return () => thrower();
    });
    const line = require('node:fs').readFileSync(__filename, 'utf8').split('\n').findIndex((text) => text.includes('// line A')) + 1;
    async function theCaller() {
      return await thread.run();
    }
    await assert.rejects(theCaller(), (error) => {
      const lines = error.stack.split('\n');
      assert.strictEqual(lines[0], 'Error: where');
      assert.match(lines[1], new RegExp(`at thrower \\(${__filename.replace(/[/.]/g, '\\$&')}:${line}:`));
      assert.ok(lines.slice(2).some((text) => /theCaller/.test(text)), error.stack);
      assert.doesNotMatch(error.stack, /prelude/);
      return true;
    });
  });

  test('a run that fails before its caller looks shows the caller', async () => {
    const thread = new Thread(() => (n) => {
      if (n < 0) throw new RangeError('negative');
      return n;
    });
    // Not async: V8 would add it by itself.
    const theCaller = () => thread.run(-1);
    // So brief that the core is lent to the thread when it is woken.
    for (let i = 0; i < 700; i++) assert.strictEqual(await thread.run(i), i);
    // With pauses longer than those in which stacks are counted: see iso_host_may_trace.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => { setTimeout(resolve, 25); });
      const error = await theCaller().catch((reason) => reason);
      assert.match(error.stack, /theCaller/);
    }
    await thread.dispose();
  });

  test('in a burst, where stacks are not kept, the awaiting caller still shows', async () => {
    const thread = new Thread(() => (i) => { throw new Error(`number ${i}`); });
    async function theCaller(i) {
      await thread.run(i);
    }
    const results = await Promise.allSettled(Array.from({ length: 500 }, (_, i) => theCaller(i)));
    for (const [i, { reason }] of results.entries()) {
      assert.strictEqual(reason.message, `number ${i}`);
      assert.match(reason.stack, /theCaller/);
      assert.doesNotMatch(reason.stack, /rejectionOf/);
    }
  });

  test('a name from outside the context is a ReferenceError that says why', async () => {
    const outer = 1;
    const error = await caught(() => () => outer + 1);
    assert.ok(error instanceof ReferenceError);
    assert.match(error.message, /^outer is not defined\. A context cannot see variables from outside itself/);
    assert.match(error.stack, new RegExp(path.basename(__filename)));
    const inContext = await caught(() => { const x = outer; return () => x; });
    assert.match(inContext.message, /^outer is not defined\. A context cannot see/);
  });

  test('what the library itself says is a ThreadError with a code', async () => {
    const thread = new Thread(() => () => 1, { name: 'small' });
    await thread.dispose();
    await assert.rejects(thread.run(), (error) => {
      assert.ok(error instanceof ThreadError);
      assert.ok(error instanceof Error);
      assert.strictEqual(error.code, 'ERR_THREAD_DISPOSED');
      assert.match(error.message, /thread "small"/);
      return true;
    });
  });
});
