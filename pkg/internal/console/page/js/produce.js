import { clientsURL, quoted, signIn, socketURL } from "./api.js";
import { Choice, Copy, Field, formats, Head, html, Note, Page, Panel, Table, useContext, useEffect, useRef, useState } from "./ui.js";
import { count } from "./text.js";

const atOnce = 200; // messages that may be unanswered
const kept = 50; // answers that are shown

const empty = { topic: "", key: "", keyType: "string", value: "", valType: "json", headers: "", partition: "", tombstone: false, many: "", mode: "one" };

// again is a form with the record that somebody wants to produce once more.
function again(topic) {
  const m = JSON.parse(sessionStorage.getItem("again") || "null");
  if (!m) return { ...empty, topic };
  const plain = (part) => (part?.value === null || part?.value === undefined ? "" : String(part.value));
  const json = m.value.format === "string" && /^\s*[[{]/.test(m.value.value || "");
  return {
    ...empty, topic, key: plain(m.key), keyType: m.key?.format || "string", value: plain(m.value), valType: json ? "json" : m.value.format, tombstone: m.value.value === null,
    headers: (m.headers || []).filter((x) => typeof x.value === "string").map((x) => `${x.key}: ${x.value}`).join("\n"), partition: "",
  };
}

// typed is the JSON of a value in a format.
const typed = (text, format) => (format === "json" ? text : format === "string" || format === "bytearray" ? JSON.stringify(text) : text.trim() === "" ? "null" : format === "long" ? JSON.stringify(text.trim()) : text.trim());

// messages are what /socket/in takes, as text: digits of JSON stay as they are.
function messages(f) {
  if (f.mode === "many") return f.many.split("\n").filter((line) => line.trim()).map((line) => (/^\s*\{.*"value"\s*:/.test(line) ? line : `{"value":{"value":${JSON.stringify(line)},"format":"string"}}`));
  const parts = [];
  if (f.key) parts.push(`"key":{"value":${typed(f.key, f.keyType)},"format":"${f.keyType}"}`);
  parts.push(f.tombstone ? '"value":null' : `"value":{"value":${typed(f.value, f.valType)},"format":"${f.valType}"}`);
  const headers = f.headers.split("\n").filter((line) => line.includes(":")).map((line) => ({ key: line.slice(0, line.indexOf(":")).trim(), value: line.slice(line.indexOf(":") + 1).trim() }));
  if (headers.length) parts.push(`"headers":${JSON.stringify(headers)}`);
  if (f.partition !== "") parts.push(`"partition":${Number(f.partition)}`);
  return [`{${parts.join(",")}}`];
}

export function Produce({ place }) {
  const { settings } = useContext(Page);
  const [form, set] = useState(() => (place.query.get("again") ? again(place.query.get("topic") || "") : { ...empty, topic: place.query.get("topic") || "" }));
  const [run, tell] = useState({ answers: [] });
  const socket = useRef(null);
  useEffect(() => () => socket.current?.close(1000), []);
  const change = (part) => set({ ...form, ...part });
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const q = new URLSearchParams({ clientId: "console", topic: form.topic });
  const list = messages(form);
  const send = (event) => {
    event.preventDefault();
    const progress = { total: list.length, sent: 0, answered: 0, failed: 0, answers: [] };
    const all = new URLSearchParams(q);
    all.set("instanceId", `console-${crypto.getRandomValues(new Uint32Array(1))[0]}`);
    all.set("handshakeErrors", "close");
    socket.current?.close(1000);
    const s = new WebSocket(socketURL(`/socket/in?${all}`));
    socket.current = s;
    const draw = () => tell({ ...progress });
    const more = () => {
      while (progress.sent < list.length && progress.sent - progress.answered < atOnce) s.send(list[progress.sent++]);
      if (progress.answered === list.length) s.close(1000);
    };
    s.onopen = more;
    s.onmessage = ({ data }) => {
      for (const answer of [JSON.parse(data)].flat()) {
        if (answer.error && progress.answered >= progress.sent) progress.refused = answer.error;
        else {
          progress.answers = [{ n: ++progress.answered, ...answer }, ...progress.answers].slice(0, kept);
          if (answer.error) progress.failed++;
        }
      }
      more();
      draw();
    };
    s.onclose = ({ code }) => {
      if (code === 4401) signIn.lost();
      if (progress.answered < list.length) progress.refused ??= { code: String(code), message: "the connection was closed before all messages were answered: what had none may have been written" };
      progress.over = true;
      draw();
    };
    draw();
  };
  const url = `${clientsURL(settings.clients)}/socket/in?${q}`;
  return html`<${Head} title="Produce"><${Copy} items=${[{ name: "websocat", text: `printf '%s\\n' ${quoted(list[0] || "")} | websocat ${quoted(url)}` }, { name: "Message", text: list[0] || "" }]} /><//>
    <div class="grid two"><form class="panel pad stack" onSubmit=${send}>
      <div class="form"><${Field} label="Topic" grow><input required ...${text("topic")} /><//>
        <span class="seg" role="group" aria-label="How many">${[["one", "One record"], ["many", "Many, pasted"]].map(([mode, name]) => html`<button type="button" aria-pressed=${form.mode === mode} onClick=${() => change({ mode })}>${name}</button>`)}</span></div>
      ${form.mode === "many" ? html`<${Field} label="One in each line: a message of /socket/in, or a value as text"><textarea rows="12" ...${text("many")} placeholder=${'{"key":{"value":"k"},"value":{"value":{"n":1},"format":"json"}}\nplain text'} /><//>` : html`
        <div class="form"><${Field} label="Key" grow><input ...${text("key")} placeholder="none" /><//><${Choice} label="Key is" of=${formats} value=${form.keyType} onChange=${(keyType) => change({ keyType })} />
          <${Field} label="Partition"><input class="few" inputmode="numeric" ...${text("partition")} placeholder="by key" /><//></div>
        <div class="form"><${Choice} label="Value is" of=${formats} value=${form.valType} onChange=${(valType) => change({ valType })} /><label class="check"><input type="checkbox" checked=${form.tombstone} onChange=${(e) => change({ tombstone: e.target.checked })} />tombstone: no value</label></div>
        ${!form.tombstone && html`<${Field} label="Value"><textarea rows="8" ...${text("value")} /><//>`}
        <${Field} label="Headers, one in each line as name: value"><textarea rows="3" ...${text("headers")} /><//>`}
      <div class="row"><button class="main" disabled=${!form.topic || !list.length || (run.total && !run.over)}>Produce ${list.length > 1 ? count(list.length) : ""}</button>
        ${run.total > 0 && html`<span role="status" class="small">${count(run.answered)} of ${count(run.total)} answered${run.failed ? `, ${count(run.failed)} with an error` : ""}</span>`}</div>
      ${run.refused && html`<${Note} kind="bad">${run.refused.code}: ${run.refused.message}<//>`}
    </form>
    <${Panel} title="Answers"><${Table} label="Answers" rows=${run.answers} id=${(a) => a.n} empty="Nothing was sent yet." columns=${[
      { name: "Message", num: true, cell: (a) => count(a.n) },
      { name: "Became", cell: (a) => (a.error ? html`<strong>${a.error.code}</strong> ${a.error.message}` : html`<a href=${`#/topics/${encodeURIComponent(a.topic)}/records?at=${a.partition}:${a.offset}`}>partition ${a.partition}, offset ${count(a.offset)}</a>`) },
    ]} /><//></div>`;
}
