import assert from "node:assert/strict";
import test from "node:test";
import { WsproxyError, connect, follow, pass, playProxy, record, settle, probe } from "./proxy.mjs";

for (const code of [1002, 1007, 1008, 1009, 4400, 4401, 4403, 4404, 4409]) {
  test(`after ${code} nothing is tried again`, async (t) => {
    const proxy = playProxy(t);
    const seen = follow(proxy.connect().consume({ topic: "t" }));
    await settle();
    proxy.last.open({ error: { code: "SOME_CODE", message: "why", retriable: false } });
    proxy.last.cut(code, "why");
    await pass(120_000);
    assert.equal(proxy.sockets.length, 1);
    assert(seen.error instanceof WsproxyError);
    assert.equal(seen.error.code, "SOME_CODE");
    assert.equal(seen.error.closeCode, code);
    assert.equal(seen.error.retriable, false);
    assert.match(seen.error.message, /why/);
  });
}

for (const code of [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4429]) {
  test(`after ${code} another connection follows a pause`, async (t) => {
    const proxy = playProxy(t);
    const seen = follow(proxy.connect().consume({ topic: "t" }));
    await settle();
    proxy.last.open(record(0));
    proxy.last.cut(code);
    await pass(code === 4429 ? 1900 : 200);
    assert.equal(proxy.sockets.length, 1, "without a pause");
    await pass(code === 4429 ? 2200 : 400);
    assert.equal(proxy.sockets.length, 2);
    assert.equal(seen.error, undefined);
    assert.equal(proxy.last.query.get("onConflict"), "takeover");
  });
}

test("pauses grow up to the longest, are told, and begin anew after a good connection", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect();
  const told = follow(client.status());
  follow(client.consume({ topic: "t" }));
  for (let i = 0; i < 12; i++) {
    await settle();
    proxy.last.cut();
    await pass(30_000);
  }
  const pauses = told.filter(({ state }) => state === "waiting").map(({ pause }) => pause);
  for (const [i, pause] of pauses.entries()) {
    const cap = Math.min(30_000, 500 * 2 ** i);
    assert(pause >= cap / 2 && pause <= cap, `pause ${i} is ${pause}`);
  }
  proxy.last.open(record(0));
  proxy.last.cut();
  await settle();
  assert(told.at(-1).pause <= 500);
});

test("what the machine says about its network has the next attempt follow at once", async (t) => {
  const events = new EventTarget();
  globalThis.addEventListener = events.addEventListener.bind(events);
  t.after(() => delete globalThis.addEventListener);
  for (const type of ["online", "pageshow", "visibilitychange"]) {
    await t.test(type, async (t) => {
      const proxy = playProxy(t);
      const seen = follow(proxy.connect({ backoff: { min: 30_000 } }).consume({ topic: "t" }));
      await settle();
      proxy.last.cut();
      await pass(1000);
      events.dispatchEvent(new Event(type));
      await pass(500);
      assert.equal(proxy.sockets.length, 2);
      proxy.last.open(record(0));
      await pass(10);
      events.dispatchEvent(new Event(type));
      assert.deepEqual(proxy.last.sent.at(-1), probe, "an open connection must prove itself");
      const { last } = proxy;
      await pass(13_000);
      assert.equal(last.readyState, 3, "it has not");
      assert.equal(seen.error, undefined);
    });
  }
});

test("a connection without signs of life is given up, one with any stays", async (t) => {
  const proxy = playProxy(t);
  follow(proxy.connect().consume({ topic: "t" }));
  await settle();
  proxy.last.open();
  for (let i = 0; i < 5; i++) {
    await pass(30_100, 500);
    assert.deepEqual(proxy.last.sent.at(-1), probe);
    proxy.last.say({ error: { code: "INVALID_JSON", message: "what is ?", retriable: false } });
    await pass(12_000, 500);
  }
  assert.equal(proxy.sockets.length, 1);
  await pass(45_000, 500);
  assert.equal(proxy.sockets[0].readyState, 3);
  assert.equal(proxy.sockets.length, 2);
});

