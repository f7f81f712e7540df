'use strict';

// Intl: V8 counts a hundred bytes for objects behind which ICU takes kilobytes, so that a hundred
// thousand of them pass for nothing. Each is paid for with about what it was measured to take.

const { apply, getPrototypeOf } = require('../../lib/primordials.js');
const { createPaid, wrapClass, wrapMethod } = require('./payments.js');

const { WeakMap } = globalThis;

const COSTS = {
  Collator: 3e3, DateTimeFormat: 48e3, DisplayNames: 3e3, DurationFormat: 3e3, ListFormat: 2e3, Locale: 2e3,
  NumberFormat: 3e3, PluralRules: 6e3, RelativeTimeFormat: 9e3, Segmenter: 9e3,
};
const SEGMENTS = 3e3;
// A text is kept by what goes through it, in two bytes.
const SEGMENTS_A_CHARACTER = 2.5;

// What makes a formatter for one call and drops it, if it is told how to format.
const CALLS = [
  [Date, 'toLocaleString', 0, COSTS.DateTimeFormat],
  [Date, 'toLocaleDateString', 0, COSTS.DateTimeFormat],
  [Date, 'toLocaleTimeString', 0, COSTS.DateTimeFormat],
  [Number, 'toLocaleString', 0, COSTS.NumberFormat],
  [BigInt, 'toLocaleString', 0, COSTS.NumberFormat],
  [String, 'localeCompare', 1, COSTS.Collator],
];

module.exports = function limitIntl(natives) {
  const { charge, memoryLimit, checkMemory } = natives;
  const tooMuch = memoryLimit() + 1;

  // Beyond the limit there is no error to catch: the loop is where V8 ends this.
  const pay = (bytes) => {
    const token = charge(bytes);
    if (token === undefined) while (!checkMemory(tooMuch));
    return token;
  };

  const payFor = (bytes, create) => createPaid(natives, pay(bytes), create);

  for (const name of Object.keys(COSTS)) {
    if (typeof Intl[name] !== 'function') continue;
    wrapClass(
      Intl, name,
      (create, args) => payFor(COSTS[name], () => create(args)),
      (target, self, args) => payFor(COSTS[name], () => apply(target, self, args)),
    );
  }

  for (const [owner, name, first, cost] of CALLS) {
    wrapMethod(owner.prototype, name, (original, self, args) => {
      if (args[first] !== undefined || args[first + 1] !== undefined) pay(cost);
      return apply(original, self, args);
    });
  }

  if (!Intl.Segmenter) return;
  const costs = new WeakMap();
  const { get, set } = WeakMap.prototype;
  let isIteratorWrapped = false;

  // The prototype of what segment() gives can only be met there.
  function wrapIterator(prototype) {
    isIteratorWrapped = true;
    wrapMethod(prototype, Symbol.iterator, (original, self, args) =>
      payFor(apply(get, costs, [self]) ?? SEGMENTS, () => apply(original, self, args)));
  }

  wrapMethod(Intl.Segmenter.prototype, 'segment', (original, self, args) => {
    const text = `${args[0]}`;
    const cost = SEGMENTS + SEGMENTS_A_CHARACTER * text.length;
    const segments = payFor(cost, () => apply(original, self, [text]));
    apply(set, costs, [segments, cost]);
    if (!isIteratorWrapped) wrapIterator(getPrototypeOf(segments));
    return segments;
  });
};
