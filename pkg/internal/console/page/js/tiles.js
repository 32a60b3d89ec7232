// What the overview shows first: a number and how it went, for each of a few things.

import { Bar, Chart, html } from "./ui.js";
import { sum, sumBy } from "./metrics.js";
import { count, short, size } from "./text.js";

export function Tiles({ sampler }) {
  const { samples } = sampler;
  const { connections = 0 } = samples.at(-1) || {};
  return html`<div class="grid tiles">
    <${Tile} name="Connections" big=${count(connections)} foot=${directions(sampler.series)}
      values=${samples.map((s) => s.connections)} />
    <${Records} name="Records in" of="produced" sampler=${sampler} />
    <${Records} name="Records out" of="delivered" sampler=${sampler} />
    <${Memory} sampler=${sampler} />
    <${Tile} name="Errors" big=${short(60 * sampler.rate("errors"))} unit="/min" foot="messages, handshakes"
      values=${sampler.rates("errors")} second />
  </div>`;
}

// directions tells how many connections are on each endpoint.
function directions(series) {
  const some = [...sumBy(series, "wsproxy_connections", "direction")].filter(([, n]) => n);
  return some.map(([name, n]) => `${name} ${count(n)}`).join(" \u00b7 ") || "none";
}

function Records({ name, of, sampler }) {
  const all = sampler.samples.at(-1)?.[of] ?? 0;
  return html`<${Tile} name=${name} big=${short(sampler.rate(of))} unit="/s" foot=${`${count(all)} in all`}
    values=${sampler.rates(of)} />`;
}

function Memory({ sampler }) {
  const { held = 0 } = sampler.samples.at(-1) || {};
  const budget = sum(sampler.series, "wsproxy_memory_budget_bytes");
  const part = held / budget;
  return html`<${Tile} name="Memory held" big=${size(held)} foot=${budget ? `of ${size(budget)} allowed` : "no budget"}
      values=${sampler.samples.map((s) => s.held)}>
    ${budget > 0 && html`<${Bar} part=${part} high=${part > 0.9} label="Part of the memory budget" />`}<//>`;
}

function Tile({ name, big, unit = "", foot, values, second, children }) {
  const most = short(Math.max(0, ...values));
  return html`<section class="panel tile" aria-label=${name}><h2>${name}</h2>
    <p class="big">${big}${unit && html`<small>${unit}</small>`}</p><p class="foot">${foot}</p>
    <${Chart} values=${values} second=${second}
      label=${`${name}: now ${big}${unit}, at most ${most} in the last minutes`} />${children}</section>`;
}
