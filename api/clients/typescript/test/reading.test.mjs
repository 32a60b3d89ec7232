import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { follow, pass, playProxy, record, settle } from "./proxy.mjs";

const offsets = (items) => items.filter(({ id }) => id).map(({ offset }) => offset);
const granted = (socket) => Number(socket.query.get("credit")) + socket.sent.reduce((sum, { credit = 0 }) => sum + credit, 0);

test("values come as JavaScript has them", async (t) => {
  const proxy = playProxy(t);
  const seen = follow(proxy.connect().consume({ topic: "t", valType: "long", longs: "bigint" }));
  await settle();
  assert.equal(proxy.last.query.get("longs"), "string");
  assert.equal(proxy.last.query.get("autoCommit"), "false");
  const error = { code: "UNDECODABLE", message: "no long" };
  const fields = [{ value: `${2n ** 62n}`, format: "long" }, { value: "AQI=", format: "bytearray", error }, { value: null, format: "long" }, { value: "-Infinity", format: "double" }];
  for (const [i, value] of fields.entries()) proxy.last.open(record(i, { value, headers: [{ key: "h", value: { value: "/w==", format: "bytearray" } }, { key: "n", value: null }] }));
  await settle();
  assert.deepEqual(seen.map(({ value }) => value), [2n ** 62n, new Uint8Array([1, 2]), null, -Infinity]);
  assert.deepEqual(seen.map(({ valueError }) => valueError), [undefined, error, undefined, undefined]);
  assert.deepEqual(seen[0].headers, [{ key: "h", value: new Uint8Array([255]) }, { key: "n", value: null }]);
  assert.equal(seen[0].key, null);
});

for (const kind of ["consume", "tail"]) {
  test(`${kind}: a loop that takes nothing is sent no more than its credit, one that takes is granted as much`, async (t) => {
    const proxy = playProxy(t);
    const reading = proxy.connect()[kind]({ topic: "t", credit: 10 });
    await settle();
    proxy.last.open();
    for (let i = 0; i < 10; i++) proxy.last.say(record(i));
    assert.equal(granted(proxy.last), 10);
    for (let taken = 1; taken <= 10; taken++) {
      await reading.next();
      const waiting = 10 - taken;
      assert(granted(proxy.last) - 10 <= 10 - waiting, "more may wait than the credit");
      assert(granted(proxy.last) - taken >= 5, "the loop may starve");
    }
  });
}

test("what a lost connection brought is not handed out, and its commits are not sent", async (t) => {
  const proxy = playProxy(t);
  const consumer = proxy.connect().consume({ topic: "t" });
  await settle();
  proxy.last.open(record(0), record(1), record(2));
  const { value: first } = await consumer.next();
  assert(first.commit());
  assert.deepEqual(proxy.last.sent, [{ wsProxyMessageId: "t-0-0-1" }]);
  const { value: second } = await consumer.next();
  proxy.last.cut();
  assert.equal(second.commit(), false);
  await pass(1000);
  proxy.last.open(record(1), record(2));
  assert.equal(second.commit(), false);
  assert.deepEqual(offsets([(await consumer.next()).value, (await consumer.next()).value]), [1, 2]);
  assert.deepEqual(proxy.last.sent, []);
});

test("commit: processed commits a record when the loop has done it, and not one at which it has failed", async (t) => {
  const proxy = playProxy(t);
  const consumer = proxy.connect().consume({ topic: "t", commit: "processed" });
  await settle();
  proxy.last.open(record(0), record(1));
  await assert.rejects(async () => {
    for await (const { offset } of consumer) if (offset === 1) throw new Error("it has failed");
  }, /it has failed/);
  assert.deepEqual(proxy.last.sent, [{ wsProxyMessageId: "t-0-0-1" }]);
  assert.equal(proxy.last.closedWith, 1000);
});

test("a failed commit is told", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect();
  const told = follow(client.status());
  follow(client.consume({ topic: "t" }));
  await settle();
  proxy.last.open({ error: { code: "NOT_ASSIGNED", message: "moved", retriable: false }, wsProxyMessageId: "t-0-0-1" });
  await settle();
  assert.equal(told.at(-1).error.code, "NOT_ASSIGNED");
});

