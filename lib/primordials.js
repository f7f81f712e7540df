'use strict';

// What our own code needs of the language, taken before any code of the user's has run, which may
// overwrite all of it. Methods are functions of their receiver here: mapGet(map, key). Of arrays
// only what reads is here, with what the arrays have themselves. In the thread src/prelude/ uses it.
//
// Not to be used in such code: iteration (for-of, spread of arrays, destructuring of arrays), for
// it calls what the user may have put in its place; literals, rest parameters and index loops do
// not.

const { apply, construct, ownKeys } = Reflect;
const { getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, hasOwn, keys } = Object;

const method = (object, key) => {
  const original = object[key];
  return (self, ...args) => apply(original, self, args);
};
const getter = (object, key) => {
  const { get } = getOwnPropertyDescriptor(object, key);
  return (self) => apply(get, self, []);
};

const mapSize = getter(Map.prototype, 'size');
const setSize = getter(Set.prototype, 'size');
const answers = (read) => (value) => {
  try {
    read(value);
    return true;
  } catch {
    return false;
  }
};

// A regular expression looks for its method in itself first.
const regExpExec = RegExp.prototype.exec;
const regExpTest = method(RegExp.prototype, 'test');
const hardened = (regExp) => defineProperty(regExp, 'exec', { __proto__: null, value: regExpExec });

const { Promise, WebAssembly } = globalThis;
const promiseResolve = Promise.resolve;

// Assignment and push, but past setters that may stand in a prototype.
const put = (object, key, value) =>
  defineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
const append = (list, value) => put(list, list.length, value);

// An object with a prototype would get one hidden class for each name: half of what it takes to run
// this file, at every start.
module.exports = {
  __proto__: null,
  apply, construct, ownKeys, method, getter, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf, defineProperty, hasOwn, keys,
  objectPrototype: Object.prototype,
  isArray: Array.isArray,
  isView: ArrayBuffer.isView,
  isMap: answers(mapSize),
  isSet: answers(setSize),
  put,
  append,
  arrayJoin: method(Array.prototype, 'join'),
  arraySlice: method(Array.prototype, 'slice'),
  // Of two lists without holes.
  concat(one, other) {
    const list = [];
    for (let i = 0; i < one.length; i++) append(list, one[i]);
    for (let i = 0; i < other.length; i++) append(list, other[i]);
    return list;
  },
  mapGet: method(Map.prototype, 'get'),
  mapSet: method(Map.prototype, 'set'),
  mapHas: method(Map.prototype, 'has'),
  mapDelete: method(Map.prototype, 'delete'),
  mapForEach: method(Map.prototype, 'forEach'),
  promiseThen: method(Promise.prototype, 'then'),
  setHas: method(Set.prototype, 'has'),
  setAdd: method(Set.prototype, 'add'),
  setForEach: method(Set.prototype, 'forEach'),
  tagOf: method(Object.prototype, 'toString'),
  stringify: JSON.stringify,
  stringIncludes: method(String.prototype, 'includes'),
  stringIndexOf: method(String.prototype, 'indexOf'),
  stringSlice: method(String.prototype, 'slice'),
  toFixed: method(Number.prototype, 'toFixed'),
  hardened,
  test: regExpTest,
  promiseOf: (value) => apply(promiseResolve, Promise, [value]),
  weakMapGet: method(WeakMap.prototype, 'get'),
  weakMapSet: method(WeakMap.prototype, 'set'),
  Array, Error, Map, Number, Promise, Set, String, TypeError, WeakMap,
  Symbol: { __proto__: null, asyncIterator: Symbol.asyncIterator, iterator: Symbol.iterator },
  // By the names that lib/describe.js gives them.
  errorClasses: {
    __proto__: null,
    Error,
    AggregateError,
    EvalError,
    RangeError,
    ReferenceError,
    SuppressedError: globalThis.SuppressedError,
    SyntaxError,
    TypeError,
    URIError,
    'WebAssembly.CompileError': WebAssembly?.CompileError,
    'WebAssembly.LinkError': WebAssembly?.LinkError,
    'WebAssembly.RuntimeError': WebAssembly?.RuntimeError,
  },
  Math: { __proto__: null, floor: Math.floor, max: Math.max, min: Math.min },
};
