'use strict';

// Every option of the package: what it must be, and how it is said when it is not.

const { inspect } = require('node:util');
const { transferable } = require('./transferable.js');

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

function unknownOption(name, known) {
  const error = new TypeError(`${name} is not an option. Known are: ${known.join(', ')}`);
  error.code = 'ERR_INVALID_ARG_VALUE';
  return error;
}

function checkString(name, value) {
  if (typeof value !== 'string') throw typeError(name, 'a string', value);
  if (value.length === 0) throw rangeError(name, 'a string that is not empty', value);
}

function checkBoolean(name, value) {
  if (typeof value !== 'boolean') throw typeError(name, 'a boolean', value);
}

function checkNumber(name, value, wanted, isRight) {
  if (typeof value !== 'number') throw typeError(name, wanted, value);
  if (!isRight(value)) throw rangeError(name, wanted, value);
}

const CODE_GENERATION = ['strings', 'wasm'];
const MAX_THREADS = 1024;
const integer = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;
const threads = (least) => (name, value) =>
  checkNumber(name, value, `an integer from ${least} to ${MAX_THREADS}`, integer(least, MAX_THREADS));

function oneOf(...names) {
  return (name, value) => {
    const wanted = `one of ${names.map((each) => `'${each}'`).join(', ')}`;
    if (typeof value !== 'string') throw typeError(name, wanted, value);
    if (!names.includes(value)) throw rangeError(name, wanted, value);
  };
}

function atLeastZero(name, value) {
  checkNumber(name, value, 'a number of milliseconds, 0 or more', (n) => n >= 0);
}

// One row an option.
const checks = {
  memoryLimit(name, value) {
    const wanted = `a number of megabytes, ${MIN_MEMORY_LIMIT_MB} or more`;
    checkNumber(name, value, wanted, (n) => n >= MIN_MEMORY_LIMIT_MB && n <= MAX_MEMORY_LIMIT_MB);
  },
  codeGeneration(name, value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw typeError(name, "an object with booleans 'strings' and 'wasm'", value);
    }
    for (const key of Object.keys(value)) {
      if (!CODE_GENERATION.includes(key)) throw unknownOption(`${name}.${key}`, CODE_GENERATION);
      if (value[key] !== undefined) checkBoolean(`${name}.${key}`, value[key]);
    }
  },
  name: checkString,
  filename: checkString,
  // Of ThreadPool. The names of the schedulers are those of the table in src/core/scheduler.c.
  scheduler: oneOf('round-robin', 'least-loaded', 'shared', 'random'),
  steal: checkBoolean,
  poolSize: threads(1),
  minThreads: threads(0),
  maxThreads: threads(1),
  idleTimeout: atLeastZero,
  maxQueue(name, value) {
    checkNumber(name, value, 'an integer, 0 or more, or Infinity', (n) => n === Infinity || integer(0, Number.MAX_SAFE_INTEGER)(n));
  },
  maxTasksPerThread(name, value) {
    checkNumber(name, value, 'an integer, 1 or more, or Infinity', (n) => n === Infinity || integer(1, Number.MAX_SAFE_INTEGER)(n));
  },
  // Of runWith.
  priority(name, value) {
    checkNumber(name, value, 'an integer from -1000000 to 1000000', integer(-1e6, 1e6));
  },
  key(name, value) {
    if (!['string', 'number', 'bigint'].includes(typeof value)) throw typeError(name, 'a string, a number or a bigint', value);
  },
  transfer(name, value) {
    if (!Array.isArray(value)) throw typeError(name, 'an array of ArrayBuffers', value);
  },
  // Of streamWith.
  window(name, value) {
    checkNumber(name, value, 'an integer from 1 to 65536', integer(1, 65536));
  },
  // Of map and close.
  concurrency(name, value) {
    checkNumber(name, value, 'an integer, 1 or more', integer(1, Number.MAX_SAFE_INTEGER));
  },
  ordered: checkBoolean,
  signal(name, value) {
    if (!(value instanceof AbortSignal)) throw typeError(name, 'an AbortSignal', value);
  },
  // Of runs, and their defaults in constructors.
  timeout: atLeastZero,
  cpuTimeout: atLeastZero,
  interruptGrace: atLeastZero,
  onInterrupt: oneOf('renew', 'keep'),
  spares: threads(0),
};

/**
 * Throws unless `options` is an object with only the `known` options, each as it must be. Gives a
 * copy: each was read once, so what was checked is what is used.
 */
function checkOptions(options, known) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw typeError('options', 'an object', options);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw unknownOption(`options.${key}`, known);
  }
  const checked = {};
  for (const key of known) {
    const value = options[key];
    if (value === undefined) continue;
    checks[key](`options.${key}`, value);
    checked[key] = value;
  }
  return checked;
}

/** Throws unless one value is as the option of this name must be. */
function checkValue(name, value) {
  checks[name](name, value);
  return value;
}

const RUN_OPTIONS = ['priority', 'key', 'timeout', 'cpuTimeout', 'signal', 'transfer'];

/** The options of runWith; the key as the string that stands for it, of the list what may move. */
function checkRunOptions(options) {
  const { key, transfer, ...rest } = checkOptions(options, RUN_OPTIONS);
  return {
    ...rest,
    key: key === undefined ? undefined : `${typeof key} ${key}`,
    transfer: transfer && transferable(transfer),
  };
}

/** The options of streamWith, as they are. */
const checkStreamOptions = (options) => checkOptions(options, [...RUN_OPTIONS, 'window']);

// What Thread and ThreadPool have in common.
const COMMON_OPTIONS = [
  'memoryLimit', 'codeGeneration', 'name', 'filename', 'timeout', 'cpuTimeout', 'interruptGrace',
  'onInterrupt', 'spares',
];
const DEFAULT_INTERRUPT_GRACE_MS = 1000;

/** Megabytes as bytes; 0, which is no limit, for undefined. */
const megabytes = (number = 0) => Math.floor(number * 1024 * 1024);

/**
 * The arguments of the native constructor, in the order of src/binding/pool_options.c. Milliseconds
 * below 0 are no limit.
 * @param {{ source, file, line, column }} context
 * @param {string} description how messages name it
 * @param {object} options those in common, checked
 * @param {object} pool those that only a ThreadPool lets its user choose, all of them
 */
const nativeArguments = (context, description, options, pool) => [
  context.source,
  context.file,
  context.line,
  context.column,
  description,
  megabytes(options.memoryLimit),
  options.timeout ?? -1,
  options.cpuTimeout ?? -1,
  options.interruptGrace ?? DEFAULT_INTERRUPT_GRACE_MS,
  options.onInterrupt === 'keep',
  options.spares ?? -1,
  options.codeGeneration?.strings ?? true,
  options.codeGeneration?.wasm ?? true,
  pool.scheduler,
  pool.steal,
  pool.replace,
  pool.minThreads,
  pool.maxThreads,
  pool.idleTimeout,
  pool.maxQueue,
  pool.maxTasksPerThread,
];

module.exports = { checkOptions, checkRunOptions, checkStreamOptions, checkValue, nativeArguments, COMMON_OPTIONS, typeError, rangeError };
