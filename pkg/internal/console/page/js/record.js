// One record, in full.

import { path } from "./api.js";
import { Copy, html, Note, Text, useState } from "./ui.js";
import { shown, tooLarge } from "./decode.js";
import { count, size, time, visible } from "./text.js";

const most = 64 << 10; // characters that are drawn at first
const forms = { pretty: "Pretty", raw: "Raw", hex: "Hex" };

export function Detail({ record, form, topic, onClose }) {
  return html`<section class="panel" aria-label="Record"><header>
      <h2 class="nowrap">P ${record.partition}, offset ${record.offset}</h2>
      <div class="acts row"><${Again} record=${record} topic=${topic} />
        <${Copy} label="Copy" items=${copies(record, topic)} />
        <button class="plain" type="button" onClick=${onClose} aria-label="Close the record">\u2715</button></div>
    </header>
    <div class="pad stack">
      <dl class="facts"><dt>Time</dt><dd>${time(record.timestamp)}</dd>
        <dt>Timestamp</dt><dd>${record.timestamp}</dd></dl>
      <${Part} title="Key" part=${record.key} format=${form.keys} none="none" />
      <${Part} title="Value" part=${record.value} format=${form.values} none="none: a tombstone" />
      ${record.headers?.length > 0 && html`<${Headers} list=${record.headers} />`}
    </div></section>`;
}

function copies(record, topic) {
  const address = `${location.origin}${location.pathname}#/topics/${path(topic)}/records`;
  return [
    { name: "Link to this record", text: `${address}?at=${record.partition}:${record.offset}` },
    { name: "Record", text: JSON.stringify(message(record)).slice(0, most) },
  ];
}

const Headers = ({ list }) => html`<h2>Headers</h2>
  <div class="scroll" tabindex="0" role="region" aria-label="Headers"><table><tbody>
    ${list.map((x) => html`<tr><th scope="row"><${Text} of=${x.key} /></th>
      <td class="mono">${headerValue(x.value)}</td></tr>`)}</tbody></table></div>`;

// headerValue is text, or bytes in base64.
function headerValue(value) {
  if (value === null) return html`<span class="mute">null</span>`;
  if (typeof value === "string") return html`<${Text} of=${value.slice(0, most)} />`;
  return html`<span class="mute">base64</span> ${value.value.slice(0, most)}`;
}

// message is the record as /socket/in takes it.
export function message({ key, value, headers, partition }) {
  return {
    ...(key && { key: { value: key.value, format: key.format } }),
    value: { value: value.value, format: value.format },
    ...(headers && { headers }),
    partition,
  };
}

// Again goes to the form that produces, filled in with a record.
function Again({ record, topic }) {
  const go = () => {
    sessionStorage.setItem("again", JSON.stringify(message(record)));
    location.hash = `#/produce?topic=${encodeURIComponent(topic)}&again=yes`;
  };
  return !tooLarge(record.value) && html`<button type="button" onClick=${go}>Produce again</button>`;
}

function Part({ title, part, format, none }) {
  const [form, set] = useState("pretty");
  const [all, showAll] = useState(false);
  if (tooLarge(part)) {
    return html`<h2>${title}</h2><${Note} kind="warn">${size(tooLarge(part))}: more than the console takes. A client of
      its own can read it.<//>`;
  }
  if (!part || part.value === null) {
    return html`<div class="row"><h2>${title}</h2><span class="tombstone small">${none}</span></div>`;
  }
  const got = shown(part, format, form);
  const text = all ? got.text : got.text.slice(0, most);
  const rest = got.text.length - text.length;
  return html`<div class="row"><h2>${title}</h2><span class="mute small">${got.kind}</span>
      <${Forms} of=${title} form=${form} set=${set} /></div>
    ${got.reason && html`<${Note} kind="warn">${visible(got.reason)}<//>`}
    <pre tabindex="0" aria-label=${title}>${visible(text)}</pre>
    ${rest > 0 && html`<p class="small">${count(rest)} characters more.
      ${" "}<button type="button" onClick=${() => showAll(true)}>Show all</button></p>`}`;
}

const Forms = ({ of, form, set }) => html`<span
  class="seg" role="group" aria-label=${`Form of the ${of.toLowerCase()}`}>
  ${Object.entries(forms).map(([name, label]) => html`<button type="button" aria-pressed=${form === name}
    onClick=${() => set(name)}>${label}</button>`)}</span>`;
