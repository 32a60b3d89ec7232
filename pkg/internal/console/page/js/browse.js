// The records of a topic: from a place on, and as they come.

import { ask, clientsURL, path, quoted } from "./api.js";
import { Choice, Copy, Field, html, Note, Page, useContext, useEffect, useRef, useState } from "./ui.js";
import { older, query, Tail } from "./tail.js";
import { formats } from "./decode.js";
import { Detail } from "./record.js";
import { asked, link, names, reading } from "./reading.js";
import { Rows } from "./rows.js";
import { Status } from "./status.js";
import { count } from "./text.js";
import { download } from "./download.js";

export function Browse({ topic, described, place }) {
  const { settings } = useContext(Page);
  const [form, setForm] = useState(() => asked(place.query));
  const [, redraw] = useState(0);
  const [wrong, setWrong] = useState(null);
  const [open, setOpen] = useState(null);
  const [frozen, freeze] = useState(null);
  const [before, setBefore] = useState({ list: [], busy: false });
  const tail = useRef(null);
  const start = useRef({});
  tail.current ??= new Tail(() => redraw((n) => n + 1));
  const reader = tail.current;

  const read = () => {
    try {
      const [what, limit] = reading(topic, form, described?.partitions);
      setWrong(null);
      setOpen(null);
      freeze(null);
      setBefore({ list: [], busy: false });
      start.current = { form, from: what.from, ends: described?.partitions };
      reader.open(what, limit);
    } catch (error) {
      setWrong(error.message);
    }
  };
  useEffect(() => () => reader.close(), []);
  useEffect(() => {
    if (described && reader.state === "idle" && !start.current.form) read();
  }, [described]);
  useEffect(() => {
    if (form.at && !open && reader.records[0]?.id === form.at) setOpen(reader.records[0]);
  });

  const newestFirst = form.from === "now" || form.from === "newest";
  const list = [...before.list, ...(frozen || reader.records)].sort((a, b) => a.timestamp - b.timestamp);
  const rows = newestFirst ? list.reverse() : list;
  const pause = () => {
    freeze(reader.paused ? null : [...reader.records]);
    if (reader.paused) reader.resume();
    else reader.pause();
  };
  const more = async () => {
    setBefore({ ...before, busy: true });
    try {
      const list = await older(reading(topic, form)[0], await spots(topic, form, rows));
      setBefore({ list: [...list, ...before.list].slice(-2000), busy: false, none: !list.length });
    } catch (error) {
      setWrong(error.message);
      setBefore({ ...before, busy: false });
    }
  };
  const keyed = (e) => {
    if (e.key === "Escape" && open) setOpen(null);
    if (e.key === "p" && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && !reader.limit) pause();
  };
  const jump = () => reader.open({ ...reader.what, from: "latest" }, 0);
  const change = (part) => setForm({ ...form, ...part, at: null });
  const paths = form.columns.split(/[\s,]+/).filter(Boolean).slice(0, 8);
  return html`<div class="stack" onKeyDown=${keyed}>
    <${Controls} form=${form} change=${change} read=${read} reader=${reader} pause=${pause} />
    ${wrong && html`<${Note} kind="bad">${wrong}<//>`}
    <div class=${`split ${open ? "open" : ""}`}>
      <section class="panel" aria-label="Records">
        <header><span class="small"><strong>${count(rows.length)}</strong> shown</span><div class="acts row">
          ${newestFirst && html`<button type="button" disabled=${before.busy || !described} onClick=${more}>${before.busy ? "Loading\u2026" : "Load older"}</button>`}
          ${settings.download && html`<${Download} rows=${rows} topic=${topic} form=${form} />`}
          <${Copy} items=${commands(settings, topic, form, described)} /></div></header>
        <${Rows} rows=${rows} form=${form} paths=${paths} open=${open} onOpen=${setOpen} />
        <${Status} reader=${reader} form=${form} described=${described} start=${start.current} before=${before} frozen=${frozen} rows=${rows} jump=${jump} />
      </section>
      ${open && html`<${Detail} record=${open} form=${form} topic=${topic} onClose=${() => setOpen(null)} />`}
    </div></div>`;
}

const mostSpots = 64; // partitions that are read at a time

// spots are the places in partitions before which older records are to be read, and how many of each.
async function spots(topic, form, rows) {
  const { body } = await ask(`/admin/topics/${path(topic)}`);
  const oldest = new Map();
  for (const r of rows) oldest.set(r.partition, Math.min(r.offset, oldest.get(r.partition) ?? Infinity));
  const some = body.partitions.filter((p) => p.startOffset !== null && (form.p === "" || String(p.partition) === form.p)).slice(0, mostSpots);
  const each = Math.max(5, Math.ceil(100 / some.length));
  return some.map((p) => ({ partition: p.partition, start: p.startOffset, offset: oldest.get(p.partition) ?? p.endOffset, each }));
}

function Controls({ form, change, read, reader, pause }) {
  const active = reader.state === "open" || reader.state === "connecting" || reader.state === "lost";
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const narrow = form.key || form.prefix || form.where || form.columns || form.keys !== "guess" || form.values !== "guess";
  return html`<form class="panel pad stack" onSubmit=${(e) => { e.preventDefault(); read(); }}>
    <div class="form">
      <${Choice} label="From" value=${form.from} of=${names} onChange=${(from) => change({ from })} />
      ${form.from !== "now" && html`<${Field} label="Records"><input class="few" type="number" min="1" max="2000" value=${form.n} onInput=${(e) => change({ n: Number(e.target.value) })} /><//>`}
      ${form.from === "time" && html`<${Field} label="Time"><input ...${text("t")} placeholder="2026-11-30T12:00" /><//>`}
      ${(form.from === "offset" || form.from === "newest") && html`<${Field} label="Partition"><input class="few" inputmode="numeric" ...${text("p")} placeholder=${form.from === "offset" ? "0" : "all"} /><//>`}
      ${form.from === "offset" && html`<${Field} label="Offset"><input class="few" inputmode="numeric" ...${text("o")} /><//>`}
      ${form.from === "newest" && html`<label class="check"><input type="checkbox" checked=${form.follow} onChange=${(e) => change({ follow: e.target.checked })} />and what comes</label>`}
      <span class="row"><button class="main">Read</button>
      ${active && !reader.limit && html`<button type="button" aria-pressed=${Boolean(reader.paused)} onClick=${pause}>${reader.paused ? "Resume" : "Pause"}</button>`}
      ${active && html`<button type="button" onClick=${() => { reader.close(); reader.changed(); }}>Stop</button>`}</span>
    </div>
    <details class="filters" open=${Boolean(narrow) || matchMedia("(min-width: 701px)").matches}><summary class="small mute">Filter, formats and columns</summary>
    <div class="form">
      <${Field} label="Key is"><input data-filter size="12" ...${text("key")} /><//>
      <${Field} label="Key begins with"><input size="10" ...${text("prefix")} /><//>
      <${Field} label="Where (JSON or headers)" grow><input ...${text("where")} placeholder="/total >= 20 and header source = shop" spellcheck="false" /><//>
      <${Field} label="Columns by JSON path" grow><input ...${text("columns")} placeholder="/customer/name, /total" spellcheck="false" /><//>
      <${Choice} label="Keys as" value=${form.keys} of=${formats} onChange=${(keys) => change({ keys })} />
      <${Choice} label="Values as" value=${form.values} of=${formats} onChange=${(values) => change({ values })} />
    </div></details></form>`;
}

const Download = ({ rows, topic, form }) => html`<details class="copy"><summary class="button">Download</summary><div class="row">
  <button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "jsonl")}>JSON lines</button>
  <button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "csv", form)}>CSV</button><span class="mute small">the ${count(rows.length)} that are shown</span></div></details>`;

// commands are what reads the same elsewhere.
function commands(settings, topic, form, described) {
  let q;
  try {
    q = query(reading(topic, form, described?.partitions)[0]);
  } catch {
    return [];
  }
  const url = `${clientsURL(settings.clients)}/socket/tail?${q}`;
  return [{ name: "websocat", text: `websocat ${quoted(url)}` }, { name: "Python", text: `python3 -m websockets ${quoted(url)}` }, { name: "Link to this reading", text: link(topic, form) }];
}
