// What is wrong, in words, as far as the metrics and the readiness of this replica tell.

import { sum } from "./metrics.js";
import { count, duration } from "./text.js";

const runbook = (alert) => `deploy/README.md#${alert.toLowerCase()}`;

const day = 86400; // seconds

// problem is what a note says of one, if there is one: its kind, the text, and the page that says what to do, with the
// name of the link to it.
const problem = (is, kind, text, page, link = "What to do") => (is ? [{ kind, text, page, link }] : []);

export const problems = ({ sampler, ready, brokers, clock }) => [
  ...unready(ready.body),
  ...problem(brokers.error?.status === 503, "bad", "No broker answers.", runbook("WsproxyNoneReady")),
  ...ofClients(sampler),
  ...ofReplica(sampler.series),
  ...certificates(sampler.series),
  ...wrongClock(clock.ahead),
];

function unready({ ready, checks } = { checks: {} }) {
  return Object.entries(checks).filter(([, told]) => told !== "ok").flatMap(([name, told]) => {
    if (name === "draining") {
      const text = "This replica shuts down: it refuses new connections.";
      return problem(true, "warn", text, "docs/operations.md#shutdown", "What clients see");
    }
    return problem(true, ready ? "warn" : "bad", `Readiness check ${name}: ${told}.`, runbook("WsproxyNotReady"));
  });
}

// ofClients are what went wrong between clients and this replica since the page was opened.
function ofClients(sampler) {
  const grown = (name, label, counts = () => true) => sampler.grown(name, label)
    .reduce((total, [of, n]) => total + (counts(of) ? n : 0), 0);
  const some = (n, text, alert) => problem(n > 0, "warn", `${count(n)} ${text}`, runbook(alert));
  const failed = (result) => result === "failed";
  return [
    ...some(grown("wsproxy_produce_errors_total", "code"),
      "messages of clients were answered by an error since this page was opened.", "WsproxyProduceErrors"),
    ...some(grown("wsproxy_handshakes_refused_total", "code"),
      "handshakes were refused since this page was opened.", "WsproxyHandshakesRefused"),
    ...some(grown("wsproxy_commits_total", "result", failed),
      "commits of offsets failed since this page was opened.", "WsproxyCommitsFailed"),
    ...some(grown("wsproxy_slow_client_closes_total"),
      "connections were closed because their clients read nothing.", "WsproxySlowClients"),
  ];
}

function ofReplica(series) {
  const budget = sum(series, "wsproxy_memory_budget_bytes");
  const full = budget > 0 && sum(series, "wsproxy_memory_held_bytes") > 0.9 * budget;
  const behind = sum(series, "wsproxy_state_lag") > 1000;
  const reloads = sum(series, "wsproxy_reload_errors_total");
  return [
    ...problem(full, "bad", "More than nine tenths of the memory budget are in use: new connections are refused.",
      "docs/performance.md#sizing", "Sizing"),
    ...problem(behind, "warn", "This replica is behind in what the replicas share.", runbook("WsproxyStateLag")),
    ...problem(reloads > 0, "warn", `A changed file could not be used, ${count(reloads)} times: the one before holds.`,
      runbook("WsproxyReloadErrors")),
  ];
}

function certificates(series) {
  const all = series.filter((s) => s.name === "wsproxy_certificate_expiry_seconds");
  return all.flatMap(({ value: left, labels }) => {
    const text = `The certificate of the ${labels.listener} listener is valid for ${duration(left * 1000)} more.`;
    return problem(left < 14 * day, left < day ? "bad" : "warn", text, runbook("WsproxyCertificateNearExpiry"));
  });
}

function wrongClock(ahead) {
  const by = `${duration(Math.abs(ahead))} ${ahead > 0 ? "ahead of" : "behind"}`;
  const text = `The clock of this machine is ${by} the proxy's: ages are reckoned by the proxy's.`;
  return problem(Math.abs(ahead) > 30000, "warn", text, "docs/console.md#clocks", "Why it matters");
}
