'use strict';

// In an isolate with a memoryLimit: what V8 takes from the system by itself is paid for here, before
// it is taken (src/engine/v8/charges.cc). These are resizable and growable buffers and WebAssembly's
// memories; all others come from the library's own allocator. The constructors and methods become
// Proxies, so that they still look like what they were; handlers have no prototype, so that code
// inside cannot add traps to them.

module.exports = function limitMemory(natives) {
  const memoryLimit = natives.memoryLimit();
  const { charge, recharge, hold, held, capWasm, declared } = natives;
  const { apply, construct, getOwnPropertyDescriptor, defineProperty } = Reflect;
  const { floor, max, min } = Math;
  const { BigInt, RangeError, Number, Proxy } = globalThis;

  const PAGE = 65536;
  const RESERVED_PER_CHARGED = 1024;
  const maxPages = floor(memoryLimit / PAGE);

  const pay = (bytes, message) => {
    const token = charge(bytes);
    if (token === undefined) throw new RangeError(message);
    return token;
  };

  const set = (object, key, value) =>
    defineProperty(object, key, { __proto__: null, ...getOwnPropertyDescriptor(object, key), value });

  const wrapMethod = (object, key, call) => {
    const original = object[key];
    if (typeof original !== 'function') return;
    set(object, key, new Proxy(original, { __proto__: null, apply: (target, self, args) => call(target, self, args) }));
  };

  // `make(create, args)` calls create(args) for the object.
  const wrapClass = (owner, name, make) => {
    const wrapped = new Proxy(owner[name], {
      __proto__: null,
      construct: (target, args, newTarget) =>
        make((list) => construct(target, list, newTarget === wrapped ? target : newTarget), args),
    });
    set(owner[name].prototype, 'constructor', wrapped);
    set(owner, name, wrapped);
  };

  const getterOf = (object, key) => getOwnPropertyDescriptor(object, key).get;

  // What is created is paid for first. A refusal by V8 itself gives it back at once.
  function payFor(bytes, message, create) {
    const token = pay(bytes, message);
    let object;
    try {
      object = create();
    } catch (error) {
      recharge(token, 0);
      throw error;
    }
    hold(object, token);
    return object;
  }

  // `bytes` from now on, where it was `before`. What the object was born with may be another's.
  function payMore(object, before, bytes, message) {
    const token = held(object);
    if (token !== undefined) {
      if (!recharge(token, bytes)) throw new RangeError(message);
    } else if (bytes > before) {
      hold(object, pay(bytes - before, message));
    }
  }

  function limitBuffers(name, resize) {
    const { prototype } = globalThis[name];
    if (typeof prototype[resize] !== 'function') return;
    const byteLengthOf = getterOf(prototype, 'byteLength');
    const maxByteLengthOf = getterOf(prototype, 'maxByteLength');
    const failed = 'Array buffer allocation failed';
    const bytesOf = (length, maxLength) => length + floor(maxLength / RESERVED_PER_CHARGED);

    wrapClass(globalThis, name, (create, args) => {
      const options = args[1];
      if (options === null || (typeof options !== 'object' && typeof options !== 'function')) return create(args);
      const length = +args[0];
      let { maxByteLength } = options;
      if (maxByteLength === undefined) return create([length]);
      maxByteLength = +maxByteLength;
      const make = () => create([length, { __proto__: null, maxByteLength }]);
      const bytes = bytesOf(floor(length) || 0, floor(maxByteLength) || 0);
      return length > maxByteLength ? make() : payFor(bytes, failed, make);
    });

    wrapMethod(prototype, resize, (original, self, args) => {
      // Whoever is no such buffer gets the original's complaint.
      const most = maxByteLengthBelow(self, +args[0]);
      if (most === undefined) return apply(original, self, args);
      const length = floor(+most) || 0;
      const before = apply(byteLengthOf, self, []);
      if (length > before) payMore(self, before, bytesOf(length, apply(maxByteLengthOf, self, [])), failed);
      const result = apply(original, self, [length]);
      if (length < before && held(self) !== undefined) recharge(held(self), bytesOf(length, apply(maxByteLengthOf, self, [])));
      return result;
    });

    function maxByteLengthBelow(self, length) {
      try {
        return length >= 0 && length <= apply(maxByteLengthOf, self, []) ? length : undefined;
      } catch {
        return undefined;
      }
    }

    // The memory moves to another object.
    for (const key of ['transfer', 'transferToFixedLength', 'transferToImmutable']) {
      wrapMethod(prototype, key, (original, self, args) => {
        const token = held(self);
        if (token === undefined) return apply(original, self, args);
        const length = args.length === 0 || args[0] === undefined ? apply(byteLengthOf, self, []) : floor(+args[0]) || 0;
        const before = bytesOf(apply(byteLengthOf, self, []), apply(maxByteLengthOf, self, []));
        const isSame = key === 'transfer';
        if (isSame && length > apply(byteLengthOf, self, [])) {
          if (!recharge(token, before + length)) throw new RangeError(failed);
        }
        const moved = apply(original, self, [length]);
        if (!isSame) {
          recharge(token, 0);
          return moved;
        }
        hold(moved, token);
        hold(self, undefined);
        recharge(token, bytesOf(length, apply(maxByteLengthOf, moved, [])));
        return moved;
      });
    }
  }

  function limitWasm(wasm) {
    const failed = 'WebAssembly.Memory(): could not allocate memory';
    const bufferOf = getterOf(wasm.Memory.prototype, 'buffer');
    const sharedLengthOf = getterOf(SharedArrayBuffer.prototype, 'byteLength');
    const lengthOf = getterOf(ArrayBuffer.prototype, 'byteLength');
    const { compile, instantiate } = wasm;

    // A number or a BigInt, read once; what V8 would not take as one is left to it.
    const primitive = (value) => (value !== null && typeof value === 'object') || typeof value === 'function' ? -(-value) : value;
    const pagesOf = (value) => (typeof value === 'symbol' ? 0 : floor(Number(value)) || 0);

    function bytesIn(memory) {
      const buffer = apply(bufferOf, memory, []);
      try {
        return apply(lengthOf, buffer, []);
      } catch {
        return apply(sharedLengthOf, buffer, []);
      }
    }

    function readDescriptor(descriptor) {
      const copy = { __proto__: null };
      for (const key of ['initial', 'minimum', 'maximum', 'shared', 'address', 'index']) {
        const value = descriptor[key];
        if (value !== undefined) copy[key] = key === 'shared' || key === 'address' || key === 'index' ? value : primitive(value);
      }
      return copy;
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
      if (args[0] === null || (typeof args[0] !== 'object' && typeof args[0] !== 'function')) return create(args);
      const descriptor = readDescriptor(args[0]);
      const pages = max(pagesOf(descriptor.initial), pagesOf(descriptor.minimum));
      const { maximum } = descriptor;
      const isValid = pages >= 0 && (maximum === undefined || pagesOf(maximum) >= pages);
      if (!isValid) return create([descriptor]);
      if (pages > maxPages) throw new RangeError(failed);
      capMaximum(descriptor);
      return payFor(pages * PAGE, failed, () => create([descriptor]));
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
      payMore(self, before, before + bytes, 'WebAssembly.Memory.grow(): Unable to grow instance memory');
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

    // A module that was compiled here has no memory that could grow beyond the limit.
    const cap = (bytes, rest) => [capWasm(bytes) ?? bytes, ...rest];
    const paidInstance = (module, create) => payFor(declared(module), 'WebAssembly.Instance(): could not allocate memory', create);

    wrapClass(wasm, 'Module', (create, [bytes, ...rest]) => create(cap(bytes, rest)));
    wrapClass(wasm, 'Instance', (create, args) => paidInstance(args[0], () => create(args)));

    wrapMethod(wasm, 'compile', async (original, self, [bytes, ...rest]) => await apply(original, self, cap(bytes, rest)));
    wrapMethod(wasm, 'instantiate', async (original, self, [source, ...rest]) => {
      const capped = capWasm(source);
      if (capped === undefined) {
        const token = pay(declared(source), 'WebAssembly.instantiate(): could not allocate memory');
        const instance = await apply(original, self, [source, ...rest]);
        hold(instance, token);
        return instance;
      }
      const module = await apply(compile, self, [capped, ...compileOptions(rest)]);
      const token = pay(declared(module), 'WebAssembly.instantiate(): could not allocate memory');
      const instance = await apply(instantiate, self, [module, ...rest]);
      hold(instance, token);
      return { module, instance };
    });
    // instantiate(bytes, imports, options), compile(bytes, options).
    const compileOptions = (rest) => (rest.length > 1 ? [rest[1]] : []);

    // They need the host's streams; there are none.
    delete wasm.compileStreaming;
    delete wasm.instantiateStreaming;
  }

  limitBuffers('ArrayBuffer', 'resize');
  limitBuffers('SharedArrayBuffer', 'grow');
  if (globalThis.WebAssembly) limitWasm(globalThis.WebAssembly);
};
