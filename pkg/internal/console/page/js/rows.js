// The table of records.

import { html, Text, useRef, useState } from "./ui.js";
import { brief, parsed, tooLarge } from "./decode.js";
import { at, oneLine, size, time } from "./text.js";

const row = 27; // pixels

// Rows draws the rows that can be seen: the page is as quick with 2,000 records as with 20.
export function Rows({ rows, form, paths, open, onOpen }) {
  const box = useRef(null);
  const [top, setTop] = useState(0);
  const first = Math.max(0, Math.floor(top / row) - 10);
  const seen = rows.slice(first, first + 60);
  const chosen = open ? rows.findIndex((r) => r.id === open.id) : -1;
  const drawn = chosen >= first && chosen < first + seen.length;
  const keyed = (event) => {
    const to = target(event, chosen, rows.length);
    if (to === undefined) return;
    event.preventDefault();
    onOpen(rows[to]);
    reveal(box.current, to);
  };
  return html`<div class="records" ref=${box} onScroll=${(e) => setTop(e.target.scrollTop)}>
    <table role="grid" tabindex="0" aria-label="Records: arrows move, Escape closes" aria-rowcount=${rows.length + 1}
        aria-activedescendant=${drawn ? `r${chosen}` : null} onKeyDown=${keyed}>
      <${Heads} paths=${paths} />
      <${Space} rows=${first} />
      <tbody>${seen.map((r, i) => html`<${Row} key=${r.id} r=${r} i=${first + i} form=${form} paths=${paths}
        chosen=${first + i === chosen} short=${Boolean(open)} onOpen=${onOpen} />`)}</tbody>
      <${Space} rows=${rows.length - first - seen.length} />
    </table></div>`;
}

// target is the row to which a key leads, undefined for keys that lead nowhere.
function target({ key, ctrlKey, metaKey }, chosen, length) {
  const to = {
    ArrowDown: chosen + 1, j: chosen + 1, ArrowUp: chosen - 1, k: chosen - 1,
    Home: 0, End: length - 1, PageDown: chosen + 15, PageUp: chosen - 15,
  }[key];
  if (to === undefined || !length || ctrlKey || metaKey) return undefined;
  return Math.max(0, Math.min(length - 1, to));
}

// reveal scrolls so far that a row can be seen, below the heads.
function reveal(box, i) {
  const y = i * row;
  const last = y - box.clientHeight + 3 * row;
  if (y < box.scrollTop) box.scrollTop = y;
  else if (last > box.scrollTop) box.scrollTop = last;
}

// Heads are those of the columns. Values have one, or one for each path in them.
const Heads = ({ paths }) => html`<colgroup>
    <col class="c-time" /><col class="c-part" /><col class="c-off" /><col class="c-key" />
    ${paths.length ? paths.map(() => html`<col />`) : html`<col />`}<col class="c-size" /></colgroup>
  <thead><tr aria-rowindex="1"><th scope="col">Time</th><th scope="col" class="num" title="Partition">P</th>
    <th scope="col" class="num">Offset</th><th scope="col">Key</th>
    ${paths.map((p) => html`<th scope="col" title=${p}><${Text} of=${p.split(/[/.]/).at(-1)} /></th>`)}
    ${!paths.length && html`<th scope="col">Value</th>`}
    <th scope="col" class="num">Size</th></tr></thead>`;

// Space takes the place of rows that cannot be seen.
const Space = ({ rows }) => rows > 0 && html`<tbody class="space" aria-hidden="true">
  <tr><td style=${{ height: `${rows * row}px` }}></td></tr></tbody>`;

function Row({ r, i, form, paths, chosen, short, onOpen }) {
  return html`<tr id=${`r${i}`} aria-rowindex=${i + 2} aria-selected=${chosen} onClick=${() => onOpen(r)}>
    <td><${When} ms=${r.timestamp} short=${short} /></td>
    <td class="num">${r.partition}</td><td class="num">${r.offset}</td>
    <td><bdi>${brief(r.key, form.keys)}</bdi></td><${Value} r=${r} form=${form} paths=${paths} />
    <td class="num">${weight(r)}</td></tr>`;
}

// When is a time, on small screens without its day: the last 12 characters are the time of day.
function When({ ms, short }) {
  const text = time(ms, !short);
  return html`<span class="wide">${text.slice(0, -12)}</span>${text.slice(-12)}`;
}

function Value({ r, form, paths }) {
  if (r.value.value === null && !tooLarge(r.value)) {
    return html`<td colspan=${paths.length || null}><span class="tombstone">tombstone</span></td>`;
  }
  if (!paths.length) return html`<td><bdi>${brief(r.value, form.values)}</bdi></td>`;
  return cells(r, paths).map((text) => html`<td><bdi>${text}</bdi></td>`);
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
  return size(tooLarge(value) || bytes(value) + bytes(key));
}

// bytes is how many bytes a part has, in which text counts by its characters. Others are no more than 8.
function bytes(part) {
  if (typeof part?.value !== "string") return 0;
  return part.format === "bytearray" ? (part.value.length * 3) / 4 : part.value.length;
}
