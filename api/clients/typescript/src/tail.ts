import { toRecord, type Frame } from "./codec.js";
import { WsproxyError, fromFault } from "./errors.js";
import { makeLink, type Environment } from "./link.js";
import { makeStream, type Iteration } from "./stream.js";
import type { Abortable, ReadFormats, Rec } from "./types.js";

export interface TailOptions extends ReadFormats, Abortable {
  /** One topic, or up to 16. */
  topic: string | string[];
  /** Only records with these keys, as text. */
  keys?: string[];
  keyPrefix?: string | string[];
  /** A condition on headers or JSON values: see the proxy's live reading. */
  where?: object;
  /** `latest` (default), `earliest`, `last:N`, `timestamp:MS` or `offset:P:O`. */
  from?: string;
  /** Where another tail was: its `position`. It takes the place of `from`. */
  position?: string | null;
  /** First the newest record of each key: of compacted topics. */
  snapshot?: boolean;
  /** What becomes of a reader that is too slow. */
  slow?: "wait" | "skip" | "latest" | "close";
  /** At most one record of each key in so many ms. */
  every?: number;
  /** Records that are ready at one moment come as one message. */
  batch?: boolean;
  /** Most records that wait in this program, 256 by default. */
  credit?: number;
  isolationLevel?: "read_uncommitted" | "read_committed";
  rate?: number;
  maxMessageBytes?: number;
  clientId?: string;
}

export type TailItem<V = any, K = any> =
  /** One with `snapshot` comes between a snapshot's begin and end, out of the order of its partition. */
  | (Rec<V, K> & { readonly type: "record"; readonly snapshot: boolean })
  /**
   * The first of each connection. Where resumed is false, the place is gone, and a gap tells what is missing. Where it is undefined
   * after a break, the break came before the first cursor, which follows the first records: it begins anew, where `from` says, and with
   * `latest` some seconds before the first time.
   */
  | { readonly type: "begin"; topics: { topic: string; partitions: number }[]; resumed?: boolean; reason?: string }
  /** Records that do not come: offsets from `from` up to `to`, exclusive. */
  | { readonly type: "gap"; topic: string; partition: number; from: number; to: number; reason: "SLOW" | "EXPIRED" | "TRUNCATED" | "RECREATED" }
  | { readonly type: "snapshot"; topic: string; state: "begin" | "end"; keys?: number }
  /** Which keys are wanted from here on, after track() or untrack(). */
  | { readonly type: "subscribed"; topic: string; keys: string[] }
  /** How many records were left out, since newer ones of their keys came. */
  | { readonly type: "conflated"; topic: string; records: number }
  /** A topic was deleted, or the proxy has refused a change of keys. */
  | { readonly type: "error"; error: Error };

/** What is written to topics, live. After a break it goes on where it was: each record comes once, or a gap tells. */
export interface Tail<V = any, K = any> extends Iteration<TailItem<V, K>> {
  /** Where another tail goes on, behind what was handed out: keep it, and give it as the option `position`. Null before the first cursor. */
  readonly position: string | null;
  /**
   * Adds to `keys`, on the same connection: the item `subscribed` tells that they are read from now on. With `snapshot` the newest record of each key comes
   * first, and may come again in its order. It throws a RangeError where the tail names no keys, or would have none or more than 1,000.
   */
  track(keys: string[], options?: { snapshot?: boolean }): void;
  /** Removes from `keys`, likewise. */
  untrack(keys: string[]): void;
}

/** What a map has of its tail. */
export interface Feed extends Tail {
  isConnected: boolean;
  /** Begins anew, where the snapshot begins. */
  restart(): void;
}

/** Where to go on: behind a cursor, and behind records that came after it, the last of each `topic:partition`. */
type Place = [cursor: string | undefined, beyond: Map<string, number>];

const beforeBegin = 10_000; // ms: clocks differ

const pass = ([, beyond]: Place, { topic, partition, offset }: Rec) => beyond.set(`${topic}:${partition}`, offset);

