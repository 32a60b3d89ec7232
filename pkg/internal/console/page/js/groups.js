import { ask, curl, path } from "./api.js";
import { Ask, Badge, Choice, Copy, docs, Field, Head, html, Note, Panel, Silent, Table, Text, Trouble, useAsk, useState } from "./ui.js";
import { Bar } from "./overview.js";
import { count, counted, moment } from "./text.js";

const kinds = { "": "all", classic: "classic", consumer: "consumer", share: "share" };
const good = (state) => (/^(STABLE|ASSIGNING|RECONCILING)$/.test(state) ? "ok" : /^(DEAD|UNKNOWN)$/.test(state) ? "bad" : "");

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
  return html`<${Head} title="Groups" sub=${state.body && counted(all.length, "group")}><${Copy} items=${[{ name: "Groups", text: curl(target) }]} /><//>
    <div class="stack"><div class="form"><${Field} label="Id contains"><input data-filter type="search" value=${filter} onInput=${(e) => set(e.target.value)} /><//>
      <${Choice} label="Type" value=${kind} of=${kinds} onChange=${choose} />
      <label class="check"><input type="checkbox" checked=${active} onChange=${(e) => only(e.target.checked)} />with members</label></div>
    <${Trouble} error=${state.error} old=${state.body} /><${Silent} brokers=${state.silent} />
    ${state.body && html`<div class="panel"><${Table} label="Groups" rows=${rows} id=${(g) => g.groupId} empty=${all.length ? `The filter hides all ${count(all.length)} groups.` : "There are no groups."} columns=${[
      { name: "Group", by: (g) => g.groupId, cell: (g) => html`<a href=${`#/groups/${path(g.groupId)}`}><${Text} of=${g.groupId || "(empty)"} /></a>` },
      { name: "Type", by: (g) => g.type, cell: (g) => g.type },
      { name: "State", by: (g) => g.state, cell: (g) => html`<${Badge} kind=${good(g.state)}>${g.state.toLowerCase().replaceAll("_", " ")}<//>` },
    ]} /></div>`}</div>`;
}

function Group({ id }) {
  const target = `/admin/consumer-group/${path(id)}`;
  const state = useAsk(`${target}/describe`, 3000);
  const [asked, question] = useState("");
  const group = state.body;
  const rows = group?.partitions || [];
  const lag = rows.reduce((sum, p) => sum + (p.lag || 0), 0);
  const worst = Math.max(1, ...rows.map((p) => p.lag || 0));
  return html`<${Head} title=${html`<a class="crumb" href="#/groups">Groups /</a> <${Text} of=${id} />`} sub=${group && html`${group.type} group <${Badge} kind=${good(group.state)}>${group.state.toLowerCase()}<//>`}>
      <${Copy} items=${[{ name: "Description", text: curl(`${target}/describe`) }, { name: "Offsets", text: curl(`${target}/offsets`) }]} />
      <button type="button" disabled=${!group} onClick=${() => question("reset")}>Reset offsets</button><button type="button" class="danger" disabled=${!group} onClick=${() => question("delete")}>Delete</button><//>
    <div class="stack"><${Trouble} error=${state.error} old=${group} /><${Silent} brokers=${state.silent} />
    ${group && html`<div class="grid two"><${Panel} title=${`Lag by partition: ${rows.some((p) => p.lag === null) ? `${lag ? `${count(lag)} and what ` : ""}is not known` : count(lag)}`}><${Table} label="Lag by partition" rows=${rows} id=${(p) => `${p.topic}:${p.partition}:${p.memberId}`} empty="The group has no partitions and no offsets." columns=${[
        { name: "Topic", by: (p) => p.topic, cell: (p) => html`<a href=${`#/topics/${path(p.topic)}`}><${Text} of=${p.topic} /></a>` },
        { name: "P", num: true, by: (p) => p.partition, cell: (p) => p.partition },
        { name: "Client", by: (p) => p.clientId, cell: (p) => (p.clientId ? html`<span title=${p.memberId}><${Text} of=${p.clientId} /></span>` : html`<span class="mute">nobody</span>`) },
        { name: group.type === "share" ? "Start" : "Offset", num: true, wide: true, by: (p) => p.offset, cell: (p) => count(p.offset) },
        { name: "End", num: true, wide: true, by: (p) => p.endOffset, cell: (p) => count(p.endOffset) },
        { name: "Lag", num: true, by: (p) => p.lag, cell: (p) => html`${count(p.lag)}${p.lag > 0 && html`<${Bar} part=${p.lag / worst / 1.12} label="Of the greatest lag" />`}` },
      ]} /><//>
      <${Panel} title=${`Members: ${count(group.members.length)}`}><${Table} label="Members" rows=${members(group)} id=${(m) => m.id} empty="The group has no members: its offsets can be changed." columns=${[
        { name: "Client", by: (m) => m.client, cell: (m) => (group.type === "share" ? html`<${Text} of=${m.client} />` : html`<a href=${`#/connections?client=${encodeURIComponent(m.client)}`}><${Text} of=${m.client} /></a>`) },
        { name: "Host", wide: true, cell: (m) => (m.host ? html`<${Text} of=${m.host} />` : "\u2013") },
        { name: "Partitions", num: true, by: (m) => m.partitions, cell: (m) => count(m.partitions) },
        { name: "Lag", num: true, by: (m) => m.lag, cell: (m) => count(m.lag) },
      ]} /><dl class="facts pad"><dt>Assignor</dt><dd>${group.partitionAssignor || "\u2013"}</dd></dl><//></div>`}
    ${group?.type === "share" && html`<${Workers} id=${id} />`}</div>
    ${asked === "delete" && html`<${Deletion} target=${target} id=${id} onClose=${() => question("")} />`}
    ${asked === "reset" && html`<${Reset} target=${target} group=${group} onClose=${() => question("")} onDone=${state.reload} />`}`;
}

function Deletion({ target, id, onClose }) {
  const method = "DELETE";
  const act = async () => {
    await ask(target, { method });
    location.hash = "#/groups";
  };
  return html`<${Ask} title="Delete this group?" act="Delete" command=${curl(target, { method })} onClose=${onClose} onAct=${act}>
    <p>The group <strong><${Text} of=${id} /></strong> and its offsets are removed. Kafka refuses that while it has members.</p><//>`;
}

