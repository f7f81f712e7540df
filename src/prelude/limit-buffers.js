'use strict';

// Resizable and growable buffers, which V8 takes from the system by itself.

const { apply, getter, Math } = require('../../lib/primordials.js');
const { wrapClass, wrapMethod } = require('./payments.js');

const { RangeError } = globalThis;
const { floor } = Math;

const RESERVED_PER_CHARGED = 1024;
const FAILED = 'Array buffer allocation failed';

const bytesOf = (length, maxLength) => length + floor(maxLength / RESERVED_PER_CHARGED);

/** `resize`: the name of the method. */
module.exports = function limitBuffers({ recharge, hold, held }, { payFor, payMore }, name, resize) {
  const { prototype } = globalThis[name];
  if (typeof prototype[resize] !== 'function') return;
  const byteLengthOf = getter(prototype, 'byteLength');
  const maxByteLengthOf = getter(prototype, 'maxByteLength');

  wrapClass(globalThis, name, (create, args) => {
    const options = args[1];
    if (options === null || (typeof options !== 'object' && typeof options !== 'function')) return create(args);
    const length = +args[0];
    let { maxByteLength } = options;
    if (maxByteLength === undefined) return create([length]);
    maxByteLength = +maxByteLength;
    const make = () => create([length, { __proto__: null, maxByteLength }]);
    const bytes = bytesOf(floor(length) || 0, floor(maxByteLength) || 0);
    return length > maxByteLength ? make() : payFor(bytes, FAILED, make);
  });

  // undefined: whoever is no such buffer gets the original's complaint.
  function maxByteLengthBelow(self, length) {
    try {
      return length >= 0 && length <= maxByteLengthOf(self) ? length : undefined;
    } catch {
      return undefined;
    }
  }

  wrapMethod(prototype, resize, (original, self, args) => {
    const most = maxByteLengthBelow(self, +args[0]);
    if (most === undefined) return apply(original, self, args);
    const length = floor(+most) || 0;
    const before = byteLengthOf(self);
    if (length > before) payMore(self, before, bytesOf(length, maxByteLengthOf(self)), FAILED);
    const result = apply(original, self, [length]);
    if (length < before && held(self) !== undefined) recharge(held(self), bytesOf(length, maxByteLengthOf(self)));
    return result;
  });

  // The memory moves to another object.
  const wrapTransfer = (key) => wrapMethod(prototype, key, (original, self, args) => {
    const token = held(self);
    if (token === undefined) return apply(original, self, args);
    const length = args.length === 0 || args[0] === undefined ? byteLengthOf(self) : floor(+args[0]) || 0;
    const before = bytesOf(byteLengthOf(self), maxByteLengthOf(self));
    const isSame = key === 'transfer';
    if (isSame && length > byteLengthOf(self) && !recharge(token, before + length)) throw new RangeError(FAILED);
    const moved = apply(original, self, [length]);
    if (!isSame) {
      recharge(token, 0);
      return moved;
    }
    hold(moved, token);
    hold(self, undefined);
    recharge(token, bytesOf(length, maxByteLengthOf(moved)));
    return moved;
  });
  wrapTransfer('transfer');
  wrapTransfer('transferToFixedLength');
  wrapTransfer('transferToImmutable');
};
