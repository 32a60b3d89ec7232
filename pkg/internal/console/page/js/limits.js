// Limits of clients, and what the policy says of one.

import { ask, curl, path } from "./api.js";
import { useAsk } from "./asking.js";
import { Ask, Badge, Choice, Copy, docs, Field, Head, html, Note, Out, Panel, Text, Trouble, useState } from "./ui.js";
import { Policy } from "./policy.js";
import { Table } from "./table.js";
import { count } from "./text.js";

const target = "/admin/client/config";
const idOf = { consumer: "group-id", producer: "producer-id" };
const none = { kind: "consumer", id: "", connections: "", rate: "", batch: "" };
const kinds = { consumer: "consumer group", producer: "producing client" };
const titles = { consumer: "Consumer groups", producer: "Producing clients" };

export function Limits() {
  const state = useAsk(target, 5000);
  const [form, set] = useState(none);
  const [removed, remove] = useState(null);
  const change = changeOf(form, state.body);
  return html`<${Head} title="Limits and policy"><${Copy} items=${[
      { name: "All limits", text: curl(target) },
      { name: "This change", text: curl(change.address, change) },
    ]} /><//>
    <div class="stack"><${Trouble} error=${state.error} old=${state.body} />
      <${Form} form=${form} set=${set} change=${change} onDone=${state.reload} />
      ${state.body && Object.entries(titles).map(([kind, title]) => html`<${Panel} title=${title}>
        <${List} kind=${kind} limits=${state.body[`${kind}s`]} edit=${set} remove=${remove} /><//>`)}
      <${Policy} /></div>
    ${removed && html`<${Removal} ...${removed} onClose=${() => remove(null)} onDone=${state.reload} />`}`;
}

// changeOf is the request that puts the limits of a form in force: who has limits by an earlier change gets others.
function changeOf({ kind, id, connections, rate, batch }, limits) {
  const has = limits?.[`${kind}s`].dynamic.some((l) => l[idOf[kind]] === id);
  const body = { "max-connections": Number(connections) || 0, "messages-per-second": Number(rate) || 0 };
  if (kind === "consumer") body["batch-size"] = Number(batch) || 0;
  return { address: `${target}/${kind}/${path(id)}`, method: has ? "PUT" : "POST", body };
}

function Form({ form, set, change, onDone }) {
  const [said, say] = useState({});
  const save = async (event) => {
    event.preventDefault();
    try {
      await ask(change.address, change);
      say({ done: `In force for ${form.id}: on all replicas within two seconds.` });
      onDone();
    } catch (error) {
      say({ error });
    }
  };
  const put = (part) => set({ ...form, ...part });
  const number = (label, name) => html`<${Field} label=${label}>
    <input class="few" type="number" min="0" placeholder="none" value=${form[name]}
      onInput=${(e) => put({ [name]: e.target.value })} /><//>`;
  return html`<form class="panel pad stack" onSubmit=${save}><div class="form">
      <${Choice} label="Of a" value=${form.kind} of=${kinds} onChange=${(kind) => put({ kind })} />
      <${Field} label=${form.kind === "consumer" ? "groupId" : "clientId"} grow>
        <input required value=${form.id} onInput=${(e) => put({ id: e.target.value })} /><//>
      ${number("Connections", "connections")}${number("Messages/s", "rate")}
      ${form.kind === "consumer" && number("Batch size", "batch")}
      <button class="main">${change.method === "PUT" ? "Replace" : "Add"}</button></div>
    ${said.done && html`<${Note} kind="ok">${said.done}<//>`}
    ${said.error?.status === 405 ? html`<${Fixed} />` : html`<${Trouble} error=${said.error} />`}</form>`;
}

const Fixed = () => html`<${Note} kind="warn">Limits are fixed here: WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED lets them be
  changed. <${Out} to=${docs("docs/operations.md#limits-of-clients")}>How<//><//>`;

function List({ kind, limits, edit, remove }) {
  const rows = [
    ...limits.static.map((l) => ({ ...l, from: "settings" })),
    ...limits.dynamic.map((l) => ({ ...l, from: "changed" })),
  ];
  const id = (l) => l[idOf[kind]];
  const limit = (name, of, more) => ({ name, num: true, by: (l) => l[of], cell: (l) => most(l[of]), ...more });
  const columns = [
    { name: "Who", by: id, cell: (l) => who(id(l)) },
    { name: "By", cell: (l) => html`<${Badge}>${l.from}<//>` },
    limit("Connections", "max-connections"),
    limit("Messages/s", "messages-per-second"),
    kind === "consumer" && limit("Batch", "batch-size", { wide: true }),
    { name: "", num: true, cell: (l) => l.from === "changed" && html`<${Acts} id=${id(l)}
      onEdit=${() => edit(filled(kind, l))} onRemove=${() => remove({ kind, id: id(l) })} />` },
  ];
  return html`<${Table} label=${`Limits of a ${kind}`} rows=${rows} id=${(l) => l.from + id(l)}
    columns=${columns.filter(Boolean)} />`;
}

const most = (n) => (n ? count(n) : html`<span class="mute">none</span>`);

const who = (id) => (id === "__DEFAULT__" ? html`<span class="mute nowrap">everybody else</span>`
  : html`<${Text} of=${id} />`);

// filled is the form with the limits that somebody has.
const filled = (kind, l) => ({
  kind,
  id: l[idOf[kind]],
  connections: l["max-connections"] || "",
  rate: l["messages-per-second"] || "",
  batch: l["batch-size"] || "",
});

const Acts = ({ id, onEdit, onRemove }) => html`<span class="nowrap">
  <button class="plain" type="button" aria-label=${`Edit ${id}`} onClick=${onEdit}>Edit</button>
  <button class="plain" type="button" aria-label=${`Remove ${id}`} onClick=${onRemove}>Remove</button></span>`;

function Removal({ kind, id, onClose, onDone }) {
  const address = `${target}/${kind}/${path(id)}`;
  const method = "DELETE";
  const act = async () => {
    await ask(address, { method });
    onDone();
  };
  const command = curl(address, { method });
  return html`<${Ask} title="Remove these limits?" act="Remove" command=${command} onClose=${onClose} onAct=${act}>
    <p><strong><${Text} of=${id} /></strong> has then the limits of the settings or of the file.</p><//>`;
}
