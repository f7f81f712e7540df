/** Any function that a context may return. */
export type ThreadFunction = (...args: any[]) => any;

/**
 * A function that holds constants and helpers and returns the function that `run` calls. It is
 * taken over as text and evaluated once in the thread, so it sees nothing from outside itself.
 */
export type ThreadContext<F extends ThreadFunction> = () => F | PromiseLike<F>;

/**
 * How a function of the host arrives in a thread: the type to give to a context's parameters.
 *
 *     new Thread(() => async (n: number, report: HostFunction<[share: number]>) => { await report(0.5); })
 *       .run(8, (share) => bar.update(share))
 */
export interface HostFunction<A extends any[] = any[], R = any> {
  (...args: A): Promise<R>;
  /** Blocks the thread until the host has answered; a promise that the host returns is awaited. */
  sync(...args: A): R;
}

// What is cloned as a whole.
type Leaf =
  | { readonly [Symbol.toStringTag]: string }
  | Date
  | RegExp
  | Error
  | { readonly buffer: ArrayBufferLike };
type IsAny<T> = 0 extends 1 & T ? true : false;
// Where nothing is asked for, anything may be returned.
type MayReturn<R> = [R] extends [void] ? void : R | PromiseLike<R>;

/** What the host may give where code in a thread receives `T`: functions need not be asynchronous. */
export type HostValue<T> = IsAny<T> extends true
  ? T
  : T extends HostFunction<infer A, infer R>
    ? (...args: A) => MayReturn<R>
    : T extends (...args: infer A) => infer R
      ? (...args: A) => MayReturn<Awaited<R>>
      : T extends AsyncIterable<infer V>
        ? AsyncIterable<HostValue<V>> | Iterator<HostValue<V>>
        : T extends Map<infer K, infer V>
          ? Map<HostValue<K>, HostValue<V>>
          : T extends Set<infer V>
            ? Set<HostValue<V>>
            : T extends Leaf
              ? T
              : T extends object
                ? { [K in keyof T]: HostValue<T[K]> }
                : T;
export type HostValues<T extends any[]> = { [K in keyof T]: HostValue<T[K]> };

/** What the host receives where code in a thread gives `T`: functions arrive as asynchronous ones. */
export type Received<T> = IsAny<T> extends true
  ? T
  : T extends (...args: infer A) => infer R
    ? (...args: HostValues<A>) => Promise<Received<Awaited<R>>>
    : T extends Generator<infer V, infer R, any> | AsyncGenerator<infer V, infer R, any>
      ? AsyncGenerator<Received<V>, Received<R>, void>
      : T extends Map<infer K, infer V>
        ? Map<Received<K>, Received<V>>
        : T extends Set<infer V>
          ? Set<Received<V>>
          : T extends Leaf
            ? T
            : T extends object
              ? { [K in keyof T]: Received<T[K]> }
              : T;

/**
 * What a run gives: what the function returns, awaited; of a generator, its stream. The values of a
 * stream come as they are yielded, no more of them ahead than its window; to leave a `for await`, or
 * return(), ends the generator over there.
 */
export type RunResult<F extends ThreadFunction> = Received<Awaited<ReturnType<F>>>;

/** The stream of a function that is a generator. */
export type RunStream<F extends ThreadFunction> =
  RunResult<F> extends AsyncGenerator<any, any, any> ? RunResult<F> : AsyncGenerator<any, any, void>;

