'use strict';

// Which part of a value is it that structured clone refuses? Used on the host for arguments, and,
// built into the library with src/prelude/, in the thread for results.

const {
  append, arrayJoin, arraySlice, hardened, isArray, isMap, isSet, isView, keys, mapForEach, Number, Set, setAdd,
  setForEach, setHas, stringify, stringSlice, tagOf, test,
} = require('./primordials.js');

const MAX_VISITED = 100000;
const MAX_SEGMENTS = 24;

// Made when it is first asked for: V8 collects the letters of all languages for it, which took a
// tenth of the prelude's time at every start.
let identifier;
const isIdentifier = (text) => test(identifier ??= hardened(/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u), text);

const INDEX = hardened(/^\d+$/);
const VOWEL = hardened(/^[aeiou]/i);

function segment(key) {
  if (typeof key === 'number') return `[${key}]`;
  return isIdentifier(key) ? `.${key}` : `[${stringify(key)}]`;
}

// A node is { value, parent, text }: where it hangs, and the part of the path that it adds.
function pathOf(node) {
  const nodes = [];
  for (let at = node; at; at = at.parent) append(nodes, at);
  const texts = [];
  for (let i = nodes.length - 1; i >= 0; i--) append(texts, nodes[i].text);
  if (texts.length <= MAX_SEGMENTS) return arrayJoin(texts, '');
  const half = MAX_SEGMENTS / 2;
  return `${arrayJoin(arraySlice(texts, 0, half), '')} ... ${arrayJoin(arraySlice(texts, -half), '')}`;
}

function childrenOf(node) {
  const { value } = node;
  const children = [];
  const add = (child, text) => append(children, { value: child, parent: node, text });
  let index = 0;
  if (isMap(value)) {
    mapForEach(value, (item, key) => {
      add(key, `.keys()[${index}]`);
      add(item, typeof key === 'string' ? `.get(${stringify(key)})` : `.values()[${index}]`);
      index += 1;
    });
  } else if (isSet(value)) {
    setForEach(value, (item) => add(item, `.values()[${index++}]`));
  } else if (!isView(value)) {
    const isList = isArray(value);
    const names = keys(value);
    for (let i = 0; i < names.length; i++) {
      add(value[names[i]], segment(isList && test(INDEX, names[i]) ? Number(names[i]) : names[i]));
    }
  }
  return children;
}

const articled = (name) => `${test(VOWEL, name) ? 'an' : 'a'} ${name}`;

function kindOf(value) {
  if (typeof value !== 'object') return articled(typeof value);
  try {
    const tag = stringSlice(tagOf(value), 8, -1);
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
  // A stack, linked: an array's own methods are not to be trusted in a thread.
  let top = { node: { value: root, parent: null, text: name }, below: null };
  for (let visited = 0; top !== null && visited < MAX_VISITED; visited++) {
    const { node } = top;
    const { value } = node;
    top = top.below;
    if (typeof value === 'symbol' || (typeof value === 'function' && !takesFunctions)) {
      return { text: `${pathOf(node)} is ${kindOf(value)}` };
    }
    if (typeof value !== 'object' || value === null || setHas(seen, value)) continue;
    setAdd(seen, value);
    let children;
    try {
      children = childrenOf(node);
    } catch (error) {
      return { text: `${pathOf(node)} threw while it was read`, thrown: { error } };
    }
    if (children.length === 0 && !cloneable(value)) {
      return { text: `${pathOf(node)} is ${kindOf(value)}` };
    }
    for (let i = children.length - 1; i >= 0; i--) top = { node: children[i], below: top };
  }
  return { text: `${name} has a part that cannot be cloned`, isVague: true };
}

module.exports = { findCulprit };
