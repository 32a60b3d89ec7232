// A program that uses all of the client. It is type-checked, and its last line runs.
import { connect, WsproxyError, type Ack, type Client, type ConsumerRecord, type Iteration, type LiveMap, type QueueRecord, type Status, type TailItem } from "@wsproxy/client";
import { connect as connectMinified } from "@wsproxy/client/min";

interface Price {
  price: number;
}

export async function uses(signal: AbortSignal): Promise<void> {
  await using client: Client = connect("wss://proxy.example.org", {
    clientId: "program", getToken: async () => "token", signal, backoff: { min: 100 }, heartbeat: 10_000,
  });
  connect("ws://localhost", { user: "alice", password: "sesame", kafka: { user: "k", password: "p" }, getToken: () => ({ token: "t", expiresAt: 0 }) });

  await using producer = client.producer({ topic: "prices", valType: "json", transactional: true, instanceId: "1" });
  await producer.ready({ signal });
  const ack: Ack = await producer.send({ key: "IBM", value: { price: 1 }, headers: [{ key: "unit", value: "EUR" }] }, { signal });
  const acks: Ack[] = await Promise.all(producer.sendAll([{ value: 1n }, { value: new Uint8Array(1), partition: 2, timestamp: 3 }]));
  console.log(ack.offset, ack.sends, acks.length, producer.pending);
  // @ts-expect-error: a message has a value
  void producer.send({ key: "IBM" });
  // @ts-expect-error: there is no such format
  client.producer({ topic: "prices", valType: "xml" });

  for await (const record of client.consume<Price, string>({ topic: "prices", groupId: "g", signal })) {
    const typed: ConsumerRecord<Price, string> = record;
    const price: number | undefined = typed.value?.price;
    const done: boolean = record.commit();
    console.log(price, done, record.key?.length, record.valueError?.code);
  }

  const tail = client.tail<Price, string>({ topic: ["prices"], keys: ["IBM"], snapshot: true, position: null, where: { json: "/n", gt: 1 } });
  for await (const item of tail as AsyncIterable<TailItem<Price, string>>) {
    if (item.type === "record") console.log(item.value?.price, item.snapshot);
    else if (item.type === "gap") console.log(item.from, item.to, item.reason);
    else if (item.type === "snapshot") console.log(item.state, item.keys);
    else if (item.type === "error") console.log(item.error.message);
    else if (item.type === "subscribed") console.log(item.topic, item.keys.length);
    else if (item.type === "begin") console.log(item.topics[0]?.partitions, item.resumed);
  }
  tail.track(["MSFT"], { snapshot: true });
  tail.untrack(["IBM"]);
  const position: string | null = tail.position;

  await using map: LiveMap<Price> = client.map<Price>({ topic: "prices", valType: "json" });
  await map.ready;
  for (const [key, { price }] of map) console.log(key.length, price, map.get(key)?.price, map.size, map.isCurrent, position);
  for await (const keys of map.changes()) console.log(keys.has("IBM"));
  // @ts-expect-error: who looks at a map does not change it
  map.set("IBM", { price: 1 });

  for await (await using record of client.queue<Price>({ topic: "prices", groupId: "workers", window: 4, renewEvery: 1000 })) {
    const job: QueueRecord<Price> = record;
    try {
      if (job.deliveryCount > 3) await job.reject();
      else await job.accept();
      await job.renew();
      await job.release();
      job.detach();
    } catch (error) {
      if (error instanceof WsproxyError) console.log(error.code, error.closeCode, error.retriable, error.unknownOutcome, job.signal.aborted);
    }
  }

  const statuses: Iteration<Status> = client.status({ signal });
  for await (const { endpoint, topic, state, error, pause } of statuses) console.log(endpoint, topic, state, error?.message, pause);
}

console.log(typeof connect, typeof connectMinified);
