'use strict';

const { native } = require('./native.js');
const { Thread } = require('./thread.js');
const { ThreadPool } = require('./thread-pool.js');
const { ThreadError } = require('./errors.js');
const { typeError } = require('./options.js');
const { transferable } = require('./transferable.js');

/** Stands for `value` among arguments; the ArrayBuffers of `list` then move with it. */
function transfer(value, list) {
  if (typeof value !== 'object' || value === null) throw typeError('value', 'an object', value);
  if (!Array.isArray(list)) throw typeError('list', 'an array of ArrayBuffers', list);
  return native.transfer(value, transferable(list));
}

module.exports = { Thread, ThreadPool, ThreadError, transfer };
