'use strict';

// Every option of the package: what it must be, and how it is said when it is not.

const { inspect } = require('node:util');

const MIN_MEMORY_LIMIT_MB = 8;
const MAX_MEMORY_LIMIT_MB = 1024 * 1024;

function received(value) {
  if (value === null || value === undefined) return `Received ${value}`;
  if (typeof value === 'function') return `Received a function (${value.name || 'anonymous'})`;
  const text = inspect(value, { depth: 0, breakLength: Infinity });
  return `Received ${typeof value === 'object' ? '' : `${typeof value} `}${text.length > 80 ? `${text.slice(0, 80)}...` : text}`;
}

function typeError(name, wanted, value) {
  const error = new TypeError(`${name} must be ${wanted}. ${received(value)}`);
  error.code = 'ERR_INVALID_ARG_TYPE';
  return error;
}

function rangeError(name, wanted, value) {
  const error = new RangeError(`${name} must be ${wanted}. ${received(value)}`);
  error.code = 'ERR_OUT_OF_RANGE';
  return error;
}

function checkString(name, value) {
  if (typeof value !== 'string') throw typeError(name, 'a string', value);
  if (value.length === 0) throw rangeError(name, 'a string that is not empty', value);
}

// One row an option.
const checks = {
  memoryLimit(name, value) {
    const wanted = `a number of megabytes, ${MIN_MEMORY_LIMIT_MB} or more`;
    if (typeof value !== 'number') throw typeError(name, wanted, value);
    if (!(value >= MIN_MEMORY_LIMIT_MB && value <= MAX_MEMORY_LIMIT_MB)) throw rangeError(name, wanted, value);
  },
  name: checkString,
  filename: checkString,
};

/** Throws unless `options` is an object with only the `known` options, each as it must be. */
function checkOptions(options, known) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw typeError('options', 'an object', options);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      const error = new TypeError(`options.${key} is not an option. Known are: ${known.join(', ')}`);
      error.code = 'ERR_INVALID_ARG_VALUE';
      throw error;
    }
    if (options[key] !== undefined) checks[key](`options.${key}`, options[key]);
  }
  return options;
}

module.exports = { checkOptions, typeError, received };
