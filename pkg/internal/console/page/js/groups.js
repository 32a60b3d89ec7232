// Consumer groups of all kinds, and one of them.

import { curl, path } from "./api.js";
import { useAsk } from "./asking.js";
import { Badge, Bar, Check, Choice, Copy, Field, Head, html, Panel, Silent, Text, Trouble, useState } from "./ui.js";
import { Deletion, Reset } from "./offsets.js";
import { Table } from "./table.js";
import { count, counted } from "./text.js";

const kinds = { "": "all", classic: "classic", consumer: "consumer", share: "share" };
const none = "\u2013";

export function Groups({ place }) {
  const [, group] = place.parts;
  return group ? html`<${Group} id=${group} />` : html`<${List} />`;
}

function List() {
  const [filter, set] = useState("");
  const [kind, choose] = useState("");
  const [active, only] = useState(false);
  const target = `/admin/consumer-group/all?activeOnly=${active}${kind && `&type=${kind}`}`;
  const state = useAsk(target, 10000);
  const all = state.body || [];
  const rows = all.filter((g) => g.groupId.toLowerCase().includes(filter.toLowerCase()));
  const empty = all.length ? `The filter hides all ${count(all.length)} groups.` : "There are no groups.";
  return html`<${Head} title="Groups" sub=${state.body && counted(all.length, "group")}>
      <${Copy} items=${[{ name: "Groups", text: curl(target) }]} /><//>
    <div class="stack"><div class="form">
        <${Field} label="Id contains">
          <input data-filter type="search" value=${filter} onInput=${(e) => set(e.target.value)} /><//>
        <${Choice} label="Type" value=${kind} of=${kinds} onChange=${choose} />
        <${Check} label="with members" value=${active} onChange=${only} /></div>
      <${Trouble} error=${state.error} old=${state.body} /><${Silent} brokers=${state.silent} />
      ${state.body && html`<div class="panel slim"><${Table} label="Groups" rows=${rows} id=${(g) => g.groupId}
        empty=${empty} columns=${listed} /></div>`}</div>`;
}

const listed = [
  { name: "Group", by: (g) => g.groupId, cell: link },
  { name: "Type", by: (g) => g.type, cell: (g) => g.type },
  { name: "State", by: (g) => g.state, cell: (g) => html`<${State} of=${g.state} />` },
];

function link({ groupId }) {
  return html`<a href=${`#/groups/${path(groupId)}`}><${Text} of=${groupId || "(empty)"} /></a>`;
}

function State({ of }) {
  const good = /^(STABLE|ASSIGNING|RECONCILING)$/.test(of);
  const bad = /^(DEAD|UNKNOWN)$/.test(of);
  return html`<${Badge} kind=${good ? "ok" : bad ? "bad" : ""}>${of.toLowerCase().replaceAll("_", " ")}<//>`;
}

function Group({ id }) {
  const target = `/admin/consumer-group/${path(id)}`;
  const state = useAsk(`${target}/describe`, 3000);
  const [asked, question] = useState("");
  const group = state.body;
  const close = () => question("");
  return html`<${Head} title=${html`<a class="crumb" href="#/groups">Groups /</a> <${Text} of=${id} />`}
      sub=${group && html`${group.type} group <${State} of=${group.state} />`}>
      <${Copy} items=${commands(target)} />
      <button type="button" disabled=${!group} onClick=${() => question("reset")}>Reset offsets</button>
      <button type="button" class="danger" disabled=${!group} onClick=${() => question("delete")}>Delete</button><//>
    <div class="stack"><${Trouble} error=${state.error} old=${group} /><${Silent} brokers=${state.silent} />
      ${group && html`<div class="grid two"><${Lag} group=${group} /><${Members} group=${group} /></div>`}
      ${group?.type === "share" && html`<${Workers} id=${id} />`}</div>
    ${asked === "delete" && html`<${Deletion} target=${target} id=${id} onClose=${close} />`}
    ${asked === "reset" && html`<${Reset} target=${target} group=${group} onClose=${close} onDone=${state.reload} />`}`;
}

const commands = (target) => [
  { name: "Description", text: curl(`${target}/describe`) },
  { name: "Offsets", text: curl(`${target}/offsets`) },
];

const Lag = ({ group }) => html`<${Panel} title=${`Lag by partition: ${total(group.partitions)}`}>
  <${Table} label="Lag by partition" rows=${group.partitions} id=${(p) => `${p.topic}:${p.partition}:${p.memberId}`}
    empty="The group has no partitions and no offsets." columns=${partitions(group)} /><//>`;

