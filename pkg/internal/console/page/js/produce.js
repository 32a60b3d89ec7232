// A form that writes records.

import { clientsURL, quoted } from "./api.js";
import {
  Check, Choice, Copy, Field, formats, Head, html, Note, Page, Panel, useContext, useEffect, useRef, useState,
} from "./ui.js";
import { Table } from "./table.js";
import { Sending } from "./sending.js";
import { count } from "./text.js";

const empty = {
  topic: "", key: "", keyType: "string", value: "", valType: "json", headers: "", partition: "", tombstone: false,
  many: "", mode: "one",
};
const modes = { one: "One record", many: "Many, pasted" };
const sample = '{"key":{"value":"k"},"value":{"value":{"n":1},"format":"json"}}\nplain text';

// filled is the form that an address asks for: again has the record that is to be produced once more.
function filled(q) {
  const form = { ...empty, topic: q.get("topic") || "" };
  const m = q.get("again") && JSON.parse(sessionStorage.getItem("again") || "null");
  if (!m) return form;
  const plain = (part) => String(part?.value ?? "");
  const json = m.value.format === "string" && /^\s*[[{]/.test(m.value.value || "");
  const texts = (m.headers || []).filter((x) => typeof x.value === "string");
  return {
    ...form, key: plain(m.key), keyType: m.key?.format || "string",
    value: plain(m.value), valType: json ? "json" : m.value.format, tombstone: m.value.value === null,
    headers: texts.map((x) => `${x.key}: ${x.value}`).join("\n"),
  };
}

// typed is the JSON of a value in a format.
function typed(text, format) {
  if (format === "json") return text;
  if (format === "string" || format === "bytearray") return JSON.stringify(text);
  const digits = text.trim();
  if (digits === "") return "null";
  return format === "long" ? JSON.stringify(digits) : digits;
}

const part = (text, format) => `{"value":${typed(text, format)},"format":"${format}"}`;

// messages are what /socket/in takes, as text: digits of JSON stay as they are.
function messages(f) {
  if (f.mode === "one") return [message(f)];
  return f.many.split("\n").filter((line) => line.trim()).map(pasted);
}

const pasted = (line) => (/^\s*\{.*"value"\s*:/.test(line) ? line : `{"value":${part(line, "string")}}`);

function message(f) {
  const parts = [];
  if (f.key) parts.push(`"key":${part(f.key, f.keyType)}`);
  parts.push(`"value":${f.tombstone ? "null" : part(f.value, f.valType)}`);
  const headers = f.headers.split("\n").filter((line) => line.includes(":")).map(header);
  if (headers.length) parts.push(`"headers":${JSON.stringify(headers)}`);
  if (f.partition !== "") parts.push(`"partition":${Number(f.partition)}`);
  return `{${parts.join(",")}}`;
}

function header(line) {
  const colon = line.indexOf(":");
  return { key: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
}

export function Produce({ place }) {
  const [form, set] = useState(() => filled(place.query));
  const [, redraw] = useState(0);
  const sending = useRef(null);
  useEffect(() => () => sending.current?.close(), []);
  const change = (some) => set({ ...form, ...some });
  const list = messages(form);
  const run = sending.current;
  const ready = form.topic && list.length && (!run || run.over);
  const send = (event) => {
    event.preventDefault();
    sending.current?.close();
    const changed = () => redraw((n) => n + 1);
    sending.current = new Sending(form.topic, list, changed);
    changed();
  };
  return html`<${Head} title="Produce"><${Commands} topic=${form.topic} message=${list[0] || ""} /><//>
    <div class="grid two"><form class="panel pad stack" onSubmit=${send}>
      <${Fields} form=${form} change=${change} />
      <div class="row">
        <button class="main" disabled=${!ready}>Produce ${list.length > 1 ? count(list.length) : ""}</button>
        ${run && html`<span role="status" class="small">${progress(run)}</span>`}</div>
      ${run?.refused && html`<${Note} kind="bad">${run.refused.code}: ${run.refused.message}<//>`}
    </form>
    <${Panel} title="Answers"><${Table} label="Answers" rows=${run?.answers || []} columns=${columns} id=${(a) => a.n}
      empty="Nothing was sent yet." /><//></div>`;
}

const progress = ({ answered, failed, messages: all }) => `${count(answered)} of ${count(all.length)} answered`
  + (failed ? `, ${count(failed)} with an error` : "");

const where = (a) => `#/topics/${encodeURIComponent(a.topic)}/records?at=${a.partition}:${a.offset}`;

const became = (a) => (a.error ? html`<strong>${a.error.code}</strong> ${a.error.message}`
  : html`<a href=${where(a)}>partition ${a.partition}, offset ${count(a.offset)}</a>`);

const columns = [{ name: "Message", num: true, cell: (a) => count(a.n) }, { name: "Became", cell: became }];

// Commands do the same elsewhere.
function Commands({ topic, message: one }) {
  const { settings } = useContext(Page);
  const url = `${clientsURL(settings.clients)}/socket/in?${new URLSearchParams({ clientId: "console", topic })}`;
  const command = `printf '%s\\n' ${quoted(one)} | websocat ${quoted(url)}`;
  return html`<${Copy} items=${[{ name: "websocat", text: command }, { name: "Message", text: one }]} />`;
}

function Fields({ form, change }) {
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  return html`<div class="form"><${Field} label="Topic" grow><input required ...${text("topic")} /><//>
      <span class="seg" role="group" aria-label="How many">${Object.entries(modes).map(([mode, name]) => html`<button
        type="button" aria-pressed=${form.mode === mode} onClick=${() => change({ mode })}>${name}<//>`)}</span></div>
    ${form.mode === "one" ? html`<${One} form=${form} text=${text} change=${change} />`
      : html`<${Field} label="One in each line: a message of /socket/in, or a value as text">
        <textarea rows="12" ...${text("many")} placeholder=${sample} /><//>`}`;
}

// One has the fields of a single record.
function One({ form, text, change }) {
  const type = (name, label) => html`<${Choice} label=${label} of=${formats} value=${form[name]}
    onChange=${(format) => change({ [name]: format })} />`;
  return html`<div class="form"><${Field} label="Key" grow><input ...${text("key")} placeholder="none" /><//>
      ${type("keyType", "Key is")}
      <${Field} label="Partition">
        <input class="few" inputmode="numeric" ...${text("partition")} placeholder="by key" /><//></div>
    <div class="form">${type("valType", "Value is")}
      <${Check} label="tombstone: no value" value=${form.tombstone}
        onChange=${(tombstone) => change({ tombstone })} /></div>
    ${!form.tombstone && html`<${Field} label="Value"><textarea rows="8" ...${text("value")} /><//>`}
    <${Field} label="Headers, one in each line as name: value"><textarea rows="3" ...${text("headers")} /><//>`;
}
