// Compiled, never run: see test/js/types.test.js. A line after @ts-expect-error must be an error.
import { Thread, ThreadError, type ThreadOptions } from 'isolated-threads';

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

// @ts-expect-error: a context returns a function
new Thread(() => 42);
// @ts-expect-error: a number is no context
new Thread(42);
// @ts-expect-error: no such option
new Thread(() => () => 1, { memorylimit: 64 });
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
