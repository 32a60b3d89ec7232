// How a reading goes, in words.

import { html } from "./ui.js";
import { count } from "./text.js";

const most = 1000; // offsets by which a reading may be behind the end and yet be said to be there

const kinds = { open: "on", connecting: "wait", lost: "wait", ended: "bad" };

// Status says how the reading goes, what was left out, and why nothing is shown.
export function Status({ reader, form, described, start, before, frozen, rows, jump }) {
  const hidden = hiddenBy(form, reader, start, described);
  const leaderless = (described?.partitions || []).filter((p) => p.leader === null).map((p) => p.partition);
  const done = reader.limit > 0 && reader.granted <= 0;
  const behind = follows(reader, form) ? reader.behind(described?.partitions) : 0;
  const late = behind > most;
  const words = late ? "More comes than is shown." : said(reader, form, done, described, rows, hidden);
  const live = reader.limit || reader.paused ? "" : "live";
  return html`<div class="status"><span class=${`dot ${kinds[reader.state] || ""} ${live}`}></span>
    <span role="status">${words}</span>
    ${late && html`<strong>${count(behind)} or more behind</strong>
      <button type="button" onClick=${jump}>Go to the end</button>`}
    ${done && html`<button type="button" onClick=${() => reader.more(100)}>100 more</button>`}
    ${reader.left > 0 && html`<span>${count(reader.left)} left out: ${gaps(reader.gaps)}</span>`}
    ${reader.dropped > 0 && html`<span>${count(reader.dropped)} older ones dropped from the page</span>`}
    ${frozen && html`<span>What comes meanwhile is not kept.</span>`}
    ${hidden > 0 && rows.length > 0 && html`<span>the filter hid about ${count(hidden)}</span>`}
    ${leaderless.length > 0 && html`<strong>no leader: partition ${leaderless.join(", ")}</strong>`}
    ${before.none && html`<span>nothing older</span>`}</div>`;
}

const filtered = (form) => Boolean(form.key || form.prefix || form.where);

// follows tells whether all that is written comes: only then is what has not come yet behind.
const follows = (reader, form) => reader.state === "open" && !reader.limit && !reader.paused && !filtered(form);

// gaps are the last reasons for which records were left out.
function gaps(list) {
  const reasons = list.map((g) => `${g.reason.toLowerCase()} in ${g.partition}`);
  return [...new Set(reasons)].slice(-3).join(", ");
}

// hiddenBy returns how many records a filter hid, as far as that is known.
function hiddenBy(form, reader, start, described) {
  if (!filtered(form) || !described || !start.ends) return 0;
  const all = passed(start, described.partitions);
  return all === null ? 0 : Math.max(0, all - reader.received - reader.left);
}

// passed returns how many offsets lie between the place where a reading began and the ends, null where that is not
// known.
function passed(start, partitions) {
  let total = 0;
  for (const p of partitions) {
    const from = begin(start.from, start.ends.find((e) => e.partition === p.partition) || p);
    if (from === null || p.endOffset === null) return null;
    total += p.endOffset - from;
  }
  return total;
}

// begin is the offset at which a reading began in a partition, whose ends were those; null where it is not known.
function begin(from, { startOffset, endOffset }) {
  if (from === "latest") return endOffset;
  if (from === "earliest") return startOffset;
  const last = /^last:(\d+)$/.exec(from);
  return last && endOffset !== null ? Math.max(startOffset, endOffset - Number(last[1])) : null;
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
  const atEnd = reader.caughtUp || form.from === "now";
  if (rows.length || reader.received) return atEnd ? "At the end: waiting for what comes." : "Reading\u2026";
  const empty = described?.partitions.every((p) => p.startOffset === p.endOffset);
  if (empty) return "The topic has no records.";
  if (hidden) return `Nothing meets the filter: it hid about ${count(hidden)} records.`;
  return atEnd ? "At the end: nothing has been written since." : "Reading: nothing yet.";
}
