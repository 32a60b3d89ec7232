import assert from "node:assert/strict";
import test from "node:test";
import { pass, playProxy, settle } from "./proxy.mjs";

const ack = ({ messageId }) => ({ topic: "t", partition: 0, offset: 1, timestamp: 1, messageId });
const refusal = (code) => ({ error: { code, message: "why", retriable: true } });
const values = (socket) => socket.sent.slice(1).map(({ value }) => value.value); // behind the probe

async function open(t, options, client) {
  const proxy = playProxy(t);
  const producer = proxy.connect(client).producer({ topic: "t", ...options });
  await settle();
  return { proxy, producer };
}

test("nothing is sent before the proxy has taken the handshake", async (t) => {
  const { proxy, producer } = await open(t);
  const sent = producer.send({ value: "v" });
  proxy.last.open();
  assert.deepEqual(proxy.last.sent, [[]]);
  proxy.last.say({ error: { code: "LIMIT_REACHED", message: "full", retriable: true } });
  proxy.last.cut(4429);
  await pass(5000);
  proxy.last.open([]);
  proxy.last.say(ack(proxy.last.sent[1]));
  assert.equal((await sent).sends, 1);
});

test("messages take their formats from their values, or from the producer", async (t) => {
  const { proxy, producer } = await open(t);
  proxy.last.open([]);
  const headers = [{ key: "a", value: null }, { key: "b", value: new Uint8Array([255]) }];
  for (const value of ["text", { n: 1 }, 2n ** 60n, new Uint8Array([1, 2]), null, NaN]) void producer.send({ value, key: "k", headers, partition: 3, timestamp: 4 });
  const [first, ...others] = proxy.last.sent.slice(1);
  assert.deepEqual(first, {
    messageId: "c-1", value: { value: "text", format: "string" }, key: { value: "k", format: "string" }, partition: 3, timestamp: 4,
    headers: [{ key: "a", value: null }, { key: "b", value: { value: "/w==", format: "bytearray" } }],
  });
  assert.deepEqual(others.map(({ value }) => value), [
    { value: { n: 1 }, format: "json" }, { value: `${2n ** 60n}`, format: "long" }, { value: "AQI=", format: "bytearray" },
    { value: null, format: "json" }, { value: "NaN", format: "string" },
  ]);
  await assert.rejects(producer.send({ key: "k" }), TypeError);

});

test("the producer's formats hold for what is no bytes", async (t) => {
  const typed = await open(t, { valType: "double", keyType: "long" });
  typed.proxy.last.open([]);
  for (const value of [1.5, Infinity]) void typed.producer.send({ value, key: 7n });
  assert.deepEqual(typed.proxy.last.sent.slice(1).map(({ value, key }) => [value, key]), [
    [{ value: 1.5, format: "double" }, { value: "7", format: "long" }], [{ value: "Infinity", format: "double" }, { value: "7", format: "long" }],
  ]);
});

test("what was not answered is sent again in its order, and the ack tells", async (t) => {
  const { proxy, producer } = await open(t);
  proxy.last.open([]);
  const acks = ["a", "b", "c"].map((value) => producer.send({ value }));
  const [, ...sent] = proxy.last.sent;
  proxy.last.say(ack(sent[0]));
  proxy.last.cut();
  acks.push(producer.send({ value: "d" }));
  await pass(1000);
  proxy.last.open([]);
  assert.deepEqual(values(proxy.last), ["b", "c", "d"]);
  assert.deepEqual(proxy.last.sent.slice(1, 3), sent.slice(1));
  for (const message of proxy.last.sent.slice(1)) proxy.last.say(ack(message));
  assert.deepEqual((await Promise.all(acks)).map(({ sends }) => sends), [1, 2, 2, 1]);
});

test("with resend false what was not answered fails, and only that", async (t) => {
  const { proxy, producer } = await open(t, { resend: false, maxInFlight: 1 });
  proxy.last.open([]);
  const [sent, waits] = [producer.send({ value: "a" }), producer.send({ value: "b" })];
  proxy.last.cut();
  await assert.rejects(sent, { code: "CONNECTION_LOST", unknownOutcome: true });
  await pass(1000);
  proxy.last.open([]);
  assert.deepEqual(values(proxy.last), ["b"]);
  proxy.last.cut(4404);
  await assert.rejects(waits, { closeCode: 4404, unknownOutcome: true });
  await assert.rejects(producer.send({ value: "c" }), { closeCode: 4404, unknownOutcome: false });
});