export interface ThreadOptions {
  /**
   * Megabytes, 8 or more, for all that the thread holds: JavaScript heap, buffers, WebAssembly
   * memories, arguments. Beyond it the run rejects with `ERR_THREAD_OUT_OF_MEMORY` and the thread is disposed; a single
   * buffer beyond it is a RangeError inside, and arguments beyond it reject with a RangeError.
   * Default: what V8 takes for this machine.
   */
  memoryLimit?: number | undefined;
  /**
   * May code inside make code: of strings (`eval`, `new Function`), of WebAssembly? Where not, that
   * is an EvalError, or a WebAssembly.CompileError. Default: both true.
   */
  codeGeneration?: { strings?: boolean | undefined; wasm?: boolean | undefined } | undefined;
  /** Stands in messages. Default: a number counted up. */
  name?: string | undefined;
  /**
   * The file that stack traces name. Default: the file in which the context function is written;
   * for a string, `isolated-threads:context`.
   */
  filename?: string | undefined;
  /**
   * Milliseconds that a run, or the evaluation of the context, may take from its start in the thread,
   * awaiting included. Beyond it the run is stopped where it stands and rejects with
   * `ERR_THREAD_TIMEOUT`; the thread goes on. Default: Infinity.
   */
  timeout?: number | undefined;
  /** As `timeout`, of the thread's CPU time: `ERR_THREAD_CPU_TIMEOUT`. Default: Infinity. */
  cpuTimeout?: number | undefined;
  /**
   * Milliseconds of CPU time that code may go on after it was told to stop (V8 has builtins that it
   * cannot interrupt), or five times as many by the clock where it takes none. After them its run is rejected all the same and the thread is written off; it is
   * freed when it does come back. Default 1000.
   */
  interruptGrace?: number | undefined;
  /**
   * What becomes of the context when a run is interrupted: `'renew'`, the default, evaluates it anew,
   * for the run may have left it half-written; `'keep'` keeps it as it is.
   */
  onInterrupt?: 'renew' | 'keep' | undefined;
  /**
   * How many threads the process shall have started, and waiting for whoever makes the next Thread or
   * pool, once this one has loaded (or a second later, if it has not by then): the first result then
   * comes within about half a millisecond instead of several.
   * 0: this one asks for none. They go after ten seconds unused, and keep no process alive.
   * Default: 1, or what {@link Thread.warm} was given last.
   */
  spares?: number | undefined;
}

export interface RunOptions {
  /**
   * An integer; higher runs first, first come first served within one. A step of priority is worth
   * a second of waiting, so nothing starves. Default 0.
   */
  priority?: number | undefined;
  /**
   * Runs with the same key go to the same thread for as long as it lives, one after the other in
   * their order (of equal priority), whatever the scheduler.
   */
  key?: string | number | bigint | undefined;
  /**
   * ArrayBuffers that move with the arguments instead of being copied; they are detached here at
   * once. One that cannot move makes the run reject with `ERR_THREAD_NOT_CLONEABLE`, and none moves.
   */
  transfer?: readonly ArrayBuffer[] | undefined;
  /** Milliseconds from its start in the thread. Default: that of the thread or pool. */
  timeout?: number | undefined;
  /** Milliseconds of CPU time. Default: that of the thread or pool. */
  cpuTimeout?: number | undefined;
  /**
   * Ends the run when it is aborted: it leaves the queue, or is interrupted where it stands, and
   * rejects with an AbortError (code `ABORT_ERR`) whose `cause` is the signal's reason.
   */
  signal?: AbortSignalLike | undefined;
}

export interface StreamOptions extends RunOptions {
  /** How many values may be ahead of who takes them, from 1 to 65536. Default 16. */
  window?: number | undefined;
}

/**
 * Stands for `value` among the arguments of a run, or within one; the ArrayBuffers of `list` then
 * move instead of being copied. Inside a thread there is a global function of the same name for
 * results. See docs/data.md.
 *
 * @throws {TypeError} where value is no object, or list no array
 */
export function transfer<T extends object>(value: T, list: readonly ArrayBuffer[]): T;

/**
 * An operating-system thread with a bare V8 isolate of its own: JavaScript, and nothing of Node.
 * It starts at once. While nothing is pending it does not keep the process alive, and once it is
 * garbage it is freed.
 *
 * @throws {TypeError} where the context is native, bound, a class or no function, or an option is
 *   unknown or not of its type
 * @throws {RangeError} where an option is out of range
 */
export class Thread<F extends ThreadFunction = ThreadFunction> {
  constructor(context: ThreadContext<F>, options?: ThreadOptions);
  /** `source`: the text of a context function, or a script whose last value is one. */
  constructor(source: string, options?: ThreadOptions);

  /**
   * Keeps so many threads started for the Threads and pools to come (default 1, at most 1024; 0 ends
   * those that are there), also after some have been taken, until they have been unused for ten
   * seconds. Resolves when they are there; rejects where the system could not start them.
   */
  static warm(threads?: number): Promise<void>;

  readonly name: string;

  /**
   * Resolves once the context has been evaluated, and rejects with what it threw; then every run
   * rejects with that as well. Not looked at, it is never an unhandled rejection.
   */
  readonly ready: Promise<void>;

  /**
   * Calls the function over there. Arguments and result are structured-cloned; SharedArrayBuffers,
   * shared WebAssembly.Memories and WebAssembly.Modules are shared: see docs/data.md. Runs start in the order in which they are called, one at a time: the next one
   * starts when what the last one returned has settled.
   *
   * Rejects with what the function throws, or with a {@link ThreadError}.
   */
  run(...args: HostValues<Parameters<F>>): Promise<RunResult<F>>;

