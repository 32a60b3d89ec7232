// How this replica does, at a glance.

import { clock, curl } from "./api.js";
import { useAsk } from "./asking.js";
import { Badge, Copy, docs, Head, html, Note, Out, Page, Panel, Silent, Text, Trouble, useContext } from "./ui.js";
import { Errors, Topics } from "./counters.js";
import { problems } from "./problems.js";
import { Table } from "./table.js";
import { Tiles } from "./tiles.js";
import { sum } from "./metrics.js";
import { count, duration } from "./text.js";

const readiness = { kafka: "Kafka", sessions: "Sessions", limits: "Limits", draining: "Draining" };

const commands = [
  { name: "Readiness", text: curl("/readyz") },
  { name: "Metrics", text: curl("/metrics") },
  { name: "Brokers", text: curl("/admin/kafka/info") },
  { name: "Connections", text: curl("/admin/sessions") },
];

export function Overview() {
  const { sampler } = useContext(Page);
  const ready = useAsk("/readyz", 2000, { unready: true });
  const brokers = useAsk("/admin/kafka/info", 10000);
  const sessions = useAsk("/admin/sessions?limit=1000", 5000);
  return html`<${Head} title="Overview" sub=${`this replica, the last ${duration(sampler.span())}`}>
      <${Copy} items=${commands} /><//>
    <div class="grid">
      <${Trouble} error=${sampler.error} old=${sampler.samples.length > 0} />
      <${Readiness} state=${ready} />
      <${Tiles} sampler=${sampler} />
      <div class="grid two">
        <div class="grid"><${Wrong} list=${problems({ sampler, ready, brokers, clock })} />
          <${Topics} sampler=${sampler} /></div>
        <div class="grid"><${Brokers} state=${brokers} />
          <${Replicas} sessions=${sessions} series=${sampler.series} /><${Errors} sampler=${sampler} /></div>
      </div>
    </div>`;
}

function Readiness({ state }) {
  if (!state.body) return html`<${Trouble} error=${state.error} />`;
  const { ready, checks } = state.body;
  return html`<div class="row" role="status">
    <${Badge} kind=${ready ? "ok" : "bad"}>${ready ? "Ready" : "Not ready"}<//>
    ${Object.entries(checks).map(([name, told]) => html`<${Check} name=${readiness[name] || name} told=${told} />`)}
    ${state.error && html`<${Badge} kind="bad">does not answer<//>`}</div>`;
}

const Check = ({ name, told }) => html`<span class="small"><span class="mute">${name}</span> ${
  told === "ok" ? told : html`<strong>${told}</strong>`}</span>`;

const Wrong = ({ list }) => html`<${Panel} title="What is wrong"><div class="pad stack">
  ${list.map((p) => html`<${Note} kind=${p.kind}>${p.text} <${Out} to=${docs(p.page)}>${p.link}<//><//>`)}
  ${list.length === 0 && html`<${Note} kind="ok">Nothing that can be seen from here.<//>`}</div><//>`;

const Brokers = ({ state }) => html`<${Panel} title="Brokers"><${Trouble} error=${state.error} old=${state.body} />
  ${state.body && html`<${Table} label="Brokers" rows=${state.body} id=${(b) => b.id} columns=${brokerColumns}
    empty="No broker answers." />`}<//>`;

const brokerColumns = [
  { name: "Id", cell: (b) => b.id },
  { name: "Address", cell: (b) => html`<${Text} of=${`${b.host}:${b.port}`} />` },
  { name: "Rack", cell: (b) => (b.rack ? html`<${Text} of=${b.rack} />` : "\u2013") },
];

function Replicas({ sessions, series }) {
  const { settings } = useContext(Page);
  const others = connectionsOf(sessions.body || []);
  others.delete(settings.replica);
  const own = { name: settings.replica, connections: sum(series, "wsproxy_connections"), own: true };
  const rows = [own, ...[...others].map(([name, connections]) => ({ name, connections }))];
  const build = series.find((s) => s.name === "wsproxy_build_info")?.labels.version;
  return html`<${Panel} title="Replicas"><${Trouble} error=${sessions.error} old=${sessions.body} />
    <${Silent} brokers=${sessions.silent} />
    <${Table} label="Replicas" rows=${rows} id=${(r) => r.name} columns=${replicaColumns(build)} />
    <p class="pad small mute">${sessions.next ? "Of the first 1,000 sessions. " : ""}Others are seen by their sessions:
      those without one are not in the list.</p><//>`;
}

// connectionsOf counts the connections of each replica, by its name.
function connectionsOf(sessions) {
  const by = new Map();
  for (const s of sessions) if (s.replica) by.set(s.replica, (by.get(s.replica) || 0) + (s.connections || 1));
  return by;
}

function replicaColumns(build) {
  const here = html` <${Badge}>this one${build ? `, ${build}` : ""}<//>`;
  return [
    { name: "Replica", cell: (r) => html`<${Text} of=${r.name} />${r.own && here}` },
    { name: "Connections", num: true, cell: (r) => count(r.connections) },
  ];
}
