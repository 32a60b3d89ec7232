import { clock, curl } from "./api.js";
import { Badge, Chart, Copy, docs, Head, html, Note, Page, Panel, Silent, Table, Text, Trouble, useAsk, useContext } from "./ui.js";
import { sum, sumBy } from "./metrics.js";
import { count, duration, short, size } from "./text.js";
import { problems } from "./problems.js";

const readiness = { kafka: "Kafka", sessions: "Sessions", limits: "Limits", draining: "Draining" };

export function Overview() {
  const { sampler } = useContext(Page);
  const ready = useAsk("/readyz", 2000, { unready: true });
  const brokers = useAsk("/admin/kafka/info", 10000);
  const sessions = useAsk("/admin/sessions?limit=1000", 5000);
  const series = sampler.series;
  const wrong = problems({ sampler, ready, brokers, clock });
  return html`<${Head} title="Overview" sub=${html`this replica, the last ${duration(sampler.samples.length * 2000)}`}>
      <${Copy} items=${[{ name: "Readiness", text: curl("/readyz") }, { name: "Metrics", text: curl("/metrics") }, { name: "Brokers", text: curl("/admin/kafka/info") }, { name: "Connections", text: curl("/admin/sessions") }]} /><//>
    <div class="grid">
      <${Trouble} error=${sampler.error} old=${sampler.samples.length > 0} />
      <${Readiness} state=${ready} />
      <${Tiles} sampler=${sampler} />
      <div class="grid two">
        <div class="grid"><${Panel} title="What is wrong"><div class="pad stack">${wrong.length
          ? wrong.map((p) => html`<${Note} kind=${p.kind}>${p.text} <a href=${docs(p.page)} target="_blank" rel="noreferrer">${p.link || "What to do"}</a><//>`)
          : html`<${Note} kind="ok">Nothing that can be seen from here.<//>`}</div><//>
        <${Topics} sampler=${sampler} /></div>
        <div class="grid"><${Brokers} state=${brokers} /><${Replicas} sessions=${sessions} series=${series} /><${Errors} sampler=${sampler} /></div>
      </div>
    </div>`;
}

function Readiness({ state }) {
  if (!state.body) return html`<${Trouble} error=${state.error} />`;
  return html`<div class="row" role="status"><${Badge} kind=${state.body.ready ? "ok" : "bad"}>${state.body.ready ? "Ready" : "Not ready"}<//>
    ${Object.entries(state.body.checks).map(([name, told]) => html`<span class="small"><span class="mute">${readiness[name] || name}</span> ${told === "ok" ? "ok" : html`<strong>${told}</strong>`}</span>`)}
    ${state.error && html`<${Badge} kind="bad">does not answer<//>`}</div>`;
}

function Tiles({ sampler }) {
  const { series, samples } = sampler;
  const last = samples.at(-1) || {};
  const budget = sum(series, "wsproxy_memory_budget_bytes");
  const by = [...sumBy(series, "wsproxy_connections", "direction")].filter(([, n]) => n).map(([name, n]) => `${name} ${count(n)}`).join(" \u00b7 ");
  const records = (name) => {
    const values = sampler.rates(name);
    return { big: short(sampler.rate(name)), unit: "/s", values, foot: `${count(last[name] ?? 0)} in all` };
  };
  return html`<div class="grid tiles">
    <${Tile} name="Connections" big=${count(last.connections ?? 0)} foot=${by || "none"} values=${samples.map((s) => s.connections)} />
    <${Tile} name="Records in" ...${records("produced")} />
    <${Tile} name="Records out" ...${records("delivered")} />
    <${Tile} name="Memory held" big=${size(last.held ?? 0)} foot=${budget ? `of ${size(budget)} allowed` : "no budget"} values=${samples.map((s) => s.held)}>
      ${budget > 0 && html`<${Bar} part=${(last.held ?? 0) / budget} label="Part of the memory budget" />`}<//>
    <${Tile} name="Errors" big=${short(60 * sampler.rate("errors"))} unit="/min" foot="messages, handshakes" second values=${sampler.rates("errors")} />
  </div>`;
}

const Tile = ({ name, big, unit, foot, values, second, children }) => html`<section class="panel tile" aria-label=${name}><h2>${name}</h2>
  <p class="big">${big}${unit && html`<small>${unit}</small>`}</p><p class="foot">${foot}</p>
  <${Chart} values=${values} second=${second} label=${`${name}: now ${big}${unit || ""}, at most ${short(Math.max(0, ...values))} in the last minutes`} />${children}</section>`;

export const Bar = ({ part, label }) => html`<div class=${`bar ${part > 0.9 ? "high" : ""}`} role="img" aria-label=${`${label}: ${Math.round(part * 100)} %`}>
  <svg viewBox="0 0 100 5" preserveAspectRatio="none"><rect width=${Math.min(100, part * 100)} height="5" /></svg></div>`;

const Brokers = ({ state }) => html`<${Panel} title="Brokers"><${Trouble} error=${state.error} old=${state.body} />
  ${state.body && html`<${Table} label="Brokers" rows=${state.body} id=${(b) => b.id} empty="No broker answers." columns=${[
    { name: "Id", cell: (b) => b.id }, { name: "Address", cell: (b) => html`<${Text} of=${`${b.host}:${b.port}`} />` }, { name: "Rack", cell: (b) => (b.rack ? html`<${Text} of=${b.rack} />` : "\u2013") },
  ]} />`}<//>`;

