// What the views have in common.

import { createContext, h } from "../lib/preact.js";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/hooks.js";
import htm from "../lib/htm.js";
import { ask, signIn } from "./api.js";
import { count, visible } from "./text.js";

export const html = htm.bind(h);
export { h, useContext, useEffect, useLayoutEffect, useRef, useState };

// Page holds what all views know: the settings of the console, and the sampler of metrics.
export const Page = createContext(null);

export const docs = (page) => `https://github.com/wsproxy/kafka-websocket-proxy/blob/main/${page}`;

// gone are the answers that leave nothing to show. After other failures a view keeps what it had.
const gone = [400, 403, 404];

// useAsk asks for a path, and again every so many ms while the page is seen and the browser's credentials are taken. Until
// another path is answered it has the body of the one before.
export function useAsk(path, every = 0, options = {}) {
  const [state, set] = useState({});
  const again = useRef(() => {});
  useEffect(() => {
    let over = false;
    let timer;
    const turn = async () => {
      clearTimeout(timer);
      await signIn.awaited;
      if (path && !over && !document.hidden) {
        try {
          const got = await ask(path, options);
          if (!over) set({ ...got, path, at: performance.now() });
        } catch (error) {
          if (!over) set((had) => ({ ...had, error, body: gone.includes(error.status) ? undefined : had.body }));
        }
      }
      if (!over && every) timer = setTimeout(turn, every);
    };
    again.current = turn;
    turn();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [path, every]);
  return { ...state, reload: () => again.current() };
}

export function Head({ title, sub, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${heading.current.textContent} \u00b7 wsproxy console`;
  });
  return html`<div class="head"><h1 ref=${heading}>${title}</h1>${sub && html`<span class="sub">${sub}</span>`}<div class="acts">${children}</div></div>`;
}

export const Panel = ({ title, acts, children }) => html`<section class="panel" aria-label=${title}>
  <header><h2>${title}</h2>${acts && html`<div class="acts row">${acts}</div>`}</header>${children}</section>`;

export const Badge = ({ kind = "", children }) => html`<span class=${`badge ${kind}`}>${children}</span>`;

export const Note = ({ kind = "", children }) => html`<p class=${`note ${kind}`} role=${kind === "bad" ? "alert" : null}>${children}</p>`;

// Trouble shows the error of a request, and that what is shown is old where there is something.
export const Trouble = ({ error, old }) => error && html`<${Note} kind="bad">${error.code === "UNREACHABLE" ? "" : `${error.code}: `}${visible(error.message)}${old ? " What is shown is from before." : ""}<//>`;

export const Silent = ({ brokers }) => brokers && html`<${Note} kind="warn">Brokers that did not answer: ${brokers}. What only they know is left out.<//>`;

export const Field = ({ label, grow, children }) => html`<label class=${`field ${grow ? "grow" : ""}`}>${label}${children}</label>`;

// Choice is a field for one of some values: of a list of them, or of an object that has their names.
export const Choice = ({ label, value, of, onChange }) => html`<${Field} label=${label}><select value=${value} onChange=${(e) => onChange(e.target.value)}>
  ${(Array.isArray(of) ? of.map((one) => [one, one]) : Object.entries(of)).map(([one, name]) => html`<option value=${one}>${name}</option>`)}</select><//>`;

// formats are those of keys and values that messages name.
export const formats = ["string", "json", "int", "short", "long", "float", "double", "bytearray"];

const drawn = 300; // rows that a table draws before it is asked for more

// Table shows rows. A column is {name, num, wide, cell(row), by(row)}: by makes it sortable, wide leaves it out on small screens.
// Where the rows are a page of a longer list, so many are before it, and more tells whether some come behind it.
export function Table({ label, columns, rows, id, empty = "There is nothing.", before = 0, more = false }) {
  const [sort, set] = useState(null);
  const [most, grow] = useState(drawn);
  const list = sort ? sorted(rows, columns[sort.column].by, sort.down) : rows;
  const shape = (c) => [c.num && "num", c.wide && "wide"].filter(Boolean).join(" ");
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table aria-label=${label} aria-rowcount=${more ? -1 : before + rows.length + 1}>
    <thead><tr aria-rowindex="1">${columns.map((c, i) => html`<th scope="col" class=${shape(c)} aria-sort=${sort?.column === i ? (sort.down ? "descending" : "ascending") : null}>
      ${c.by ? html`<button type="button" onClick=${() => set({ column: i, down: sort?.column === i ? !sort.down : Boolean(c.num) })}>${c.name}${sort?.column === i ? (sort.down ? " \u2193" : " \u2191") : ""}</button>` : c.name}</th>`)}</tr></thead>
    <tbody>${list.slice(0, most).map((row, i) => html`<tr key=${id(row)} aria-rowindex=${before + i + 2}>${columns.map((c) => html`<td class=${shape(c)}>${c.cell(row)}</td>`)}</tr>`)}</tbody>
  </table></div>
  ${rows.length > most && html`<p class="status"><span>${count(most)} of ${count(rows.length)} are drawn.</span><button type="button" onClick=${() => grow(most + drawn)}>${drawn} more</button></p>`}`;
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

// Text shows text of others: all that is in it can be seen, and its direction changes nothing around it.
export const Text = ({ of }) => html`<bdi>${visible(of)}</bdi>`;

// Chart is the line of a list of numbers, the newest at the right.
export function Chart({ values, label, most = 150, second }) {
  const top = Math.max(...values, 1e-9);
  const x = (i) => (100 * (most - values.length + i)) / (most - 1);
  const y = (v) => 39 - (37 * v) / top;
  const line = values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(2)} ${y(v).toFixed(2)}`).join("");
  const area = values.length > 1 ? `${line}L100 40L${x(0).toFixed(2)} 40Z` : "";
  return html`<svg class=${`chart ${second ? "second" : ""}`} viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label=${label}>
    <line x1="0" x2="100" y1="39.5" y2="39.5" /><path class="area" d=${area} /><path d=${line} /></svg>`;
}

// Copy shows texts that do the same elsewhere, and copies them. Where the browser does not allow that, it selects the text.
export function Copy({ label = "Copy as", items }) {
  const box = useRef(null);
  const close = (event) => {
    if (event.key !== "Escape" || !box.current.open) return;
    event.preventDefault(); // of a dialog around it, which stays open
    box.current.open = false;
    box.current.firstElementChild.focus();
  };
  return html`<details class="copy" ref=${box} onKeyDown=${close}><summary class="button">${label}</summary>
    <div>${items.map((item) => html`<${Code} ...${item} />`)}</div></details>`;
}

export function Code({ name, text }) {
  const [said, say] = useState("");
  const shown = useRef(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      getSelection().selectAllChildren(shown.current);
      say("Selected: press Ctrl-C");
    }
  };
  return html`<div class="stack"><div class="row"><h2>${name}</h2><span class="mute small" role="status">${said}</span>
    <button class="plain" type="button" onClick=${copy} aria-label=${`Copy ${name}`}>Copy</button></div><pre tabindex="0" ref=${shown}>${visible(text)}</pre></div>`;
}

// Ask is a dialog that asks before something is done, and has the command that does the same. The focus goes back to where it was.
export function Ask({ title, act, command, onAct, onClose, disabled, children }) {
  const box = useRef(null);
  const [state, set] = useState({});
  useLayoutEffect(() => {
    box.current.showModal();
  }, []);
  const run = async () => {
    set({ busy: true });
    try {
      await onAct();
      box.current.close();
    } catch (error) {
      set({ error });
    }
  };
  return html`<dialog ref=${box} aria-label=${title} onClose=${onClose}><div class="stack"><h1>${title}</h1>${children}<${Trouble} error=${state.error} />
    <div class="row"><button type="button" class="danger" disabled=${state.busy || disabled} onClick=${run}>${act}</button>
    <button type="button" autofocus onClick=${() => box.current.close()}>Cancel</button>
    <${Copy} items=${[{ name: act, text: command }]} /></div></div></dialog>`;
}
