// What the page asks of the proxy, by the public interfaces alone.

const patience = 20000; // ms

export class Failure extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

// clock tells how far the clock of this machine is ahead of the proxy's, in ms, from the header Date.
export const clock = { ahead: 0 };

async function send(method, path, body) {
  try {
    return await fetch(new URL(path, location.origin + location.pathname), { // an address with a password in it can be asked for nothing
     
      method, body: body === undefined ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(patience), credentials: "same-origin",
    });
  } catch (cause) {
    const text = cause.name === "TimeoutError" ? "The proxy takes too long to answer." : "The proxy does not answer.";
    throw new Failure(0, "UNREACHABLE", text);
  }
}

// ask returns the body of an answer with what its headers tell: the next page of a list, and brokers that were silent.
export async function ask(path, { method = "GET", body, text = false, unready = false } = {}) {
  const answer = await send(method, path, body);
  const date = Date.parse(answer.headers.get("Date"));
  if (date) clock.ahead = Date.now() - date;
  if (!answer.ok && !(unready && answer.status === 503)) {
    const told = await answer.json().catch(() => ({}));
    const hint = answer.status === 401 ? " Reload the page to give other credentials." : "";
    throw new Failure(answer.status, told.code || String(answer.status), (told.message || answer.statusText) + hint);
  }
  const next = /<([^>]*)>; rel="next"/.exec(answer.headers.get("Link") || "");
  return {
    body: text ? await answer.text() : await answer.json(),
    next: next && next[1],
    silent: answer.headers.get("X-Wsproxy-Silent-Brokers") || "",
  };
}

// path makes a path of names, which may hold any characters.
export const path = (...parts) => parts.map(encodeURIComponent).join("/");

// curl returns the command that asks the same.
export function curl(target, { method = "GET", body } = {}) {
  const parts = ["curl --silent"];
  if (method !== "GET") parts.push(`--request ${method}`);
  if (body !== undefined) parts.push(`--data ${quoted(JSON.stringify(body))}`);
  parts.push(quoted(location.origin + target));
  return parts.join(" ");
}

// quoted returns a word for a shell.
export const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

// clientsURL is where clients open their sockets, by the name under which this page was reached.
export function clientsURL({ port, tls, prefix }) {
  return `${tls ? "wss" : "ws"}://${location.hostname}:${port}${prefix}`;
}

// socketURL is where this page opens a socket.
export const socketURL = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
