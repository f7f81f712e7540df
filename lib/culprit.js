'use strict';

// Which part of a value is it that structured clone refuses? Used on the host for arguments, and,
// built into the library with src/prelude/, in the thread for results.

const MAX_VISITED = 100000;
const MAX_SEGMENTS = 24;

const isIdentifier = (key) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key);

function segment(key) {
  if (typeof key === 'number') return `[${key}]`;
  return isIdentifier(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

// A node is { value, parent, text }: where it hangs, and the part of the path that it adds.
function pathOf(node) {
  const texts = [];
  for (let at = node; at; at = at.parent) texts.push(at.text);
  texts.reverse();
  if (texts.length <= MAX_SEGMENTS) return texts.join('');
  const half = MAX_SEGMENTS / 2;
  return `${texts.slice(0, half).join('')} ... ${texts.slice(-half).join('')}`;
}

function childrenOf(node) {
  const { value } = node;
  const children = [];
  const add = (child, text) => children.push({ value: child, parent: node, text });
  if (value instanceof Map) {
    let index = 0;
    for (const [key, item] of value) {
      add(key, `.keys()[${index}]`);
      add(item, typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.values()[${index}]`);
      index += 1;
    }
  } else if (value instanceof Set) {
    let index = 0;
    for (const item of value) add(item, `.values()[${index++}]`);
  } else if (!ArrayBuffer.isView(value)) {
    const isArray = Array.isArray(value);
    for (const key of Object.keys(value)) {
      add(value[key], segment(isArray && /^\d+$/.test(key) ? Number(key) : key));
    }
  }
  return children;
}

const articled = (name) => `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`;

function kindOf(value) {
  if (typeof value !== 'object') return articled(typeof value);
  try {
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    const name = value.constructor?.name;
    return articled(tag === 'Object' && typeof name === 'string' && name ? name : tag);
  } catch {
    return 'an object';
  }
}

/**
 * The first part of `root` that cannot be cloned, in the order in which it would be.
 * @param {unknown} root
 * @param {string} name what the path starts with
 * @param {(value: unknown) => boolean} cloneable asks the engine
 * @param {boolean} takesFunctions functions are none
 * @returns {{ text: string, thrown?: { error: unknown } }} a sentence; what a getter threw
 */
function findCulprit(root, name, cloneable, takesFunctions = false) {
  const seen = new Set();
  const nodes = [{ value: root, parent: null, text: name }];
  for (let visited = 0; nodes.length > 0 && visited < MAX_VISITED; visited++) {
    const node = nodes.pop();
    const { value } = node;
    if (typeof value === 'symbol' || (typeof value === 'function' && !takesFunctions)) {
      return { text: `${pathOf(node)} is ${kindOf(value)}` };
    }
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    let children;
    try {
      children = childrenOf(node);
    } catch (error) {
      return { text: `${pathOf(node)} threw while it was read`, thrown: { error } };
    }
    if (children.length === 0 && !cloneable(value)) {
      return { text: `${pathOf(node)} is ${kindOf(value)}` };
    }
    for (let i = children.length - 1; i >= 0; i--) nodes.push(children[i]);
  }
  return { text: `${name} has a part that cannot be cloned`, isVague: true };
}

module.exports = { findCulprit };
