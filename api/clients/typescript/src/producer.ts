import { toText, type Frame } from "./codec.js";
import { WsproxyError, asUnknown, closedError, fromFault } from "./errors.js";
import { makeLink, type Environment } from "./link.js";
import { asyncDispose, onAbort } from "./stream.js";
import type { Abortable, Ack, Formats, Message } from "./types.js";

export interface ProducerOptions extends Formats, Abortable {
  topic: string;
  /** Default: the client's. */
  clientId?: string;
  /** Distinguishes producers of one clientId, where producers have sessions. */
  instanceId?: string;
  /** Writes in Kafka transactions. */
  transactional?: boolean;
  /** What happens when a client with the same identity is connected. */
  onConflict?: "takeover" | "reject";
  /** Most messages that are sent and not answered, 1000 by default. */
  maxInFlight?: number;
  /** Most messages that are held, those in flight included, 10,000 by default: send() fails with BUFFER_FULL beyond. */
  maxBuffered?: number;
  /** Most characters of messages that are held, 16 million by default. */
  maxBufferedChars?: number;
  /** The longest message, in bytes of JSON: WSPROXY_MAX_MESSAGE_BYTES, 1 MiB by default. A longer one fails alone. */
  maxMessageBytes?: number;
  /**
   * What becomes of messages that were sent and not answered when a connection is lost. `true` (default): they are sent
   * again with their messageId, in their order, and may be written twice: the ack's `sends` tells. `false`: they fail with
   * CONNECTION_LOST and `unknownOutcome`.
   */
  resend?: boolean;
}

/** Writes to a topic. */
export interface Producer extends AsyncDisposable {
  /** Writes a message. The promise is kept when Kafka has it, and fails with a WsproxyError. */
  send(message: Message, options?: Abortable): Promise<Ack>;
  /** Writes messages as one array, which lies in one transaction where the producer is transactional. There is a promise for each. */
  sendAll(messages: Message[], options?: Abortable): Promise<Ack>[];
  /** Returns when a message would be sent at once: await it before each send() to keep pace with Kafka. */
  ready(options?: Abortable): Promise<void>;
  /** Returns when all messages have their answers. */
  flush(options?: Abortable): Promise<void>;
  /** How many messages have no answer yet. */
  readonly pending: number;
  /** Waits for all answers, and closes. An aborted signal gives up what has no answer by then. */
  close(options?: Abortable): Promise<void>;
}

/** A message that is not answered yet. */
interface Held {
  text: string; // "" where another message of the same array brings it
  sends: number;
  resolve(ack: Ack): void;
  reject(error: unknown): void;
}

/**
 * The n-th answer of a connection answers its n-th message, so the messages are held in their order: first those that were
 * sent on this connection, then those that wait.
 */
export function makeProducer(env: Environment, options: ProducerOptions & { clientId: string }): Producer {
  const { signal, keyType, valType, maxInFlight = 1000, maxBuffered = 1e4, maxBufferedChars = 16e6, maxMessageBytes = 2 ** 20, resend = true, ...parameters } = options;
  const held: Held[] = [];
  let sent = 0; // of those that are held, on this connection
  let chars = 0; // of those that are held
  let made = 0; // ids
  let isReady = false; // the connection
  let over: { error: unknown } | undefined;
  const waiting: (() => void)[] = []; // for answers

  const link = makeLink(env, {
    endpoint: "in",
    topic: options.topic,
    probe: "[]",
    query: () => parameters,
    answered() {
      isReady = true;
      pump();
    },
    frame: take,
    lost(error) {
      isReady = false;
      if (!resend) fail(sent, error);
      sent = 0;
    },
    ended(error) {
      over = { error };
      fail(held.length, error ?? closedError());
    },
    close,
  }, signal);

  function pump(): void {
    for (let next; isReady && (next = held[sent]) && (sent < maxInFlight || !next.text); sent++) {
      if (next.text && !link.send(next.text)) return;
      next.sends++;
    }
  }

  function take(frame: Frame): void {
    if (!frame.messageId || !sent) return; // it concerns the connection
    const { sends, text, resolve, reject } = held.shift()!;
    sent--;
    chars -= text.length;
    frame.error ? reject(fromFault(frame.error)) : resolve({ ...(frame as Ack), sends });
    wake();
    pump();
  }

  function wake(): void {
    for (const one of waiting.splice(0)) one();
  }

  /** Fails the first messages. */
  function fail(count: number, error: unknown): void {
    for (const { sends, text, reject } of held.splice(0, count)) {
      chars -= text.length;
      reject(sends ? asUnknown(error) : error);
    }
    wake();
  }

  /** Returns why messages are not taken. */
  function refusal(text: string, count: number): unknown {
    if (over) return over.error ?? closedError();
    if (text.length > maxMessageBytes / 3 && new TextEncoder().encode(text).length > maxMessageBytes) {
      return new WsproxyError("MESSAGE_TOO_LARGE", "The message is longer than maxMessageBytes");
    }
    if (held.length && (held.length + count > maxBuffered || chars + text.length > maxBufferedChars)) {
      return new WsproxyError("BUFFER_FULL", `${held.length} messages wait for answers: await ready() before send()`, true);
    }
    return undefined;
  }

  function sendAll(messages: Message[], { signal }: Abortable = {}): Promise<Ack>[] {
    let text = "";
    let error: unknown;
    try {
      signal?.throwIfAborted();
      const texts = messages.map((message) => toText({ messageId: `${options.clientId}-${++made}`, ...message }, options));
      text = texts[1] ? `[${texts}]` : texts[0]!;
      error = refusal(text, texts.length);
    } catch (e) {
      error = e;
    }
    const acks = messages.map((_, i) => new Promise<Ack>((resolve, reject) => {
      if (error) return reject(error);
      const forget = onAbort(signal, reject); // its answer is awaited all the same
      const settled = <T>(settle: (result: T) => void) => (result: T) => settle((forget(), result));
      held.push({ text: i ? "" : text, sends: 0, resolve: settled(resolve), reject: settled(reject) });
      if (!i) chars += text.length;
    }));
    pump();
    return acks;
  }

  async function until(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    for (let forget: () => void; !over && !holds(); ) {
      await new Promise<void>((resolve, reject) => {
        waiting.push(resolve);
        forget = onAbort(signal, reject);
      }).finally(() => forget());
    }
    if (over?.error) throw over.error;
  }

  const flush = ({ signal }: Abortable = {}) => until(() => !held.length, signal);

  async function close({ signal }: Abortable = {}): Promise<void> {
    try {
      if (!over) await flush({ signal });
    } finally {
      await link.end(signal?.reason);
    }
  }

  return {
    send: (message, options) => sendAll([message], options)[0]!,
    sendAll,
    ready: ({ signal } = {}) => until(() => held.length < maxInFlight && chars * 2 < maxBufferedChars, signal),
    flush,
    get pending() {
      return held.length;
    },
    close,
    [asyncDispose]: () => close(),
  };
}