test("a tail goes on behind its cursor and what came after it, and keeps what waits", async (t) => {
  const proxy = playProxy(t);
  const tail = proxy.connect().tail({ topic: ["t", "u"], keys: ["a", "b"], where: { json: "/n", gt: 1 }, credit: 10 });
  await settle();
  const { query } = proxy.last;
  assert.deepEqual([query.get("topic"), query.getAll("key"), query.get("where"), query.get("from")], ["t,u", ["a", "b"], '{"json":"/n","gt":1}', null]);
  assert.equal(tail.position, null);
  proxy.last.open({ tail: { topics: [] } }, record(0), { cursor: "one" }, record(1), record(2));
  assert.equal((await tail.next()).value.type, "begin");
  assert.equal((await tail.next()).value.offset, 0);
  assert.equal(tail.position, null, "the cursor was not reached");
  assert.equal((await tail.next()).value.offset, 1);
  assert.equal(tail.position, '["one",[["t:0",1]]]');
  proxy.last.cut();
  await pass(1000);
  assert.equal(proxy.last.query.get("from"), "cursor:one");
  assert.deepEqual(proxy.last.query.getAll("after"), ["t:0:2"]);
  assert.equal(proxy.last.query.get("credit"), "9", "one record waits");
  proxy.last.open({ tail: { topics: [], resumed: true } }, record(3), { gap: { topic: "t", partition: 0, from: 4, to: 6, reason: "EXPIRED" } }, { cursor: "two" });
  const items = [];
  while (items.length < 4) items.push((await tail.next()).value);
  assert.deepEqual(items.map(({ type, offset, from, resumed }) => offset ?? from ?? resumed ?? type), [2, true, 3, 4]);

  const { position } = tail;
  const again = new proxy.constructor();
  again.connect().tail({ topic: ["t", "u"], position });
  await settle();
  assert.equal(again.last.query.get("from"), "cursor:one");
  assert.deepEqual(again.last.query.getAll("after"), ["t:0:3"]);
});

test("a tail changes its keys on the open connection, and the next one has the same", async (t) => {
  const proxy = playProxy(t);
  const tail = proxy.connect().tail({ topic: ["t", "u"], keys: ["a"] });
  const seen = follow(tail);
  await settle();
  tail.track(["b", "a"], { snapshot: true }); // the connection is being made
  proxy.last.open();
  assert.deepEqual(proxy.last.sent, []);
  proxy.last.say({ tail: { topics: [] } });
  const asked = (verb, keys, more) => ["t", "u"].map((topic) => ({ [verb]: { topic, keys, ...more } }));
  assert.deepEqual(proxy.last.sent.splice(0), asked("track", ["b", "a"], { snapshot: true }));
  tail.untrack(["a"]);
  assert.deepEqual(proxy.last.sent.splice(0), asked("untrack", ["a"]));
  proxy.last.say({ subscribed: { topic: "t", partitions: 1, keys: ["b"] } }, { error: { code: "NOT_AUTHORIZED", message: "not b", retriable: false } });
  await settle();
  assert.deepEqual(seen.map(({ type, keys, error }) => keys ?? error?.code ?? type), ["begin", ["b"], "NOT_AUTHORIZED"]);
  proxy.last.cut();
  await pass(1000);
  assert.deepEqual(proxy.last.query.getAll("key"), ["b"]);
  proxy.last.open({ tail: { topics: [] } });
  assert.deepEqual(proxy.last.sent, []);
});

test("a tail has 1 to 1000 keys, or none from the beginning", async (t) => {
  const client = playProxy(t).connect();
  const some = client.tail({ topic: "t", keys: ["a"] });
  assert.throws(() => some.untrack(["a"]), /1 to 1000/); // all would be wanted
  assert.throws(() => some.track(Array.from({ length: 1000 }, (_, i) => `${i}`)), /1 to 1000/);
  some.track(Array.from({ length: 1000 }, (_, i) => (i ? `${i}` : "a")));
  assert.throws(() => client.tail({ topic: "t" }).track(["a"]), /1 to 1000/);
  await settle();
});

test("newest records of tracked keys are out of order, and not where a tail goes on", async (t) => {
  const proxy = playProxy(t);
  const tail = proxy.connect().tail({ topic: "t", keys: ["a"] });
  const seen = follow(tail);
  await settle();
  const snapshot = (state) => ({ snapshot: { topic: "t", state } });
  proxy.last.open({ tail: { topics: [] } }, { cursor: "one" }, record(7), snapshot("begin"), record(3), record(9), snapshot("end"));
  await settle();
  assert.deepEqual(offsets(seen.filter(({ snapshot }) => snapshot)), [3, 9]);
  assert.equal(tail.position, '["one",[["t:0",7]]]');
  proxy.last.say(snapshot("begin"), record(4));
  proxy.last.cut();
  await pass(1000);
  assert.deepEqual(proxy.last.query.getAll("after"), ["t:0:7"]);
  proxy.last.open({ tail: { topics: [], resumed: true } }, record(8));
  await settle();
  assert.equal(tail.position, '["one",[["t:0",8]]]');
});

test("after a break before the first cursor, which comes with the first records, nothing is missing", async (t) => {
  const proxy = playProxy(t);
  const client = proxy.connect({ heartbeat: 0 });
  for (const [options, from] of [[{}, `timestamp:${1e12 - 10_000}`], [{ from: "earliest" }, "earliest"], [{ snapshot: true }, null]]) {
    follow(client.tail({ topic: "t", ...options }));
    await settle();
    const { last } = proxy;
    last.open({ tail: { topics: [] } });
    mock.timers.setTime(1e12 + 60_000);
    last.cut();
    await pass(1000);
    assert.equal(proxy.last.query.get("from"), from);
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1e12 });
  }
});

