// A proxy that a test plays: sockets that say what the test has them say, and note what they are sent.
import { mock } from "node:test";

export const { connect, WsproxyError } = await import(process.env.WSPROXY_CLIENT ?? "../dist/index.js");

/** What readers send to be answered. */
export const probe = "?";

/** Has all that is ready run: callbacks of promises, and timers that are due. */
export async function settle() {
  for (let i = 0; i < 12; i++) {
    await Promise.resolve();
    mock.timers.tick(0);
  }
}

/** Has time pass, in steps, so that each timer runs at its time. */
export async function pass(ms, step = Math.max(1, Math.ceil(ms / 100))) {
  for (let left = ms; left > 0; left -= step) {
    mock.timers.tick(Math.min(step, left));
    await settle();
  }
}

export class Proxy {
  sockets = [];

  constructor() {
    const { sockets } = this;
    this.WebSocket = class {
      readyState = 0;
      sent = [];
      constructor(url, offers) {
        Object.assign(this, { query: new URL(url).searchParams, path: new URL(url).pathname, offers });
        sockets.push(this);
      }
      open(...frames) {
        this.readyState = 1;
        this.onopen?.();
        this.say(...frames);
      }
      send(text) {
        this.sent.push(text === probe ? text : JSON.parse(text));
      }
      say(...frames) {
        for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
      }
      cut(code = 1006, reason = "") {
        this.readyState = 3;
        this.onclose?.({ code, reason });
      }
      close(code) {
        if (this.readyState < 2) this.readyState = 2;
        this.closedWith = code;
        queueMicrotask(() => this.cut(code));
      }
    };
  }

  get last() {
    return this.sockets.at(-1);
  }

  connect(options = {}) {
    return connect("ws://proxy", { WebSocket: this.WebSocket, clientId: "c", ...options });
  }
}

/** A proxy in virtual time, for one test. */
export function playProxy(t) {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1e12 });
  t.after(() => mock.timers.reset());
  return new Proxy();
}

/** Notes what an iteration yields, and how it ends. */
export function follow(iteration) {
  const seen = [];
  seen.end = (async () => {
    try {
      for await (const item of iteration) seen.push(item);
      seen.over = true;
    } catch (error) {
      seen.error = error;
    }
  })();
  return seen;
}

export const record = (offset, more = {}) => ({
  wsProxyMessageId: `t-0-${offset}-1`, topic: "t", partition: 0, offset, timestamp: 1, value: { value: `v${offset}`, format: "string" }, ...more,
});