function Replicas({ sessions, series }) {
  const { settings } = useContext(Page);
  const by = new Map([[settings.replica, 0]]);
  for (const s of sessions.body || []) if (s.replica) by.set(s.replica, (by.get(s.replica) || 0) + (s.connections || 1));
  const own = sum(series, "wsproxy_connections");
  const build = series.find((s) => s.name === "wsproxy_build_info")?.labels.version;
  return html`<${Panel} title="Replicas"><${Trouble} error=${sessions.error} old=${sessions.body} /><${Silent} brokers=${sessions.silent} />
    <${Table} label="Replicas" rows=${[...by]} id=${(r) => r[0]} columns=${[
      { name: "Replica", cell: (r) => html`<${Text} of=${r[0]} /> ${r[0] === settings.replica ? html`<${Badge}>this one${build ? `, ${build}` : ""}<//>` : ""}` },
      { name: "Connections", num: true, cell: (r) => count(r[0] === settings.replica ? own : r[1]) },
    ]} /><p class="pad small mute">${sessions.next ? "Of the first 1,000 sessions. " : ""}Others are seen by their sessions: those without one are not in the list.</p><//>`;
}

function Errors({ sampler }) {
  const rows = [
    ...sampler.grown("wsproxy_produce_errors_total", "code").map(([code, grown, all]) => ({ of: "message", code, grown, all })),
    ...sampler.grown("wsproxy_handshakes_refused_total", "code").map(([code, grown, all]) => ({ of: "handshake", code, grown, all })),
    ...sampler.grown("wsproxy_connections_closed_total", "code").filter(([code]) => !["1000", "1001", "1005"].includes(code)).map(([code, grown, all]) => ({ of: "close", code, grown, all })),
  ].filter((r) => r.all);
  return html`<${Panel} title="Errors by code"><${Table} label="Errors by code" rows=${rows} id=${(r) => r.of + r.code} empty="None since this replica started." columns=${[
    { name: "Code", by: (r) => r.code, cell: (r) => html`<a href=${docs(r.of === "close" ? "docs/errors.md#close-codes" : "docs/errors.md")} target="_blank" rel="noreferrer"><${Text} of=${r.code} /></a>` },
    { name: "Of a", by: (r) => r.of, cell: (r) => r.of },
    { name: "Meanwhile", num: true, by: (r) => r.grown, cell: (r) => count(r.grown) },
    { name: "In all", num: true, by: (r) => r.all, cell: (r) => count(r.all) },
  ]} /><//>`;
}

function Topics({ sampler }) {
  const out = sumBy(sampler.series, "wsproxy_records_delivered_total", "topic");
  const rows = sampler.grown("wsproxy_records_produced_total", "topic").map(([topic, , written]) => ({ topic, written, read: out.get(topic) || 0 }));
  for (const [topic, read] of out) if (!rows.some((r) => r.topic === topic)) rows.push({ topic, written: 0, read });
  rows.sort((a, b) => b.written + b.read - a.written - a.read);
  return html`<${Panel} title="Busiest topics"><${Table} label="Busiest topics" rows=${rows.slice(0, 8)} id=${(r) => r.topic} empty="No records went through this replica yet." columns=${[
    { name: "Topic", cell: (r) => html`<a href=${`#/topics/${encodeURIComponent(r.topic)}`}><${Text} of=${r.topic} /></a>` },
    { name: "Written", num: true, by: (r) => r.written, cell: (r) => count(r.written) },
    { name: "Read", num: true, by: (r) => r.read, cell: (r) => count(r.read) },
  ]} /><//>`;
}
