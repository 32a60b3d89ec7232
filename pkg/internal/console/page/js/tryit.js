// A builder of a socket's address.

import { clientsURL } from "./api.js";
import { Choice, Code, docs, Field, formats, Head, html, Out, Page, Panel, useContext, useState } from "./ui.js";
import { snippets } from "./snippets.js";

const endpoints = { in: "produce", out: "consume, as a group", tail: "read live", queue: "share records one by one" };
const guides = { in: "protocol", out: "protocol", tail: "live", queue: "queues" };
const first = {
  endpoint: "tail", topic: "demo", client: "me", group: "", valType: "json", from: "last:10",
  message: '{"key":{"value":"k"},"value":{"value":{"hello":1}}}',
};

export function TryIt() {
  const { settings } = useContext(Page);
  const [form, set] = useState({ ...first, at: clientsURL(settings.clients) });
  const code = snippets(addressOf(form), form.endpoint === "in" ? form.message : null);
  const guide = html`<${Out} small to=${docs(`docs/${guides[form.endpoint]}.md`)}>Guide<//>`;
  return html`<${Head} title="Try it" sub="the address of a socket, and code that opens it" />
    <div class="grid"><${Form} form=${form} change=${(part) => set({ ...form, ...part })} />
      <${Panel} title="Code" acts=${guide}><div class="pad grid">
        ${code.map((item) => html`<${Code} ...${item} />`)}
        <p class="small mute">Where clients authenticate, add their credentials: in the header Authorization, or in a
          browser by a subprotocol, never in the address.</p></div><//></div>`;
}

const grouped = ({ endpoint }) => endpoint === "out" || endpoint === "queue";

const usualGroup = ({ client }) => `${client}-group`;

function addressOf(form) {
  const q = new URLSearchParams({ topic: form.topic, clientId: form.client });
  if (grouped(form)) q.set("groupId", form.group || usualGroup(form));
  if (form.valType !== "string") q.set("valType", form.valType);
  if (form.endpoint === "tail" && form.from) q.set("from", form.from);
  return `${form.at}/socket/${form.endpoint}?${q}`;
}

function Form({ form, change }) {
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const group = html`<${Field} label="groupId"><input ...${text("group")} placeholder=${usualGroup(form)} /><//>`;
  return html`<div class="panel pad form">
    <${Field} label="Proxy" grow><input ...${text("at")} /><//>
    <${Choice} label="To" value=${form.endpoint} of=${endpoints} onChange=${(endpoint) => change({ endpoint })} />
    <${Field} label="Topic"><input ...${text("topic")} /><//>
    <${Field} label="clientId"><input ...${text("client")} /><//>
    ${grouped(form) && group}
    <${Choice} label="valType" value=${form.valType} of=${formats} onChange=${(valType) => change({ valType })} />
    ${form.endpoint === "tail" && html`<${Field} label="from"><input ...${text("from")} /><//>`}
    ${form.endpoint === "in" && html`<${Field} label="Message" grow><input ...${text("message")} /><//>`}</div>`;
}
