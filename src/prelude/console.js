'use strict';

// The thread's console. Each call becomes a record [method, depth, args, marks] that the host's own
// console prints (lib/console.js). Counters, timers and the depth of groups live here, so that no
// thread disturbs another or the host.
//
// `marks` are objects that stand in `args` for what cannot be cloned: structured clone keeps
// identities within a record, so the host finds them again.

const {
  append, defineProperty, Error, isArray, isMap, isSet, keys, Map, mapDelete, mapForEach, mapGet, mapHas, mapSet,
  Math, Number, objectPrototype, put, Set, setAdd, setForEach, setPrototypeOf, String, stringIndexOf, stringSlice, tagOf, toFixed,
} = require('../../lib/primordials.js');

const MAX_DEPTH = 50;
const MAX_COPIED = 10000;

function createConsole({ emit, cloneable, now, isError, describe }) {
  const { captureStackTrace } = Error;
  const counts = new Map();
  const timers = new Map();
  let depth = 0;

  // A copy in which all that cannot be cloned is replaced by a mark.
  function copyOf(root, marks) {
    const copies = new Map();
    let copied = 0;
    const mark = (text) => {
      const object = { text };
      append(marks, object);
      return object;
    };
    const isMark = (value) => {
      for (let i = 0; i < marks.length; i++) if (marks[i] === value) return true;
      return false;
    };
    const placeholder = (value) => {
      if (typeof value === 'function') {
        const name = typeof value.name === 'string' && value.name ? `: ${value.name}` : ' (anonymous)';
        return mark(`[Function${name}]`);
      }
      if (typeof value === 'symbol') return mark(String(value));
      return mark(`[${stringSlice(tagOf(value), 8, -1)}]`);
    };
    const remember = (value, result) => {
      mapSet(copies, value, result);
      return result;
    };
    const read = (object, key) => {
      try {
        return object[key];
      } catch {
        return mark('[Getter that threw]');
      }
    };
    const copyInto = (value, level) => {
      const deeper = (item) => copy(item, level + 1);
      if (isArray(value)) {
        const result = remember(value, []);
        for (let i = 0; i < value.length && i < MAX_COPIED; i++) append(result, deeper(read(value, i)));
        return result;
      }
      if (isMap(value)) {
        const result = remember(value, new Map());
        mapForEach(value, (item, key) => mapSet(result, deeper(key), deeper(item)));
        return result;
      }
      if (isSet(value)) {
        const result = remember(value, new Set());
        setForEach(value, (item) => setAdd(result, deeper(item)));
        return result;
      }
      const names = keys(value);
      if (names.length === 0) return placeholder(value);
      const result = remember(value, {});
      for (let i = 0; i < names.length; i++) put(result, names[i], deeper(read(value, names[i])));
      return result;
    };
    const copy = (value, level) => {
      if (typeof value === 'function' || typeof value === 'symbol') return placeholder(value);
      if (typeof value !== 'object' || value === null || isMark(value)) return value;
      if (mapHas(copies, value)) return mapGet(copies, value);
      if (level > MAX_DEPTH || copied++ > MAX_COPIED) return mark('[...]');
      return cloneable(value) ? value : copyInto(value, level);
    };
    try {
      return copy(root, 0);
    } catch {
      return mark('[value that could not be read]');
    }
  }

  // `args` is a list of our own, and is changed.
  function send(method, args) {
    const marks = [];
    for (let i = 0; i < args.length; i++) {
      if (!isError(args[i])) continue;
      append(marks, describe(args[i]));
      args[i] = marks[marks.length - 1];
    }
    try {
      emit([method, depth, args, marks]);
    } catch {
      for (let i = 0; i < args.length; i++) args[i] = copyOf(args[i], marks);
      emit([method, depth, args, marks]);
    }
  }

  const labelOf = (label) => (label === undefined ? 'default' : `${label}`);
  const formatTime = (ms) => (ms < 1000 ? `${Number(toFixed(ms, 3))}ms` : `${toFixed(ms / 1000, 3)}s`);

  // [first, ...rest]
  function withFirst(first, rest) {
    const all = [first];
    for (let i = 0; i < rest.length; i++) append(all, rest[i]);
    return all;
  }

  function elapsed(method, label, args) {
    const start = mapGet(timers, label);
    if (start === undefined) {
      send('warn', [`No such label '${label}' for console.${method}()`]);
      return;
    }
    send('log', withFirst(`${label}: ${formatTime(now() - start)}`, args));
  }

  function openGroup(args) {
    if (args.length > 0) send('log', args);
    depth = Math.min(depth + 1, MAX_DEPTH);
  }

  const console = {
    // Until all are there: see the exports of primordials.js.
    __proto__: null,
    assert(condition, ...args) {
      if (!condition) send('assert', withFirst(false, args));
    },
    clear() {
      depth = 0;
      send('clear', []);
    },
    count(label) {
      const name = labelOf(label);
      const count = (mapGet(counts, name) ?? 0) + 1;
      mapSet(counts, name, count);
      send('log', [`${name}: ${count}`]);
    },
    countReset(label) {
      const name = labelOf(label);
      if (!mapDelete(counts, name)) send('warn', [`Count for '${name}' does not exist`]);
    },
    debug: (...args) => send('debug', args),
    dir: (...args) => send('dir', args),
    dirxml: (...args) => send('dirxml', args),
    error: (...args) => send('error', args),
    info: (...args) => send('info', args),
    log: (...args) => send('log', args),
    table: (...args) => send('table', args),
    warn: (...args) => send('warn', args),
    group(...args) {
      openGroup(args);
    },
    groupCollapsed(...args) {
      openGroup(args);
    },
    groupEnd() {
      depth = Math.max(depth - 1, 0);
    },
    time(label) {
      const name = labelOf(label);
      if (mapHas(timers, name)) send('warn', [`Label '${name}' already exists for console.time()`]);
      else mapSet(timers, name, now());
    },
    timeLog(label, ...args) {
      elapsed('timeLog', labelOf(label), args);
    },
    timeEnd(label) {
      const name = labelOf(label);
      elapsed('timeEnd', name, []);
      mapDelete(timers, name);
    },
    trace(...args) {
      const holder = {};
      captureStackTrace(holder, console.trace);
      const stack = String(holder.stack);
      const first = stringIndexOf(stack, '\n');
      send('trace', withFirst(first === -1 ? '' : stringSlice(stack, first + 1), args));
    },
    profile() {},
    profileEnd() {},
    timeStamp() {},
  };
  defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
  return setPrototypeOf(console, objectPrototype);
}

module.exports = { createConsole };
