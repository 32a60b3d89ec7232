// Keys and values as somebody reads them: what the bytes may be, and what a choice makes of them.

import { bytesIn } from "./tail.js";
import { hex, oneLine, pretty, size } from "./text.js";

export const formats = ["guess", "text", "json", "hex", "int", "short", "long", "float", "double"];

const lengths = { short: 2, int: 4, float: 4, long: 8, double: 8 };

function number(bytes, format) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "short": return String(view.getInt16(0));
    case "int": return String(view.getInt32(0));
    case "long": return String(view.getBigInt64(0));
    case "float": return String(view.getFloat32(0));
    default: return String(view.getFloat64(0));
  }
}

// parsed returns the value of JSON, or why it is none.
export function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: error.message };
  }
}

// isText tells whether a part came as text: what is not UTF-8 comes as bytes.
const isText = (part) => part.format !== "bytearray";

// tooLarge says that a value was left out for its size, which the proxy tells.
export const tooLarge = (part) => part?.error?.code === "MESSAGE_TOO_LARGE" && part.error.bytes;

// brief is a part in one line.
export function brief(part, format = "guess") {
  if (!part) return "";
  const bytes = tooLarge(part);
  if (bytes) return `(${size(bytes)}: too large to show)`;
  if (part.value === null) return "";
  const { text, reason } = decoded(part, format, 300);
  return reason ? `(${reason})` : oneLine(text);
}

const mostHex = 65536; // bytes of a dump

// guessed is the format that a part seems to have.
function guessed(part, raw) {
  if (!isText(part)) return "hex";
  return /^\s*[[{]/.test(raw) ? "json" : "text";
}

// decoded returns a part as text of at most so many characters, and what it was taken for; or the reason why the format
// does not fit, with a dump.
export function decoded(part, format = "guess", most = 1 << 20) {
  const raw = typeof part.value === "string" ? part.value : String(part.value);
  const kind = format === "guess" ? guessed(part, raw) : format;
  const dumped = (reason) => ({ kind: "hex", text: hex(bytesIn(part)), reason });
  if (lengths[kind]) {
    const bytes = bytesIn(part);
    if (bytes.length === lengths[kind]) return { kind, text: number(bytes, kind) };
    return dumped(`${kind} takes ${lengths[kind]} bytes, not ${bytes.length}`);
  }
  if (kind === "hex") return { kind, text: hex(bytesIn(part), Math.min(most, mostHex)) };
  if (!isText(part)) return dumped(part.error?.message || "not UTF-8");
  return { kind, text: raw.slice(0, most) };
}

// shown returns a part in full, as a format and a form have it.
export function shown(part, format, form) {
  if (form === "hex") return { kind: "hex", text: hex(bytesIn(part), mostHex) };
  const got = decoded(part, format);
  if (form !== "pretty" || got.kind !== "json") return got;
  const { error } = parsed(got.text);
  return error ? { ...got, reason: `not JSON: ${error}` } : { ...got, text: pretty(got.text) };
}
