// Lists of the overview that are made of this replica's counters.

import { docs, html, Out, Panel, Text } from "./ui.js";
import { sumBy } from "./metrics.js";
import { Table } from "./table.js";
import { path } from "./api.js";
import { count } from "./text.js";

const expected = ["1000", "1001", "1005"]; // codes with which clients close

// Errors lists errors by their codes: how many there were since the page was opened, and since the replica started.
export function Errors({ sampler }) {
  const counted = (of, name) => sampler.grown(name, "code").map(([code, grown, all]) => ({ of, code, grown, all }));
  const closes = counted("close", "wsproxy_connections_closed_total");
  const rows = [
    ...counted("message", "wsproxy_produce_errors_total"),
    ...counted("handshake", "wsproxy_handshakes_refused_total"),
    ...closes.filter(({ code }) => !expected.includes(code)),
  ];
  return html`<${Panel} title="Errors by code"><${Table} label="Errors by code" rows=${rows.filter((r) => r.all)}
    id=${(r) => r.of + r.code} empty="None since this replica started." columns=${errorColumns} /><//>`;
}

const errorColumns = [
  { name: "Code", by: (r) => r.code, cell: explained },
  { name: "Of a", by: (r) => r.of, cell: (r) => r.of },
  { name: "Meanwhile", num: true, by: (r) => r.grown, cell: (r) => count(r.grown) },
  { name: "In all", num: true, by: (r) => r.all, cell: (r) => count(r.all) },
];

function explained({ of, code }) {
  const page = of === "close" ? "docs/errors.md#close-codes" : "docs/errors.md";
  return html`<${Out} to=${docs(page)}><${Text} of=${code} /><//>`;
}

const busiest = 8;

// Topics lists the topics that most records went to and came from.
export function Topics({ sampler }) {
  const written = sumBy(sampler.series, "wsproxy_records_produced_total", "topic");
  const read = sumBy(sampler.series, "wsproxy_records_delivered_total", "topic");
  const names = [...new Set([...written.keys(), ...read.keys()])];
  const rows = names.map((topic) => ({ topic, written: written.get(topic) || 0, read: read.get(topic) || 0 }));
  rows.sort((a, b) => b.written + b.read - a.written - a.read);
  return html`<${Panel} title="Busiest topics"><${Table} label="Busiest topics" rows=${rows.slice(0, busiest)}
    id=${(r) => r.topic} empty="No records went through this replica yet." columns=${topicColumns} /><//>`;
}

const topicColumns = [
  { name: "Topic", cell: (r) => html`<a href=${`#/topics/${path(r.topic)}`}><${Text} of=${r.topic} /></a>` },
  { name: "Written", num: true, by: (r) => r.written, cell: (r) => count(r.written) },
  { name: "Read", num: true, by: (r) => r.read, cell: (r) => count(r.read) },
];
