// Who is connected, and how the last connections have ended.

import { ask, curl, now, path, quoted } from "./api.js";
import { useAsk } from "./asking.js";
import {
  Ask, Badge, Copy, docs, Field, Head, html, Note, Out, Panel, Text, Trouble, useRef, useState,
} from "./ui.js";
import { Table } from "./table.js";
import { count, counted, duration, short, time } from "./text.js";

const page = 200; // sessions that are asked for at a time, which are as many as replicas ask one another for
const pause = 5000; // ms between two questions: all replicas answer each
const none = html`<span class="mute">\u2013</span>`;
const filters = { client: "Client is", group: "Group is", topic: "Topic is", replica: "Replica is" };

export function Connections({ place }) {
  const [filter, set] = useState(() => asFilter(place.query));
  const [pages, turn] = useState([""]); // the ids after which this page and those before it begin
  const [evicted, evict] = useState(null);
  const { client: who, group: of, topic: on } = filter;
  const sessions = `/admin/sessions?${asked({ ...filter, limit: page, after: pages.at(-1) })}`;
  const closes = `/admin/closes?${asked({ client: who, group: of, topic: on, limit: 50 })}`;
  const figures = `${sessions}&figures=true`;
  const everywhere = `${closes}&replicas=all`;
  const state = useBoth(sessions, figures);
  const ended = useBoth(closes, everywhere);
  const rates = useRates(state);
  const { awaited } = state;
  const first = (pages.length - 1) * page;
  const filtered = Object.values(filter).some(Boolean);
  const change = (name) => (e) => {
    set({ ...filter, [name]: e.target.value });
    turn([""]);
  };
  return html`<${Head} title="Connections" sub=${awaited ? "Loading\u2026" : state.body && position(first, state)}>
      <${Copy} items=${commands(filter, figures, everywhere)} /><//>
    <div class="stack">
      <div class="form">${Object.entries(filters).map(([name, label], i) => html`<${Field} label=${label}>
        <input type="search" data-filter=${i ? null : ""} value=${filter[name]} onInput=${change(name)} /><//>`)}</div>
      <${Trouble} error=${state.error} old=${state.body} />
      ${state.body && html`<div class="panel">
        <${Pages} pages=${pages} next=${!awaited && state.next} turn=${turn} />
        <${Table} label="Connections" rows=${state.body} id=${(s) => s.id || `${s.topic} ${s.replica}`}
          empty=${empty(filtered, pages)} columns=${columns(rates, evict)} before=${first} more=${state.next} /></div>`}
      <${Mute} replicas=${[...new Set([...(state.mute || []), ...(ended.mute || [])])]} />
      <${Closes} state=${ended} filtered=${filtered} />
    </div>
    ${evicted && html`<${Evict} session=${evicted} onClose=${() => evict(null)}
      onDone=${() => { state.reload(); ended.reload(); }} />`}`;
}

// useBoth asks the replica that answers for what it knows, and for what all know, which takes seconds where one is
// silent. Until there is an answer to that, the other one is shown. While that is awaited, too, what is shown is of
// another page or filter.
function useBoth(own, all) {
  const [first, whole] = [useAsk(own, pause), useAsk(all, pause)];
  const reload = () => {
    first.reload();
    whole.reload();
  };
  const shown = whole.path === all ? whole : first;
  return { ...shown, reload, awaited: shown === first && first.path !== own };
}

const asFilter = (q) => Object.fromEntries(Object.keys(filters).map((name) => [name, q.get(name) || ""]));

// position tells which of the connections are on a page.
function position(before, { body, next }) {
  const last = count(before + body.length);
  const some = before || next ? `${count(before + 1)} to ${last}${next ? " of more" : ""}` : last;
  return `${some}, on all replicas`;
}

function empty(filtered, pages) {
  if (pages.length > 1) return "No connection is left on this page.";
  if (filtered) return "No connection is what the filter asks for.";
  return "Nobody is connected that has a session: consumers and workers have one, producers where they are on.";
}

// Pages leads to other pages of the list, so that the page is as quick with 100,000 connections as with 100.
function Pages({ pages, next, turn }) {
  if (!next && pages.length < 2) return null;
  const forth = () => turn([...pages, new URLSearchParams(next.split("?")[1]).get("after")]);
  return html`<p class="status">
    <button type="button" disabled=${pages.length < 2} onClick=${() => turn(pages.slice(0, -1))}>Back</button>
    <button type="button" disabled=${!next} onClick=${forth}>Next ${page}</button>
    <span>By their ids. Sorting is of this page, filters are of all.</span></p>`;
}

// commands are what tells the same elsewhere.
function commands(filter, sessions, closes) {
  const command = (name, narrowed) => [
    `wsproxy ${name} --admin-url ${location.origin}`,
    ...narrowed.filter((one) => filter[one])
      .map((one) => `--${one === "client" ? "client-id" : one} ${quoted(filter[one])}`),
  ].join(" ");
  return [
    { name: "Connections", text: curl(sessions) },
    { name: "Connections, by command", text: `${command("sessions", Object.keys(filters))} --figures` },
    { name: "Last closes", text: curl(closes) },
    { name: "Last closes, by command", text: `${command("closes", ["client", "group", "topic"])} --all-replicas` },
  ];
}

const mostNamed = 8; // replicas that are named

// Mute names the replicas that did not tell what they alone know.
function Mute({ replicas }) {
  if (!replicas.length) return null;
  const more = replicas.length > mostNamed && `, and ${count(replicas.length - mostNamed)} more`;
  return html`<${Note} kind="warn">Replicas that did not answer:
    ${" "}<${Text} of=${replicas.slice(0, mostNamed).join(", ")} />${more}. Rate, lag, what workers hold and last
    closes of theirs are left out.<//>`;
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
    const seconds = (at - before.at) / 1000;
    for (const [id, n] of records) if (before.records.has(id)) rates.set(id, (n - before.records.get(id)) / seconds);
    last.current = { at, records, rates };
  }
  return last.current.rates;
}

