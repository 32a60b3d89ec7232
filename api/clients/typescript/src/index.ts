/// <reference lib="esnext.disposable" preserve="true" />
export { connect, type Client, type ConnectOptions } from "./client.js";
export { WsproxyError } from "./errors.js";
export type { Consumer, ConsumerOptions, ConsumerRecord } from "./consumer.js";
export type { LiveMap, MapOptions } from "./map.js";
export type { Producer, ProducerOptions } from "./producer.js";
export type { Queue, QueueOptions, QueueRecord } from "./queue.js";
export type { Iteration } from "./stream.js";
export type { Tail, TailItem, TailOptions } from "./tail.js";
export type { Abortable, Ack, FieldError, Format, Header, Message, ReadFormats, Rec, Status, Token, WebSocketClass } from "./types.js";
