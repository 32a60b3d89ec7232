// Lists as tables: all rows are sorted, and some drawn.

import { html, useState } from "./ui.js";
import { count } from "./text.js";

const drawn = 300; // rows that a table draws before it is asked for more

// Table shows rows. A column is {name, num, wide, cell(row), by(row)}: by makes it sortable, wide leaves it out on
// small screens. Where the rows are a page of a longer list, so many are before it, and more tells whether some come
// behind it.
export function Table({ label, columns, rows, id, empty = "There is nothing.", before = 0, more = false }) {
  const [sort, set] = useState(null);
  const [most, grow] = useState(drawn);
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  const list = sort ? sorted(rows, columns[sort.column].by, sort.down) : rows;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}>
    <table aria-label=${label} aria-rowcount=${more ? -1 : before + rows.length + 1}>
      <thead><tr aria-rowindex="1">${columns.map((c, i) => html`<${Heading} of=${c} i=${i} sort=${sort} set=${set} />`)}
      </tr></thead>
      <tbody>${list.slice(0, most).map((row, i) => html`<tr key=${id(row)} aria-rowindex=${before + i + 2}>
        ${columns.map((c) => html`<td class=${shape(c)}>${c.cell(row)}</td>`)}</tr>`)}</tbody>
    </table></div>
  ${rows.length > most && html`<p class="status"><span>${count(most)} of ${count(rows.length)} are drawn.</span>
    <button type="button" onClick=${() => grow(most + drawn)}>${drawn} more</button></p>`}`;
}

const shape = (column) => [column.num && "num", column.wide && "wide"].filter(Boolean).join(" ");

// Heading sorts by its column: numbers from the greatest down, and the other way when it is pressed again.
function Heading({ of, i, sort, set }) {
  const direction = sort?.column !== i ? null : sort.down ? "descending" : "ascending";
  const arrow = { ascending: " \u2191", descending: " \u2193" }[direction] || "";
  const press = () => set({ column: i, down: direction ? !sort.down : Boolean(of.num) });
  return html`<th scope="col" class=${shape(of)} aria-sort=${direction}>
    ${of.by ? html`<button type="button" onClick=${press}>${of.name}${arrow}</button>` : of.name}</th>`;
}

// sorted returns rows by a value of each. Those for which it is not known come last in both directions.
function sorted(rows, by, down) {
  const unknown = (v) => v === null || v === undefined;
  return rows.toSorted((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (unknown(a) || unknown(b)) return unknown(a) - unknown(b);
    return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  });
}
