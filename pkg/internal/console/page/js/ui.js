// What the views have in common.

import { createContext, h } from "../lib/preact.js";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/hooks.js";
import htm from "../lib/htm.js";
import { visible } from "./text.js";

export const html = htm.bind(h);
export { h, useContext, useEffect, useLayoutEffect, useRef, useState };

// Page holds what all views know: the settings of the console, and the sampler of metrics.
export const Page = createContext(null);

export const docs = (page) => `https://github.com/wsproxy/kafka-websocket-proxy/blob/main/${page}`;

export function Head({ title, sub, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${heading.current.textContent} \u00b7 wsproxy console`;
  });
  return html`<div class="head"><h1 ref=${heading}>${title}</h1>
    ${sub && html`<span class="sub">${sub}</span>`}<div class="acts">${children}</div></div>`;
}

export const Panel = ({ title, acts, slim, children }) => html`<section
  class=${`panel ${slim ? "slim" : ""}`} aria-label=${title}>
  <header><h2>${title}</h2>${acts && html`<div class="acts row">${acts}</div>`}</header>${children}</section>`;

export const Badge = ({ kind = "", children }) => html`<span class=${`badge ${kind}`}>${children}</span>`;

export const Note = ({ kind = "", children }) => html`<p
  class=${`note ${kind}`} role=${kind === "bad" ? "alert" : null}>${children}</p>`;

// Trouble shows the error of a request, and that what is shown is old where there is something.
export function Trouble({ error, old }) {
  if (!error) return null;
  const code = error.code === "UNREACHABLE" ? "" : `${error.code}: `;
  return html`<${Note} kind="bad">${code}${visible(error.message)}${old ? " What is shown is from before." : ""}<//>`;
}

// Silent names the brokers that an answer lacks.
export const Silent = ({ brokers }) => brokers && html`<${Note} kind="warn">
  Brokers that did not answer: ${brokers}. What only they know is left out.<//>`;

// Out is a link to a page elsewhere.
export const Out = ({ to, small, children }) => html`<a
  class=${small ? "small" : null} href=${to} target="_blank" rel="noreferrer">${children}</a>`;

export const Field = ({ label, grow, children }) => html`<label
  class=${`field ${grow ? "grow" : ""}`}>${label}${children}</label>`;

// Choice is a field for one of some values: of a list of them, or of an object that has their names.
export function Choice({ label, value, of, onChange }) {
  const named = Array.isArray(of) ? of.map((one) => [one, one]) : Object.entries(of);
  return html`<${Field} label=${label}><select value=${value} onChange=${(e) => onChange(e.target.value)}>
    ${named.map(([one, name]) => html`<option value=${one}>${name}</option>`)}</select><//>`;
}

// Check is a field for yes or no.
export const Check = ({ label, value, onChange }) => html`<label class="check"><input
  type="checkbox" checked=${value} onChange=${(e) => onChange(e.target.checked)} />${label}</label>`;

// isField tells whether an element takes what is typed.
export const isField = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

// formats are those of keys and values that messages name.
export const formats = ["string", "json", "int", "short", "long", "float", "double", "bytearray"];

// Text shows text of others: all that is in it can be seen, and its direction changes nothing around it.
export const Text = ({ of }) => html`<bdi>${visible(of)}</bdi>`;

// Chart is the line of a list of numbers, the newest at the right.
export function Chart({ values, label, most = 150, second }) {
  const top = Math.max(...values, 1e-9);
  const x = (i) => (100 * (most - values.length + i)) / (most - 1);
  const y = (v) => 39 - (37 * v) / top;
  const line = values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(2)} ${y(v).toFixed(2)}`).join("");
  const area = values.length > 1 ? `${line}L100 40L${x(0).toFixed(2)} 40Z` : "";
  return html`<svg class=${`chart ${second ? "second" : ""}`} viewBox="0 0 100 40" preserveAspectRatio="none"
    role="img" aria-label=${label}>
    <line x1="0" x2="100" y1="39.5" y2="39.5" /><path class="area" d=${area} /><path d=${line} /></svg>`;
}

// Bar shows a part of a whole, from 0 to 1: one that is nearly full stands out where that is high.
export const Bar = ({ part, label, high }) => html`<div class=${`bar ${high ? "high" : ""}`} role="img"
    aria-label=${`${label}: ${Math.round(part * 100)} %`}>
  <svg viewBox="0 0 100 5" preserveAspectRatio="none"><rect width=${100 * Math.min(1, part)} height="5" /></svg></div>`;

// Copy shows texts that do the same elsewhere, and copies them. Where the browser does not allow that, it selects the
// text.
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
      <button class="plain" type="button" onClick=${copy} aria-label=${`Copy ${name}`}>Copy</button></div>
    <pre tabindex="0" ref=${shown}>${visible(text)}</pre></div>`;
}

// Ask is a dialog that asks before something is done, and has the command that does the same. The focus goes back to
// where it was.
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
  return html`<dialog ref=${box} aria-label=${title} onClose=${onClose}><div class="stack"><h1>${title}</h1>
    ${children}<${Trouble} error=${state.error} />
    <div class="row">
      <button type="button" class="danger" disabled=${state.busy || disabled} onClick=${run}>${act}</button>
      <button type="button" autofocus onClick=${() => box.current.close()}>Cancel</button>
      <${Copy} items=${[{ name: act, text: command }]} /></div></div></dialog>`;
}