// total is the lag of all partitions, as far as it is known.
function total(list) {
  const lag = list.reduce((sum, p) => sum + (p.lag || 0), 0);
  if (!list.some((p) => p.lag === null)) return count(lag);
  return lag ? `${count(lag)} and what is not known` : "is not known";
}

function partitions(group) {
  const worst = Math.max(1, ...group.partitions.map((p) => p.lag || 0));
  const bar = (lag) => lag > 0 && html`<${Bar} part=${lag / worst} label="Of the greatest lag" />`;
  return [
    { name: "Topic", by: (p) => p.topic, cell: topic },
    { name: "P", num: true, by: (p) => p.partition, cell: (p) => p.partition },
    { name: "Client", by: (p) => p.clientId, cell: holder },
    {
      name: group.type === "share" ? "Start" : "Offset", num: true, wide: true,
      by: (p) => p.offset, cell: (p) => count(p.offset),
    },
    { name: "End", num: true, wide: true, by: (p) => p.endOffset, cell: (p) => count(p.endOffset) },
    { name: "Lag", num: true, by: (p) => p.lag, cell: (p) => html`${count(p.lag)}${bar(p.lag)}` },
  ];
}

function topic(p) {
  return html`<a href=${`#/topics/${path(p.topic)}`}><${Text} of=${p.topic} /></a>`;
}

function holder({ clientId, memberId }) {
  if (!clientId) return html`<span class="mute">nobody</span>`;
  return html`<span title=${memberId}><${Text} of=${clientId} /></span>`;
}

const Members = ({ group }) => html`<${Panel} title=${`Members: ${count(group.members.length)}`}>
  <${Table} label="Members" rows=${members(group)} id=${(m) => m.id}
    empty="The group has no members: its offsets can be changed." columns=${memberColumns(group)} />
  <dl class="facts pad"><dt>Assignor</dt><dd>${group.partitionAssignor || none}</dd></dl><//>`;

// memberColumns link to connections, but for share groups: to these each replica is one member.
const memberColumns = ({ type }) => [
  {
    name: "Client", by: (m) => m.client,
    cell: (m) => (type === "share" ? html`<${Text} of=${m.client} />` : connections(m)),
  },
  { name: "Host", wide: true, cell: (m) => (m.host ? html`<${Text} of=${m.host} />` : none) },
  { name: "Partitions", num: true, by: (m) => m.partitions, cell: (m) => count(m.partitions) },
  { name: "Lag", num: true, by: (m) => m.lag, cell: (m) => count(m.lag) },
];

function connections({ client }) {
  return html`<a href=${`#/connections?client=${encodeURIComponent(client)}`}><${Text} of=${client} /></a>`;
}

// members are those that hold partitions, with the lag of these, and those that hold none.
function members(group) {
  const by = new Map();
  for (const p of group.partitions) {
    if (!p.memberId) continue;
    const m = by.get(p.memberId) || { id: p.memberId, client: p.clientId, host: p.host, partitions: 0, lag: 0 };
    const lag = p.lag === null || m.lag === null ? null : m.lag + p.lag;
    by.set(p.memberId, { ...m, partitions: m.partitions + 1, lag });
  }
  const idle = [...group.members];
  for (const m of by.values()) if (idle.includes(m.client)) idle.splice(idle.indexOf(m.client), 1);
  return [...by.values(), ...idle.map((client, i) => ({ id: `idle ${i}`, client, partitions: 0, lag: 0 }))];
}

// Workers shows the clients that share the records of a group.
function Workers({ id }) {
  const target = `/admin/sessions?group=${encodeURIComponent(id)}&figures=true`;
  const { body, error } = useAsk(target, 5000); // which all replicas answer
  return html`<${Panel} title="Workers" acts=${html`<${Copy} items=${[{ name: "Workers", text: curl(target) }]} />`}>
    <${Trouble} error=${error} old=${body} />
    ${body && html`<${Table} label="Workers" rows=${body} id=${(w) => w.id} columns=${workers}
      empty="No worker is connected by the proxy." />`}<//>`;
}

const workers = [
  { name: "Client", by: (w) => w.client, cell: connections },
  { name: "Holds", num: true, by: (w) => w.held, cell: (w) => count(w.held) },
  { name: "Deliveries", num: true, by: (w) => w.records, cell: (w) => count(w.records) },
  { name: "Replica", wide: true, by: (w) => w.replica, cell: (w) => html`<${Text} of=${w.replica} />` },
];
