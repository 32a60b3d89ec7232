// What the policy says of a client.

import { ask, curl } from "./api.js";
import { Choice, Copy, Field, html, Note, Panel, Trouble, useState } from "./ui.js";
import { visible } from "./text.js";

const empty = { subject: "user:", operation: "consume", topic: "", group: "", client: "" };

// Policy asks whether a client may do something.
export function Policy() {
  const [form, set] = useState(empty);
  const [got, say] = useState({});
  const address = `/admin/policy/check?${new URLSearchParams(form)}`;
  const answer = got.to === address ? got : {}; // another question may have been asked before it came
  const change = (part) => set({ ...form, ...part });
  const look = (event) => {
    event.preventDefault();
    ask(address).then(({ body }) => say({ to: address, body }), (error) => say({ to: address, error }));
  };
  const copy = html`<${Copy} items=${[{ name: "Question", text: curl(address) }]} />`;
  return html`<${Panel} title="May this subject do that?" acts=${copy}><form class="pad stack" onSubmit=${look}>
    <${Question} form=${form} change=${change} />
    <${Trouble} error=${answer.error} />
    ${answer.body && html`<${Note} kind=${answer.body.allowed ? "ok" : "bad"}>
      <strong>${answer.body.allowed ? "Yes." : "No."}</strong> ${because(answer.body)}<//>`}</form><//>`;
}

function Question({ form, change }) {
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  return html`<div class="form">
    <${Field} label="Subject" grow><input ...${text("subject")} placeholder="user:alice" /><//>
    <${Choice} label="May" value=${form.operation} of=${["consume", "produce"]}
      onChange=${(operation) => change({ operation })} />
    <${Field} label="Topic" grow><input required ...${text("topic")} /><//>
    <${Field} label="As a member of" grow><input ...${text("group")} placeholder="any group" /><//>
    <${Field} label="As the client" grow><input ...${text("client")} placeholder="any" /><//>
    <button>Ask</button></div>`;
}

// because tells which rule has decided, and what more holds.
function because({ allowed, allKeys, reason, claimRules }) {
  const live = allowed && !allKeys && "Live, only records of the keys that the rules name.";
  const claims = claimRules.length > 0 && `With the claims that they ask for, rules ${claimRules.join(", ")} allow it.`;
  return [visible(reason), live, claims].filter(Boolean).join(" ");
}
