'use strict';

// What works on a long text, or makes one, without a check in between: V8 lets one large object
// through its limit until it next collects. So what is too large already is found before. Short
// texts cost a comparison.
//
// These are methods and no Proxies, which would be several times slower.

const { apply, getOwnPropertyDescriptor, defineProperty } = require('../../lib/primordials.js');

const LONG = 1e6;
// V8 refuses by itself what is longer than any string may be.
const LONGEST = 2 ** 30;

module.exports = function limitText({ checkMemory }) {
  // Refused, the loop is where V8 ends this.
  const check = (bytes) => {
    if (bytes > LONG && bytes < LONGEST) while (!checkMemory(bytes));
  };
  const lengthOf = (value) => (typeof value === 'string' ? value.length : 0);
  const numberOf = (value) => (typeof value === 'number' ? value : 0);

  // `make(original)` is an object with the method that takes its place.
  function replace(object, key, make) {
    const descriptor = getOwnPropertyDescriptor(object, key);
    descriptor.value = make(descriptor.value)[key];
    defineProperty(object, key, descriptor);
  }

  // V8's parser has a table in plain memory that may be eight times the text.
  replace(JSON, 'parse', (parse) => ({
    parse(text, reviver) {
      check(lengthOf(text));
      return parse(text, reviver);
    },
  }));
  // V8 has a faster way from 13.8 on, where neither of the others is given, which collects the text
  // in plain memory until it is done.
  replace(JSON, 'stringify', (stringify) => ({
    stringify(value, replacer, space) {
      return stringify(value, replacer === undefined ? null : replacer, space);
    },
  }));
  replace(String.prototype, 'repeat', (repeat) => ({
    repeat(count) {
      check(lengthOf(this) * numberOf(count));
      return apply(repeat, this, [count]);
    },
  }));
  replace(String.prototype, 'padStart', (padStart) => ({
    padStart(maxLength, ...fill) {
      check(numberOf(maxLength));
      return apply(padStart, this, [maxLength, fill[0]]);
    },
  }));
  replace(String.prototype, 'padEnd', (padEnd) => ({
    padEnd(maxLength, ...fill) {
      check(numberOf(maxLength));
      return apply(padEnd, this, [maxLength, fill[0]]);
    },
  }));
  replace(String.prototype, 'normalize', (normalize) => ({
    normalize(...form) {
      check(lengthOf(this));
      return apply(normalize, this, form);
    },
  }));
  replace(globalThis, 'encodeURI', (encodeURI) => ({
    encodeURI(uri) {
      check(lengthOf(uri));
      return encodeURI(uri);
    },
  }));
  replace(globalThis, 'encodeURIComponent', (encodeURIComponent) => ({
    encodeURIComponent(uriComponent) {
      check(lengthOf(uriComponent));
      return encodeURIComponent(uriComponent);
    },
  }));
};
