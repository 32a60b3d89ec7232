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

// now is the time by the proxy's clock, in ms since 1970.
export const now = () => Date.now() - clock.ahead;

// signIn tells whether the proxy takes the browser's credentials. While it does not, views keep what they have and ask
// for nothing.
export const signIn = {
  awaited: null, // a promise of the moment when it takes them again; null while it does
  listeners: new Set(),
  lost() {
    if (this.awaited) return;
    this.awaited = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.tell();
  },
  found() {
    if (!this.awaited) return;
    this.awaited = null;
    this.resolve();
    this.tell();
  },
  tell() {
    for (const told of this.listeners) told();
  },
};

// toSignIn tells whether an answer asks for other credentials: it is a 401, or leads to the login page of a proxy in
// front.
const toSignIn = (answer) => answer.status === 401 || answer.type === "opaqueredirect";

async function send(method, path, body) {
  const address = new URL(path, location.origin + location.pathname); // without a password, which fetch refuses
  try {
    return await fetch(address, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(patience),
      credentials: "same-origin",
      redirect: "manual",
    });
  } catch (cause) {
    const text = cause.name === "TimeoutError" ? "The proxy takes too long to answer." : "The proxy does not answer.";
    throw new Failure(0, "UNREACHABLE", text);
  }
}

// ask returns the body of an answer with what its headers tell: the next page of a list, and who was silent: brokers by
// their ids, replicas by their names.
export async function ask(path, { method = "GET", body, text = false, unready = false } = {}) {
  const answer = await send(method, path, body);
  const date = Date.parse(answer.headers.get("Date"));
  if (date) clock.ahead = Date.now() - date;
  if (toSignIn(answer)) signIn.lost();
  else signIn.found();
  if (!answer.ok && !(unready && answer.status === 503)) {
    throw await failure(answer);
  }
  const next = /<([^>]*)>; rel="next"/.exec(answer.headers.get("Link") || "");
  return {
    body: text ? await answer.text() : await answer.json(),
    next: next && next[1],
    silent: answer.headers.get("X-Wsproxy-Silent-Brokers") || "",
    mute: names(answer.headers.get("X-Wsproxy-Silent-Replicas") || ""),
  };
}

// names are those of a header, which are percent-encoded.
const names = (list) => list.split(", ").filter(Boolean).map((name) => {
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // of another program
  }
});

// failure is what an answer tells of an error. One that leads to a login page has neither status nor body.
async function failure(answer) {
  const told = await answer.json().catch(() => ({}));
  const message = told.message || "The proxy asks for credentials.";
  return new Failure(answer.status || 401, told.code || "NOT_AUTHENTICATED", message);
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
