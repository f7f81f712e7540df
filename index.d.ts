/** Any function that a context may return. */
export type ThreadFunction = (...args: any[]) => any;

/**
 * A function that holds constants and helpers and returns the function that `run` calls. It is
 * taken over as text and evaluated once in the thread, so it sees nothing from outside itself.
 */
export type ThreadContext<F extends ThreadFunction> = () => F | PromiseLike<F>;

export interface ThreadOptions {
  /**
   * Megabytes, 8 or more, that the JavaScript heap of the thread may hold, and again its buffers.
   * Beyond it the run rejects with `ERR_THREAD_OUT_OF_MEMORY` and the thread is disposed; a single
   * buffer beyond it is a RangeError inside. Default: what V8 takes for this machine.
   */
  memoryLimit?: number | undefined;
  /** Stands in messages. Default: a number counted up. */
  name?: string | undefined;
  /**
   * The file that stack traces name. Default: the file in which the context function is written;
   * for a string, `isolated-threads:context`.
   */
  filename?: string | undefined;
}

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

  readonly name: string;

  /**
   * Resolves once the context has been evaluated, and rejects with what it threw; then every run
   * rejects with that as well. Not looked at, it is never an unhandled rejection.
   */
  readonly ready: Promise<void>;

  /**
   * Calls the function over there. Arguments and result are structured-cloned; SharedArrayBuffers
   * are shared. Runs start in the order in which they are called, one at a time: the next one
   * starts when what the last one returned has settled.
   *
   * Rejects with what the function throws, or with a {@link ThreadError}.
   */
  run(...args: Parameters<F>): Promise<Awaited<ReturnType<F>>>;

  /**
   * Stops at once whatever runs, an endless loop too. Pending and later runs reject with
   * `ERR_THREAD_DISPOSED`. Resolves when the thread has ended; a second call gives the same promise.
   */
  dispose(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
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
  | 'ERR_THREAD_NO_MEMORY';

/** What the library itself has to say; what user code throws arrives as its own class. */
export class ThreadError extends Error {
  readonly code: ThreadErrorCode;
}