export function makeTail(env: Environment, options: TailOptions & { resumeWithin?: number }): Feed {
  const { signal, longs, position, where, topic, credit = 256, resumeWithin = Infinity, ...parameters } = options;
  const topics = `${topic}`.split(",");
  const isLatest = !parameters.snapshot && (parameters.from ?? "latest") === "latest";
  const placeAt = (cursor?: string, beyond?: [string, number][]): Place => [cursor, new Map(beyond)];
  const kept = JSON.parse(position ?? "[]");
  let come = placeAt(...kept); // behind all that has come
  let handed = placeAt(...kept); // behind all that was handed out
  let taken = 0; // since the last grant
  let heard = Date.now();
  let began: number | undefined; // when
  let { keys } = options;
  const commands: object[] = []; // that wait for the connection to begin
  let isNewest = false; // whether a snapshot is coming

  const stream = makeStream<any>({
    taken(item) {
      if (item.cursor) return (handed = placeAt(item.cursor)); // for nobody else
      if (item.type === "record") {
        if (!item.snapshot) pass(handed, item);
        if (++taken * 2 >= credit && link.send({ credit: taken })) taken = 0;
      }
      return undefined;
    },
    closed: () => link.end(),
  });

  const change = (verb: string, how: "add" | "delete") => (changed: string[], options?: object) => {
    const next = new Set(keys);
    for (const key of changed) next[how](key);
    if (!keys || !next.size || next.size > 1000) throw new RangeError("A tail of keys keeps 1 to 1000");
    keys = [...next];
    for (const topic of topics) commands.push({ [verb]: { topic, keys: changed, ...options } });
    if (tailed.isConnected) command();
  };

  const command = () => commands.splice(0).forEach(link.send);

  function take(frame: Frame): void {
    const last = stream.items.at(-1);
    const { value, tail, cursor, conflated, error, snapshot } = frame;
    heard = Date.now();
    if (value) {
      if (!isNewest) pass(come, frame as Rec);
      stream.push(Object.assign(toRecord(frame, longs), { type: "record", snapshot: isNewest }));
    } else if (tail) {
      tailed.isConnected = true;
      began ??= heard;
      stream.push({ type: "begin", ...tail });
      command();
    } else if (cursor) {
      come = placeAt(cursor);
      if (last?.cursor) last.cursor = cursor;
      else stream.push({ cursor });
    } else if (conflated && last?.type === "conflated" && last.topic === conflated.topic) {
      last.records += conflated.records;
    } else if (error) {
      if (!error.retriable) stream.push({ type: "error", error: fromFault(error) }); // else the connection ends, and another follows
    } else {
      for (const type of ["gap", "snapshot", "conflated", "subscribed"]) if (frame[type]) stream.push({ type, ...frame[type] });
      if (snapshot) isNewest = snapshot.state === "begin";
    }
  }

  const lost = () => void (tailed.isConnected = isNewest = false);

  const link = makeLink(env, {
    endpoint: "tail",
    topic: `${topics}`,
    query() {
      if (Date.now() - heard > resumeWithin) come = placeAt();
      taken = 0;
      const [cursor, beyond] = come;
      return {
        ...parameters,
        topic: `${topics}`,
        key: keys,
        where: where && JSON.stringify(where),
        credit: credit - stream.items.filter(({ id }) => id).length,
        longs: longs && "string",
        ...(began && isLatest && { from: `timestamp:${began - beforeBegin}` }), // no cursor came, since nothing was written
        ...(cursor && { from: `cursor:${cursor}`, after: [...beyond].map((one) => one.join(":")) }),
      };
    },
    frame: take,
    lost,
    ended(error) {
      lost();
      if (!(error instanceof WsproxyError)) stream.items.length = 0;
      stream.finish(error);
    },
    close: () => stream.close(),
  }, signal);

  const tailed = Object.defineProperty(Object.assign(stream, {
    isConnected: false,
    position: null,
    track: change("track", "add"),
    untrack: change("untrack", "delete"),
    restart() {
      come = placeAt();
      stream.items.length = 0;
      link.drop("a gap");
    },
  }), "position", { get: () => (handed[0] ? JSON.stringify([handed[0], [...handed[1]]]) : null) });
  return tailed;
}
