'use strict';

// WebAssembly, assembled by hand.

const REFUSED = ['RangeError', 'WebAssembly.RuntimeError', 'RuntimeError', 'CompileError', 'LinkError', 'ERR_THREAD_OUT_OF_MEMORY'];
const TIME = ['ERR_THREAD_TIMEOUT'];

const section = (id, ...bytes) => [id, ...leb(bytes.length), ...bytes];
function leb(number) {
  const bytes = [];
  do {
    bytes.push((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
    number >>>= 7;
  } while (number > 0);
  return bytes;
}
const text = (name) => [name.length, ...Buffer.from(name)];

// A module with one exported function "f" of type () -> (), and perhaps a memory.
function moduleOf(body, { memory = [], locals = [0] } = {}) {
  const code = [...locals, ...body, 0x0b]; // ... end
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, // \0asm, version 1
    ...section(1, 1, 0x60, 0, 0), // one type: func () -> ()
    ...section(3, 1, 0), // one function of type 0
    ...(memory.length > 0 ? section(5, 1, ...memory) : []), // one memory
    ...section(7, 1, ...text('f'), 0, 0), // export function 0 as "f"
    ...section(10, 1, ...leb(code.length), ...code),
  ]);
}

const LOOP = [0x03, 0x40]; // loop (no result)
const AGAIN = [0x0c, 0, 0x0b]; // br 0, end of loop
const i32 = (n) => [0x41, n]; // i32.const, for -64..63

const modules = {
  loop: moduleOf([...LOOP, ...AGAIN]),
  // loop { if (memory.grow(16) == -1) unreachable;
  //        memory.fill((memory.size - 16) << 16, 1, 16 << 16) }
  grow: moduleOf([
    ...LOOP,
    ...i32(16), 0x40, 0, // memory.grow
    ...i32(0x7f), 0x46, 0x04, 0x40, 0x00, 0x0b, // i32.const -1, i32.eq, if unreachable end
    0x3f, 0, ...i32(16), 0x6b, ...i32(16), 0x74, // memory.size - 16 << 16
    ...i32(1), ...i32(16), ...i32(16), 0x74, 0xfc, 0x0b, 0, // 1, 16 << 16, memory.fill
    ...AGAIN,
  ], { memory: [0x00, 1] }),
  recurse: moduleOf([0x10, 0]), // call 0
  declared: moduleOf([
    // memory.fill(0, 1, 0x7fff0000): the pages are touched, so that they count
    ...i32(0), ...i32(1), 0x41, 0x80, 0x80, 0xfc, 0xff, 0x07, 0xfc, 0x0b, 0,
  ], { memory: [0x00, ...leb(32768)] }),
  // memory.atomic.wait32(0, 0, -1) on a shared memory: for ever
  wait: moduleOf([...i32(0), ...i32(0), 0x42, 0x7f, 0xfe, 0x01, 2, 0, 0x1a], { memory: [0x03, 1, 1] }),
  // loop { memory.fill(0, 1, 1 MB) }: long steps without a check in between
  fill: moduleOf([...LOOP, ...i32(0), ...i32(1), 0x41, 0x80, 0x80, 0xc0, 0x00, 0xfc, 0x0b, 0, ...AGAIN], { memory: [0x00, 32] }),
};

const start = () => (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports.f();

module.exports = [
  { name: 'an endless loop', args: () => [modules.loop], run: start, expect: TIME, options: { timeout: 300 }, thread: true },
  { name: 'an endless loop of fills', args: () => [modules.fill], run: start, expect: TIME, options: { timeout: 300 }, mayLose: true },
  { name: 'a wait for ever', args: () => [modules.wait], run: start, expect: TIME, options: { timeout: 300 } },
  { name: 'endless recursion', args: () => [modules.recurse], run: start, expect: ['RangeError'] },
  { name: 'a declared memory of 2 GB', args: () => [modules.declared], run: start, expect: REFUSED },
  { name: 'memory grown from inside', args: () => [modules.grow], run: start, expect: REFUSED, thread: true },
  { name: 'a memory of 4 GB from JavaScript', run: () => () => new Uint8Array(new WebAssembly.Memory({ initial: 65536 }).buffer).fill(1).length, expect: REFUSED },
  { name: 'memory grown from JavaScript', run: () => () => { const m = new WebAssembly.Memory({ initial: 1 }); for (;;) { m.grow(16); new Uint8Array(m.buffer, m.buffer.byteLength - 2 ** 20).fill(1); } }, expect: REFUSED },
  { name: 'a shared memory grown from JavaScript', run: () => () => { const m = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true }); for (;;) { m.grow(16); new Uint8Array(m.buffer, m.buffer.byteLength - 2 ** 20).fill(1); } }, expect: REFUSED },
  { name: 'many memories', run: () => () => { const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 16 }); new Uint8Array(m.buffer).fill(1); a.push(m); } }, expect: REFUSED },
  { name: 'memories that are garbage', run: () => () => { for (let i = 0; i < 300; i++) new Uint8Array(new WebAssembly.Memory({ initial: 64 }).buffer).fill(1); return 'done'; }, expect: ['value'], value: 'done' },
  { name: 'a table that grows', run: () => () => { const t = new WebAssembly.Table({ initial: 1, element: 'anyfunc' }); for (;;) t.grow(1e5); }, expect: REFUSED },
  { name: 'many tables', run: () => () => { const a = []; for (;;) a.push(new WebAssembly.Table({ initial: 1e5, element: 'externref' })); }, expect: REFUSED },
  { name: 'many modules', peak: 288, left: 96, args: () => [modules.grow], run: () => (bytes) => { const a = []; for (;;) a.push(new WebAssembly.Module(bytes)); }, expect: [...REFUSED, ...TIME] },
  { name: 'many instances', args: () => [modules.loop], run: () => (bytes) => { const m = new WebAssembly.Module(bytes); const a = []; for (;;) a.push(new WebAssembly.Instance(m)); }, expect: REFUSED },
  { name: 'compiling for ever', args: () => [modules.grow], run: () => async (bytes) => { for (;;) await WebAssembly.compile(bytes); }, expect: TIME, options: { timeout: 500 } },
  { name: 'a thousand compilations at once, and gone', args: () => [modules.grow], run: () => async (bytes) => { for (let i = 0; i < 1000; i++) WebAssembly.instantiate(bytes); for (;;); }, expect: TIME, options: { timeout: 300 } },
  { name: 'a module that is none', run: () => () => new WebAssembly.Module(new Uint8Array(1e6)), expect: ['WebAssembly.CompileError', 'CompileError'] },
];
