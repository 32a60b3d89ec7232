import type { Frame } from "./codec.js";
import { WsproxyError, fromFault, isInVain, type Fault } from "./errors.js";
import { onAbort } from "./stream.js";
import type { Status, Token, WebSocketClass } from "./types.js";

/** What all connections of a client share. */
export interface Environment {
  url: string;
  WebSocket: WebSocketClass;
  getToken?: () => Token | Promise<Token>;
  /** The subprotocol, and those with other credentials. */
  credentials: string[];
  /** The pause before the second attempt in ms, which doubles, and the longest one. */
  backoff: { min: number; max: number };
  /** After so many ms of silence a connection is asked for a sign of life; 0: never. */
  heartbeat: number;
  say(status: Status): void;
  /** The uses of all connections that are not ended. */
  uses: Set<Use>;
  /** Ends all that it has made. */
  signal: AbortSignal;
}

/** What a connection is used for. */
export interface Use {
  endpoint: string;
  topic: string;
  /** A message that is answered and changes nothing. By default none that is JSON, whose answer is left out. */
  probe?: string;
  /** Parameters of the next connection. */
  query(): Record<string, unknown>;
  /** An empty batch came: the answer to one. */
  answered?(): void;
  frame(frame: Frame): void;
  /** The connection is gone, and another one follows. */
  lost?(error: WsproxyError): void;
  /** There will be no other connection: by intent, or for this reason. */
  ended(error?: unknown): void;
  /** Ends the use, and the connection. */
  close(): Promise<void>;
}

/** A connection that is made anew until it is ended, or another one would be in vain. */
export interface Link {
  /** Sends JSON, if there is an open connection. */
  send(message: object | string): boolean;
  /** Tells of an error that ends nothing. */
  warn(error: Error): void;
  /** Gives up this connection, as if it had been cut, for another one. */
  drop(reason: string): void;
  /** Ends the connection for good, and returns when the proxy has taken all that was sent. */
  end(error?: unknown): Promise<void>;
}

const handshakeLimit = 20_000; // ms
const answerLimit = 10_000; // ms, for a sign of life or a new token
const closeLimit = 5_000; // ms
const longestTimer = 2e9; // ms: a longer one would be due at once
const longLived = 30_000; // ms: a connection that lasted so long was a good one

