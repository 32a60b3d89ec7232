// Who is connected, and how the last connections have ended.

import { ask, curl, now, path } from "./api.js";
import { Ask, Badge, Copy, docs, Field, Head, html, Panel, Table, Text, Trouble, useAsk, useRef, useState } from "./ui.js";
import { count, counted, duration, short, time } from "./text.js";

const page = 200;
const none = html`<span class="mute">\u2013</span>`;

export function Connections({ place }) {
  const [filter, set] = useState(() => Object.fromEntries(["client", "group", "topic", "replica"].map((name) => [name, place.query.get(name) || ""])));
  const [limit, grow] = useState(page);
  const [evicted, evict] = useState(null);
  const { replica, ...others } = filter;
  const sessions = `/admin/sessions?${asked({ ...filter, limit })}`;
  const closes = `/admin/closes?${asked({ ...others, limit: 50 })}`;
  const state = useAsk(sessions, 3000);
  const ended = useAsk(closes, 3000);
  const rates = useRates(state);
  const rows = state.body || [];
  const filtered = Object.values(filter).some(Boolean);
  const empty = filtered ? "No connection is what the filter asks for." : "Nobody is connected that has a session: consumers and workers have one, producers where they are on.";
  return html`<${Head} title="Connections" sub=${state.body && `${count(rows.length)}${state.next ? " and more" : ""}, on all replicas`}>
      <${Copy} items=${[{ name: "Connections", text: curl(sessions) }, { name: "Last closes", text: curl(closes) }]} /><//>
    <div class="stack">
      <div class="form">${Object.keys(filter).map((name, i) => html`<${Field} label=${`${name[0].toUpperCase()}${name.slice(1)} is`}>
        <input type="search" data-filter=${i ? null : ""} value=${filter[name]} onInput=${(e) => set({ ...filter, [name]: e.target.value })} /><//>`)}</div>
      <${Trouble} error=${state.error} old=${state.body} />
      ${state.body && html`<div class="panel"><${Table} label="Connections" rows=${rows} id=${(s) => s.id || `${s.topic} ${s.replica}`} empty=${empty} columns=${columns(rates, evict)} />
        ${state.next && html`<p class="status"><button type="button" onClick=${() => grow(limit + page)}>${page} more</button></p>`}</div>`}
      <p class="small mute">Rate, lag and what workers hold are known of connections to this replica alone, and so are the readers of /socket/tail.</p>
      <${Closes} state=${ended} filtered=${filtered} />
    </div>
    ${evicted && html`<${Evict} session=${evicted} onClose=${() => evict(null)} onDone=${() => { state.reload(); ended.reload(); }} />`}`;
}

// asked is a query with the parameters that have a value.
const asked = (q) => new URLSearchParams(Object.entries(q).filter(([, value]) => value));

// useRates returns how many records a second went through connections between the last two answers, by their ids.
function useRates({ body, at }) {
  const last = useRef({ at: 0, records: new Map(), rates: new Map() });
  if (body && at !== last.current.at) {
    const before = last.current;
    const records = new Map(body.filter((s) => s.records !== undefined).map((s) => [s.id, s.records]));
    const rates = new Map();
    for (const [id, n] of records) if (before.records.has(id)) rates.set(id, ((n - before.records.get(id)) * 1000) / (at - before.at));
    last.current = { at, records, rates };
  }
  return last.current.rates;
}

const columns = (rates, evict) => [
  { name: "Kind", wide: true, by: (s) => s.kind, cell: (s) => html`<${Badge}>${s.kind}<//>` },
  { name: "Client", by: (s) => s.client, cell: client },
  { name: "Group", by: (s) => s.group, cell: group },
  { name: "Topic", by: (s) => s.topic, cell: topics },
  { name: "Subject", wide: true, by: (s) => s.subject, cell: (s) => (s.subject ? html`<${Text} of=${s.subject} />` : none) },
  { name: "Replica", wide: true, by: (s) => s.replica, cell: (s) => html`<${Text} of=${s.replica} />` },
  { name: "Rate", num: true, by: (s) => rates.get(s.id), cell: (s) => (rates.has(s.id) ? `${short(rates.get(s.id))}/s` : none) },
  { name: "Lag", num: true, by: (s) => s.lag, cell: (s) => (s.lag === undefined ? none : count(s.lag)) },
  { name: "Held", num: true, wide: true, by: (s) => s.held, cell: (s) => (s.held === undefined ? none : count(s.held)) },
  { name: "Since", wide: true, by: (s) => s.since, cell: (s) => (s.since ? html`<${Ago} at=${s.since} />` : none) },
  { name: "", num: true, cell: (s) => s.id && html`<button class="plain" type="button" aria-label=${`Evict ${s.client}`} onClick=${() => evict(s)}>Evict</button>` },
];

