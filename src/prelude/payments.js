'use strict';

// What limits need: to replace a class or a method of the language by one that asks first, and to
// pay for an object (src/engine/v8/charges.cc). All of this is made before code of the user's runs,
// and uses nothing of the language that such code could overwrite.

const { construct, defineProperty, getOwnPropertyDescriptor } = require('../../lib/primordials.js');

const { Proxy, RangeError } = globalThis;

const set = (object, key, value) => {
  const descriptor = getOwnPropertyDescriptor(object, key);
  descriptor.value = value;
  defineProperty(object, key, descriptor);
};

/** Proxies still look like what they were. Their handlers have no prototype for code to add traps to. */
function wrapMethod(object, key, call) {
  const original = object[key];
  if (typeof original !== 'function') return;
  set(object, key, new Proxy(original, { __proto__: null, apply: (target, self, args) => call(target, self, args) }));
}

/** `make(create, args)` calls create(args) for the object; `call`, where it is a function too. */
function wrapClass(owner, name, make, call) {
  const traps = {
    __proto__: null,
    construct: (target, args, newTarget) =>
      make((list) => construct(target, list, newTarget === wrapped ? target : newTarget), args),
  };
  if (call) traps.apply = (target, self, args) => call(target, self, args);
  const wrapped = new Proxy(owner[name], traps);
  set(owner[name].prototype, 'constructor', wrapped);
  set(owner, name, wrapped);
}

/** Has what `token` has paid for created. A refusal by V8 itself gives the payment back at once. */
function createPaid({ recharge, hold }, token, create) {
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

function createPayments(natives) {
  const { charge, recharge, hold, held } = natives;
  const pay = (bytes, message) => {
    const token = charge(bytes);
    if (token === undefined) throw new RangeError(message);
    return token;
  };

  /** What is created is paid for first. */
  const payFor = (bytes, message, create) => createPaid(natives, pay(bytes, message), create);

  /** `bytes` from now on, where it was `before`. What the object was born with may be another's. */
  function payMore(object, before, bytes, message) {
    const token = held(object);
    if (token !== undefined) {
      if (!recharge(token, bytes)) throw new RangeError(message);
    } else if (bytes > before) {
      hold(object, pay(bytes - before, message));
    }
  }

  return { pay, payFor, payMore };
}

module.exports = { wrapMethod, wrapClass, createPaid, createPayments };