/** Makes a connection. One socket is open at a time, and each attempt but the first follows a pause. */
export function makeLink(env: Environment, use: Use, signal?: AbortSignal): Link {
  const { endpoint, topic, probe = "?" } = use;
  const { getToken } = env;
  const ended = new AbortController();
  let socket: any;
  let retry: any; // the timer of the next attempt
  let watch: any; // the timer for signs of life
  let renewal: any; // the timer for tokens
  let failures = 0;
  let isDenied = false; // the last token
  let wasAdmitted = false; // by the proxy
  let opened = 0; // when
  let heard = 0; // when
  let problem: Fault | undefined; // the last error frame of this connection that concerns no message
  let whenClosed: () => void;

  const say = (state: Status["state"], more?: Partial<Status>) => env.say({ endpoint, topic, state, ...more });
  const warn = (error: Error) => say("error", { error });

  function send(message: object | string): boolean {
    const isOpen = socket?.readyState === 1;
    if (isOpen) socket.send(typeof message === "string" ? message : JSON.stringify(message));
    return isOpen;
  }

  const again = (pause: number) => (retry = setTimeout(open, pause));

  async function open(): Promise<void> {
    retry = undefined;
    say("connecting");
    try {
      const token = await askToken();
      if (!ended.signal.aborted) connect(token);
    } catch (error) {
      if (ended.signal.aborted) return;
      if ((error as WsproxyError).retriable) fail(error as WsproxyError);
      else void end(error); // there is no token, or the address is wrong
    }
  }

  /** Returns a token, undefined where clients bring none. */
  async function askToken(): Promise<{ token: string; expiresAt?: number } | undefined> {
    if (!getToken) return undefined;
    let token: Token;
    try {
      token = await getToken();
    } catch (error) {
      throw new WsproxyError("NO_TOKEN", `getToken failed: ${error}`, true);
    }
    if (!token) throw new WsproxyError("NO_TOKEN", "getToken gave none");
    return typeof token === "string" ? { token, expiresAt: expiryOf(token) } : token;
  }

  function connect(token: Awaited<ReturnType<typeof askToken>>): void {
    const query = new URLSearchParams({ handshakeErrors: "close" });
    const { onConflict = wasAdmitted ? "takeover" : undefined, ...parameters } = use.query(); // the last connection may hold the place
    for (const [name, value] of Object.entries({ ...parameters, onConflict })) {
      for (const one of [value ?? []].flat()) query.append(name, one as string);
    }
    const offers = token ? [...env.credentials, `wsproxy.bearer.${token.token}`] : env.credentials;
    socket = new env.WebSocket(`${env.url}/socket/${endpoint}?${query}`, offers[1] ? offers : []);
    problem = undefined;
    opened = Infinity;
    socket.onopen = () => {
      opened = heard = Date.now();
      watchFrom(0);
      say("open");
      renewAt(token?.expiresAt);
      if (use.answered) send(probe); // its answer tells that the handshake is not refused
    };
    socket.onmessage = ({ data }: { data: string }) => take(JSON.parse(data));
    socket.onerror = () => socket.readyState || drop("not reached"); // a close follows, but not with Node 20
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => closed(code, reason);
    watch = setTimeout(() => drop("not reached"), handshakeLimit);
  }

  function take(frames: Frame | Frame[]): void {
    heard = Date.now();
    if (frames.length === 0) {
      isGood();
      use.answered?.();
    }
    for (const frame of ([] as Frame[]).concat(frames)) {
      const { error, messageId, wsProxyMessageId, auth } = frame;
      const isOfConnection = error && !messageId && !wsProxyMessageId;
      if (isOfConnection && error.code === "INVALID_JSON") continue; // it answers a probe
      if (isOfConnection) problem = error;
      else isGood();
      if (auth) renewAt(auth.expiresAt);
      else use.frame(frame);
    }
  }

  function isGood(): void {
    failures = 0;
    isDenied = false;
    wasAdmitted = true;
  }

  /** Looks for a sign of life: the answer to what asked for one at that time, or any when the connection is silent. */
  function watchFrom(asked: number): void {
    const look = (isLast?: boolean) => {
      if (asked ? heard >= asked : Date.now() - heard < env.heartbeat) watchFrom(0);
      else if (!asked) ask();
      else if (isLast) drop("no sign of life");
      else watch = setTimeout(look, 1000, true); // this thread may have been busy
    };
    clearTimeout(watch);
    if (asked || env.heartbeat) watch = setTimeout(look, asked ? answerLimit : env.heartbeat);
  }

  function ask(): void {
    if (send(probe)) watchFrom(Date.now());
  }

  /** Something may have changed: a connection that is waited for is tried at once, an open one must prove itself. */
  function wake(): void {
    if (retry && failures) {
      clearTimeout(retry);
      again(Math.random() * 500);
    } else ask();
  }

  /** Plans to bring a new token well before one expires. Until it is answered another follows after a pause, which doubles. */
  function renewAt(expiresAt: number | undefined): void {
    let pause = answerLimit;
    const renew = async () => {
      const before = socket;
      renewal = setTimeout(renew, (pause *= 2));
      try {
        const { token } = (await askToken())!;
        if (before === socket) send({ auth: { token } });
      } catch (error) {
        warn(error as Error);
      }
    };
    clearTimeout(renewal);
    const due = (expiresAt! - Date.now()) * (0.7 + 0.1 * Math.random());
    if (expiresAt) renewal = setTimeout(renew, Math.min(Math.max(due, 1000), longestTimer));
  }

  function closed(code: number, reason: string): void {
    socket = undefined;
    clearTimeout(watch);
    clearTimeout(renewal);
    if (ended.signal.aborted) return whenClosed?.();
    if (Date.now() - opened > longLived) isGood();
    const retriable = !isInVain(code) || (code === 4401 && getToken && !isDenied);
    const error = fromFault({ code: "CONNECTION_LOST", message: `closed: ${code} ${reason}`, ...problem, retriable }, code);
    isDenied = code === 4401;
    if (retriable) fail(error);
    else void end(error);
  }

  /** Has another attempt follow. */
  function fail(error: WsproxyError): void {
    const { min, max } = env.backoff;
    const slower = error.closeCode === 4429 ? 8 : 1;
    const pause = Math.min(max, min * slower * 2 ** failures++) * (0.5 + Math.random() / 2); // not all clients at once
    use.lost?.(error);
    again(pause);
    say("waiting", { error, pause });
  }

  function drop(reason: string): void {
    const dropped = socket;
    if (!dropped) return;
    dropped.onopen = dropped.onmessage = dropped.onclose = null;
    dropped.onerror = () => {};
    closed(1006, reason);
    dropped.close();
  }

  async function end(error?: unknown): Promise<void> {
    if (ended.signal.aborted) return;
    ended.abort();
    env.uses.delete(use);
    for (const one of forget) one();
    for (const timer of [retry, watch, renewal]) clearTimeout(timer);
    use.ended(error);
    say("closed", { error: error as Error });
    if (!socket) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, closeLimit);
      whenClosed = () => resolve(clearTimeout(limit));
      socket.onmessage = null;
      socket.close(1000);
    });
  }

  const forget = [signal, env.signal].map((one) => onAbort(one, end));
  for (const type of ["online", "pageshow", "visibilitychange"]) globalThis.addEventListener?.(type, wake, { signal: ended.signal });
  env.uses.add(use);
  again(0);
  return { send, warn, drop, end };
}

/** When a token expires, if it is a JWT that says so: else it is undefined, or NaN. */
function expiryOf(token: string): number | undefined {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/"))).exp * 1000;
  } catch {
    return undefined;
  }
}