function client(s) {
  if (s.connections) return html`<span class="mute nowrap">${counted(s.connections, "reader")}</span>`;
  return html`${s.client ? html`<${Text} of=${s.client} />` : none}${s.instance && html` <span class="mute">/ <${Text} of=${s.instance} /></span>`}`;
}

const group = (s) => (s.group ? html`<a href=${`#/groups/${path(s.group)}`}><${Text} of=${s.group} /></a>` : none);

const topics = (s) => s.topic.split(",").map((name, i) => html`${i ? ", " : ""}<a href=${`#/topics/${path(name)}`}><${Text} of=${name} /></a>`);

// Ago is how long ago something was, by the proxy's clock.
const Ago = ({ at }) => html`<span class="nowrap" title=${time(Date.parse(at))}>${duration(now() - Date.parse(at))}</span>`;

// Closes shows the last closes on this replica.
const Closes = ({ state, filtered }) => html`<${Panel} title="Last closes on this replica" acts=${html`<a class="small" href=${docs("docs/errors.md#close-codes")} target="_blank" rel="noreferrer">Close codes</a>`}>
  <${Trouble} error=${state.error} old=${state.body} />
  ${state.body && html`<${Table} label="Last closes" rows=${state.body} id=${(c) => `${c.at} ${c.since} ${c.client}`} empty=${filtered ? "None that the filter asks for." : "None since this replica started."} columns=${[
    { name: "Ago", by: (c) => c.at, cell: (c) => html`<${Ago} at=${c.at} />` },
    { name: "Client", by: (c) => c.client, cell: client },
    { name: "Code", num: true, by: (c) => c.code, cell: (c) => html`<${Badge} kind=${kindOf(c.code)}>${c.code}<//>` },
    { name: "Why", cell: (c) => html`${c.reason && html`<strong><${Text} of=${c.reason} /></strong> `}${c.meaning}` },
    { name: "Endpoint", wide: true, by: (c) => c.endpoint, cell: (c) => c.endpoint },
    { name: "Group", wide: true, by: (c) => c.group, cell: group },
    { name: "Topic", wide: true, by: (c) => c.topic, cell: topics },
    { name: "Records", num: true, wide: true, by: (c) => c.records, cell: (c) => count(c.records) },
    { name: "Lasted", wide: true, cell: (c) => duration(Date.parse(c.at) - Date.parse(c.since)) },
  ]} />`}<//>`;

// kindOf tells ends that both sides expect from others.
const kindOf = (code) => (code === 1011 || code >= 4400 ? "bad" : code === 1000 || code === 1001 || code === 1005 || code === 1012 ? "" : "warn");

function Evict({ session, onClose, onDone }) {
  const target = `/admin/sessions/${path(session.id)}`;
  const method = "DELETE";
  const act = async () => {
    await ask(target, { method });
    onDone();
  };
  return html`<${Ask} title="Evict this connection?" act="Evict" command=${curl(target, { method })} onClose=${onClose} onAct=${act}>
    <p><strong><${Text} of=${session.client} /></strong> on <${Text} of=${session.topic} /> is closed with 4409, wherever it is. A client that follows the protocol does not come back by itself.</p><//>`;
}
