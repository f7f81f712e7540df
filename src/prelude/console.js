'use strict';

// The thread's console. Each call becomes a record [method, depth, args, marks] that the host's own
// console prints (lib/console.js). Counters, timers and the depth of groups live here, so that no
// thread disturbs another or the host.
//
// `marks` are objects that stand in `args` for what cannot be cloned: structured clone keeps
// identities within a record, so the host finds them again.

const MAX_DEPTH = 50;
const MAX_COPIED = 10000;

function createConsole({ emit, cloneable, now, isError, describe }) {
  const counts = new Map();
  const timers = new Map();
  let depth = 0;

  // A copy in which all that cannot be cloned is replaced by a mark.
  function copyOf(root, marks) {
    const copies = new Map();
    let copied = 0;
    const mark = (text) => {
      const object = { text };
      marks.push(object);
      return object;
    };
    const placeholder = (value) => {
      if (typeof value === 'function') {
        const name = typeof value.name === 'string' && value.name ? `: ${value.name}` : ' (anonymous)';
        return mark(`[Function${name}]`);
      }
      if (typeof value === 'symbol') return mark(String(value));
      return mark(`[${Object.prototype.toString.call(value).slice(8, -1)}]`);
    };
    const remember = (value, result) => {
      copies.set(value, result);
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
      if (Array.isArray(value)) {
        const result = remember(value, []);
        for (let i = 0; i < value.length && i < MAX_COPIED; i++) result.push(deeper(read(value, i)));
        return result;
      }
      if (value instanceof Map) {
        const result = remember(value, new Map());
        for (const [key, item] of value) result.set(deeper(key), deeper(item));
        return result;
      }
      if (value instanceof Set) {
        const result = remember(value, new Set());
        for (const item of value) result.add(deeper(item));
        return result;
      }
      const keys = Object.keys(value);
      if (keys.length === 0) return placeholder(value);
      const result = remember(value, {});
      for (const key of keys) result[key] = deeper(read(value, key));
      return result;
    };
    const copy = (value, level) => {
      if (typeof value === 'function' || typeof value === 'symbol') return placeholder(value);
      if (typeof value !== 'object' || value === null || marks.includes(value)) return value;
      if (copies.has(value)) return copies.get(value);
      if (level > MAX_DEPTH || copied++ > MAX_COPIED) return mark('[...]');
      return cloneable(value) ? value : copyInto(value, level);
    };
    try {
      return copy(root, 0);
    } catch {
      return mark('[value that could not be read]');
    }
  }

  function send(method, args) {
    const marks = [];
    const portable = args.map((value) => {
      if (!isError(value)) return value;
      const description = describe(value);
      marks.push(description);
      return description;
    });
    try {
      emit([method, depth, portable, marks]);
    } catch {
      emit([method, depth, portable.map((value) => copyOf(value, marks)), marks]);
    }
  }

  const labelOf = (label) => (label === undefined ? 'default' : `${label}`);
  const formatTime = (ms) => (ms < 1000 ? `${Number(ms.toFixed(3))}ms` : `${(ms / 1000).toFixed(3)}s`);

  function elapsed(method, label, args) {
    const start = timers.get(label);
    if (start === undefined) {
      send('warn', [`No such label '${label}' for console.${method}()`]);
      return;
    }
    send('log', [`${label}: ${formatTime(now() - start)}`, ...args]);
  }

  const console = {
    assert(condition, ...args) {
      if (!condition) send('assert', [false, ...args]);
    },
    clear() {
      depth = 0;
      send('clear', []);
    },
    count(label) {
      const name = labelOf(label);
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      send('log', [`${name}: ${count}`]);
    },
    countReset(label) {
      const name = labelOf(label);
      if (!counts.delete(name)) send('warn', [`Count for '${name}' does not exist`]);
    },
    group(...args) {
      if (args.length > 0) send('log', args);
      depth = Math.min(depth + 1, MAX_DEPTH);
    },
    groupCollapsed(...args) {
      console.group(...args);
    },
    groupEnd() {
      depth = Math.max(depth - 1, 0);
    },
    time(label) {
      const name = labelOf(label);
      if (timers.has(name)) send('warn', [`Label '${name}' already exists for console.time()`]);
      else timers.set(name, now());
    },
    timeLog(label, ...args) {
      elapsed('timeLog', labelOf(label), args);
    },
    timeEnd(label) {
      const name = labelOf(label);
      elapsed('timeEnd', name, []);
      timers.delete(name);
    },
    trace(...args) {
      const holder = {};
      Error.captureStackTrace(holder, console.trace);
      send('trace', [String(holder.stack).split('\n').slice(1).join('\n'), ...args]);
    },
    profile() {},
    profileEnd() {},
    timeStamp() {},
  };
  for (const method of ['debug', 'dir', 'dirxml', 'error', 'info', 'log', 'table', 'warn']) {
    console[method] = { [method]: (...args) => send(method, args) }[method];
  }
  Object.defineProperty(console, Symbol.toStringTag, { value: 'console', configurable: true });
  return console;
}

module.exports = { createConsole };
