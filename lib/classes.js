'use strict';

// The classes of errors that an error keeps on its way, by the names that both sides know them by.

const { errorClasses, keys, Map, mapSet } = require('./primordials.js');

const classOfName = new Map();
const nameOfPrototype = new Map();

const names = keys(errorClasses);
for (let i = 0; i < names.length; i++) {
  const Class = errorClasses[names[i]];
  // Not every version has all of them.
  if (typeof Class !== 'function') continue;
  mapSet(classOfName, names[i], Class);
  mapSet(nameOfPrototype, Class.prototype, names[i]);
}

module.exports = { classOfName, nameOfPrototype };
