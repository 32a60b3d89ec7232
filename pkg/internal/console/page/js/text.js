// Text of others as the page shows it, and bytes as text.

const control = "\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f"; // but tabs and line breaks
const formatting = "\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\uffff";

// unseen is what moves the cursor, changes the direction of reading, or cannot be seen.
const unseen = new RegExp(`[${control}${formatting}]`, "g");

// picture stands in for one of them.
const picture = (c) => {
  const code = c.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\u27e8${code.toString(16).padStart(4, "0")}\u27e9`;
};

// visible makes text that shows all that is in it.
export const visible = (text) => String(text).replace(unseen, picture);

// oneLine is visible text without line breaks and tabs, cut to a length.
export function oneLine(text, most = 300) {
  const cut = text.length > most ? `${text.slice(0, most)}\u2026` : text;
  return visible(cut).replace(/[\n\t]/g, (c) => (c === "\n" ? "\u240a" : "\u2409"));
}

export const bytesOf = (text) => new TextEncoder().encode(text);

export function fromBase64(text) {
  const binary = atob(text);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

// hex is a dump of bytes, 16 in a line.
export function hex(bytes, most = 4096) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const part = [...bytes.slice(at, at + 16)];
    const codes = part.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const shown = part.map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : "\u00b7")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${codes.padEnd(47)}  ${shown}`);
  }
  if (bytes.length > most) lines.push(`\u2026 ${count(bytes.length - most)} bytes more`);
  return lines.join("\n");
}

const deepest = 40; // levels that are indented

// pretty indents JSON text. Digits, duplicates and the order of members stay as they are, and no depth is too deep.
export function pretty(text) {
  const out = [];
  let depth = 0;
  const line = () => out.push("\n", "  ".repeat(Math.min(depth, deepest)));
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      out.push(token);
      depth++;
      line();
    } else if (token === "}" || token === "]") {
      depth--;
      if (out.at(-3) === "{" || out.at(-3) === "[") out.length -= 2;
      else line();
      out.push(token);
    } else if (token === ",") {
      out.push(token);
      line();
    } else out.push(token === ":" ? ": " : token);
  }
  return out.join("");
}

// at returns what a JSON pointer, or a path with dots, points at; undefined where there is nothing.
export function at(value, pointer) {
  for (const name of namesIn(pointer)) {
    if (name === "") continue;
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

function namesIn(pointer) {
  if (!pointer.startsWith("/")) return pointer.replace(/^\$\.?/, "").split(".");
  return pointer.slice(1).split("/").map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~"));
}

const numbers = new Intl.NumberFormat("en");
export const count = (n) => (n === null || n === undefined ? "\u2013" : numbers.format(n));

// counted is a number of things, as in 1 topic.
export const counted = (n, thing) => `${count(n)} ${thing}${n === 1 ? "" : "s"}`;

// short is a number of three digits or so.
export function short(n) {
  if (n >= 1e6) return `${(n / 1e6).toFixed(n < 1e7 ? 2 : 1)} M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)} k`;
  return n < 10 && n % 1 ? n.toFixed(1) : numbers.format(Math.round(n));
}

export function size(bytes) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    const whole = unit === "B" || bytes >= 100;
    if (bytes < 1024 || unit === "GiB") return `${whole ? Math.round(bytes) : bytes.toFixed(1)} ${unit}`;
    bytes /= 1024;
  }
}

// time shows a moment in ms since 1970 in the zone of the browser.
export function time(ms, day = true) {
  const d = new Date(ms);
  if (Number.isNaN(d.getTime())) return String(ms);
  const digits = (n, most = 2) => String(n).padStart(most, "0");
  const clock = [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => digits(n)).join(":");
  const exact = `${clock}.${digits(d.getMilliseconds(), 3)}`;
  return day ? `${d.getFullYear()}-${digits(d.getMonth() + 1)}-${digits(d.getDate())} ${exact}` : exact;
}

// moment reads a time as somebody types it, or as milliseconds since 1970. What is none is NaN.
export const moment = (text) => (/^\d{10,}$/.test(text) ? Number(text) : Date.parse(text));

export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}