test("an error concerns its message, and TIMEOUT leaves it unknown", async (t) => {
  const { proxy, producer } = await open(t);
  proxy.last.open([]);
  const acks = ["a", "b", "c"].map((value) => producer.send({ value }));
  const [, a, b, c] = proxy.last.sent;
  proxy.last.say(refusal("OVERLOADED")); // of the connection: it has no messageId
  proxy.last.say({ ...refusal("INVALID_VALUE"), messageId: a.messageId }, { ...refusal("TIMEOUT"), messageId: b.messageId }, ack(c));
  await assert.rejects(acks[0], { code: "INVALID_VALUE", retriable: true, unknownOutcome: false });
  await assert.rejects(acks[1], { code: "TIMEOUT", unknownOutcome: true });
  assert.equal((await acks[2]).messageId, "c-3");
});

test("no more than maxInFlight are unanswered, and no more than maxBuffered held", async (t) => {
  const { proxy, producer } = await open(t, { maxInFlight: 2, maxBuffered: 4 });
  proxy.last.open([]);
  for (const value of "abcd") void producer.send({ value });
  assert.deepEqual(values(proxy.last), ["a", "b"]);
  await assert.rejects(producer.send({ value: "e" }), { code: "BUFFER_FULL", retriable: true });
  let ready = false;
  void producer.ready().then(() => (ready = true));
  for (let answered = 1; answered < 4; answered++) {
    await settle();
    assert.equal(ready, false);
    proxy.last.say(ack(proxy.last.sent[answered]));
    assert.equal(proxy.last.sent.length - 1 - answered, Math.min(2, 4 - answered));
  }
  await settle();
  assert(ready);
  assert.equal(producer.pending, 1);
});

test("a message that is too long fails alone", async (t) => {
  const { proxy, producer } = await open(t, { maxMessageBytes: 100 });
  proxy.last.open([]);
  await assert.rejects(producer.send({ value: "é".repeat(40) }), { code: "MESSAGE_TOO_LARGE" });
  void producer.send({ value: "é" });
  assert.deepEqual(values(proxy.last), ["é"]);
});

test("an array is sent as one, counts in the window, and is sent again as one", async (t) => {
  const { proxy, producer } = await open(t, { maxInFlight: 2 });
  proxy.last.open([]);
  const acks = producer.sendAll(["a", "b", "c"].map((value) => ({ value })));
  void producer.send({ value: "d" });
  assert.deepEqual(proxy.last.sent.slice(1).map((sent) => sent.map?.(({ value }) => value.value)), [["a", "b", "c"]]);
  proxy.last.cut();
  await pass(1000);
  proxy.last.open([]);
  const [, array] = proxy.last.sent;
  proxy.last.say([ack(array[0]), { ...refusal("INVALID_VALUE"), messageId: array[1].messageId }, ack(array[2])]);
  assert.deepEqual((await Promise.allSettled(acks)).map(({ status, value }) => value?.sends ?? status), [2, "rejected", 2]);
  assert.equal(proxy.last.sent[2].value.value, "d");
});

test("who no longer waits for an ack disturbs no other", async (t) => {
  const { proxy, producer } = await open(t);
  proxy.last.open([]);
  const stop = new AbortController();
  const [one, other] = [producer.send({ value: "a" }, { signal: stop.signal }), producer.send({ value: "b" })];
  stop.abort();
  await assert.rejects(one, { name: "AbortError" });
  await assert.rejects(producer.send({ value: "c" }, { signal: stop.signal }), { name: "AbortError" });
  for (const message of proxy.last.sent.slice(1)) proxy.last.say(ack(message));
  assert.equal((await other).messageId, "c-2");
});

test("who no longer waits for ready or flush disturbs nothing", async (t) => {
  const { proxy, producer } = await open(t, { maxInFlight: 1 });
  proxy.last.open([]);
  const sent = producer.send({ value: "a" });
  const stop = new AbortController();
  const waits = [producer.ready({ signal: stop.signal }), producer.flush({ signal: stop.signal })];
  const flushed = producer.flush();
  stop.abort();
  for (const wait of waits) await assert.rejects(wait, { name: "AbortError" });
  proxy.last.say(ack(proxy.last.sent[1]));
  await flushed;
  assert.equal((await sent).sends, 1);
});

test("close waits for answers, or gives up", async (t) => {
  const { proxy, producer } = await open(t);
  proxy.last.open([]);
  const sent = producer.send({ value: "a" });
  const closed = producer.close();
  await settle();
  assert.equal(proxy.last.readyState, 1);
  proxy.last.say(ack(proxy.last.sent[1]));
  await closed;
  assert.equal(proxy.last.closedWith, 1000);
  assert.equal((await sent).sends, 1);
  await assert.rejects(producer.send({ value: "b" }), { code: "CLOSED" });
});

test("an aborted close gives up what has no answer", async (t) => {
  const other = await open(t);
  const waits = other.producer.send({ value: "a" });
  waits.catch(() => {});
  await assert.rejects(other.producer.close({ signal: AbortSignal.abort() }), { name: "AbortError" });
  await assert.rejects(waits, { name: "AbortError" });
});
