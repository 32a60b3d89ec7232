// How a reading goes, in words.

import { html } from "./ui.js";
import { count } from "./text.js";

const most = 1000; // offsets by which a reading may be behind the end and yet be said to be there

// Status says how the reading goes, what was left out, and why nothing is shown.
export function Status({ reader, form, described, start, before, frozen, rows, jump }) {
  const filter = form.key || form.prefix || form.where;
  const kinds = { open: "on", connecting: "wait", lost: "wait", ended: "bad" };
  const ends = described && start.ends && passed(start, described.partitions);
  const hidden = filter && ends !== null && ends !== undefined ? Math.max(0, ends - reader.received - reader.left) : 0;
  const leaderless = (described?.partitions || []).filter((p) => p.leader === null).map((p) => p.partition);
  const done = reader.limit > 0 && reader.granted <= 0;
  const behind = reader.limit || reader.paused || reader.state !== "open" || filter ? 0 : reader.behind(described?.partitions);
  const late = behind > most;
  return html`<div class="status"><span class=${`dot ${kinds[reader.state] || ""} ${reader.limit || reader.paused ? "" : "live"}`}></span>
    <span role="status">${late ? "More comes than is shown." : said(reader, form, done, described, rows, hidden)}</span>
    ${late && html`<strong>${count(behind)} or more behind</strong><button type="button" onClick=${jump}>Go to the end</button>`}
    ${done && html`<button type="button" onClick=${() => reader.more(100)}>100 more</button>`}
    ${reader.left > 0 && html`<span>${count(reader.left)} left out: ${[...new Set(reader.gaps.map((g) => `${g.reason.toLowerCase()} in ${g.partition}`))].slice(-3).join(", ")}</span>`}
    ${reader.dropped > 0 && html`<span>${count(reader.dropped)} older ones dropped from the page</span>`}
    ${frozen && html`<span>paused: what comes meanwhile is not kept</span>`}
    ${hidden > 0 && rows.length > 0 && html`<span>the filter hid about ${count(hidden)}</span>`}
    ${leaderless.length > 0 && html`<strong>no leader: partition ${leaderless.join(", ")}</strong>`}
    ${before.none && html`<span>nothing older</span>`}</div>`;
}

// passed returns how many offsets lie between the place where a reading began and the ends, null where that is not known.
function passed(start, partitions) {
  let total = 0;
  for (const p of partitions) {
    const was = start.ends.find((e) => e.partition === p.partition) || p;
    const last = /^last:(\d+)$/.exec(start.from);
    const from = start.from === "latest" ? was.endOffset : start.from === "earliest" ? was.startOffset : last ? Math.max(was.startOffset, was.endOffset - Number(last[1])) : null;
    if (from === null || p.endOffset === null) return null;
    total += p.endOffset - from;
  }
  return total;
}

function said(reader, form, done, described, rows, hidden) {
  if (reader.error && reader.state !== "open") return `${reader.error.code}: ${reader.error.message}`;
  switch (reader.state) {
    case "idle": return "Stopped.";
    case "connecting": return "Connecting\u2026";
    case "lost": return "The connection is lost: trying again. It goes on where it was.";
    case "ended": return "Ended.";
  }
  if (done) return `${count(reader.received)} read.`;
  if (reader.paused) return "Paused.";
  if (rows.length || reader.received) return reader.caughtUp || form.from === "now" ? "At the end: waiting for what comes." : "Reading\u2026";
  const empty = described?.partitions.every((p) => p.startOffset === p.endOffset);
  if (empty) return "The topic has no records.";
  if (hidden) return `Nothing meets the filter: it hid about ${count(hidden)} records.`;
  return form.from === "now" || reader.caughtUp ? "At the end: nothing has been written since." : "Reading: nothing yet.";
}
