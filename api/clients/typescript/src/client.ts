import { toBase64 } from "./codec.js";
import { makeConsumer, type Consumer, type ConsumerOptions } from "./consumer.js";
import { WsproxyError } from "./errors.js";
import type { Environment } from "./link.js";
import { makeMap, type LiveMap, type MapOptions } from "./map.js";
import { makeProducer, type Producer, type ProducerOptions } from "./producer.js";
import { makeQueue, type Queue, type QueueOptions } from "./queue.js";
import { asyncDispose, makeStream, onAbort, type Iteration, type Stream } from "./stream.js";
import { makeTail, type Tail, type TailOptions } from "./tail.js";
import type { Abortable, Status, Token, WebSocketClass } from "./types.js";

export interface ConnectOptions extends Abortable {
  /** Names this client. It is Kafka's client.id, and a consumer's and worker's identity. By default a random one. */
  clientId?: string;
  /**
   * Is asked for an OpenID token for each connection, and before one expires. Where it returns none, what asked for it ends; where
   * it fails, it is asked again after a pause.
   */
  getToken?: () => Token | Promise<Token>;
  /** Of basic authentication. */
  user?: string;
  password?: string;
  /** Credentials of Kafka's own. */
  kafka?: { user: string; password: string };
  /** Where the platform has none, as Node 20: that of the package ws. */
  WebSocket?: WebSocketClass;
  /** Pauses between attempts in ms: the first, 500 by default, doubles up to the longest, 30,000. */
  backoff?: { min?: number; max?: number };
  /** A connection that was silent for so many ms must give a sign of life, 30,000 by default; 0: never. */
  heartbeat?: number;
}

/** The door to a proxy. Each thing that it makes has a connection of its own, which is made at once, and anew when it is lost. */
export interface Client extends AsyncDisposable {
  readonly clientId: string;
  /** What writes to a topic. */
  producer(options: ProducerOptions): Producer;
  /** The records of a topic for a member of a consumer group. */
  consume<V = any, K = any>(options: ConsumerOptions): Consumer<V, K>;
  /** Live reading: records, and what is told of them. */
  tail<V = any, K = any>(options: TailOptions): Tail<V, K>;
  /** The newest value of each key of a compacted topic, live. */
  map<V = any, K = string>(options: MapOptions): LiveMap<V, K>;
  /** The records of a queue that workers share. */
  queue<V = any, K = any>(options: QueueOptions): Queue<V, K>;
  /** What happens to the connections, from now on. Who falls behind misses the oldest. */
  status(options?: Abortable): Iteration<Status>;
  /** Closes all connections, after producers have their answers. */
  close(): Promise<void>;
}

const statusLimit = 100; // of what a watcher has not taken

/** Connects to a proxy, at an address such as `wss://proxy.example.org`. */
export function connect(url: string, options: ConnectOptions = {}): Client {
  const { backoff, getToken, heartbeat = 30_000, signal, WebSocket = (globalThis as any).WebSocket } = options;
  if (!WebSocket) throw new WsproxyError("NO_WEBSOCKET", "No WebSocket here: run node --experimental-websocket, or give option WebSocket");
  const clientId = options.clientId ?? `js-${Math.random().toString(36).slice(2)}`;
  const watchers = new Set<Stream<Status>>();
  const ending = new AbortController();
  const forget = onAbort(signal, (reason) => ending.abort(reason));

  const env: Environment = {
    url: url.replace(/^http/, "ws").replace(/\/+$/, ""),
    WebSocket,
    getToken,
    credentials: credentialsOf(options),
    backoff: { min: 500, max: 30_000, ...backoff },
    heartbeat,
    uses: new Set(),
    say(status) {
      for (const watcher of watchers) {
        if (watcher.items.length >= statusLimit) watcher.items.shift();
        watcher.push(status);
      }
    },
    signal: ending.signal,
  };

  async function close(): Promise<void> {
    forget();
    await Promise.allSettled([...env.uses].map((use) => use.close()));
    for (const watcher of watchers) watcher.finish();
  }

  const maker = <Options, Made>(make: (env: Environment, options: Options & { clientId: string }) => Made) =>
    (options: Options): Made => make(env, { clientId, ...options });

  return {
    clientId,
    producer: maker(makeProducer),
    consume: maker<ConsumerOptions, Consumer<any, any>>(makeConsumer),
    tail: maker(makeTail),
    map: maker(makeMap),
    queue: maker(makeQueue),
    status({ signal } = {}) {
      const watcher = makeStream<Status>({ closed: () => stop() });
      const stop = (reason?: unknown) => {
        watchers.delete(watcher);
        forget();
        watcher.finish(reason);
      };
      const forget = onAbort(signal, stop);
      watchers.add(watcher);
      return watcher;
    },
    close,
    [asyncDispose]: close,
  };
}

/** The subprotocol, and those that bring passwords. */
function credentialsOf({ user, password, kafka }: ConnectOptions): string[] {
  const offers = ["wsproxy.v1"];
  const offer = (kind: string, name: string, secret = "") => {
    const text = toBase64(new TextEncoder().encode(`${name}:${secret}`));
    offers.push(`wsproxy.${kind}.${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`);
  };
  if (user) offer("basic", user, password);
  if (kafka) offer("kafka", kafka.user, kafka.password);
  return offers;
}
