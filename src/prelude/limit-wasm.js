'use strict';

// WebAssembly's memories, which V8 takes from the system by itself.

const { apply, getter, Math, put } = require('../../lib/primordials.js');
const { wrapClass, wrapMethod } = require('./payments.js');

const { BigInt, Number, RangeError, TypeError } = globalThis;
const { floor, max, min } = Math;

const PAGE = 65536;
const NO_MEMORY = 'WebAssembly.Memory(): could not allocate memory';
const NO_GROWTH = 'WebAssembly.Memory.grow(): Unable to grow instance memory';
const NO_INSTANCE = 'WebAssembly.Instance(): could not allocate memory';
const NO_INSTANTIATION = 'WebAssembly.instantiate(): could not allocate memory';

const isObject = (value) => (value !== null && typeof value === 'object') || typeof value === 'function';
// A number or a BigInt, read once; what V8 would not take as one is left to it.
const primitive = (value) => (isObject(value) ? -(-value) : value);
const pagesOf = (value) => (typeof value === 'symbol' ? 0 : floor(Number(value)) || 0);

function readDescriptor(descriptor) {
  const copy = { __proto__: null };
  const read = (key, convert) => {
    const value = descriptor[key];
    if (value !== undefined) copy[key] = convert(value);
  };
  const same = (value) => value;
  read('address', same);
  read('index', same);
  read('initial', primitive);
  read('maximum', primitive);
  read('minimum', primitive);
  read('shared', same);
  return copy;
}

module.exports = function limitWasm(natives, { pay, payFor, payMore }) {
  const wasm = globalThis.WebAssembly;
  const memoryLimit = natives.memoryLimit();
  const { recharge, hold, held, capWasm, declared } = natives;
  const maxPages = floor(memoryLimit / PAGE);
  const bufferOf = getter(wasm.Memory.prototype, 'buffer');
  const sharedLengthOf = getter(SharedArrayBuffer.prototype, 'byteLength');
  const lengthOf = getter(ArrayBuffer.prototype, 'byteLength');
  const { compile, instantiate } = wasm;

  function bytesIn(memory) {
    const buffer = bufferOf(memory);
    try {
      return lengthOf(buffer);
    } catch {
      return sharedLengthOf(buffer);
    }
  }

  function capMaximum(descriptor) {
    const { maximum, initial, minimum, shared } = descriptor;
    if (maximum === undefined) {
      // A shared one must say it itself.
      if (shared) return;
    } else if (pagesOf(maximum) <= maxPages || (typeof maximum !== 'bigint' && pagesOf(maximum) > PAGE)) {
      // Beyond what a memory of 32 bits may have, V8 complains.
      return;
    }
    const isBig = typeof (maximum ?? initial ?? minimum) === 'bigint';
    descriptor.maximum = isBig ? BigInt(maxPages) : maxPages;
  }

  wrapClass(wasm, 'Memory', (create, args) => {
    if (!isObject(args[0])) return create(args);
    const descriptor = readDescriptor(args[0]);
    const pages = max(pagesOf(descriptor.initial), pagesOf(descriptor.minimum));
    const { maximum } = descriptor;
    const isValid = pages >= 0 && (maximum === undefined || pagesOf(maximum) >= pages);
    if (!isValid) return create([descriptor]);
    if (pages > maxPages) throw new RangeError(NO_MEMORY);
    capMaximum(descriptor);
    return payFor(pages * PAGE, NO_MEMORY, () => create([descriptor]));
  });
  wrapMethod(wasm.Memory.prototype, 'grow', (original, self, args) => {
    let before;
    try {
      before = bytesIn(self);
    } catch {
      return apply(original, self, args);
    }
    const delta = primitive(args[0]);
    const bytes = min(max(pagesOf(delta), 0) * PAGE, memoryLimit * 2);
    payMore(self, before, before + bytes, NO_GROWTH);
    let isGrown = false;
    try {
      const pages = apply(original, self, [delta]);
      isGrown = true;
      return pages;
    } finally {
      const token = held(self);
      if (!isGrown && token !== undefined) recharge(token, before);
    }
  });

  // A module that was compiled here has no memory that could grow beyond the limit. The list of
  // arguments is a trap's own.
  const capped = (args) => {
    const bytes = capWasm(args[0]);
    if (bytes !== undefined) put(args, 0, bytes);
    return args;
  };

  wrapClass(wasm, 'Module', (create, args) => create(capped(args)));
  wrapClass(wasm, 'Instance', (create, args) => payFor(declared(args[0]), NO_INSTANCE, () => create(args)));

  wrapMethod(wasm, 'compile', async (original, self, args) => await apply(original, self, capped(args)));
  // instantiate(bytes, imports, options), compile(bytes, options).
  wrapMethod(wasm, 'instantiate', async (original, self, args) => {
    const bytes = capWasm(args[0]);
    let module;
    if (bytes !== undefined) {
      module = await apply(compile, self, args.length > 2 ? [bytes, args[2]] : [bytes]);
      // Code inside may have put itself between a promise and who awaits it.
      if (capWasm(module) !== undefined) throw new TypeError('WebAssembly.instantiate(): not a module');
      put(args, 0, module);
    }
    const token = pay(declared(args[0]), NO_INSTANTIATION);
    const instance = await apply(instantiate, self, args);
    hold(instance, token);
    return bytes === undefined ? instance : { module, instance };
  });
};
