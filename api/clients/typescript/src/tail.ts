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
  | (Rec<V, K> & { readonly type: "record" })
  /**
   * The first of each connection. Where resumed is false, the place is gone, and a gap tells what is missing. Where it is undefined
   * after a break, the break came before the first cursor, which follows the first records: it begins anew, where `from` says, and with
   * `latest` some seconds before the first time.
   */
  | { readonly type: "begin"; resumed?: boolean; reason?: string }
  /** Records that do not come: offsets from `from` up to `to`, exclusive. */
  | { readonly type: "gap"; topic: string; partition: number; from: number; to: number; reason: "SLOW" | "EXPIRED" | "TRUNCATED" | "RECREATED" }
  | { readonly type: "snapshot"; topic: string; state: "begin" | "end"; keys?: number }
  /** How many records were left out, since newer ones of their keys came. */
  | { readonly type: "conflated"; topic: string; records: number }
  /** A topic was deleted. */
  | { readonly type: "error"; error: Error };

/** What is written to topics, live. After a break it goes on where it was: each record comes once, or a gap tells. */
export interface Tail<V = any, K = any> extends Iteration<TailItem<V, K>> {
  /** Where another tail goes on, behind what was handed out: keep it, and give it as the option `position`. Null before the first cursor. */
  readonly position: string | null;
}

/** What a map has of its tail. */
export interface Feed extends Tail {
  isConnected: boolean;
  /** Begins anew, where the snapshot begins. */
  restart(): void;
}

/** Where to go on: behind a cursor, and behind records that came after it, the last of each `topic:partition`. */
interface Place {
  cursor?: string;
  beyond: Map<string, number>;
}

const beforeBegin = 10_000; // ms: clocks differ

const pass = (place: Place, { topic, partition, offset }: Rec) => place.beyond.set(`${topic}:${partition}`, offset);

export function makeTail(env: Environment, options: TailOptions & { resumeWithin?: number }): Feed {
  const { signal, longs, position, keys, where, topic, credit = 256, resumeWithin = Infinity, ...parameters } = options;
  const isLatest = !parameters.snapshot && (parameters.from ?? "latest") === "latest";
  const [cursor, beyond] = position ? JSON.parse(position) : [];
  let come: Place = { cursor, beyond: new Map(beyond) }; // behind all that has come
  let handed: Place = { cursor, beyond: new Map(beyond) }; // behind all that was handed out
  let taken = 0; // since the last grant
  let heard = Date.now();
  let began: number | undefined; // when

  const stream = makeStream<any>({
    taken(item) {
      if (item.cursor) {
        handed = { cursor: item.cursor, beyond: new Map() };
        return false;
      }
      if (item.type === "record") {
        pass(handed, item);
        if (++taken * 2 >= credit && link.send({ credit: taken })) taken = 0;
      }
      return true;
    },
    closed: () => link.end(),
  });

  function take(frame: Frame): void {
    const last = stream.items.at(-1);
    const { value, tail, cursor, conflated, error } = frame;
    heard = Date.now();
    if (value) {
      pass(come, frame as Rec);
      stream.push(Object.assign(toRecord(frame, longs), { type: "record" }));
    } else if (tail) {
      tailed.isConnected = true;
      began ??= heard;
      stream.push({ type: "begin", resumed: tail.resumed, reason: tail.reason });
    } else if (cursor) {
      come = { cursor, beyond: new Map() };
      if (last?.cursor) last.cursor = cursor;
      else stream.push({ cursor });
    } else if (conflated && last?.type === "conflated" && last.topic === conflated.topic) {
      last.records += conflated.records;
    } else if (error) {
      if (!error.retriable) stream.push({ type: "error", error: fromFault(error) }); // else the connection ends, and another follows
    } else {
      for (const type of ["gap", "snapshot", "conflated"]) if (frame[type]) stream.push({ type, ...frame[type] });
    }
  }

  const link = makeLink(env, {
    endpoint: "tail",
    topic: `${topic}`,
    probe: "{}",
    query() {
      if (Date.now() - heard > resumeWithin) come = { beyond: new Map() };
      taken = 0;
      const { cursor, beyond } = come;
      return {
        ...parameters,
        topic: `${topic}`,
        key: keys,
        where: where && JSON.stringify(where),
        credit: Math.max(0, credit - stream.items.filter(({ id }) => id).length),
        longs: longs && "string",
        ...(began && isLatest && { from: `timestamp:${began - beforeBegin}` }), // no cursor came, since nothing was written
        ...(cursor && { from: `cursor:${cursor}`, after: [...beyond].map((one) => one.join(":")) }),
      };
    },
    frame: take,
    lost: () => void (tailed.isConnected = false),
    ended(error) {
      tailed.isConnected = false;
      if (!(error instanceof WsproxyError)) stream.items.length = 0;
      stream.finish(error);
    },
    close: () => stream.close(),
  }, signal);

  const tailed = Object.assign(stream, {
    isConnected: false,
    position: null,
    restart() {
      come = { beyond: new Map() };
      stream.items.length = 0;
      link.drop("a gap");
    },
  });
  Object.defineProperty(stream, "position", { get: () => (handed.cursor ? JSON.stringify([handed.cursor, [...handed.beyond]]) : null) });
  return tailed;
}
