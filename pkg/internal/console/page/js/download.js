import { message } from "./record.js";

// download saves records as lines of JSON, or as CSV.
export function download(rows, topic, kind) {
  const lines = kind === "csv" ? ["partition,offset,timestamp,key,value,headers", ...rows.map(csv)] : rows.map((r) => JSON.stringify({ topic, offset: r.offset, timestamp: r.timestamp, ...message(r) }));
  const address = URL.createObjectURL(new Blob([lines.join("\n"), "\n"], { type: kind === "csv" ? "text/csv" : "application/jsonl" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${topic.replace(/[^\w.-]/g, "_")}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

// csv is a line of RFC 4180. Text that a spreadsheet would take for a formula begins with an apostrophe.
function csv(r) {
  const text = (value) => {
    const plain = value === null || value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
    const safe = /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [r.partition, r.offset, r.timestamp, text(r.key?.value), text(r.value.value), text(r.headers)].join(",");
}
