'use strict';

// Memory beside the JavaScript heap: buffers, and what comes over as arguments.

const MEMORY = ['ERR_THREAD_OUT_OF_MEMORY'];
const REFUSED = ['RangeError', 'ERR_THREAD_OUT_OF_MEMORY'];

module.exports = [
  { name: 'typed arrays one by one', run: () => () => { const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1)); }, expect: REFUSED, thread: true },
  { name: 'typed arrays, small', run: () => () => { const a = []; for (;;) a.push(new Float64Array(16)); }, expect: REFUSED },
  { name: 'empty buffers', peak: 384, run: () => () => { const a = []; for (;;) a.push(new ArrayBuffer(0)); }, expect: REFUSED },
  { name: 'one of 4 GB', run: () => () => new Uint8Array(2 ** 32 - 1).length, expect: ['RangeError'] },
  { name: 'a refusal can be caught', run: () => () => { try { return new Uint8Array(1e9).length; } catch (error) { return `${error.name} ${new Uint8Array(1e6).length}`; } }, expect: ['value'], value: 'RangeError 1000000' },
  { name: 'refusals caught for ever', run: () => () => { const a = []; for (;;) try { for (;;) a.push(new Uint8Array(1e6)); } catch {} }, expect: ['ERR_THREAD_TIMEOUT', ...MEMORY], options: { timeout: 500 } },
  { name: 'a resizable buffer', run: () => () => { const b = new ArrayBuffer(0, { maxByteLength: 2 ** 31 }); for (let n = 0; n < 2 ** 31; n += 2 ** 20) { b.resize(n + 2 ** 20); new Uint8Array(b, n).fill(1); } return b.byteLength; }, expect: REFUSED },
  { name: 'many resizable buffers', run: () => () => { const a = []; for (;;) { const b = new ArrayBuffer(0, { maxByteLength: 2 ** 20 }); b.resize(2 ** 20); new Uint8Array(b).fill(1); a.push(b); } }, expect: REFUSED },
  { name: 'reservations of resizable buffers', run: () => () => { const a = []; for (;;) a.push(new ArrayBuffer(1, { maxByteLength: 2 ** 32 })); }, expect: REFUSED },
  { name: 'SharedArrayBuffers one by one', run: () => () => { const a = []; for (;;) a.push(new Uint8Array(new SharedArrayBuffer(1e6)).fill(1)); }, expect: REFUSED },
  { name: 'one SharedArrayBuffer of 4 GB', run: () => () => new SharedArrayBuffer(2 ** 32).byteLength, expect: REFUSED },
  { name: 'a growable SharedArrayBuffer', run: () => () => { const b = new SharedArrayBuffer(0, { maxByteLength: 2 ** 31 }); for (let n = 0; n < 2 ** 31; n += 2 ** 20) { b.grow(n + 2 ** 20); new Uint8Array(b, n).fill(1); } return b.byteLength; }, expect: REFUSED },
  { name: 'slices', run: () => () => { const b = new ArrayBuffer(1e6); const a = []; for (;;) a.push(b.slice(1)); }, expect: REFUSED },
  { name: 'heap and buffers together', peak: 288, run: () => () => { const a = []; for (;;) a.push(new Array(1e4).fill(1), new Uint8Array(8e4).fill(1)); }, expect: REFUSED },
  { name: 'an 8 MB array again and again', left: 96, run: () => () => { let n = 0; for (let i = 0; i < 1000; i++) n += new Uint8Array(8e6).fill(1)[i]; return n; }, expect: ['value'], value: 1000, options: { memoryLimit: 32 } },
  { name: 'an 8 MB SharedArrayBuffer again and again', left: 96, run: () => () => { let n = 0; for (let i = 0; i < 300; i++) n += new Uint8Array(new SharedArrayBuffer(8e6)).fill(1)[i]; return n; }, expect: ['value', 'RangeError'], options: { memoryLimit: 32 } },
  { name: 'a 200 MB argument', peak: 288, args: () => [new Uint8Array(200e6)], run: () => (a) => a.length, expect: REFUSED },
  { name: 'a 200 MB string argument', peak: 512, left: 256, args: () => ['x'.repeat(200e6)], run: () => (s) => s.length, expect: REFUSED },
  { name: 'an argument of 2e6 objects', peak: 320, left: 64, args: () => [Array.from({ length: 2e6 }, (_, i) => ({ i, text: 'text' }))], run: () => (a) => a.length, expect: MEMORY },
  { name: 'an argument of 1e7 numbers', peak: 800, left: 320, args: () => [new Array(1e7).fill(1.5)], run: () => (a) => a.length, expect: MEMORY },
  { name: 'arguments that fit, again and again', left: 64, args: () => [new Uint8Array(8e6)], calls: 50, run: () => (a) => a.length, expect: ['value'], value: 8e6, options: { memoryLimit: 32 } },
  { name: 'a result too large to send', run: () => () => new Array(1e4).fill('x'.repeat(1e6)), expect: [...MEMORY, 'ERR_THREAD_NOT_CLONEABLE'], thread: true },
  { name: 'a result of many buffers', run: () => () => new Array(100).fill(0).map(() => new Uint8Array(5e5).fill(1)), expect: ['value', ...REFUSED] },
  { name: 'a thrown string of 400 MB', run: () => () => { throw 'x'.repeat(4e8); }, expect: [...MEMORY, 'thrown'] },
  { name: 'an error with 10 GB of properties', run: () => () => { throw Object.assign(new Error('x'), { all: new Array(1e4).fill('x'.repeat(1e6)) }); }, expect: [...MEMORY, 'Error'] },
  { name: 'a console record of 10 GB', run: () => () => { console.debug(new Array(1e4).fill('x'.repeat(1e6))); return 1; }, expect: [...MEMORY, 'value'] },
];
