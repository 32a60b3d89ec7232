import { toRecord } from "./codec.js";
import { WsproxyError, asUnknown, closedError, fromFault } from "./errors.js";
import { makeLink, type Environment } from "./link.js";
import { asyncDispose, makeStream, type Iteration } from "./stream.js";
import type { Abortable, ReadFormats, Rec } from "./types.js";

export interface QueueOptions extends ReadFormats, Abortable {
  topic: string;
  groupId: string;
  /** Default: the client's. Workers of one group each need one of their own. */
  clientId?: string;
  /** Most records that this worker holds, 8 by default. */
  window?: number;
  /** Renews the locks of all records that it holds each so many ms, 10,000 by default, a third of Kafka's lock; 0: never. */
  renewEvery?: number;
  offsetResetStrategy?: "earliest" | "latest";
  isolationLevel?: "read_uncommitted" | "read_committed";
  rate?: number;
  maxMessageBytes?: number;
  onConflict?: "takeover" | "reject";
}

/**
 * A record that this worker holds. Each method's promise is kept when Kafka has settled it, and fails with a WsproxyError. What
 * is not settled is released when the loop takes its next step, or at the end of an `await using`.
 */
export interface QueueRecord<V = any, K = any> extends Rec<V, K>, AsyncDisposable {
  /** How often it was handed out, this time included. */
  readonly deliveryCount: number;
  /** When the lock ends, unless it is renewed, by the proxy's clock: ms since 1970. */
  readonly lockedUntil: number;
  /** Is aborted when another worker may have the record: its lock has ended, or the connection is gone. */
  readonly signal: AbortSignal;
  /** It is done. */
  accept(): Promise<void>;
  /** Another worker may have it, or this one again. */
  release(): Promise<void>;
  /** Nobody gets it again. */
  reject(): Promise<void>;
  /** Its lock begins anew. */
  renew(): Promise<void>;
  /** The loop goes on, and this record stays, to be settled later. */
  detach(): void;
}

/** The records of a queue that this worker shares with others: each is settled alone. */
export type Queue<V = any, K = any> = Iteration<QueueRecord<V, K>>;

/** A message that was sent and is not answered yet: the proxy answers in order. */
interface Asked {
  by: Held | undefined; // whose acknowledgement it is
  error?: WsproxyError;
  resolve(): void;
  reject(error: unknown): void;
}

/** A record in this worker's hands. */
interface Held {
  record: QueueRecord;
  /** Another worker may have it. */
  lose(reason: unknown): void;
  /** The loop goes on. */
  leave(): void;
}

export function makeQueue(env: Environment, options: QueueOptions & { clientId: string }): Queue {
  const { signal, longs, renewEvery = 10_000, window = 8, ...parameters } = options;
  const held = new Map<string, Held>(); // by id
  const asked: Asked[] = [];
  let inHand: Held | undefined;

  const stream = makeStream<QueueRecord>({
    taken: ({ id }) => void (inHand = held.get(id)),
    stepped() {
      inHand?.leave();
      inHand = undefined;
    },
    closed: () => link.end(), // the proxy releases what is held
  });

  /** Sends an acknowledgement, and waits for its answer. */
  const tell = (verb: string, ids: string | string[], by?: Held) => new Promise<void>((resolve, reject) => {
    link.send({ [verb]: ids }); // where that is too late, the connection's end is the answer
    asked.push({ by, resolve, reject });
  });

  function hold(read: Rec, { count, until }: { count: number; until: number }): Held {
    const { id } = read;
    const ending = new AbortController();
    const { signal } = ending;
    let isDetached = false;
    let settling: Promise<void> | undefined;

    const settle = (verb: string) => async () => {
      signal.throwIfAborted();
      try {
        await (settling = tell(verb, id, me));
      } catch (error) {
        if ((error as WsproxyError).code === "COMMIT_FAILED") settling = undefined; // it is held still
        else if (held.get(id) === me) lose(id, error);
        throw error;
      }
    };

    const leave = () => {
      if (!isDetached && !settling && !signal.aborted) record.release().catch(() => {}); // then its lock ends
    };

    const record: QueueRecord = {
      ...read,
      deliveryCount: count,
      lockedUntil: until,
      signal,
      accept: settle("accept"),
      release: settle("release"),
      reject: settle("reject"),
      async renew() {
        signal.throwIfAborted();
        await tell("renew", id);
      },
      detach: () => void (isDetached = true),
      async [asyncDispose]() {
        isDetached = false;
        leave();
        await settling?.catch(() => {});
      },
    };
    const me: Held = { record, leave, lose: (reason) => ending.abort(reason) };
    return me;
  }

  function lose(id: string, reason: unknown): void {
    const lost = held.get(id);
    held.delete(id);
    const place = stream.items.indexOf(lost?.record!);
    if (place >= 0) stream.items.splice(place, 1);
    lost?.lose(reason);
  }

  function loseAll(error: unknown): void {
    for (const id of [...held.keys()]) lose(id, error);
    for (const { reject } of asked.splice(0)) reject(asUnknown(error));
  }

  const link = makeLink(env, {
    endpoint: "queue",
    topic: options.topic,
    query: () => ({
      ...parameters,
      window,
      confirm: true,
      longs: longs && "string",
    }),
    frame(frame) {
      const { wsProxyMessageId: id, delivery, expired, error, settled, renewed } = frame;
      if (delivery) {
        const one = hold(toRecord(frame, longs), delivery);
        held.set(id, one);
        stream.push(one.record);
      } else if (expired) {
        for (const id of expired) lose(id, new WsproxyError("LOCK_EXPIRED", `The lock of ${id} ended: renew in time`));
      } else if (error && id && asked[0]) {
        asked[0].error ??= fromFault(error);
      } else if (settled || renewed) {
        for (const id of renewed?.ids ?? []) Object.assign(held.get(id)?.record ?? {}, { lockedUntil: renewed.until });
        const first = asked.shift();
        for (const id of settled ?? []) {
          if (held.get(id) === first?.by) held.delete(id);
          else if (first?.by?.record.signal.aborted) lose(id, closedError()); // it was late, and has settled the next delivery
        }
        first?.error ? first.reject(first.error) : first?.resolve();
      }
    },
    lost: loseAll,
    ended(error) {
      clearInterval(renewal);
      loseAll(error ?? closedError());
      stream.finish(error);
    },
    close: () => stream.close(),
  }, signal);
  const renewal = renewEvery && setInterval(() => {
    if (held.size) tell("renew", [...held.keys()]).catch(() => {}); // `expired` tells what is lost
  }, renewEvery);
  return stream;
}
