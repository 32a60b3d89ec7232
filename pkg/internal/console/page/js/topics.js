// The topics, and one of them: its records, its partitions and its settings.

import { curl, path } from "./api.js";
import { useAsk } from "./asking.js";
import { Badge, Check, Copy, Field, Head, html, Panel, Silent, Text, Trouble, useState } from "./ui.js";
import { Browse } from "./browse.js";
import { Table } from "./table.js";
import { count, counted, duration, size } from "./text.js";

const tabs = { records: "Records", partitions: "Partitions", settings: "Settings" };

export function Topics({ place }) {
  const [, topic, tab] = place.parts;
  if (!topic) return html`<${List} />`;
  return html`<${Topic} topic=${topic} tab=${tabs[tab] ? tab : "records"} place=${place} />`;
}

function List() {
  const [filter, set] = useState("");
  const [internal, show] = useState(false);
  const state = useAsk("/admin/topics", 30000);
  const all = (state.body || []).filter((t) => internal || !t.internal);
  const rows = all.filter((t) => t.name.toLowerCase().includes(filter.toLowerCase()));
  const empty = all.length ? `The filter hides all ${count(all.length)} topics.` : "There are no topics.";
  return html`<${Head} title="Topics" sub=${state.body && counted(all.length, "topic")}>
      <${Copy} items=${[{ name: "Topics", text: curl("/admin/topics") }]} /><//>
    <div class="stack"><div class="form">
        <${Field} label="Name contains"><input data-filter type="search" placeholder="press /" value=${filter}
          onInput=${(e) => set(e.target.value)} /><//>
        <${Check} label="internal topics" value=${internal} onChange=${show} /></div>
      <${Trouble} error=${state.error} old=${state.body} />
      ${state.body && html`<div class="panel slim"><${Table} label="Topics" rows=${rows} id=${(t) => t.name}
        empty=${empty} columns=${listed} /></div>`}</div>`;
}

const listed = [
  { name: "Topic", by: (t) => t.name, cell: link },
  { name: "Partitions", num: true, by: (t) => t.partitions, cell: (t) => count(t.partitions) },
];

function link({ name, internal }) {
  const badge = internal && html` <${Badge}>internal<//>`;
  return html`<a href=${`#/topics/${path(name)}`}><${Text} of=${name} /></a>${badge}`;
}

function Topic({ topic, tab, place }) {
  const target = `/admin/topics/${path(topic)}`;
  const state = useAsk(target, tab === "settings" ? 10000 : 3000);
  const described = state.body;
  return html`<${Head} title=${html`<a class="crumb" href="#/topics">Topics /</a> <${Text} of=${topic} />`}
      sub=${described && counted(described.partitions.length, "partition")}><${Tabs} topic=${topic} tab=${tab} /><//>
    <div class="stack"><${Trouble} error=${state.error} old=${described} /><${Silent} brokers=${state.silent} />
    ${tab === "records" && html`<${Browse} topic=${topic} described=${described} place=${place} />`}
    ${tab === "partitions" && described && html`<${Partitions} topic=${described} target=${target} />`}
    ${tab === "settings" && described && html`<${Settings} topic=${described} target=${target} />`}</div>`;
}

const Tabs = ({ topic, tab }) => html`<span class="seg" role="group" aria-label="Parts of the topic">
  ${Object.entries(tabs).map(([name, title]) => html`<a class="button" href=${`#/topics/${path(topic)}/${name}`}
    aria-current=${name === tab ? "page" : null}>${title}</a>`)}</span>`;

const CopyTopic = ({ target }) => html`<${Copy} items=${[{ name: "The topic", text: curl(target) }]} />`;

function Partitions({ topic, target }) {
  const total = topic.partitions.reduce((sum, p) => sum + (held(p) || 0), 0);
  const title = `${counted(total, "offset")} in ${counted(topic.partitions.length, "partition")}`;
  return html`<${Panel} slim title=${title} acts=${html`<${CopyTopic} target=${target} />`}>
    <${Table} label="Partitions" rows=${topic.partitions} id=${(p) => p.partition}
      columns=${partitionColumns(topic.name)} /><//>`;
}

const held = (p) => (p.endOffset === null || p.startOffset === null ? null : p.endOffset - p.startOffset);

const leader = (p) => (p.leader === null ? html`<${Badge} kind="bad">none<//>` : `broker ${p.leader}`);

function partitionColumns(topic) {
  const newest = (p) => `#/topics/${path(topic)}/records?from=newest&p=${p.partition}`;
  return [
    { name: "Partition", by: (p) => p.partition, cell: (p) => html`<a href=${newest(p)}>${p.partition}</a>` },
    { name: "Leader", by: (p) => p.leader, cell: leader },
    { name: "Begin", num: true, by: (p) => p.startOffset, cell: (p) => count(p.startOffset) },
    { name: "End", num: true, by: (p) => p.endOffset, cell: (p) => count(p.endOffset) },
    { name: "Offsets", num: true, by: held, cell: (p) => count(held(p)) },
  ];
}

const Settings = ({ topic, target }) => html`<${Panel} slim title="Settings by which Kafka refuses and deletes records"
    acts=${html`<${CopyTopic} target=${target} />`}>
  <${Table} label="Settings" rows=${Object.entries(topic.settings)} id=${([name]) => name}
    columns=${settingColumns} /><//>`;

const settingColumns = [
  { name: "Setting", by: ([name]) => name, cell: ([name]) => html`<span class="mono">${name}</span>` },
  { name: "Value", cell: (setting) => html`<${Value} of=${setting} />` },
];

const Value = ({ of: [name, value] }) => html`<span class="mono"><${Text} of=${value} /></span>
  <span class="mute small"> ${meaning(name, value)}</span>`;

// meaning is a large number of bytes or milliseconds as somebody says it. Kafka has -1 and the greatest long for no
// limit.
function meaning(name, value) {
  const n = Number(value);
  const [, unit] = /\.(ms|bytes)$/.exec(name) || [];
  if (!unit) return "";
  if (n === -1 || n >= 2 ** 62) return "no limit";
  if (unit === "ms") return n >= 1000 ? duration(n) : "";
  return n >= 1024 ? size(n) : "";
}
