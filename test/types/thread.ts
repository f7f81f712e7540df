// Compiled, never run: see test/js/types.test.js. A line after @ts-expect-error must be an error.
import { Thread, ThreadError, ThreadPool, transfer, type HostFunction, type ThreadOptions } from 'isolated-threads';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Equal<A, B>): void {}

// Arguments and result come from the context.
const add = new Thread(() => (a: number) => a + 1);
const sum = add.run(1);
same<typeof sum, Promise<number>>(true);
// @ts-expect-error: a string is no number
add.run('1');
// @ts-expect-error: too many arguments
add.run(1, 2);
// @ts-expect-error: too few
add.run();

// Asynchronous ones are awaited, wherever they are.
const later = new Thread(async () => async (name: string, ...rest: boolean[]) => ({ name, rest }));
const found = later.run('x', true, false);
same<typeof found, Promise<{ name: string; rest: boolean[] }>>(true);

const nothing = new Thread(() => () => {}).run();
same<typeof nothing, Promise<void>>(true);

// A source text has no types of its own, but may be given some.
const text = new Thread('() => (n) => n').run(1, 'anything');
same<typeof text, Promise<any>>(true);
const typed = new Thread<(n: number) => string>('() => (n) => String(n)').run(1);
same<typeof typed, Promise<string>>(true);

// What is transferred stays what it is.
const bytes = new Uint8Array(1);
const moved = new Thread(() => (b: Uint8Array) => b.length).run(transfer(bytes, [bytes.buffer]));
same<typeof moved, Promise<number>>(true);
new Thread(() => (b: Uint8Array) => b.length).runWith({ transfer: [bytes.buffer] }, bytes);
// @ts-expect-error: a list of buffers, and not of views
transfer(bytes, [5]);

// Generators give streams.
const counting = new Thread(() => function* (to: number) { for (let i = 0; i < to; i++) yield i; return 'end'; });
same<ReturnType<typeof counting.run>, Promise<AsyncGenerator<number, string, void>>>(true);
same<ReturnType<typeof counting.stream>, AsyncGenerator<number, string, void>>(true);
const lines = new Thread(() => async function* (source: AsyncIterable<string>) { yield* source; });
same<ReturnType<typeof lines.stream>, AsyncGenerator<string, void, void>>(true);
lines.streamWith({ window: 4, timeout: 100 }, lines.stream((async function* () { yield 'a'; })()));
// @ts-expect-error: a window is a number
lines.streamWith({ window: '4' }, lines.stream((async function* () { yield 'a'; })()));
// @ts-expect-error: numbers are no strings
lines.stream(counting.stream(1));

// @ts-expect-error: a context returns a function
new Thread(() => 42);
// @ts-expect-error: a number is no context
new Thread(42);
// @ts-expect-error: no such option
new Thread(() => () => 1, { memorylimit: 64 });
new Thread(() => () => 1, { codeGeneration: { strings: false } });
// @ts-expect-error: it is an object
new Thread(() => () => 1, { codeGeneration: false });
// @ts-expect-error: megabytes are a number
new Thread(() => () => 1, { memoryLimit: '64' });

const options: ThreadOptions = { memoryLimit: 64, name: 'n', filename: '/x.js' };
const thread = new Thread(() => () => 1, options);
same<typeof thread.ready, Promise<void>>(true);
same<ReturnType<typeof thread.dispose>, Promise<void>>(true);
// @ts-expect-error: the name is only to be read
thread.name = 'other';

thread.run().catch((error: unknown) => {
  if (error instanceof ThreadError && error.code === 'ERR_THREAD_OUT_OF_MEMORY') return 0;
  // @ts-expect-error: not one of the codes
  if (error instanceof ThreadError && error.code === 'ERR_OTHER') return 1;
  return 2;
});

// A pool is as a thread.
const pool = new ThreadPool(() => async (a: number, b?: string) => a + (b ?? ''), 4, { scheduler: 'least-loaded', maxQueue: Infinity });
same<ReturnType<typeof pool.run>, Promise<string>>(true);
same<ReturnType<typeof pool.broadcast>, Promise<string[]>>(true);
pool.runWith({ priority: 1, key: 'k' }, 1, 'b');
// @ts-expect-error: options come first
pool.runWith(1);
// @ts-expect-error: no such scheduler
new ThreadPool(() => () => 1, 2, { scheduler: 'fifo' });
// @ts-expect-error: items are numbers
pool.map(['a']);
(async () => {
  for await (const value of pool.map([1, 2])) same<typeof value, string>(true);
})();
pool.on('threadExit', ({ threadId, reason }) => [threadId.toFixed(), reason === 'out-of-memory']);
// @ts-expect-error: no such event
pool.on('exit', () => {});
same<ReturnType<typeof pool.unref>, typeof pool>(true);
const p99: number = pool.stats().runTime.p99;
void p99;

// Functions among the arguments are asynchronous in the thread, and need not be here.
const asks = new Thread(() => async (n: number, ask: HostFunction<[question: string], number>, report: HostFunction<[share: number], void>) => {
  same<ReturnType<typeof ask>, Promise<number>>(true);
  same<ReturnType<typeof ask.sync>, number>(true);
  await report(0.5);
  return n + (await ask('one')) + ask.sync('two');
});
asks.run(1, (question) => question.length, (share) => share.toFixed());
asks.run(1, async (question) => question.length, async () => {});
// @ts-expect-error: it is to answer with a number
asks.run(1, (question) => question, () => {});
// @ts-expect-error: it is given a string
asks.run(1, (question: number) => question, () => {});
// @ts-expect-error: one is missing
asks.run(1, () => 1);

// One that is declared as it is used there will do as well.
new Thread(() => async (f: (n: number) => Promise<string>) => f(1)).run((n) => n.toFixed());
new Thread(() => async ({ on, list }: { on: { each: HostFunction<[number], void> }; list: HostFunction<[], string>[] }) => {
  on.each(1);
  return list[0]?.sync();
}).run({ on: { each: (n) => n.toFixed() }, list: [() => 'a', async () => 'b'] });

// Functions of a result are asynchronous here, wherever they stand.
const made = new Thread(() => (start: number) => ({ add: (k: number) => (start += k), deep: { list: [async () => 'x'] }, at: new Date(), bytes: new Uint8Array(1) })).run(1);
made.then(async ({ add, deep, at, bytes }) => {
  same<ReturnType<typeof add>, Promise<number>>(true);
  same<ReturnType<(typeof deep.list)[0]>, Promise<string>>(true);
  same<typeof at, Date>(true);
  same<typeof bytes, Uint8Array<ArrayBuffer>>(true);
  // @ts-expect-error: it takes a number
  await add('1');
});
const chain = new Thread(() => () => (f: HostFunction<[number], number>) => () => f(1)).run();
chain.then(async (first) => {
  const second = await first((n) => n + 1);
  same<ReturnType<typeof second>, Promise<number>>(true);
});
new ThreadPool(() => (item: number, done: HostFunction<[number]>) => { done(item); return item; }).run(1, (item) => item);
