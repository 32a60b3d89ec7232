// The records of a topic: from a place on, and as they come.

import { ask, clientsURL, path, quoted } from "./api.js";
import { Copy, Field, html, Note, Page, Text, useContext, useEffect, useRef, useState } from "./ui.js";
import { older, query, Tail } from "./tail.js";
import { brief, formats, parsed, tooLarge } from "./decode.js";
import { Detail } from "./record.js";
import { parseWhere } from "./where.js";
import { at, count, moment, oneLine, size, time } from "./text.js";
import { download } from "./download.js";

const row = 27; // pixels
const names = { now: "now on", newest: "the newest", beginning: "the beginning", time: "a time", offset: "an offset" };

// asked is what the address of the view asks for.
function asked(q) {
  const spot = /^(\d+):(\d+)$/.exec(q.get("at") || "");
  return {
    from: spot ? "offset" : names[q.get("from")] ? q.get("from") : "newest", n: Number(q.get("n")) || (spot ? 1 : 100), p: spot ? spot[1] : q.get("p") || "", o: spot ? spot[2] : q.get("o") || "0", t: q.get("t") || "",
    follow: spot ? false : q.get("follow") !== "no", key: q.get("key") || "", prefix: q.get("prefix") || "", where: q.get("where") || "",
    keys: formats.includes(q.get("keys")) ? q.get("keys") : "guess", values: formats.includes(q.get("values")) ? q.get("values") : "guess", columns: q.get("columns") || "", at: spot && spot[0],
  };
}

// reading returns what a form asks of /socket/tail: the parameters, and how many records at first where they come to an end.
function reading(topic, f, partitions = []) {
  const what = { topic, key: f.key, prefix: f.prefix, where: parseWhere(f.where) };
  const n = Math.min(2000, Math.max(1, Math.round(f.n) || 100));
  switch (f.from) {
    case "now": return [{ ...what, from: "latest" }, 0];
    case "newest": return [{ ...what, from: newest(f, n, partitions) }, f.follow ? 0 : n];
    case "beginning": return [{ ...what, from: "earliest" }, f.follow && !f.n ? 0 : n];
    case "time": return [{ ...what, from: `timestamp:${timed(f.t)}` }, n];
    default: return [{ ...what, from: `offset:${Number(f.p) || 0}:${Number(f.o) || 0}` }, n];
  }
}

// newest is where the newest records begin, of all partitions or of one.
function newest(f, n, partitions) {
  const p = partitions.find((one) => String(one.partition) === f.p);
  if (p && p.endOffset !== null) return `offset:${p.partition}:${Math.max(p.startOffset, p.endOffset - n)}`;
  return `last:${Math.max(1, Math.ceil(n / Math.max(1, partitions.length)))}`;
}

