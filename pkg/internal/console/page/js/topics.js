import { curl, path } from "./api.js";
import { Badge, Copy, Field, Head, html, Panel, Silent, Table, Text, Trouble, useAsk, useState } from "./ui.js";
import { Browse } from "./browse.js";
import { count, counted } from "./text.js";

const tabs = { records: "Records", partitions: "Partitions", settings: "Settings" };

export function Topics({ place }) {
  const [, topic, tab] = place.parts;
  return topic ? html`<${Topic} topic=${topic} tab=${tabs[tab] ? tab : "records"} place=${place} />` : html`<${List} />`;
}

function List() {
  const [filter, set] = useState("");
  const [internal, show] = useState(false);
  const state = useAsk("/admin/topics", 30000);
  const all = (state.body || []).filter((t) => internal || !t.internal);
  const rows = all.filter((t) => t.name.toLowerCase().includes(filter.toLowerCase()));
  return html`<${Head} title="Topics" sub=${state.body && counted(all.length, "topic")}><${Copy} items=${[{ name: "Topics", text: curl("/admin/topics") }]} /><//>
    <div class="stack"><div class="form"><${Field} label="Name contains"><input data-filter type="search" value=${filter} onInput=${(e) => set(e.target.value)} placeholder="press /" /><//>
      <label class="check"><input type="checkbox" checked=${internal} onChange=${(e) => show(e.target.checked)} />internal topics</label></div>
    <${Trouble} error=${state.error} old=${state.body} />
    ${state.body && html`<div class="panel"><${Table} label="Topics" rows=${rows} id=${(t) => t.name}
      empty=${all.length ? `The filter hides all ${count(all.length)} topics.` : "There are no topics."} columns=${[
        { name: "Topic", by: (t) => t.name, cell: (t) => html`<a href=${`#/topics/${path(t.name)}`}><${Text} of=${t.name} /></a> ${t.internal && html`<${Badge}>internal<//>`}` },
        { name: "Partitions", num: true, by: (t) => t.partitions, cell: (t) => count(t.partitions) },
      ]} /></div>`}</div>`;
}

function Topic({ topic, tab, place }) {
  const target = `/admin/topics/${path(topic)}`;
  const state = useAsk(target, tab === "settings" ? 10000 : 3000);
  const base = `#/topics/${path(topic)}`;
  return html`<${Head} title=${html`<a class="crumb" href="#/topics">Topics /</a> <${Text} of=${topic} />`} sub=${state.body && counted(state.body.partitions.length, "partition")}>
      <span class="seg" role="group" aria-label="Parts of the topic">${Object.entries(tabs).map(([name, title]) => html`<a class="button" href=${`${base}/${name}`} aria-current=${name === tab ? "page" : null}>${title}</a>`)}</span><//>
    <div class="stack"><${Trouble} error=${state.error} old=${state.body} /><${Silent} brokers=${state.silent} />
    ${tab === "records" && html`<${Browse} topic=${topic} described=${state.body} place=${place} />`}
    ${tab === "partitions" && state.body && html`<${Partitions} topic=${state.body} target=${target} />`}
    ${tab === "settings" && state.body && html`<${Settings} topic=${state.body} target=${target} />`}</div>`;
}

function Partitions({ topic, target }) {
  const held = (p) => (p.endOffset === null || p.startOffset === null ? null : p.endOffset - p.startOffset);
  const total = topic.partitions.reduce((sum, p) => sum + (held(p) || 0), 0);
  return html`<${Panel} title=${`${counted(total, "offset")} in ${counted(topic.partitions.length, "partition")}`} acts=${html`<${Copy} items=${[{ name: "The topic", text: curl(target) }]} />`}>
    <${Table} label="Partitions" rows=${topic.partitions} id=${(p) => p.partition} columns=${[
      { name: "Partition", by: (p) => p.partition, cell: (p) => html`<a href=${`#/topics/${path(topic.name)}/records?from=newest&p=${p.partition}`}>${p.partition}</a>` },
      { name: "Leader", by: (p) => p.leader, cell: (p) => (p.leader === null ? html`<${Badge} kind="bad">none<//>` : `broker ${p.leader}`) },
      { name: "Begin", num: true, by: (p) => p.startOffset, cell: (p) => count(p.startOffset) },
      { name: "End", num: true, by: (p) => p.endOffset, cell: (p) => count(p.endOffset) },
      { name: "Offsets", num: true, by: held, cell: (p) => count(held(p)) },
    ]} /><//>`;
}

const Settings = ({ topic, target }) => html`<${Panel} title="Settings by which Kafka refuses and deletes records" acts=${html`<${Copy} items=${[{ name: "The topic", text: curl(target) }]} />`}>
  <${Table} label="Settings" rows=${Object.entries(topic.settings)} id=${(s) => s[0]} columns=${[
    { name: "Setting", by: (s) => s[0], cell: (s) => html`<span class="mono">${s[0]}</span>` }, { name: "Value", cell: (s) => html`<span class="mono"><${Text} of=${s[1]} /></span>` },
  ]} /><//>`;