const columns = (rates, evict) => [
  { name: "Kind", wide: true, by: (s) => s.kind, cell: (s) => html`<${Badge}>${s.kind}<//>` },
  { name: "Client", by: (s) => s.client, cell: client },
  { name: "Group", by: (s) => s.group, cell: group },
  { name: "Topic", by: (s) => s.topic, cell: topics },
  { name: "Subject", wide: true, by: (s) => s.subject, cell: (s) => known(s.subject, text) },
  { name: "Replica", wide: true, by: (s) => s.replica, cell: (s) => html`<${Text} of=${s.replica} />` },
  { name: "Rate", num: true, by: (s) => rates.get(s.id), cell: (s) => known(rates.get(s.id), (n) => `${short(n)}/s`) },
  { name: "Lag", num: true, by: (s) => s.lag, cell: (s) => known(s.lag, count) },
  { name: "Held", num: true, wide: true, by: (s) => s.held, cell: (s) => known(s.held, count) },
  { name: "Since", wide: true, by: (s) => s.since, cell: (s) => known(s.since, (at) => html`<${Ago} at=${at} />`) },
  { name: "", num: true, cell: (s) => s.id && html`<button class="plain" type="button" aria-label=${`Evict ${s.client}`}
    onClick=${() => evict(s)}>Evict</button>` },
];

const text = (of) => html`<${Text} of=${of} />`;

// known shows a value that not every connection has.
const known = (value, show) => (value === undefined ? none : show(value));

function client(s) {
  if (s.connections) return html`<span class="mute nowrap">${counted(s.connections, "reader")}</span>`;
  const instance = s.instance && html` <span class="mute">/ <${Text} of=${s.instance} /></span>`;
  return html`${s.client ? html`<${Text} of=${s.client} />` : none}${instance}`;
}

const group = (s) => (s.group ? html`<a href=${`#/groups/${path(s.group)}`}><${Text} of=${s.group} /></a>` : none);

const topics = (s) => s.topic.split(",").map((name, i) => html`${i ? ", " : ""}
  <a href=${`#/topics/${path(name)}`}><${Text} of=${name} /></a>`);

// Ago is how long ago something was, by the proxy's clock.
function Ago({ at }) {
  const ms = Date.parse(at);
  return html`<span class="nowrap" title=${time(ms)}>${duration(now() - ms)}</span>`;
}

// Closes shows the last closes on all replicas.
const Closes = ({ state, filtered }) => html`<${Panel} title="Last closes"
    acts=${html`<${Out} small to=${docs("docs/errors.md#close-codes")}>Close codes<//>`}>
  <${Trouble} error=${state.error} old=${state.body} />
  ${state.body && html`<${Table} label="Last closes" rows=${state.body} columns=${closeColumns}
    id=${(c) => `${c.at} ${c.since} ${c.client} ${c.replica}`}
    empty=${filtered ? "None that the filter asks for." : "None since the replicas started."} />`}<//>`;

const closeColumns = [
  { name: "Ago", by: (c) => c.at, cell: (c) => html`<${Ago} at=${c.at} />` },
  { name: "Client", by: (c) => c.client, cell: client },
  { name: "Code", num: true, by: (c) => c.code, cell: (c) => html`<${Badge} kind=${kindOf(c.code)}>${c.code}<//>` },
  { name: "Why", cell: (c) => html`${c.reason && html`<strong><${Text} of=${c.reason} /></strong> `}${c.meaning}` },
  { name: "Endpoint", wide: true, by: (c) => c.endpoint, cell: (c) => c.endpoint },
  { name: "Group", wide: true, by: (c) => c.group, cell: group },
  { name: "Topic", wide: true, by: (c) => c.topic, cell: topics },
  { name: "Replica", wide: true, by: (c) => c.replica, cell: (c) => html`<${Text} of=${c.replica} />` },
  { name: "Records", num: true, wide: true, by: (c) => c.records, cell: (c) => count(c.records) },
  { name: "Lasted", wide: true, cell: (c) => duration(Date.parse(c.at) - Date.parse(c.since)) },
];

// kindOf tells ends that both sides expect from others.
function kindOf(code) {
  if (code === 1011 || code >= 4400) return "bad";
  return [1000, 1001, 1005, 1012].includes(code) ? "" : "warn";
}

function Evict({ session, onClose, onDone }) {
  const target = `/admin/sessions/${path(session.id)}`;
  const method = "DELETE";
  const act = async () => {
    await ask(target, { method });
    onDone();
  };
  const command = curl(target, { method });
  return html`<${Ask} title="Evict this connection?" act="Evict" command=${command} onClose=${onClose} onAct=${act}>
    <p><strong><${Text} of=${session.client} /></strong> on <${Text} of=${session.topic} /> is closed with 4409,
      wherever it is. A client that follows the protocol does not come back by itself.</p><//>`;
}
