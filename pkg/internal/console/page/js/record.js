// One record, in full.

import { path } from "./api.js";
import { Copy, html, Note, Text, useState } from "./ui.js";
import { shown, tooLarge } from "./decode.js";
import { count, size, time, visible } from "./text.js";

const most = 64 << 10; // characters that are drawn at first
const forms = { pretty: "Pretty", raw: "Raw", hex: "Hex" };

export function Detail({ record, form, topic, onClose }) {
  const here = `${location.origin}${location.pathname}#/topics/${path(topic)}/records?at=${record.partition}:${record.offset}`;
  return html`<section class="panel" aria-label="Record"><header><h2 class="nowrap">P ${record.partition}, offset ${record.offset}</h2><div class="acts row">
      <${Again} record=${record} topic=${topic} /><${Copy} label="Copy" items=${[{ name: "Link to this record", text: here }, { name: "Record", text: JSON.stringify(message(record)).slice(0, most) }]} />
      <button class="plain" type="button" onClick=${onClose} aria-label="Close the record">\u2715</button></div></header>
    <div class="pad stack"><dl class="facts"><dt>Time</dt><dd>${time(record.timestamp)}</dd><dt>Timestamp</dt><dd>${record.timestamp}</dd></dl>
      <${Part} title="Key" part=${record.key} format=${form.keys} none="none" />
      <${Part} title="Value" part=${record.value} format=${form.values} none="none: a tombstone" />
      ${record.headers?.length > 0 && html`<h2>Headers</h2><div class="scroll" tabindex="0" role="region" aria-label="Headers"><table><tbody>${record.headers.map((x) => html`<tr><th scope="row"><${Text} of=${x.key} /></th>
        <td class="mono">${x.value === null ? html`<span class="mute">null</span>` : typeof x.value === "string" ? html`<${Text} of=${x.value.slice(0, most)} />` : html`<span class="mute">base64</span> ${x.value.value.slice(0, most)}`}</td></tr>`)}</tbody></table></div>`}
    </div></section>`;
}

// message is the record as /socket/in takes it.
export const message = ({ key, value, headers, partition }) => ({ ...(key && { key: { value: key.value, format: key.format } }), value: { value: value.value, format: value.format }, ...(headers && { headers }), partition });

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
  if (tooLarge(part)) return html`<h2>${title}</h2><${Note} kind="warn">${size(tooLarge(part))}: more than the console takes. A client of its own can read it.<//>`;
  if (!part || part.value === null) return html`<div class="row"><h2>${title}</h2><span class="tombstone small">${none}</span></div>`;
  const got = shown(part, format, form);
  const text = all ? got.text : got.text.slice(0, most);
  return html`<div class="row"><h2>${title}</h2><span class="mute small">${got.kind}</span><span class="seg" role="group" aria-label=${`Form of the ${title.toLowerCase()}`}>${Object.entries(forms).map(([name, label]) => html`<button type="button" aria-pressed=${form === name} onClick=${() => set(name)}>${label}</button>`)}</span></div>
    ${got.reason && html`<${Note} kind="warn">${visible(got.reason)}<//>`}
    <pre tabindex="0" aria-label=${title}>${visible(text)}</pre>
    ${text.length < got.text.length && html`<p class="small">${count(got.text.length - text.length)} characters more. <button type="button" onClick=${() => showAll(true)}>Show all</button></p>`}`;
}

