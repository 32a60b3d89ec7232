// The records that are shown, as a file.

import { html } from "./ui.js";
import { message } from "./record.js";
import { count } from "./text.js";

const kept = 60000; // ms for which a file is kept for the browser to take

export const Download = ({ rows, topic }) => html`<details class="copy"><summary class="button">Download</summary>
  <div class="row"><button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "jsonl")}>
      JSON lines</button>
    <button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "csv")}>CSV</button>
    <span class="mute small">the ${count(rows.length)} that are shown</span></div></details>`;

// download saves records as lines of JSON, or as CSV.
function download(rows, topic, kind) {
  const lines = kind === "csv" ? [columns, ...rows.map(csv)] : rows.map((r) => json(topic, r));
  const type = kind === "csv" ? "text/csv" : "application/jsonl";
  const address = URL.createObjectURL(new Blob([lines.join("\n"), "\n"], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${topic.replace(/[^\w.-]/g, "_")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), kept);
}

const json = (topic, r) => JSON.stringify({ topic, offset: r.offset, timestamp: r.timestamp, ...message(r) });

const columns = "partition,offset,timestamp,key,value,headers";

// csv is a line of RFC 4180.
function csv({ partition, offset, timestamp, key, value, headers }) {
  return [partition, offset, timestamp, field(key?.value), field(value.value), field(headers)].join(",");
}

// field is text in quotes where it needs them. Text that a spreadsheet would take for a formula begins with an
// apostrophe.
function field(value) {
  if (value === null || value === undefined) return "";
  const plain = typeof value === "string" ? value : JSON.stringify(value);
  const safe = /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
