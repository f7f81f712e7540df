'use strict';

const assert = require('node:assert');
const fs = require('node:fs');
const { describe, test } = require('node:test');
const { Thread } = require('../..');
const { runChild } = require('./fixtures/child.js');

const lineOf = (mark) => fs.readFileSync(__filename, 'utf8').split('\n').findIndex((text) => text.includes(mark)) + 1;
const columnOf = (mark, text) => {
  const line = fs.readFileSync(__filename, 'utf8').split('\n')[lineOf(mark) - 1];
  return line.indexOf(text) + 1;
};

describe('context', () => {
  const holder = {
    method() { return (n) => n + 1; },
    async asyncMethod() { return (n) => n + 1; },
    'quoted name'() { return (n) => n + 1; },
    function() { return (n) => n + 1; },
    async() { return (n) => n + 1; },
    get() { return (n) => n + 1; },
  };
  class Holder {
    static staticMethod() { return (n) => n + 1; }
    method() { return (n) => n + 1; }
  }
  const kinds = {
    'arrow function': () => (n) => n + 1,
    'arrow function with a body': () => { return (n) => n + 1; },
    'async arrow function': async () => (n) => n + 1,
    'arrow function with a parameter': (unused) => (n) => n + 1, // eslint-disable-line no-unused-vars
    'arrow function, bare parameter': unused => n => n + 1, // eslint-disable-line no-unused-vars
    function: function () { return (n) => n + 1; },
    'named function': function named() { return (n) => n + 1; },
    'async function': async function () { return (n) => n + 1; },
    'function with a comment': function /* ( */ commented(/* ) */) { return (n) => n + 1; },
    'method shorthand': holder.method,
    'async method shorthand': holder.asyncMethod,
    'method with a quoted name': holder['quoted name'],
    'method named function': holder.function,
    'method named async': holder.async,
    'method named get': holder.get,
    'method of a class': new Holder().method,
    'static method of a class': Holder.staticMethod,
    'source of an arrow function': '() => (n) => n + 1',
    'source of a function': 'function () { return (n) => n + 1 }',
    'source with a comment at its end': '() => (n) => n + 1 // done',
    'script whose last value is the context': 'const one = 1;\nfunction help(n) { return n + one }\n(() => help)',
    'promise of a function': () => Promise.resolve((n) => n + 1),
    'returns a method': () => ({ add(n) { return n + 1; } }).add,
    'returns an async function': () => async (n) => n + 1,
  };
  for (const [name, context] of Object.entries(kinds)) {
    test(`may be: ${name}`, async () => {
      const thread = new Thread(context);
      await thread.ready;
      assert.strictEqual(await thread.run(1), 2);
    });
  }

  test('is evaluated once', async () => {
    const thread = new Thread(() => {
      globalThis.evaluations = (globalThis.evaluations ?? 0) + 1;
      return () => globalThis.evaluations;
    });
    await thread.run();
    assert.strictEqual(await thread.run(), 1);
  });

  const wrongAtOnce = [
    ['undefined', undefined, /^context must be a function .* Received undefined$/],
    ['a number', 42, /^context must be a function .* Received number 42$/],
    ['an object', { a: 1 }, /^context must be a function .* Received \{ a: 1 \}$/],
    ['an empty string', '  ', /^context must not be empty/],
    ['a native function', Math.max, /native or bound/],
    ['a bound function', (() => () => 1).bind(null), /native or bound/],
    ['a class', class A {}, /not a class/],
    ['a proxy', new Proxy(() => () => 1, {}), /native or bound/],
  ];
  for (const [name, context, pattern] of wrongAtOnce) {
    test(`throws a TypeError at the constructor: ${name}`, () => {
      assert.throws(() => new Thread(context), (error) => {
        assert.ok(error instanceof TypeError);
        assert.match(error.message, pattern);
        assert.match(error.code, /^ERR_INVALID_ARG/);
        return true;
      });
    });
  }

  const failing = [
    ['returns no function', () => 42, TypeError, /must return the function that run\(\) calls. It returned number/],
    ['returns null', () => null, TypeError, /It returned null/],
    ['returns a promise of no function', async () => ({}), TypeError, /It returned object/],
    ['has a syntax error', '() => { return (', SyntaxError, /./],
    ['is no function', '42', TypeError, /must be a function or the source of one/],
    ['throws', () => { throw new RangeError('at the start'); }, RangeError, /^at the start$/],
    ['rejects', async () => { throw new RangeError('at the start'); }, RangeError, /^at the start$/],
    ['uses Node', () => { const fs = require('fs'); return () => fs; }, ReferenceError, /require is not defined.*nor anything of Node/],
  ];
  for (const [name, context, Class, pattern] of failing) {
    test(`that ${name}: ready and every run reject with that`, async () => {
      const thread = new Thread(context);
      const early = thread.run();
      const check = (error) => {
        assert.ok(error instanceof Class, error);
        assert.match(error.message, pattern);
        return true;
      };
      await assert.rejects(early, check);
      await assert.rejects(thread.ready, check);
      await assert.rejects(thread.run(1), check);
      await assert.rejects(thread.run(1), check);
      await thread.dispose();
      await assert.rejects(thread.run(1), check);
    });
  }

  test('each rejection has an error object of its own', async () => {
    const thread = new Thread(() => { throw new Error('once'); });
    const [one, two] = await Promise.allSettled([thread.run(), thread.run()]);
    assert.notStrictEqual(one.reason, two.reason);
  });

  test('a failing ready that nobody looks at is no unhandled rejection', async () => {
    const { code, stderr } = await runChild(() => {
      const thread = new Thread(() => { throw new Error('nobody looks'); });
      void thread.ready;
      setTimeout(() => {}, 200);
    });
    assert.deepStrictEqual({ code, stderr }, { code: 0, stderr: '' });
  });

  test('ready is one promise, and keeps the process until it settles', async () => {
    const thread = new Thread(() => () => 1);
    assert.strictEqual(thread.ready, thread.ready);
    assert.strictEqual(await thread.ready, undefined);
    const { code, stdout } = await runChild(() => {
      new Thread(() => () => 1).ready.then(() => console.log('ready'));
    });
    assert.deepStrictEqual({ code, stdout }, { code: 0, stdout: 'ready\n' });
  });

  describe('positions in stacks are those of the user\'s file', () => {
    const positions = {
      'arrow function': [() => () => { throw new Error('here'); /* P1 */ }, 'P1'],  
      'async arrow': [async () => () => { throw new Error('here'); /* P2 */ }, 'P2'],  
      function: [function () { return () => { throw new Error('here'); /* P3 */ }; }, 'P3'],  
      'async function': [async function name() { return () => { throw new Error('here'); /* P4 */ }; }, 'P4'],  
      method: [{ method() { return () => { throw new Error('here'); /* P5 */ }; } }.method, 'P5'],  
      'async method': [{ async method() { return () => { throw new Error('here'); /* P6 */ }; } }.method, 'P6'],  
    };
    for (const [name, [context, mark]] of Object.entries(positions)) {
      test(name, async () => {
        await assert.rejects(new Thread(context).run(), (error) => {
          const column = columnOf(`${mark} */`, 'new Error');
          assert.ok(error.stack.includes(`${__filename}:${lineOf(`${mark} */`)}:${column}`), error.stack);
          return true;
        });
      });
    }

    test('also lines further down, and the context itself', async () => {
      const context = () => {
        const a = 1;

        const b = a + 1;
        throw new Error(`in the context ${b}`); // P7
      };
      await assert.rejects(new Thread(context).ready, (error) => {
        assert.ok(error.stack.includes(`${__filename}:${lineOf('// P7')}:15`), error.stack);
        return true;
      });
    });

    test('a syntax error says where it is', async () => {
      for (const [source, message, place] of [
        ['() => {\n\n  let x = 1;\n  let x = 2 }', "Identifier 'x' has already been declared", '4:7'],
        ['work() {\n  return b c }', "Unexpected identifier( 'c')?", '2:12'],
        ['const a = 1;\nconst b = ;\n() => () => a', "Unexpected token ';'", '2:11'],
        ['() => a b', "Unexpected identifier( 'b')?", '1:9'],
        ['() => {', 'Unexpected end of input', '1:8'],
      ]) {
        await assert.rejects(new Thread(source, { filename: '/virtual/job.js' }).run(), (error) => {
          assert.ok(error instanceof SyntaxError);
          assert.match(error.stack, new RegExp(`^SyntaxError: ${message}\n +at /virtual/job\\.js:${place}(?!\\d)`));
          return true;
        });
      }
    });

    test('a SyntaxError of the code itself is not taken for one of its source', async () => {
      const thread = new Thread('globalThis.evaluated = (globalThis.evaluated ?? 0) + 1; JSON.parse("{")');
      await assert.rejects(thread.ready, /^SyntaxError: .*JSON/);
      const counting = new Thread('(globalThis.n ??= 0, globalThis.n += 1, (() => () => globalThis.n))');
      assert.strictEqual(await counting.run(), 1);
    });

    test('filename names the source of a string', async () => {
      const thread = new Thread('() => () => {\n  throw new Error("x") }', { filename: '/virtual/job.js' });
      await assert.rejects(thread.run(), (error) => {
        assert.match(error.stack, /at .*\/virtual\/job\.js:2:9/);
        return true;
      });
      await assert.rejects(new Thread('() => {\n\n  let let = 1 }', { filename: '/virtual/job.js' }).ready, SyntaxError);
    });
  });
});
