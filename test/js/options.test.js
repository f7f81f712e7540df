'use strict';

const assert = require('node:assert');
const { describe, test } = require('node:test');
const { Thread } = require('../..');

const context = () => () => 1;

describe('options', () => {
  const wrong = [
    ['null', null, TypeError, 'options must be an object. Received null'],
    ['a number', 5, TypeError, 'options must be an object. Received number 5'],
    ['an array', [], TypeError, 'options must be an object. Received []'],
    ['an unknown option', { memorylimit: 5 }, TypeError, 'options.memorylimit is not an option. Known are: memoryLimit, codeGeneration, name, filename, timeout, cpuTimeout, interruptGrace, onInterrupt, spares'],
    ['memoryLimit as text', { memoryLimit: '64' }, TypeError, "options.memoryLimit must be a number of megabytes, 8 or more. Received string '64'"],
    ['memoryLimit too small', { memoryLimit: 7 }, RangeError, 'options.memoryLimit must be a number of megabytes, 8 or more. Received number 7'],
    ['memoryLimit NaN', { memoryLimit: NaN }, RangeError, 'options.memoryLimit must be a number of megabytes, 8 or more. Received number NaN'],
    ['memoryLimit null', { memoryLimit: null }, TypeError, 'options.memoryLimit must be a number of megabytes, 8 or more. Received null'],
    ['codeGeneration a boolean', { codeGeneration: false }, TypeError, "options.codeGeneration must be an object with booleans 'strings' and 'wasm'. Received boolean false"],
    ['codeGeneration of what is unknown', { codeGeneration: { eval: false } }, TypeError, 'options.codeGeneration.eval is not an option. Known are: strings, wasm'],
    ['codeGeneration of no boolean', { codeGeneration: { wasm: 0 } }, TypeError, 'options.codeGeneration.wasm must be a boolean. Received number 0'],
    ['name a number', { name: 1 }, TypeError, 'options.name must be a string. Received number 1'],
    ['name empty', { name: '' }, RangeError, "options.name must be a string that is not empty. Received string ''"],
    ['filename a function', { filename() {} }, TypeError, 'options.filename must be a string. Received a function (filename)'],
  ];
  for (const [name, options, Class, message] of wrong) {
    test(`are refused at the call: ${name}`, () => {
      assert.throws(() => new Thread(context, options), (error) => {
        assert.ok(error instanceof Class, `${error}`);
        assert.strictEqual(error.message, message);
        assert.match(error.code, /^ERR_(INVALID_ARG|OUT_OF_RANGE)/);
        return true;
      });
    });
  }

  test('may be absent, undefined, or all given', async () => {
    for (const options of [undefined, {}, { memoryLimit: undefined }, { memoryLimit: 64, name: 'n', filename: '/x.js' }, { codeGeneration: {} }, { codeGeneration: { wasm: undefined } }]) {
      assert.strictEqual(await new Thread(context, options).run(), 1);
    }
  });

  test('name is there to read, and counted up by default', () => {
    assert.strictEqual(new Thread(context, { name: 'resize' }).name, 'resize');
    const [a, b] = [new Thread(context), new Thread(context)];
    assert.strictEqual(Number(b.name), Number(a.name) + 1);
  });

  test('Thread needs new', () => {
    assert.throws(() => Thread(context), TypeError);
    assert.throws(() => Thread.prototype.run.call({}), TypeError);
  });
});
