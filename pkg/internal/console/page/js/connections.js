import { ask, curl, path } from "./api.js";
import { Ask, Badge, Copy, docs, Field, Head, html, Table, Text, Trouble, useAsk, useState } from "./ui.js";
import { count, duration, time } from "./text.js";

const page = 200;

export function Connections({ place }) {
  const [filter, set] = useState(() => Object.fromEntries(["client", "group", "topic", "replica"].map((name) => [name, place.query.get(name) || ""])));
  const [limit, grow] = useState(page);
  const [evicted, evict] = useState(null);
  const q = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  q.set("limit", limit);
  const target = `/admin/sessions?${q}`;
  const state = useAsk(target, 5000);
  const rows = state.body || [];
  const filtered = Object.values(filter).some(Boolean);
  return html`<${Head} title="Connections" sub=${state.body && `${count(rows.length)}${state.next ? " and more" : ""}, on all replicas`}><${Copy} items=${[{ name: "Connections", text: curl(target) }]} /><//>
    <div class="stack"><div class="form">${Object.keys(filter).map((name, i) => html`<${Field} label=${`${name[0].toUpperCase()}${name.slice(1)} is`}><input type="search" data-filter=${i ? null : ""} value=${filter[name]} onInput=${(e) => set({ ...filter, [name]: e.target.value })} /><//>`)}</div>
    <${Trouble} error=${state.error} old=${state.body} />
    ${state.body && html`<div class="panel"><${Table} label="Connections" rows=${rows} id=${(s) => s.id || `${s.topic} ${s.replica}`} empty=${filtered ? "No connection is what the filter asks for." : "Nobody is connected that has a session: consumers and workers have one, producers where they are on."} columns=${[
      { name: "Kind", by: (s) => s.kind, cell: (s) => html`<${Badge}>${s.kind}<//>` },
      { name: "Client", by: (s) => s.client, cell: (s) => (s.id ? html`<${Text} of=${s.client} />${s.instance ? html` <span class="mute">/ <${Text} of=${s.instance} /></span>` : ""}` : html`<span class="mute">${count(s.connections)} ${s.connections === 1 ? "reader" : "readers"}</span>`) },
      { name: "Group", by: (s) => s.group, cell: (s) => (s.group ? html`<a href=${`#/groups/${path(s.group)}`}><${Text} of=${s.group} /></a>` : "\u2013") },
      { name: "Topic", by: (s) => s.topic, cell: (s) => html`<a href=${`#/topics/${path(s.topic)}`}><${Text} of=${s.topic} /></a>` },
      { name: "Subject", wide: true, by: (s) => s.subject, cell: (s) => (s.subject ? html`<${Text} of=${s.subject} />` : "\u2013") },
      { name: "Replica", wide: true, by: (s) => s.replica, cell: (s) => html`<${Text} of=${s.replica} />` },
      { name: "Held", num: true, wide: true, by: (s) => s.held, cell: (s) => count(s.held) },
      { name: "Since", wide: true, by: (s) => s.since, cell: (s) => (s.since ? html`<span title=${time(Date.parse(s.since))}>${duration(Date.now() - Date.parse(s.since))}</span>` : "\u2013") },
      { name: "", num: true, cell: (s) => s.id && html`<button class="plain" type="button" aria-label=${`Evict ${s.client}`} onClick=${() => evict(s)}>Evict</button>` },
    ]} />${state.next && html`<p class="status"><button type="button" onClick=${() => grow(limit + page)}>${page} more</button></p>`}</div>`}
    <p class="small mute">Readers of /socket/tail are counted for this replica alone. <a href=${docs("docs/errors.md#close-codes")} target="_blank" rel="noreferrer">What close codes mean</a></p></div>
    ${evicted && html`<${Ask} title="Evict this connection?" act="Evict" danger onClose=${() => evict(null)} onAct=${async () => { await ask(`/admin/sessions/${path(evicted.id)}`, { method: "DELETE" }); state.reload(); }}>
      <p><strong><${Text} of=${evicted.client} /></strong> on <${Text} of=${evicted.topic} /> is closed with 4409, wherever it is. A client that follows the protocol does not come back by itself.</p>
      <${Copy} items=${[{ name: "Evict", text: curl(`/admin/sessions/${path(evicted.id)}`, { method: "DELETE" }) }]} /><//>`}`;
}

