// The records of a topic: from a place on, and as they come.

import { clientsURL, quoted } from "./api.js";
import { useReading } from "./following.js";
import { Copy, html, isField, Note, Page, useContext, useEffect, useState } from "./ui.js";
import { query } from "./tail.js";
import { Controls } from "./controls.js";
import { Detail } from "./record.js";
import { Download } from "./download.js";
import { asked, link, reading } from "./reading.js";
import { Rows } from "./rows.js";
import { Status } from "./status.js";
import { count } from "./text.js";

const mostColumns = 8;

export function Browse({ topic, described, place }) {
  const { settings } = useContext(Page);
  const [form, setForm] = useState(() => asked(place.query));
  const [open, setOpen] = useState(null);
  const following = useReading(topic, form, described, () => setOpen(null));
  const { reader, records, wrong, before, read, pause } = following;
  useEffect(() => {
    if (form.at && !open && reader.records[0]?.id === form.at) setOpen(reader.records[0]);
  });
  const newestFirst = form.from === "now" || form.from === "newest";
  const rows = newestFirst ? records.reverse() : records;
  const keyed = ({ key, target }) => {
    if (key === "Escape" && open) setOpen(null);
    if (key === "p" && !isField(target) && !reader.limit) pause();
  };
  const change = (part) => setForm({ ...form, ...part, at: null });
  const paths = form.columns.split(/[\s,]+/).filter(Boolean).slice(0, mostColumns);
  return html`<div class="stack" onKeyDown=${keyed}>
    <${Controls} form=${form} change=${change} read=${read} reader=${reader} pause=${pause} />
    ${wrong && html`<${Note} kind="bad">${wrong}<//>`}
    <div class=${`split ${open ? "open" : ""}`}>
      <section class="panel" aria-label="Records">
        <header><span class="small"><strong>${count(rows.length)}</strong> shown</span><div class="acts row">
          ${newestFirst && html`<${Older} busy=${before.busy} ready=${following.start.form}
            onPress=${() => before.load(rows)} />`}
          ${settings.download && html`<${Download} rows=${rows} topic=${topic} />`}
          <${Copy} items=${commands(settings, topic, form, described)} /></div></header>
        <${Rows} rows=${rows} form=${form} paths=${paths} open=${open} onOpen=${setOpen} />
        <${Status} ...${following} form=${form} described=${described} rows=${rows} />
      </section>
      ${open && html`<${Detail} record=${open} form=${form} topic=${topic} onClose=${() => setOpen(null)} />`}
    </div></div>`;
}

const Older = ({ busy, ready, onPress }) => html`<button type="button" disabled=${busy || !ready} onClick=${onPress}>
  ${busy ? "Loading\u2026" : "Load older"}</button>`;

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