  /** As {@link run}, with options for this run. */
  runWith(options: RunOptions, ...args: HostValues<Parameters<F>>): Promise<RunResult<F>>;

  /**
   * As {@link run}, of a function that is a generator: gives the stream of its values at once. `next`
   * rejects with a TypeError where the function gives anything else. The thread runs nothing else
   * until the stream is over.
   */
  stream(...args: HostValues<Parameters<F>>): RunStream<F>;

  /** As {@link stream}, with options. */
  streamWith(options: StreamOptions, ...args: HostValues<Parameters<F>>): RunStream<F>;

  /**
   * Stops at once whatever runs, an endless loop too. Pending and later runs reject with
   * `ERR_THREAD_DISPOSED`. Resolves when the thread has ended; a second call gives the same promise.
   */
  dispose(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * - `'round-robin'`: the i-th run on thread i mod n
 * - `'least-loaded'`: the thread with the fewest waiting and running
 * - `'shared'`: one queue, the first free thread
 * - `'random'`: any
 */
export type Scheduler = 'round-robin' | 'least-loaded' | 'shared' | 'random';

export interface ThreadPoolOptions extends ThreadOptions {
  /** Default `'round-robin'`. */
  scheduler?: Scheduler | undefined;
  /** May an idle thread take runs that wait for a busy one? Default true. */
  steal?: boolean | undefined;
  /** Threads that are always there, from 0. Default: poolSize. */
  minThreads?: number | undefined;
  /** Threads at most; those above minThreads come with demand. Default: poolSize. */
  maxThreads?: number | undefined;
  /** Milliseconds without a run after which a thread above minThreads ends. Default 10000. */
  idleTimeout?: number | undefined;
  /** Runs that may wait beyond those for which a thread is free. Default Infinity. */
  maxQueue?: number | undefined;
  /** Runs after which a thread is replaced by a new one. Default Infinity. */
  maxTasksPerThread?: number | undefined;
}

/** What TypeScript needs to know of an AbortSignal, wherever its type comes from. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: any;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface MapOptions {
  /**
   * Items under way at most. Default: twice maxThreads, and more, up to 1024, while results come
   * fast; never as many as maxQueue would refuse.
   */
  concurrency?: number | undefined;
  /** Results in the order of the source? Default true. */
  ordered?: boolean | undefined;
  /** An AbortSignal. */
  signal?: AbortSignalLike | undefined;
}

/** Of durations, in milliseconds, right to within 1/16. */
export interface Histogram {
  count: number;
  mean: number;
  p50: number;
  p90: number;
  p99: number;
  p99_9: number;
  max: number;
}

export interface ThreadStats {
  id: number;
  /** Has it evaluated the context? */
  ready: boolean;
  busy: boolean;
  /** Runs placed on it that wait. */
  queued: number;
  /** Runs it has taken. */
  tasks: number;
  /** Milliseconds. */
  uptime: number;
  /** Of the uptime, from 0 to 1. */
  busyShare: number;
  /** Milliseconds; 0 where the system does not tell (elsewhere than on Linux). */
  cpuTime: number;
  /** Bytes of JavaScript heap, when the thread started, was idle last, or had run 64 tasks. */
  heapUsed: number;
  /** Bytes of buffers it holds, made there or taken in. */
  buffers: number;
}

export interface ThreadPoolStats {
  threads: number;
  idle: number;
  running: number;
  queued: number;
  completed: number;
  failed: number;
  /** Runs that an idle thread took from a busy one. */
  stolen: number;
  /** Threads that died and were replaced. */
  respawned: number;
  /** Runs (and jobs between runs) that were interrupted. */
  interrupted: number;
  /** Threads that were written off, because code in them did not stop, and have not come back. */
  lost: number;
  /** Threads in which V8 itself gave up; they stay for ever, with the memory they hold. */
  parked: number;
  runTime: Histogram;
  waitTime: Histogram;
  perThread: ThreadStats[];
}

export type ThreadExitReason = 'retired' | 'disposed' | 'out-of-memory' | 'fatal' | 'context' | 'start' | 'timeout' | 'lost';

export interface ThreadPoolEvents {
  threadStart: (thread: { threadId: number }) => void;
  threadExit: (thread: { threadId: number; reason: ThreadExitReason }) => void;
  /**
   * What no promise tells of: a thread has died (`thread` says which), or code in one has left a
   * rejection or an exception that nobody handled. Without a listener the latter is a warning of the
   * process, and the former nothing.
   */
  error: (error: any, thread?: { threadId: number }) => void;
  /** maxQueue runs wait, or 1024 where there is no maxQueue. */
  needsDrain: () => void;
  /** After needsDrain: no run waits any more. */
  drain: () => void;
}

/** Many threads with one context behind one `run`. Threads that die are replaced. */
export class ThreadPool<F extends ThreadFunction = ThreadFunction> {
  /** `poolSize` defaults to `os.availableParallelism()`. */
  constructor(context: ThreadContext<F>, poolSize?: number, options?: ThreadPoolOptions);
  constructor(source: string, poolSize?: number, options?: ThreadPoolOptions);

