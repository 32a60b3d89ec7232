/** How bytes of Kafka are keys and values: see the proxy's format types. */
export type Format = "json" | "string" | "bytearray" | "avro" | "int" | "short" | "long" | "double" | "float";

/** Headers keep their order, and may repeat a key. */
export interface Header {
  key: string;
  value: string | null | Uint8Array;
}

/** A key or value that did not fit its format, or was too long: it comes as bytes, or as null. */
export interface FieldError {
  code: string;
  message: string;
  /** The size in Kafka of what was too long. */
  bytes?: number;
}

/** A record of a topic. */
export interface Rec<V = any, K = any> {
  /** `topic-partition-offset-timestamp`, which names the record. */
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly headers: Header[];
  readonly key: K | null;
  /** Null is a tombstone, unless there is a valueError. */
  readonly value: V | null;
  readonly keyError: FieldError | undefined;
  readonly valueError: FieldError | undefined;
}

/** A message for a topic. */
export interface Message {
  /** Null writes a tombstone. */
  value: unknown;
  key?: unknown;
  headers?: Header[];
  partition?: number;
  /** Milliseconds since 1970. */
  timestamp?: number;
  /** Comes back in the ack. By default the client makes one. */
  messageId?: string;
}

/** Kafka has the record, by acks=all. */
export interface Ack {
  topic: string;
  partition: number;
  offset: number;
  timestamp: number;
  messageId: string;
  /** How often the message was sent. Above 1, a lost connection hid what became of it before: the record may be there up to so many times. */
  sends: number;
}

/** How formats are chosen, and how the format long comes. */
export interface Formats {
  keyType?: Format;
  valType?: Format;
}

export interface ReadFormats extends Formats {
  /** How keys and values of the format long come: by default as numbers, which are rounded beyond 2^53. */
  longs?: "bigint";
}

/** What a token is, and when it expires, where it does not say so as a JWT: ms since 1970. */
export type Token = string | { token: string; expiresAt?: number };

export interface Abortable {
  /** Ends it at once. */
  signal?: AbortSignal;
}

/** What happens to a connection. */
export interface Status {
  /** The endpoint: `in`, `out`, `tail` or `queue`. */
  endpoint: string;
  topic: string;
  /** `error` ends nothing. */
  state: "connecting" | "open" | "waiting" | "error" | "closed";
  /** Why it waits or is closed, or what went wrong. */
  error?: Error;
  /** Milliseconds until the next attempt. */
  pause?: number;
}

/** What browsers call WebSocket. The class of the package ws is one. */
export interface WebSocketClass {
  new (url: string, protocols?: string[]): any;
}