test("a platform that tells a failed handshake by an error alone has another follow", async (t) => {
  const proxy = playProxy(t);
  follow(proxy.connect().consume({ topic: "t" }));
  await settle();
  proxy.last.onerror({});
  await pass(600);
  assert.equal(proxy.sockets.length, 2);
});

test("a handshake that takes too long is given up", async (t) => {
  const proxy = playProxy(t);
  follow(proxy.connect().consume({ topic: "t" }));
  await pass(21_000);
  assert.equal(proxy.sockets.length, 2);
});

const jwt = (exp, n = 0) => `x.${btoa(JSON.stringify({ exp, n })).replaceAll("=", "")}.x`;

test("tokens are renewed well before they expire, for an hour, on one connection", async (t) => {
  const proxy = playProxy(t);
  const given = [];
  const getToken = async () => (given.push(Date.now()), jwt(Date.now() / 1000 + 300, given.length));
  follow(proxy.connect({ getToken }).consume({ topic: "t" }));
  await settle();
  proxy.last.open();
  assert.equal(proxy.last.offers[0], "wsproxy.v1");
  assert.match(proxy.last.offers[1], /^wsproxy\.bearer\.x\./);
  let answered = 0;
  for (let second = 0; second < 3600; second++) {
    await pass(1000, 1000);
    const renewals = proxy.last.sent.filter(({ auth }) => auth);
    if (renewals.length > answered) {
      answered = renewals.length;
      proxy.last.say({ auth: { expiresAt: Date.now() + 300_000 } });
    }
    const [newest] = given.slice(-1);
    assert(Date.now() - newest < 250_000, "a token is about to expire");
    if (second % 20 === 0) proxy.last.say(record(second));
  }
  assert.equal(proxy.sockets.length, 1);
  assert(answered >= 14 && answered <= 18, `${answered} renewals`);
});

test("a renewal that fails or is not answered follows again, after pauses that grow", async (t) => {
  const proxy = playProxy(t);
  let asked = 0;
  const getToken = async () => {
    if (++asked === 2) throw new Error("no network");
    return { token: "opaque", expiresAt: Date.now() + 100_000 };
  };
  follow(proxy.connect({ getToken, heartbeat: 0 }).consume({ topic: "t" }));
  await settle();
  proxy.last.open();
  await pass(105_000); // after 70 to 80 s, and 20 s later; the next follows 40 s after that
  assert.equal(asked, 3);
  assert.deepEqual(proxy.last.sent, [{ auth: { token: "opaque" } }]);
});

test("a refused token is replaced by a new one once", async (t) => {
  const proxy = playProxy(t);
  let asked = 0;
  const seen = follow(proxy.connect({ getToken: () => `opaque${++asked}` }).consume({ topic: "t" }));
  await settle();
  proxy.last.open();
  proxy.last.cut(4401);
  await pass(1000);
  assert.equal(proxy.last.offers[1], "wsproxy.bearer.opaque2");
  proxy.last.open(record(0));
  proxy.last.cut(4401); // long after
  await pass(1000);
  assert.equal(proxy.last.offers[1], "wsproxy.bearer.opaque3");
  proxy.last.open();
  proxy.last.cut(4401);
  await pass(10_000);
  assert.equal(seen.error.closeCode, 4401);
  assert.equal(proxy.sockets.length, 3);
});

test("without a token it ends, and where getToken fails it asks again", async (t) => {
  const proxy = playProxy(t);
  let asked = 0;
  const seen = follow(proxy.connect({ getToken: () => (++asked < 3 ? Promise.reject(new Error("offline")) : "") }).consume({ topic: "t" }));
  await pass(10_000);
  assert.equal(seen.error.code, "NO_TOKEN");
  assert.equal(asked, 3);
  assert.equal(proxy.sockets.length, 0);
});