// Workers shows the clients that share the records of a group: to Kafka each replica is one member.
function Workers({ id }) {
  const target = `/admin/sessions?group=${encodeURIComponent(id)}&limit=200`;
  const { body, error } = useAsk(target, 3000);
  return html`<${Panel} title="Workers" acts=${html`<${Copy} items=${[{ name: "Workers", text: curl(target) }]} />`}><${Trouble} error=${error} old=${body} />
    ${body && html`<${Table} label="Workers" rows=${body} id=${(w) => w.id} empty="No worker is connected by the proxy." columns=${[
      { name: "Client", by: (w) => w.client, cell: (w) => html`<a href=${`#/connections?client=${encodeURIComponent(w.client)}`}><${Text} of=${w.client} /></a>` },
      { name: "Holds", num: true, by: (w) => w.held, cell: (w) => count(w.held) },
      { name: "Deliveries", num: true, by: (w) => w.records, cell: (w) => count(w.records) },
      { name: "Replica", wide: true, by: (w) => w.replica, cell: (w) => html`<${Text} of=${w.replica} />` },
    ]} />`}<//>`;
}

// members are those that hold partitions, with the lag of these, and those that hold none.
function members(group) {
  const by = new Map();
  for (const p of group.partitions) {
    if (!p.memberId) continue;
    const m = by.get(p.memberId) || { id: p.memberId, client: p.clientId, host: p.host, partitions: 0, lag: 0 };
    by.set(p.memberId, { ...m, partitions: m.partitions + 1, lag: p.lag === null || m.lag === null ? null : m.lag + p.lag });
  }
  const idle = [...group.members];
  for (const m of by.values()) if (idle.includes(m.client)) idle.splice(idle.indexOf(m.client), 1);
  return [...by.values(), ...idle.map((client, i) => ({ id: `idle ${i}`, client, partitions: 0, lag: 0 }))];
}

const ways = { earliest: "the earliest", latest: "the latest", time: "a time", shift: "a shift" };

// bodyOf is the body of a request that sets offsets.
function bodyOf({ way, value }) {
  switch (way) {
    case "time": return { timestamp: moment(value) };
    case "shift": return { shift: Number(value) };
    default: return { to: way };
  }
}

// Reset sets the offsets of a group in a topic, once the proxy has told what they would be.
function Reset({ target, group, onClose, onDone }) {
  const topics = [...new Set(group.partitions.map((p) => p.topic))];
  const [form, set] = useState({ topic: topics[0] || "", way: "earliest", value: "" });
  const [preview, show] = useState(null);
  const [error, fail] = useState(null);
  const change = (part) => {
    set({ ...form, ...part });
    show(null);
  };
  const body = bodyOf(form);
  const address = `${target}/offsets/alter/${path(form.topic)}`;
  const look = async (event) => {
    event.preventDefault();
    try {
      show((await ask(`${address}?dryRun=true`, { method: "PUT", body })).body);
      fail(null);
    } catch (wrong) {
      show(null);
      fail(wrong);
    }
  };
  const now = (p) => group.partitions.find((q) => q.topic === p.topic && q.partition === p.partition)?.offset;
  const act = async () => {
    await ask(address, { method: "PUT", body });
    onDone();
  };
  return html`<${Ask} title="Reset offsets" act="Set these offsets" command=${curl(address, { method: "PUT", body })} disabled=${!preview} onClose=${onClose} onAct=${act}>
    <p class="small mute">A group with members is refused: stop its clients first. <a href=${docs("docs/operations.md#offsets-of-consumer-groups")} target="_blank" rel="noreferrer">How it works</a></p>
    <form class="form" onSubmit=${look}><${Field} label="Topic" grow><input autofocus list="topics" value=${form.topic} onInput=${(e) => change({ topic: e.target.value })} /><//><datalist id="topics">${topics.map((t) => html`<option value=${t} />`)}</datalist>
      <${Choice} label="To" value=${form.way} of=${ways} onChange=${(way) => change({ way })} />
      ${(form.way === "time" || form.way === "shift") && html`<${Field} label=${form.way === "time" ? "Time" : "Records"}><input value=${form.value} placeholder=${form.way === "time" ? "2026-11-30T12:00" : "-100"} onInput=${(e) => change({ value: e.target.value })} /><//>`}
      <button>Preview</button></form>
    <${Trouble} error=${error} />
    ${preview && html`<${Table} label="Offsets as they would be" rows=${preview} id=${(p) => p.partition} columns=${[
      { name: "Partition", cell: (p) => p.partition }, { name: "Now", num: true, cell: (p) => count(now(p)) }, { name: "Then", num: true, cell: (p) => html`<strong>${count(p.offset)}</strong>` },
    ]} /><${Note} kind="warn">Nothing is changed yet.<//>`}<//>`;
}
