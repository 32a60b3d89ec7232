import { ask, curl, path } from "./api.js";
import { Ask, Badge, Choice, Copy, docs, Field, Head, html, Note, Panel, Table, Text, Trouble, useAsk, useState } from "./ui.js";
import { count, visible } from "./text.js";

const target = "/admin/client/config";
const kinds = { consumer: "group-id", producer: "producer-id" };
const none = { kind: "consumer", id: "", connections: "", rate: "", batch: "" };

export function Limits() {
  const state = useAsk(target, 5000);
  const [form, set] = useState(none);
  const [said, say] = useState({});
  const [removed, remove] = useState(null);
  const dynamic = (kind, id) => state.body?.[`${kind}s`].dynamic.some((l) => l[kinds[kind]] === id);
  const address = `${target}/${form.kind}/${path(form.id)}`;
  const body = { "max-connections": Number(form.connections) || 0, "messages-per-second": Number(form.rate) || 0, ...(form.kind === "consumer" && { "batch-size": Number(form.batch) || 0 }) };
  const method = dynamic(form.kind, form.id) ? "PUT" : "POST";
  const save = async (event) => {
    event.preventDefault();
    try {
      await ask(address, { method, body });
      say({ done: `In force for ${form.id}: on all replicas within two seconds.` });
      state.reload();
    } catch (error) {
      say({ error });
    }
  };
  const change = (part) => set({ ...form, ...part });
  const number = (name) => ({ class: "few", type: "number", min: "0", placeholder: "none", value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const edit = (kind, l) => set({ kind, id: l[kinds[kind]], connections: l["max-connections"] || "", rate: l["messages-per-second"] || "", batch: l["batch-size"] || "" });
  return html`<${Head} title="Limits and policy"><${Copy} items=${[{ name: "All limits", text: curl(target) }, { name: "This change", text: curl(address, { method, body }) }]} /><//>
    <div class="stack"><${Trouble} error=${state.error} old=${state.body} />
    <form class="panel pad stack" onSubmit=${save}><div class="form">
      <${Choice} label="Of a" value=${form.kind} of=${{ consumer: "consumer group", producer: "producing client" }} onChange=${(kind) => change({ kind })} />
      <${Field} label=${form.kind === "consumer" ? "groupId" : "clientId"} grow><input required value=${form.id} onInput=${(e) => change({ id: e.target.value })} /><//>
      <${Field} label="Connections"><input ...${number("connections")} /><//><${Field} label="Messages/s"><input ...${number("rate")} /><//>
      ${form.kind === "consumer" && html`<${Field} label="Batch size"><input ...${number("batch")} /><//>`}
      <button class="main">${method === "PUT" ? "Replace" : "Add"}</button></div>
      ${said.done && html`<${Note} kind="ok">${said.done}<//>`}
      ${said.error?.status === 405 ? html`<${Note} kind="warn">Limits are fixed here: WSPROXY_DYNAMIC_CONFIG_HANDLER_ENABLED lets them be changed. <a href=${docs("docs/operations.md#limits-of-clients")} target="_blank" rel="noreferrer">How</a><//>` : html`<${Trouble} error=${said.error} />`}</form>
    ${state.body && Object.keys(kinds).map((kind) => html`<${Panel} title=${kind === "consumer" ? "Consumer groups" : "Producing clients"}><${List} kind=${kind} limits=${state.body[`${kind}s`]} edit=${edit} remove=${remove} /><//>`)}<${Policy} /></div>
    ${removed && html`<${Removal} ...${removed} onClose=${() => remove(null)} onDone=${state.reload} />`}`;
}

function Removal({ kind, id, onClose, onDone }) {
  const address = `${target}/${kind}/${path(id)}`;
  const method = "DELETE";
  const act = async () => {
    await ask(address, { method });
    onDone();
  };
  return html`<${Ask} title="Remove these limits?" act="Remove" command=${curl(address, { method })} onClose=${onClose} onAct=${act}>
    <p><strong><${Text} of=${id} /></strong> has then the limits of the settings or of the file.</p><//>`;
}

// Policy asks whether a client may do something.
function Policy() {
  const [f, set] = useState({ subject: "user:", operation: "consume", topic: "", group: "", client: "" });
  const [got, say] = useState({});
  const address = `/admin/policy/check?${new URLSearchParams(f)}`;
  const text = (name) => ({ value: f[name], onInput: (e) => set({ ...f, [name]: e.target.value }) });
  const look = (event) => {
    event.preventDefault();
    ask(address).then(({ body }) => say({ body }), (error) => say({ error }));
  };
  return html`<${Panel} title="May this subject do that?" acts=${html`<${Copy} items=${[{ name: "Question", text: curl(address) }]} />`}><form class="pad stack" onSubmit=${look}><div class="form">
      <${Field} label="Subject"><input ...${text("subject")} placeholder="user:alice" /><//>
      <${Choice} label="May" value=${f.operation} of=${["consume", "produce"]} onChange=${(operation) => set({ ...f, operation })} />
      <${Field} label="Topic"><input required ...${text("topic")} /><//><${Field} label="As a member of"><input ...${text("group")} placeholder="any group" /><//><${Field} label="As the client"><input ...${text("client")} placeholder="any" /><//><button>Ask</button></div>
      <${Trouble} error=${got.error} />
      ${got.body && html`<${Note} kind=${got.body.allowed ? "ok" : "bad"}><strong>${got.body.allowed ? "Yes." : "No."}</strong> ${visible(got.body.reason)}
        ${got.body.allowed && !got.body.allKeys && " Live, only records of the keys that the rules name."}${got.body.claimRules.length > 0 && ` With the claims that they ask for, rules ${got.body.claimRules.join(", ")} allow it.`}<//>`}</form><//>`;
}

function List({ kind, limits, edit, remove }) {
  const rows = [...limits.static.map((l) => ({ ...l, from: "settings" })), ...limits.dynamic.map((l) => ({ ...l, from: "changed" }))];
  const limit = (n) => (n ? count(n) : html`<span class="mute">none</span>`);
  return html`<${Table} label=${`Limits of a ${kind}`} rows=${rows} id=${(l) => l.from + l[kinds[kind]]} columns=${[
    { name: "Who", by: (l) => l[kinds[kind]], cell: (l) => (l[kinds[kind]] === "__DEFAULT__" ? html`<span class="mute nowrap">everybody else</span>` : html`<${Text} of=${l[kinds[kind]]} />`) },
    { name: "By", cell: (l) => html`<${Badge}>${l.from}<//>` },
    { name: "Connections", num: true, by: (l) => l["max-connections"], cell: (l) => limit(l["max-connections"]) },
    { name: "Messages/s", num: true, by: (l) => l["messages-per-second"], cell: (l) => limit(l["messages-per-second"]) },
    ...(kind === "consumer" ? [{ name: "Batch", num: true, wide: true, cell: (l) => limit(l["batch-size"]) }] : []),
    { name: "", num: true, cell: (l) => l.from === "changed" && html`<span class="nowrap"><button class="plain" type="button" onClick=${() => edit(kind, l)}>Edit</button><button class="plain" type="button" aria-label=${`Remove ${l[kinds[kind]]}`} onClick=${() => remove({ kind, id: l[kinds[kind]] })}>Remove</button></span>` },
  ]} />`;
}
