/** Symbol.asyncDispose, also where the platform has none yet, as compilers have it. */
export const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as any);

/** Calls back when a signal is aborted, or was, until what it returns is called. */
export function onAbort(signal: AbortSignal | undefined, call: (reason: unknown) => void): () => void {
  const listener = () => call(signal!.reason);
  signal?.addEventListener("abort", listener);
  if (signal?.aborted) queueMicrotask(listener);
  return () => signal?.removeEventListener("abort", listener);
}

/** What is told of a stream's life. */
interface Hooks<T> {
  /** An item is handed out. It is not, where this returns something. */
  taken?(item: T): unknown;
  /** The loop's body is done. */
  stepped?(): void;
  /** Nobody wants more. */
  closed?(): Promise<void> | void;
}

/** What comes, for one `for await`. Leaving the loop closes it. */
export interface Iteration<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  /** Ends it: what nobody has taken is dropped. */
  close(): Promise<void>;
}

/** Holds what comes until it is taken. Who fills it bounds it. */
export interface Stream<T> extends Iteration<T> {
  /** What nobody has taken. */
  readonly items: T[];
  push(item: T): void;
  /** Ends the iteration, behind what has come. The error is thrown once, as by a generator. */
  finish(error?: unknown): void;
}

export function makeStream<T>({ taken, stepped, closed }: Hooks<T>): Stream<T> {
  type Result = IteratorResult<T, undefined>;
  const end: Result = { done: true, value: undefined };
  const items: T[] = [];
  const waiting: [(result: Result | Promise<Result>) => void, (error: unknown) => void][] = [];
  let over: { error?: unknown } | undefined;

  function serve(): void {
    for (; waiting[0] && (items.length || over); ) {
      const [resolve, reject] = waiting[0];
      if (items.length) {
        const value = items.shift()!;
        if (taken?.(value)) continue;
        resolve({ done: false, value });
      } else {
        const { error } = over!;
        over = {};
        error ? reject(error) : resolve(end);
      }
      waiting.shift();
    }
  }

  function finish(error?: unknown): void {
    over ??= { error };
    serve();
  }

  async function close(): Promise<void> {
    items.length = 0;
    finish();
    await closed?.();
  }

  return {
    items,
    push(item) {
      if (!over) items.push(item);
      serve();
    },
    finish,
    close,
    next() {
      stepped?.();
      return new Promise<Result>((...settle) => {
        waiting.push(settle);
        serve();
      });
    },
    async return() {
      await close();
      return end;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    [asyncDispose]: close,
  };
}
