// What is wrong, in words, as far as the metrics and the readiness of this replica tell.

import { sum } from "./metrics.js";
import { count, duration } from "./text.js";

const runbook = (alert) => `deploy/README.md#${alert.toLowerCase()}`;

export function problems({ sampler, ready, brokers, clock }) {
  const list = [];
  const tell = (is, kind, text, page, link) => is && list.push({ kind, text, page, link });
  const grown = (name, label) => sampler.grown(name, label).reduce((total, [, n]) => total + n, 0);
  const { series } = sampler;

  for (const [name, told] of Object.entries(ready.body?.checks || {})) {
    tell(told !== "ok" && name !== "draining", ready.body.ready ? "warn" : "bad", `Readiness check ${name}: ${told}.`, runbook("WsproxyNotReady"));
    tell(told !== "ok" && name === "draining", "warn", "This replica shuts down: it refuses new connections.", "docs/operations.md#shutdown", "What clients see");
  }
  tell(brokers.error?.status === 503, "bad", "No broker answers.", runbook("WsproxyNoneReady"));
  const errors = grown("wsproxy_produce_errors_total", "code");
  tell(errors > 0, "warn", `${count(errors)} messages of clients were answered by an error since this page was opened.`, runbook("WsproxyProduceErrors"));
  const refused = grown("wsproxy_handshakes_refused_total", "code");
  tell(refused > 0, "warn", `${count(refused)} handshakes were refused since this page was opened.`, runbook("WsproxyHandshakesRefused"));
  const failed = sampler.grown("wsproxy_commits_total", "result").filter(([result]) => result !== "ok" && result !== "success").reduce((t, [, n]) => t + n, 0);
  tell(failed > 0, "warn", `${count(failed)} commits of offsets failed since this page was opened.`, runbook("WsproxyCommitsFailed"));
  const slow = grown("wsproxy_slow_client_closes_total");
  tell(slow > 0, "warn", `${count(slow)} connections were closed because their clients read nothing.`, runbook("WsproxySlowClients"));
  const budget = sum(series, "wsproxy_memory_budget_bytes");
  const held = sum(series, "wsproxy_memory_held_bytes");
  tell(budget > 0 && held > 0.9 * budget, "bad", "More than nine tenths of the memory budget are in use: new connections are refused.", "docs/performance.md#sizing", "Sizing");
  tell(sum(series, "wsproxy_state_lag") > 1000, "warn", "This replica is behind in what the replicas share.", runbook("WsproxyStateLag"));
  const reloads = sum(series, "wsproxy_reload_errors_total");
  tell(reloads > 0, "warn", `A changed file could not be used, ${count(reloads)} times: the one before it holds.`, runbook("WsproxyReloadErrors"));
  for (const s of series) {
    const left = s.name === "wsproxy_certificate_expiry_seconds" ? s.value : Infinity;
    tell(left < 14 * 86400, left < 86400 ? "bad" : "warn", `The certificate of the ${s.labels.listener} listener is valid for ${duration(left * 1000)} more.`, runbook("WsproxyCertificateNearExpiry"));
  }
  tell(Math.abs(clock.ahead) > 30000, "warn", `The clock of this machine is ${duration(Math.abs(clock.ahead))} ${clock.ahead > 0 ? "ahead of" : "behind"} the proxy's: ages are reckoned by the proxy's.`, "docs/console.md#clocks", "Why it matters");
  return list;
}
