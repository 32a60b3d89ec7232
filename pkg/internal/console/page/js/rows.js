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
    const to = {
      ArrowDown: chosen + 1, j: chosen + 1, ArrowUp: chosen - 1, k: chosen - 1,
      Home: 0, End: rows.length - 1, PageDown: chosen + 15, PageUp: chosen - 15,
    }[e.key];
    if (to === undefined || !rows.length || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    go(to);
  };
  return html`<div class="records" ref=${box} onScroll=${(e) => setTop(e.target.scrollTop)}>
    <table role="grid" tabindex="0" aria-label="Records: arrows move, Escape closes" aria-rowcount=${rows.length + 1} aria-activedescendant=${chosen >= first && chosen < first + seen.length ? `r${chosen}` : null} onKeyDown=${keyed}>
      <colgroup><col class="c-time" /><col class="c-part" /><col class="c-off" /><col class="c-key" />${paths.length ? paths.map(() => html`<col />`) : html`<col />`}<col class="c-size" /></colgroup>
      <thead><tr aria-rowindex="1"><th scope="col">Time</th><th scope="col" class="num" title="Partition">P</th>
        <th scope="col" class="num">Offset</th><th scope="col">Key</th>
        ${paths.length ? paths.map((p) => html`<th scope="col" title=${p}><${Text} of=${p.split(/[/.]/).at(-1)} /></th>`) : html`<th scope="col">Value</th>`}
        <th scope="col" class="num">Size</th></tr></thead>
      <${Space} width=${width} rows=${first} />
      <tbody>${seen.map((r, i) => html`<${Row} key=${r.id} r=${r} i=${first + i} form=${form} paths=${paths} chosen=${first + i === chosen} short=${Boolean(open)} onOpen=${onOpen} />`)}</tbody>
      <${Space} width=${width} rows=${rows.length - first - seen.length} />
    </table></div>`;
}

// Space takes the place of rows that cannot be seen.
const Space = ({ width, rows }) => rows > 0 && html`<tbody class="space" aria-hidden="true"><tr><td colspan=${width} style=${{ height: `${rows * row}px` }}></td></tr></tbody>`;

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
