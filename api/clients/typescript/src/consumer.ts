import { toRecord } from "./codec.js";
import { fromFault } from "./errors.js";
import { makeLink, type Environment } from "./link.js";
import { makeStream, type Iteration } from "./stream.js";
import type { Abortable, ReadFormats, Rec } from "./types.js";

export interface ConsumerOptions extends ReadFormats, Abortable {
  topic: string;
  /** Default: the proxy's, `<clientId>-group`. */
  groupId?: string;
  /** Default: the client's. Connections of one group each need one of their own. */
  clientId?: string;
  /**
   * What commits a record: `manual` (default), its commit(); `processed`, that the loop asks for the next one;
   * `delivered`, that it has come to this program, worked on or not.
   */
  commit?: "manual" | "processed" | "delivered";
  /** Most records that wait in this program, 256 by default. */
  credit?: number;
  offsetResetStrategy?: "earliest" | "latest" | "none";
  isolationLevel?: "read_uncommitted" | "read_committed";
  /** Most records a second. */
  rate?: number;
  batchSize?: number;
  maxMessageBytes?: number;
  onConflict?: "takeover" | "reject";
}

export interface ConsumerRecord<V = any, K = any> extends Rec<V, K> {
  /**
   * Commits this record and all before it in its partition. It returns false where the connection that brought the record
   * is gone: it comes again then, here or elsewhere.
   */
  commit(): boolean;
}

/** The records of a topic, as a member of a consumer group: at least once, in the order of each partition. */
export type Consumer<V = any, K = any> = Iteration<ConsumerRecord<V, K>>;

export function makeConsumer<V, K>(env: Environment, options: ConsumerOptions & { clientId: string }): Consumer<V, K> {
  const { signal, longs, commit, credit = 256, ...parameters } = options;
  let connection = 0;
  let taken = 0; // since the last grant
  let inHand: ConsumerRecord<V, K> | undefined;

  const stream = makeStream<ConsumerRecord<V, K>>({
    taken(record) {
      inHand = record;
      if (++taken * 2 >= credit && link.send({ credit: taken })) taken = 0;
    },
    stepped() {
      if (commit === "processed") inHand?.commit();
      inHand = undefined;
    },
    closed: () => link.end(),
  });

  /** What the lost connection brought comes again, unless it was committed. */
  function forget(): void {
    connection++;
    taken = 0;
    stream.items.length = 0;
  }

  const link = makeLink(env, {
    endpoint: "out",
    topic: options.topic,
    query: () => ({
      ...parameters,
      credit,
      autoCommit: commit === "delivered",
      longs: longs && "string",
    }),
    frame(frame) {
      const { wsProxyMessageId, error } = frame;
      const mine = connection;
      if (frame.value) {
        stream.push(Object.assign(toRecord(frame, longs), { commit: () => mine === connection && link.send({ wsProxyMessageId }) }));
      } else if (error && wsProxyMessageId) {
        link.warn(fromFault(error)); // a commit failed: a later one, or another member, makes up for it
      }
    },
    lost: forget,
    ended(error) {
      forget();
      stream.finish(error);
    },
    close: () => stream.close(),
  }, signal);
  return stream;
}