function timed(text) {
  const ms = moment(text);
  if (Number.isNaN(ms)) throw new Error("That is no time: write 2026-11-30T12:00, or milliseconds since 1970");
  return ms;
}

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
    const [what] = reading(topic, form);
    const { body } = await ask(`/admin/topics/${path(topic)}`);
    const oldest = new Map();
    for (const r of list) oldest.set(r.partition, Math.min(r.offset, oldest.get(r.partition) ?? Infinity));
    const spots = body.partitions.filter((p) => p.startOffset !== null && (form.p === "" || String(p.partition) === form.p)).slice(0, 64)
      .map((p) => ({ partition: p.partition, start: p.startOffset, offset: oldest.get(p.partition) ?? p.endOffset }));
    const got = await older(what, spots, Math.max(5, Math.ceil(100 / spots.length)));
    got.sort((a, b) => a.timestamp - b.timestamp);
    setBefore({ list: [...got, ...before.list].slice(-2000), busy: false, none: !got.length });
  };
  const keyed = (e) => {
    if (e.key === "Escape" && open) setOpen(null);
    if (e.key === "p" && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && !reader.limit) pause();
  };
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
          <${Copy} items=${commands(settings, topic, form, reader, described)} /></div></header>
        <${Rows} rows=${rows} form=${form} paths=${paths} open=${open} onOpen=${setOpen} total=${rows.length} />
        <${Status} reader=${reader} form=${form} described=${described} start=${start.current} before=${before} frozen=${frozen} rows=${rows} />
      </section>
      ${open && html`<${Detail} record=${open} form=${form} topic=${topic} onClose=${() => setOpen(null)} />`}
    </div></div>`;
}

function Controls({ form, change, read, reader, pause }) {
  const active = reader.state === "open" || reader.state === "connecting" || reader.state === "lost";
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const narrow = form.key || form.prefix || form.where || form.columns || form.keys !== "guess" || form.values !== "guess";
  return html`<form class="panel pad stack" onSubmit=${(e) => { e.preventDefault(); read(); }}>
    <div class="form">
      <${Field} label="From"><select value=${form.from} onChange=${(e) => change({ from: e.target.value })}>${Object.entries(names).map(([value, name]) => html`<option value=${value}>${name}</option>`)}</select><//>
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
      <${Field} label="Keys as"><select value=${form.keys} onChange=${(e) => change({ keys: e.target.value })}>${formats.map((f) => html`<option>${f}</option>`)}</select><//>
      <${Field} label="Values as"><select value=${form.values} onChange=${(e) => change({ values: e.target.value })}>${formats.map((f) => html`<option>${f}</option>`)}</select><//>
    </div></details></form>`;
}

// Rows draws the rows that can be seen: the page is as quick with 2,000 records as with 20.
function Rows({ rows, form, paths, open, onOpen, total }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const first = Math.max(0, Math.floor(top / row) - 10);
  const seen = rows.slice(first, first + 60);
  const width = 5 + (paths.length || 1);
  const chosen = open ? rows.findIndex((r) => r.id === open.id) : -1;
  const go = (i) => {
    const to = Math.max(0, Math.min(rows.length - 1, i));
    onOpen(rows[to]);
    const y = to * row;
    if (y < box.current.scrollTop) box.current.scrollTop = y;
    else if (y > box.current.scrollTop + box.current.clientHeight - 3 * row) box.current.scrollTop = y - box.current.clientHeight + 3 * row;
  };
  const keyed = (e) => {
    const to = { ArrowDown: chosen + 1, j: chosen + 1, ArrowUp: chosen - 1, k: chosen - 1, Home: 0, End: rows.length - 1, PageDown: chosen + 15, PageUp: chosen - 15 }[e.key];
    if (to === undefined || !rows.length || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    go(to);
  };
  return html`<div class="records" ref=${box} onScroll=${(e) => setTop(e.target.scrollTop)}>
    <table role="grid" tabindex="0" aria-label="Records: arrows move, Escape closes" aria-rowcount=${total + 1} aria-activedescendant=${chosen >= first && chosen < first + seen.length ? `r${chosen}` : null} onKeyDown=${keyed}>
      <colgroup><col class="c-time" /><col class="c-part" /><col class="c-off" /><col class="c-key" />${paths.length ? paths.map(() => html`<col />`) : html`<col />`}<col class="c-size" /></colgroup>
      <thead><tr aria-rowindex="1"><th scope="col">Time</th><th scope="col" class="num" title="Partition">P</th><th scope="col" class="num">Offset</th><th scope="col">Key</th>${paths.length ? paths.map((p) => html`<th scope="col" title=${p}><${Text} of=${p.split(/[/.]/).at(-1)} /></th>`) : html`<th scope="col">Value</th>`}<th scope="col" class="num">Size</th></tr></thead>
      ${first > 0 && html`<tbody class="space" aria-hidden="true"><tr><td colspan=${width} style=${{ height: `${first * row}px` }}></td></tr></tbody>`}
      <tbody>${seen.map((r, i) => html`<${Row} key=${r.id} r=${r} i=${first + i} form=${form} paths=${paths} chosen=${first + i === chosen} short=${Boolean(open)} onOpen=${onOpen} />`)}</tbody>
      ${first + seen.length < rows.length && html`<tbody class="space" aria-hidden="true"><tr><td colspan=${width} style=${{ height: `${(rows.length - first - seen.length) * row}px` }}></td></tr></tbody>`}
    </table></div>`;
}

function Row({ r, i, form, paths, chosen, short, onOpen }) {
  const none = r.value.value === null && !tooLarge(r.value);
  return html`<tr id=${`r${i}`} aria-rowindex=${i + 2} aria-selected=${chosen} onClick=${() => onOpen(r)}>
    <td>${time(r.timestamp, !short)}</td><td class="num">${r.partition}</td><td class="num">${r.offset}</td><td><bdi>${brief(r.key, form.keys)}</bdi></td>
    ${paths.length && !none ? cells(r, paths).map((text) => html`<td><bdi>${text}</bdi></td>`)
      : html`<td colspan=${paths.length || null}>${none ? html`<span class="tombstone">tombstone</span>` : html`<bdi>${brief(r.value, form.values)}</bdi>`}</td>`}
    <td class="num">${weight(r)}</td></tr>`;
}

// cells are what the paths of the columns point at.
function cells(r, paths) {
  r.parsed ??= typeof r.value.value === "string" ? parsed(r.value.value) : {};
  return paths.map((p) => {
    const found = at(r.parsed.value, p);
    return found === undefined ? "" : oneLine(typeof found === "string" ? found : JSON.stringify(found));
  });
}

function weight({ value, key }) {
  const left = tooLarge(value);
  if (left) return size(left);
  const of = (part) => (typeof part?.value === "string" ? (part.format === "bytearray" ? (part.value.length * 3) / 4 : part.value.length) : 0);
  return size(of(value) + of(key));
}

// Status says how the reading goes, what was left out, and why nothing is shown.
function Status({ reader, form, described, start, before, frozen, rows }) {
  const filter = form.key || form.prefix || form.where;
  const kinds = { open: "on", connecting: "wait", lost: "wait", ended: "bad" };
  const ends = described && start.ends && passed(start, described.partitions);
  const hidden = filter && ends !== null && ends !== undefined ? Math.max(0, ends - reader.received - reader.left) : 0;
  const leaderless = (described?.partitions || []).filter((p) => p.leader === null).map((p) => p.partition);
  const done = reader.limit > 0 && reader.granted <= 0;
  return html`<div class="status"><span class=${`dot ${kinds[reader.state] || ""} ${reader.limit || reader.paused ? "" : "live"}`}></span>
    <span role="status">${said(reader, form, done, described, rows, hidden)}</span>
    ${done && html`<button type="button" onClick=${() => reader.more(100)}>100 more</button>`}
    ${reader.left > 0 && html`<span>${count(reader.left)} left out: ${[...new Set(reader.gaps.map((g) => `${g.reason.toLowerCase()} in ${g.partition}`))].slice(-3).join(", ")}</span>`}
    ${reader.dropped > 0 && html`<span>${count(reader.dropped)} older ones dropped from the page</span>`}
    ${frozen && html`<span>paused: what comes meanwhile is not kept</span>`}
    ${hidden > 0 && rows.length > 0 && html`<span>the filter hid about ${count(hidden)}</span>`}
    ${leaderless.length > 0 && html`<strong>no leader: partition ${leaderless.join(", ")}</strong>`}
    ${before.none && html`<span>nothing older</span>`}</div>`;
}

// passed returns how many offsets lie between the place where a reading began and the ends, null where that is not known.
function passed(start, partitions) {
  let total = 0;
  for (const p of partitions) {
    const was = start.ends.find((e) => e.partition === p.partition) || p;
    const last = /^last:(\d+)$/.exec(start.from);
    const from = start.from === "latest" ? was.endOffset : start.from === "earliest" ? was.startOffset : last ? Math.max(was.startOffset, was.endOffset - Number(last[1])) : null;
    if (from === null || p.endOffset === null) return null;
    total += p.endOffset - from;
  }
  return total;
}

function said(reader, form, done, described, rows, hidden) {
  if (reader.error && reader.state !== "open") return `${reader.error.code}: ${reader.error.message}`;
  switch (reader.state) {
    case "idle": return "Stopped.";
    case "connecting": return "Connecting\u2026";
    case "lost": return "The connection is lost: trying again. It goes on where it was.";
    case "ended": return "Ended.";
  }
  if (done) return `${count(reader.received)} read.`;
  if (reader.paused) return "Paused.";
  if (rows.length || reader.received) return reader.caughtUp || form.from === "now" ? "At the end: waiting for what comes." : "Reading\u2026";
  const empty = described?.partitions.every((p) => p.startOffset === p.endOffset);
  if (empty) return "The topic has no records.";
  if (hidden) return `Nothing meets the filter: it hid about ${count(hidden)} records.`;
  return form.from === "now" || reader.caughtUp ? "At the end: nothing has been written since." : "Reading: nothing yet.";
}

const Download = ({ rows, topic, form }) => html`<details class="copy"><summary class="button">Download</summary><div class="row">
  <button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "jsonl")}>JSON lines</button>
  <button type="button" disabled=${!rows.length} onClick=${() => download(rows, topic, "csv", form)}>CSV</button><span class="mute small">the ${count(rows.length)} that are shown</span></div></details>`;

// commands are what reads the same elsewhere.
function commands(settings, topic, form, reader, described) {
  let q;
  try {
    q = query(reading(topic, form, described?.partitions)[0]);
  } catch {
    return [];
  }
  const url = `${clientsURL(settings.clients)}/socket/tail?${q}`;
  return [{ name: "websocat", text: `websocat ${quoted(url)}` }, { name: "Python", text: `python3 -m websockets ${quoted(url)}` }, { name: "Link to this reading", text: link(topic, form) }];
}

export function link(topic, form) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value === "" || value === null || value === "guess") continue;
    q.set(name, name === "follow" ? (value ? "yes" : "no") : value);
  }
  return `${location.origin}${location.pathname}#/topics/${path(topic)}/records?${q}`;
}

