// The form that says what is read, and how it is shown.

import { Check, Choice, Field, html } from "./ui.js";
import { formats } from "./decode.js";
import { names } from "./reading.js";

export function Controls({ form, change, read, reader, pause }) {
  const text = (name) => ({ value: form[name], onInput: (e) => change({ [name]: e.target.value }) });
  const submit = (event) => {
    event.preventDefault();
    read();
  };
  return html`<form class="panel pad stack" onSubmit=${submit}>
    <div class="form"><${Place} form=${form} change=${change} text=${text} />
      <span class="row"><button class="main">Read</button><${Acts} reader=${reader} pause=${pause} /></span></div>
    <details class="filters" open=${isNarrow(form) || matchMedia("(min-width: 701px)").matches}>
      <summary class="small mute">Filter, formats and columns</summary>
      <${Filters} form=${form} change=${change} text=${text} /></details></form>`;
}

// isNarrow tells whether a form asks for less than everything, or shows it in another way: what does so is not hidden.
const isNarrow = ({ key, prefix, where, columns, keys, values }) => Boolean(key || prefix || where || columns)
  || keys !== "guess" || values !== "guess";

// Place has the fields that say where a reading begins.
function Place({ form, change, text }) {
  const { from } = form;
  const number = (label, name, placeholder) => html`<${Field} label=${label}>
    <input class="few" inputmode="numeric" placeholder=${placeholder} ...${text(name)} /><//>`;
  return html`<${Choice} label="From" value=${from} of=${names} onChange=${(to) => change({ from: to })} />
    ${from !== "now" && html`<${Field} label="Records">
      <input class="few" type="number" min="1" max="2000" value=${form.n}
        onInput=${(e) => change({ n: Number(e.target.value) })} /><//>`}
    ${from === "time" && html`<${Field} label="Time"><input placeholder="2026-11-30T12:00" ...${text("t")} /><//>`}
    ${from === "newest" && number("Partition", "p", "all")}
    ${from === "offset" && html`${number("Partition", "p", "0")}${number("Offset", "o")}`}
    ${from === "newest" && html`<${Check} label="and what comes" value=${form.follow}
      onChange=${(follow) => change({ follow })} />`}`;
}

// Acts pause and stop a reading that is under way.
function Acts({ reader, pause }) {
  if (!["open", "connecting", "lost"].includes(reader.state)) return null;
  const stop = () => {
    reader.close();
    reader.changed();
  };
  return html`${!reader.limit && html`<button type="button" aria-pressed=${Boolean(reader.paused)} onClick=${pause}>
      ${reader.paused ? "Resume" : "Pause"}</button>`}
    <button type="button" onClick=${stop}>Stop</button>`;
}

const Filters = ({ form, change, text }) => html`<div class="form">
  <${Field} label="Key is"><input data-filter size="12" ...${text("key")} /><//>
  <${Field} label="Key begins with"><input size="10" ...${text("prefix")} /><//>
  <${Field} label="Where (JSON or headers)" grow>
    <input placeholder="/total >= 20 and header source = shop" spellcheck="false" ...${text("where")} /><//>
  <${Field} label="Columns by JSON path" grow>
    <input placeholder="/customer/name, /total" spellcheck="false" ...${text("columns")} /><//>
  <${Choice} label="Keys as" value=${form.keys} of=${formats} onChange=${(keys) => change({ keys })} />
  <${Choice} label="Values as" value=${form.values} of=${formats} onChange=${(values) => change({ values })} /></div>`;
