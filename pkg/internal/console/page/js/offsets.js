// Dialogs that change the offsets of a group, or delete it.

import { ask, curl, path } from "./api.js";
import { Ask, Choice, docs, Field, html, Note, Out, Text, Trouble, useState } from "./ui.js";
import { Table } from "./table.js";
import { count, moment } from "./text.js";

export function Deletion({ target, id, onClose }) {
  const method = "DELETE";
  const act = async () => {
    await ask(target, { method });
    location.hash = "#/groups";
  };
  const command = curl(target, { method });
  return html`<${Ask} title="Delete this group?" act="Delete" command=${command} onClose=${onClose} onAct=${act}>
    <p>The group <strong><${Text} of=${id} /></strong> and its offsets are removed. Kafka refuses that while it has
      members.</p><//>`;
}

const ways = { earliest: "the earliest", latest: "the latest", time: "a time", shift: "a shift" };

// typed are the ways for which something is typed, with what the field is called and an example.
const typed = { time: ["Time", "2026-11-30T12:00"], shift: ["Records", "-100"] };

// bodyOf is the body of a request that sets offsets.
function bodyOf({ way, value }) {
  switch (way) {
    case "time": return { timestamp: moment(value) };
    case "shift": return { shift: Number(value) };
    default: return { to: way };
  }
}

// Reset sets the offsets of a group in a topic, once the proxy has told what they would be: an answer to what the form
// asked before does not count.
export function Reset({ target, group, onClose, onDone }) {
  const topics = [...new Set(group.partitions.map((p) => p.topic))];
  const [form, set] = useState({ topic: topics[0] || "", way: "earliest", value: "" });
  const [answer, show] = useState({});
  const address = `${target}/offsets/alter/${path(form.topic)}`;
  const request = { method: "PUT", body: bodyOf(form) };
  const command = curl(address, request);
  const { preview, error } = answer.to === command ? answer : {};
  const change = (part) => set({ ...form, ...part });
  const look = (event) => {
    event.preventDefault();
    const done = ({ body }) => show({ to: command, preview: body });
    const failed = (wrong) => show({ to: command, error: wrong });
    ask(`${address}?dryRun=true`, request).then(done, failed);
  };
  const act = async () => {
    await ask(address, request);
    onDone();
  };
  return html`<${Ask} title="Reset offsets" act="Set these offsets" command=${command}
      disabled=${!preview} onClose=${onClose} onAct=${act}>
    <p class="small mute">A group with members is refused: stop its clients first.
      ${" "}<${Out} to=${docs("docs/operations.md#offsets-of-consumer-groups")}>How it works<//></p>
    <form class="form" onSubmit=${look}><${Fields} form=${form} change=${change} topics=${topics} />
      <button>Preview</button></form>
    <${Trouble} error=${error} />
    ${preview && html`<${Table} label="Offsets as they would be" rows=${preview} id=${(p) => p.partition}
        columns=${previewed(group, form.topic)} />
      <${Note} kind="warn">Nothing is changed yet.<//>`}<//>`;
}

function Fields({ form, change, topics }) {
  const [label, example] = typed[form.way] || [];
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  return html`<${Field} label="Topic" grow><input autofocus list="topics" ...${text("topic")} /><//>
    <datalist id="topics">${topics.map((t) => html`<option value=${t} />`)}</datalist>
    <${Choice} label="To" value=${form.way} of=${ways} onChange=${(way) => change({ way })} />
    ${label && html`<${Field} label=${label}><input placeholder=${example} ...${text("value")} /><//>`}`;
}

function previewed({ partitions }, topic) {
  const now = (p) => partitions.find((had) => had.topic === topic && had.partition === p.partition)?.offset;
  return [
    { name: "Partition", cell: (p) => p.partition },
    { name: "Now", num: true, cell: (p) => count(now(p)) },
    { name: "Then", num: true, cell: (p) => html`<strong>${count(p.offset)}</strong>` },
  ];
}
