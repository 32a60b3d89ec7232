import { closedError } from "./errors.js";
import type { Environment } from "./link.js";
import { asyncDispose, makeStream, type Iteration, type Stream } from "./stream.js";
import { makeTail, type TailOptions } from "./tail.js";
import type { Rec } from "./types.js";

export interface MapOptions extends Omit<TailOptions, "topic" | "from" | "position" | "snapshot" | "every"> {
  topic: string;
  /**
   * The longest break in ms after which the map goes on at its cursor, 5 minutes by default; after a longer one it is read anew.
   * It must be shorter than the topic's delete.retention.ms: Kafka forgets tombstones after that.
   */
  resumeWithin?: number;
}

/**
 * The newest value of each key of a compacted topic, live. What it shows is what the topic held at some moment, partition by
 * partition: while it is read anew, it shows what was before, and then changes at once.
 */
export interface LiveMap<V = any, K = string> extends ReadonlyMap<K, V>, AsyncDisposable {
  /** Is kept when all keys are there, and fails where there will be none. */
  readonly ready: Promise<void>;
  /** Whether there is a connection, a whole snapshot was read, and nothing is known to be missing. */
  readonly isCurrent: boolean;
  /** Sets of the keys that have changed since the step before, for as long as somebody looks: `for await (const keys of map.changes())`. */
  changes(): Iteration<Set<K>>;
  close(): Promise<void>;
}

export function makeMap(env: Environment, options: MapOptions): LiveMap<any, any> {
  const map = new Map<any, any>();
  const watchers = new Set<Stream<Set<any>>>();
  const tail = makeTail(env, { resumeWithin: 300_000, ...options, snapshot: true });
  let next: Map<any, any> | undefined; // is being read
  let isExpected = true; // a snapshot
  let settle: any[] = [];
  const ready = new Promise<void>((...both) => (settle = both));
  ready.catch(() => {}); // who does not wait for it need not care

  async function read(): Promise<void> {
    let failure: unknown;
    try {
      for await (const item of tail) take(item);
    } catch (error) {
      failure = error;
    }
    isExpected = true; // in vain
    settle[1](failure ?? closedError());
    for (const watcher of watchers) watcher.finish(failure);
  }

  function take(item: any): void {
    if (item.type === "record") put(item);
    else if (item.type === "begin") isExpected ||= !item.resumed;
    else if (item.state === "begin") next = new Map();
    else if (item.state) replace();
    else if (item.type === "gap" && !isExpected) {
      isExpected = true;
      tail.restart();
    }
  }

  function put({ key, value, valueError }: Rec): void {
    if (key instanceof Uint8Array) key = String.fromCharCode(...key); // bytes have no identity
    const into = next ?? map;
    if (value === null && !valueError) into.delete(key);
    else into.set(key, value);
    if (!next) tell([key]);
  }

  function replace(): void {
    const before = [...map.keys()];
    map.clear();
    for (const [key, value] of next!) map.set(key, value);
    next = undefined;
    isExpected = false;
    settle[0]();
    tell([...before, ...map.keys()]);
  }

  function tell(keys: any[]): void {
    for (const { items, push } of watchers) {
      if (!items[0]) push(new Set(keys));
      else for (const key of keys) items[0].add(key); // a slow loop is given all changes at once
    }
  }

  function changes(): Iteration<Set<any>> {
    const watcher = makeStream<Set<any>>({ closed: () => void watchers.delete(watcher) });
    watchers.add(watcher);
    if (map.size) watcher.push(new Set(map.keys()));
    return watcher;
  }

  void read();
  const { close } = tail;
  return Object.defineProperty(Object.assign(map, { ready, changes, close, [asyncDispose]: close }) as any, "isCurrent", {
    get: () => !isExpected && tail.isConnected,
  });
}