  readonly name: string;
  /** Resolves once every thread of the start has evaluated the context. See {@link Thread.ready}. */
  readonly ready: Promise<void>;
  readonly needsDrain: boolean;

  run(...args: HostValues<Parameters<F>>): Promise<RunResult<F>>;
  runWith(options: RunOptions, ...args: HostValues<Parameters<F>>): Promise<RunResult<F>>;
  /** See {@link Thread.stream}. */
  stream(...args: HostValues<Parameters<F>>): RunStream<F>;
  streamWith(options: StreamOptions, ...args: HostValues<Parameters<F>>): RunStream<F>;

  /** Runs once on every thread; results in the order of the threads. */
  broadcast(...args: HostValues<Parameters<F>>): Promise<RunResult<F>[]>;

  /**
   * The results for the items of a source, each given as the one argument. The source is read no
   * faster than results are taken. An error ends it, and what waits is cancelled.
   */
  map(
    source: Iterable<HostValue<Parameters<F>[0]>> | AsyncIterable<HostValue<Parameters<F>[0]>>,
    options?: MapOptions,
  ): AsyncGenerator<RunResult<F>, void, void>;

  /** Resolves when needsDrain is false: at once, or when no run waits for a thread any more. */
  drained(): Promise<void>;
  /** Sets minThreads and maxThreads. Threads too many end after their run. */
  resize(threads: number): void;
  stats(): ThreadPoolStats;

  /** Takes no more runs, finishes what it has, then ends; at `timeout` milliseconds in any case. */
  close(options?: { timeout?: number | undefined }): Promise<void>;
  /** Stops at once. See {@link Thread.dispose}. */
  dispose(): Promise<void>;
  [Symbol.dispose](): void;
  /** Closes. */
  [Symbol.asyncDispose](): Promise<void>;

  /** Pending runs keep the process alive, as they do by default. */
  ref(): this;
  /** Pending runs do not keep the process alive. */
  unref(): this;

  on<E extends keyof ThreadPoolEvents>(event: E, listener: ThreadPoolEvents[E]): this;
  once<E extends keyof ThreadPoolEvents>(event: E, listener: ThreadPoolEvents[E]): this;
  off<E extends keyof ThreadPoolEvents>(event: E, listener: ThreadPoolEvents[E]): this;
}

export type ThreadErrorCode =
  /** An argument, result or thrown value cannot be cloned; the message names its path. */
  | 'ERR_THREAD_NOT_CLONEABLE'
  /** The thread has been disposed; `cause` says why, where it was not `dispose()`. */
  | 'ERR_THREAD_DISPOSED'
  /** The run took more than `memoryLimit`. */
  | 'ERR_THREAD_OUT_OF_MEMORY'
  /** V8 met an error of its own that it would have aborted the process for. */
  | 'ERR_THREAD_FATAL'
  /** The operating system gave no thread, no loop or no isolate. */
  | 'ERR_THREAD_START'
  /** The process has no memory left. */
  | 'ERR_THREAD_NO_MEMORY'
  /** `maxQueue` runs wait already. */
  | 'ERR_THREAD_QUEUE_FULL'
  /** `close()` has been called. */
  | 'ERR_THREAD_CLOSED'
  /** The run, or the evaluation of the context, took longer than `timeout` (a TimeoutError). */
  | 'ERR_THREAD_TIMEOUT'
  /** ... more CPU time than `cpuTimeout` (a TimeoutError). */
  | 'ERR_THREAD_CPU_TIMEOUT'
  /** Code in the thread could not be stopped; the `cause` of later ERR_THREAD_DISPOSED errors. */
  | 'ERR_THREAD_LOST'
  /** The run was aborted by its signal (an AbortError). */
  | 'ABORT_ERR';

/** What the library itself has to say; what user code throws arrives as its own class. */
export class ThreadError extends Error {
  readonly code: ThreadErrorCode;
}
