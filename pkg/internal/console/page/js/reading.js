// What a form asks of /socket/tail, and the address of the view that has it.

import { path } from "./api.js";
import { formats } from "./decode.js";
import { parseWhere } from "./where.js";
import { moment } from "./text.js";

// names are the places where a reading begins: the first one where nothing else is asked for.
export const names = {
  newest: "the newest", now: "now on", beginning: "the beginning", time: "a time", offset: "an offset",
};

// asked is the form that the address of a view asks for: of one record, with at=PARTITION:OFFSET, or of a reading.
export function asked(q) {
  const text = (name, otherwise = "") => q.get(name) || otherwise;
  const one = (name, of) => (of.includes(q.get(name)) ? q.get(name) : of[0]);
  const narrowed = {
    key: text("key"), prefix: text("prefix"), where: text("where"), columns: text("columns"),
    keys: one("keys", formats), values: one("values", formats), t: text("t"),
  };
  const spot = /^(\d+):(\d+)$/.exec(text("at"));
  const n = (otherwise) => Number(q.get("n")) || otherwise;
  if (spot) return { ...narrowed, at: spot[0], from: "offset", p: spot[1], o: spot[2], n: n(1), follow: false };
  return {
    ...narrowed, at: null, from: one("from", Object.keys(names)), p: text("p"), o: text("o", "0"),
    n: n(100), follow: q.get("follow") !== "no",
  };
}

// reading returns what a form asks of /socket/tail: the parameters, and how many records at first where they come to an
// end, 0 where they do not.
export function reading(topic, f, partitions = []) {
  const what = { topic, key: f.key, prefix: f.prefix, where: parseWhere(f.where) };
  const n = Math.min(2000, Math.max(1, Math.round(f.n) || 100));
  switch (f.from) {
    case "now": return [{ ...what, from: "latest" }, 0];
    case "newest": return [{ ...what, from: newest(f, n, partitions) }, f.follow ? 0 : n];
    case "beginning": return [{ ...what, from: "earliest" }, n];
    case "time": return [{ ...what, from: `timestamp:${timed(f.t)}` }, n];
    default: return [{ ...what, from: `offset:${Number(f.p) || 0}:${Number(f.o) || 0}` }, n];
  }
}

// newest is where the newest records begin, of all partitions or of one.
function newest(f, n, partitions) {
  const p = partitions.find((one) => String(one.partition) === f.p);
  if (p && p.endOffset !== null) return `offset:${p.partition}:${Math.max(p.startOffset, p.endOffset - n)}`;
  return `last:${Math.max(1, Math.ceil(n / Math.max(1, partitions.length)))}`;
}

// timed is a moment in ms. The error says how to write one.
function timed(text) {
  const ms = moment(text);
  if (Number.isNaN(ms)) throw new Error("That is no time: write 2026-11-30T12:00, or milliseconds since 1970");
  return ms;
}

// link is the address of the view that reads what a form asks.
export function link(topic, form) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value === "" || value === null || value === "guess") continue;
    q.set(name, name === "follow" ? (value ? "yes" : "no") : value);
  }
  return `${location.origin}${location.pathname}#/topics/${path(topic)}/records?${q}`;
}

