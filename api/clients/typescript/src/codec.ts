import type { FieldError, Format, Formats, Header, Message, ReadFormats, Rec } from "./types.js";

/** A key or value in a frame. */
interface Field {
  value: any;
  format?: string;
  error?: FieldError;
}

/** A frame of the proxy. */
export type Frame = Record<string, any>;

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

function decode(field: Field | undefined, longs: ReadFormats["longs"]): any {
  if (!field || field.value === null) return null;
  switch (field.format) {
    case "bytearray":
    case "avro":
      return fromBase64(field.value);
    case "double":
    case "float":
      return +field.value; // "NaN" and "Infinity" are strings in JSON
    case "long":
      return longs ? BigInt(field.value) : field.value;
  }
  return field.value;
}

/** The record of a frame of /socket/out, /tail or /queue. */
export function toRecord(frame: Frame, longs: ReadFormats["longs"]): Rec<any, any> {
  const { wsProxyMessageId: id, headers = [], key, value, delivery, ...place } = frame;
  return {
    ...(place as Rec),
    id,
    headers: headers.map(({ key, value }: Frame): Header => ({ key, value: value?.format ? fromBase64(value.value) : value })),
    key: decode(key, longs),
    value: decode(value, longs),
    keyError: key?.error,
    valueError: value.error,
  };
}

/** A value with its format. What JavaScript tells apart needs no format: text, bytes, bigint, and all else is JSON. */
function encode(value: any, format?: Format): Field {
  if (value instanceof Uint8Array) return { value: toBase64(value), format: format ?? "bytearray" };
  if (typeof value === "bigint") return { value: `${value}`, format: format ?? "long" };
  if (typeof value === "number" && !isFinite(value)) value = `${value}`; // JSON would have null
  return { value, format: format ?? (typeof value === "string" ? "string" : "json") };
}

/** The text of a message for /socket/in. */
export function toText(message: Message, formats: Formats): string {
  const { value, key, headers } = message;
  if (value === undefined) throw new TypeError("A message needs a value: null writes a tombstone.");
  return JSON.stringify({
    ...message,
    headers: headers?.map(({ key, value }) => ({ key, value: value instanceof Uint8Array ? encode(value) : value })),
    key: encode(key ?? null, formats.keyType),
    value: encode(value, formats.valType),
  });
}