test("a deleted topic is told, and the others go on", async (t) => {
  const proxy = playProxy(t);
  const seen = follow(proxy.connect().tail({ topic: ["t", "u"] }));
  await settle();
  proxy.last.open({ tail: { topics: [] } }, { error: { code: "TOPIC_NOT_FOUND", message: "u is gone", retriable: false } }, { conflated: { topic: "t", records: 2 } }, record(0));
  proxy.last.say({ error: { code: "SHUTTING_DOWN", message: "connect again", retriable: true } }); // no concern of the loop
  proxy.last.cut(1012);
  await settle();
  assert.deepEqual(seen.map(({ type }) => type), ["begin", "error", "conflated", "record"]);
  assert.equal(seen[1].error.code, "TOPIC_NOT_FOUND");
});

const put = (offset, key, value) => record(offset, { key: { value: key, format: "string" }, value: { value, format: "json" } });
const begin = (resumed) => ({ tail: { topics: [], resumed } });
const snapshot = (state) => ({ snapshot: { topic: "t", state } });

test("a map shows a whole snapshot at once, then what changes", async (t) => {
  const proxy = playProxy(t);
  const map = proxy.connect().map({ topic: "t", valType: "json" });
  const changes = map.changes();
  let ready = false;
  void map.ready.then(() => (ready = true));
  await settle();
  assert.equal(proxy.last.query.get("snapshot"), "true");
  proxy.last.open(begin(), snapshot("begin"), put(0, "a", 1), put(1, "b", 2));
  await settle();
  assert.deepEqual([...map], []);
  proxy.last.say(snapshot("end"));
  await settle();
  assert(ready && map.isCurrent);
  assert.deepEqual([...map], [["a", 1], ["b", 2]]);
  proxy.last.say(put(2, "a", null), put(3, "c", 3), put(4, "d", null));
  await settle();
  assert.deepEqual([...map], [["b", 2], ["c", 3]]);
  assert.deepEqual([...(await changes.next()).value], ["a", "b", "c", "d"], "a slow loop is told all at once");
  await map.close();
  assert.equal(map.isCurrent, false);
  assert.deepEqual(await changes.next(), { done: true, value: undefined });
});

test("a map that misses something is read anew, and shows what was before until then", async (t) => {
  const proxy = playProxy(t);
  const map = proxy.connect().map({ topic: "t", valType: "json" });
  await settle();
  proxy.last.open(begin(), snapshot("begin"), put(0, "a", 1), put(1, "b", 2), snapshot("end"), { cursor: "one" });
  await settle();
  proxy.last.say({ gap: { topic: "t", partition: 0, from: 2, to: 4, reason: "TRUNCATED" } }, put(4, "x", 0));
  await settle();
  assert.equal(map.isCurrent, false);
  await pass(1000);
  assert.equal(proxy.last.query.get("from"), null);
  proxy.last.open(begin(), snapshot("begin"), put(5, "b", 3), put(4, "c", 4));
  await settle();
  assert.deepEqual([...map], [["a", 1], ["b", 2]]);
  proxy.last.say(snapshot("end"));
  await settle();
  assert.deepEqual([...map], [["b", 3], ["c", 4]]);
  assert(map.isCurrent);
});

test("a map goes on at its cursor after a short break, and is read anew after a long one", async (t) => {
  const proxy = playProxy(t);
  const map = proxy.connect({ heartbeat: 0 }).map({ topic: "t", valType: "json", resumeWithin: 10_000 });
  await settle();
  proxy.last.open(begin(), snapshot("begin"), put(0, "a", 1), snapshot("end"), { cursor: "one" });
  await settle();
  proxy.last.cut();
  assert.equal(map.isCurrent, false);
  await pass(1000);
  assert.equal(proxy.last.query.get("from"), "cursor:one");
  proxy.last.open(begin(true), put(1, "b", 2));
  await settle();
  assert(map.isCurrent);
  assert.deepEqual([...map], [["a", 1], ["b", 2]]);
  proxy.last.cut();
  await pass(500);
  proxy.last.open(begin(false), { gap: { topic: "t", partition: 0, from: 2, to: 3, reason: "EXPIRED" } }, snapshot("begin"), put(3, "c", 3), snapshot("end"), { cursor: "two" });
  await settle();
  assert.deepEqual([...map], [["c", 3]]);
  const count = proxy.sockets.length;
  proxy.last.readyState = 2; // and nothing is heard of it
  await pass(20_000);
  proxy.last.cut();
  await pass(1000);
  assert.equal(proxy.sockets.length, count + 1);
  assert.equal(proxy.last.query.get("from"), null);
});
