// The records of a topic: from a place on, and as they come.

import { ask, clientsURL, path, quoted } from "./api.js";
import { Copy, html, isField, Note, Page, useContext, useEffect, useRef, useState } from "./ui.js";
import { older, query, Tail } from "./tail.js";
import { Controls } from "./controls.js";
import { Detail } from "./record.js";
import { Download } from "./download.js";
import { asked, link, reading } from "./reading.js";
import { Rows } from "./rows.js";
import { Status } from "./status.js";
import { count } from "./text.js";

const mostColumns = 8;
const mostOlder = 2000; // records that are held beside those of the reading

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
      setBefore({ list: [...list, ...before.list].slice(-mostOlder), busy: false, none: !list.length });
    } catch (error) {
      setWrong(error.message);
      setBefore({ ...before, busy: false });
    }
  };
  const keyed = ({ key, target }) => {
    if (key === "Escape" && open) setOpen(null);
    if (key === "p" && !isField(target) && !reader.limit) pause();
  };
  const jump = () => reader.open({ ...reader.what, from: "latest" }, 0);
  const change = (part) => setForm({ ...form, ...part, at: null });
  const paths = form.columns.split(/[\s,]+/).filter(Boolean).slice(0, mostColumns);
  return html`<div class="stack" onKeyDown=${keyed}>
    <${Controls} form=${form} change=${change} read=${read} reader=${reader} pause=${pause} />
    ${wrong && html`<${Note} kind="bad">${wrong}<//>`}
    <div class=${`split ${open ? "open" : ""}`}>
      <section class="panel" aria-label="Records">
        <header><span class="small"><strong>${count(rows.length)}</strong> shown</span><div class="acts row">
          ${newestFirst && html`<${Older} busy=${before.busy} ready=${described} onPress=${more} />`}
          ${settings.download && html`<${Download} rows=${rows} topic=${topic} />`}
          <${Copy} items=${commands(settings, topic, form, described)} /></div></header>
        <${Rows} rows=${rows} form=${form} paths=${paths} open=${open} onOpen=${setOpen} />
        <${Status} reader=${reader} form=${form} described=${described} start=${start.current} before=${before}
          frozen=${frozen} rows=${rows} jump=${jump} />
      </section>
      ${open && html`<${Detail} record=${open} form=${form} topic=${topic} onClose=${() => setOpen(null)} />`}
    </div></div>`;
}

const Older = ({ busy, ready, onPress }) => html`<button type="button" disabled=${busy || !ready} onClick=${onPress}>
  ${busy ? "Loading\u2026" : "Load older"}</button>`;

const mostSpots = 64; // partitions that are read at a time
const atOnce = 100; // older records that are loaded, of all partitions

// spots are the places in partitions before which older records are to be read, and how many of each.
async function spots(topic, form, rows) {
  const { body } = await ask(`/admin/topics/${path(topic)}`);
  const oldest = new Map();
  for (const r of rows) oldest.set(r.partition, Math.min(r.offset, oldest.get(r.partition) ?? Infinity));
  const wanted = (p) => p.startOffset !== null && (form.p === "" || String(p.partition) === form.p);
  const some = body.partitions.filter(wanted).slice(0, mostSpots);
  const each = Math.max(5, Math.ceil(atOnce / some.length));
  return some.map(({ partition, startOffset: start, endOffset }) => {
    const offset = oldest.get(partition) ?? endOffset;
    return { partition, start, offset, each };
  });
}

// commands are what reads the same elsewhere.
function commands(settings, topic, form, described) {
  let q;
  try {
    q = query(reading(topic, form, described?.partitions)[0]);
  } catch {
    return [];
  }
  const url = `${clientsURL(settings.clients)}/socket/tail?${q}`;
  return [
    { name: "websocat", text: `websocat ${quoted(url)}` },
    { name: "Python", text: `python3 -m websockets ${quoted(url)}` },
    { name: "Link to this reading", text: link(topic, form) },
  ];
}
