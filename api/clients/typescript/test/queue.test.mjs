import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { pass, playProxy, record, settle } from "./proxy.mjs";

const job = (offset, count = 1) => record(offset, { delivery: { count, until: 1e12 + 30_000 } });
const id = (offset) => `t-0-${offset}-1`;
const failure = (code, offset) => ({ error: { code, message: "why", retriable: true }, wsProxyMessageId: id(offset) });

async function open(t, options) {
  const proxy = playProxy(t);
  const queue = proxy.connect({ heartbeat: 0 }).queue({ topic: "t", groupId: "g", ...options });
  await settle();
  proxy.last.open(job(0), job(1), job(2));
  const next = async () => (await queue.next()).value;
  return { proxy, queue, next };
}

test("a record is settled when Kafka says so", async (t) => {
  const { proxy, next } = await open(t);
  assert.equal(proxy.last.query.get("confirm"), "true");
  const one = await next();
  assert.equal(one.deliveryCount, 1);
  let settled = false;
  const accepted = one.accept().then(() => (settled = true));
  await settle();
  assert.equal(settled, false);
  const again = one.reject();
  proxy.last.say({ settled: [id(0)] }, failure("UNKNOWN_MESSAGE_ID", 0), { settled: [] });
  await accepted;
  await assert.rejects(again, { code: "UNKNOWN_MESSAGE_ID" });
  assert.deepEqual(proxy.last.sent, [{ accept: id(0) }, { reject: id(0) }]);
});

test("a worker asks for no more records than its window", async (t) => {
  const asked = async (options) => (await open(t, options)).proxy.last.query.get("window");
  assert.equal(await asked(), "8");
  mock.timers.reset();
  assert.equal(await asked({ window: 2 }), "2");
});

test("what the loop leaves unsettled is released, what it settles or detaches is not", async (t) => {
  const { proxy, queue, next } = await open(t);
  await next();
  const detached = await next();
  assert.deepEqual(proxy.last.sent, [{ release: id(0) }]);
  detached.detach();
  const rejected = await next();
  rejected.reject().catch(() => {});
  void next();
  await settle();
  assert.deepEqual(proxy.last.sent, [{ release: id(0) }, { reject: id(2) }]);
  await queue.close();
  assert(detached.signal.aborted, "the proxy has released it");
});

test("await using releases what is unsettled at the end of its scope", async (t) => {
  const { proxy, next } = await open(t);
  const [one, other] = [await next(), await next()];
  const leaving = other[Symbol.asyncDispose]();
  proxy.last.say({ settled: [id(0)] }, { settled: [id(1)] });
  await leaving;
  assert.deepEqual(proxy.last.sent, [{ release: id(0) }, { release: id(1) }]);
  await one[Symbol.asyncDispose]();
  assert.equal(proxy.last.sent.length, 2);
});

test("a failed acknowledgement fails its promise alone, and one that may succeed can be told again", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  const other = await next();
  const told = [one.accept(), other.accept()];
  proxy.last.say(failure("COMMIT_FAILED", 0), { settled: [] }, { settled: [id(1)] });
  await assert.rejects(told[0], { code: "COMMIT_FAILED", retriable: true });
  await told[1];
  const again = one.accept();
  proxy.last.say({ settled: [id(0)] });
  await again;
});

test("a lock that ends is told by the record's signal, and nothing is told of it anymore", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  proxy.last.say({ expired: [id(0), id(1)] });
  assert.equal(one.signal.reason.code, "LOCK_EXPIRED");
  await assert.rejects(one.accept(), { code: "LOCK_EXPIRED" });
  assert.equal((await next()).offset, 2, "the one that waited is gone");
  assert.deepEqual(proxy.last.sent, []);
});

test("the same record that comes again is another one", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  proxy.last.say({ expired: [id(0)] }, job(0, 2));
  await next();
  await next();
  const again = await next();
  assert.equal(again.deliveryCount, 2);
  await assert.rejects(one.accept(), { code: "LOCK_EXPIRED" });
  const accepted = again.accept();
  proxy.last.say({ settled: [id(1)] }, { settled: [id(2)] }, { settled: [id(0)] });
  await accepted;
});

test("a refusal that comes after the next delivery of its record leaves that delivery held", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  const late = one.accept();
  proxy.last.say({ expired: [id(0)] }, job(0, 2), failure("LOCK_EXPIRED", 0), { settled: [] });
  await assert.rejects(late, { code: "LOCK_EXPIRED" });
  await next();
  await next();
  const again = await next();
  assert.equal(again.deliveryCount, 2);
  assert(!again.signal.aborted);
  const accepted = again.accept();
  proxy.last.say({ settled: [id(1)] }, { settled: [id(2)] }, { settled: [id(0)] });
  await accepted;
  assert.deepEqual(proxy.last.sent.at(-1), { accept: id(0) });
});

test("an acknowledgement that comes late and settles the next delivery ends that, too", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  const late = one.accept();
  proxy.last.say({ expired: [id(0)] }, job(0, 2), { settled: [id(0)] });
  await late;
  assert.equal((await next()).offset, 1);
  assert.equal((await next()).offset, 2);
  proxy.last.say(job(3));
  assert.equal((await next()).offset, 3, "what is settled is worked on again");
});

test("a record that is released and comes again at once is held", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  const released = one.release();
  proxy.last.say({ settled: [id(0)] }, job(0, 2));
  await released;
  await pass(10_000);
  assert.deepEqual(proxy.last.sent.at(-1), { renew: [id(1), id(2), id(0)] });
});

test("a record that is released and comes again before the answer is held", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  const released = one.release();
  proxy.last.say(job(0, 2), { settled: [id(0)] });
  await released;
  await pass(10_000);
  assert.deepEqual(proxy.last.sent.at(-1), { renew: [id(0), id(1), id(2)] });
});

test("a record whose acknowledgement came too late is held no longer", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  const late = one.accept();
  proxy.last.say(failure("LOCK_EXPIRED", 0), { settled: [] });
  await assert.rejects(late, { code: "LOCK_EXPIRED" });
  assert.equal(one.signal.reason.code, "LOCK_EXPIRED");
  await pass(10_000);
  assert.deepEqual(proxy.last.sent.at(-1), { renew: [id(1), id(2)] });
});

test("a lost connection leaves what was told unknown, and what was held to others", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.detach();
  const told = one.accept();
  const other = await next();
  proxy.last.cut();
  await assert.rejects(told, { code: "CONNECTION_LOST", unknownOutcome: true });
  assert(other.signal.aborted);
  await assert.rejects(other.accept(), { code: "CONNECTION_LOST" });
  await pass(1000);
  proxy.last.open(job(1, 2));
  assert.equal((await next()).deliveryCount, 2);
});

test("locks of all that is held are renewed, whether it waits or is worked on", async (t) => {
  const { proxy, next } = await open(t);
  const one = await next();
  one.accept().catch(() => {});
  proxy.last.say({ settled: [id(0)] });
  const two = await next();
  await pass(10_000);
  assert.deepEqual(proxy.last.sent.at(-1), { renew: [id(1), id(2)] });
  proxy.last.say({ renewed: { until: 5, ids: [id(1), id(2)] } });
  assert.equal(two.lockedUntil, 5);
  const renewed = two.renew();
  proxy.last.say({ renewed: { until: 6, ids: [id(1)] } });
  await renewed;
  assert.equal(two.lockedUntil, 6);
});