test("passwords come as subprotocols, in any script", async (t) => {
  const proxy = playProxy(t);
  follow(proxy.connect({ user: "zoë", password: "ses:ame?>", kafka: { user: "k", password: "p" } }).consume({ topic: "t" }));
  await settle();
  const [version, basic, kafka] = proxy.last.offers;
  assert.equal(version, "wsproxy.v1");
  assert.equal(Buffer.from(basic.replace("wsproxy.basic.", ""), "base64url").toString(), "zoë:ses:ame?>");
  assert.doesNotMatch(basic, /[+/=]/);
  assert.equal(Buffer.from(kafka.replace("wsproxy.kafka.", ""), "base64url").toString(), "k:p");
});

test("an aborted signal ends all that a client has made, with its reason", async (t) => {
  const proxy = playProxy(t);
  const stop = new AbortController();
  const client = proxy.connect({ signal: stop.signal });
  const ends = [client.consume({ topic: "t" }), client.tail({ topic: "t" }), client.queue({ topic: "t", groupId: "g" })].map(follow);
  const map = client.map({ topic: "t" });
  const producer = client.producer({ topic: "t" });
  const ack = producer.send({ value: "v" });
  await settle();
  for (const socket of proxy.sockets) socket.open();
  const reason = new Error("enough");
  stop.abort(reason);
  for (const promise of [ack, map.ready, producer.send({ value: "v" })]) await assert.rejects(promise, reason);
  await settle();
  for (const seen of ends) assert.equal(seen.error, reason);
  await pass(120_000);
  assert.equal(proxy.sockets.length, 5);
});

test("each thing has a signal of its own", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect();
  const one = follow(client.consume({ topic: "t", signal: AbortSignal.abort(new Error("before")) }));
  const other = follow(client.consume({ topic: "t" }));
  await settle();
  assert.equal(one.error.message, "before");
  assert.equal(other.error, undefined);
  await client.close();
  await other.end;
  assert(other.over);
});

test("await using closes each thing, and a client all of them", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect();
  const makers = [
    () => client.producer({ topic: "t" }), () => client.consume({ topic: "t" }), () => client.tail({ topic: "t" }),
    () => client.map({ topic: "t" }), () => client.queue({ topic: "t", groupId: "g" }),
  ];
  for (const make of makers) {
    const one = make();
    await settle();
    proxy.last.open();
    await one[Symbol.asyncDispose]();
    assert.equal(proxy.last.closedWith, 1000);
    assert.deepEqual(await one.next?.(), one.next && { done: true, value: undefined });
  }
  const status = client.status();
  await status[Symbol.asyncDispose]();
  assert((await status.next()).done);

  for (const make of makers) make();
  await settle();
  const open = proxy.sockets.slice(makers.length);
  for (const socket of open) socket.open();
  await client[Symbol.asyncDispose]();
  assert.deepEqual(open.map(({ closedWith }) => closedWith), makers.map(() => 1000));
});

test("status ends with its signal, and a slow loop misses the oldest", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect();
  const stop = new AbortController();
  const [slow, brief] = [client.status(), follow(client.status({ signal: stop.signal }))];
  const tail = client.tail({ topic: "t" });
  await settle();
  stop.abort(new Error("enough"));
  await settle();
  assert.equal(brief.error.message, "enough");
  assert.equal(brief.length, 1);
  for (let i = 0; i < 200; i++) {
    proxy.last.cut();
    await pass(30_000, 30_000);
  }
  await tail.close();
  await client.close();
  const seen = follow(slow);
  await seen.end;
  assert.equal(seen.length, 100);
  assert.equal(seen.at(-1).state, "closed");
});

test("a platform without a WebSocket is told what to do", { skip: globalThis.WebSocket && "this one has one" }, () => {
  assert.throws(() => connect("ws://proxy"), { code: "NO_WEBSOCKET", message: /--experimental-websocket/ });
});
