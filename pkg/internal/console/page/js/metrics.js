// The metrics of the replica that serves the page, sampled while the page is open.

import { ask, signIn } from "./api.js";

const every = 2000; // ms
const most = 150; // samples: five minutes

// parse reads the text format of Prometheus, of which it keeps the series whose names begin with wsproxy_.
export function parse(text) {
  const series = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("wsproxy_")) continue;
    const end = line.lastIndexOf(" ");
    const brace = line.indexOf("{");
    const name = line.slice(0, brace > 0 ? brace : end);
    const labels = brace > 0 ? labelsIn(line.slice(brace, end)) : {};
    series.push({ name, labels, value: Number(line.slice(end + 1)) });
  }
  return series;
}

function labelsIn(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
  }
  return labels;
}

// sum adds up the series of a name.
export function sum(series, name) {
  let total = 0;
  for (const s of series) if (s.name === name) total += s.value;
  return total;
}

// sumBy adds up those that have the same value of a label, by that value.
export function sumBy(series, name, label) {
  const by = new Map();
  for (const s of series) if (s.name === name) by.set(s.labels[label], (by.get(s.labels[label]) || 0) + s.value);
  return by;
}

const measured = (series) => ({
  connections: sum(series, "wsproxy_connections"),
  produced: sum(series, "wsproxy_records_produced_total"),
  delivered: sum(series, "wsproxy_records_delivered_total"),
  held: sum(series, "wsproxy_memory_held_bytes"),
  errors: sum(series, "wsproxy_produce_errors_total") + sum(series, "wsproxy_handshakes_refused_total"),
});

// Sampler keeps the samples of the last minutes. What depends on time is measured by a clock that nobody sets.
export class Sampler {
  constructor() {
    Object.assign(this, { samples: [], series: [], first: null, error: null, listeners: new Set() });
    this.tick();
  }

  async tick() {
    await signIn.awaited;
    try {
      const { body } = await ask("/metrics", { text: true });
      this.series = parse(body);
      this.first ??= this.series;
      this.samples = [...this.samples.slice(1 - most), { at: performance.now(), ...measured(this.series) }];
      this.error = null;
    } catch (error) {
      this.error = error;
    }
    for (const told of this.listeners) told();
    setTimeout(() => this.tick(), every);
  }

  // span is how long there have been samples, in ms.
  span() {
    return this.samples.length ? this.samples.at(-1).at - this.samples[0].at : 0;
  }

  // rates returns what a counter grew by in a second, from sample to sample. A counter of a replica that was started
  // again begins anew.
  rates(name) {
    return this.samples.slice(1).map((s, i) => {
      const before = this.samples[i];
      return Math.max(0, s[name] - before[name]) / Math.max(0.001, (s.at - before.at) / 1000);
    });
  }

  // rate is that of the last seconds.
  rate(name) {
    const list = this.rates(name).slice(-3);
    return list.length ? list.reduce((a, b) => a + b, 0) / list.length : 0;
  }

  // grown returns by how much the series of a counter have grown since the page was opened, by a label.
  grown(name, label) {
    const before = sumBy(this.first || [], name, label);
    return [...sumBy(this.series, name, label)].map(([key, value]) => [key, value - (before.get(key) || 0), value]);
  }
}
