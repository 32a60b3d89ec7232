// Works on the records of a topic as a member of a consumer group, and commits each when it is done. It needs the package @wsproxy/client.
//
//   node --experimental-websocket consumer.mjs ws://localhost:8078 orders billing
//
// A record is an order in JSON, such as {"order":17}: write work() anew for yours. What fails three times is written to the topic
// orders.failed. At SIGTERM it does first what it has begun.
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@wsproxy/client";

const [url, topic, groupId] = process.argv.slice(2);
const TRIES = 3;
const client = connect(url);
const failed = client.producer({ topic: `${topic}.failed` });
const consumer = client.consume({ topic, groupId, valType: "json", credit: 50 });

// work does what a record asks for. After a break a record may come again, so it must bear that.
async function work({ value, valueError }) {
  if (valueError || value?.order === undefined) throw new Error("it is no order");
  await sleep(value.ms ?? 0);
}

async function handle(record) {
  for (let tries = 1; ; tries++) {
    try {
      return await work(record);
    } catch (failure) {
      console.error(record.id, failure.message);
      if (tries === TRIES) {
        const headers = [...record.headers, { key: "failed", value: failure.message }, { key: "of", value: record.id }];
        return await failed.send({ key: record.key, value: record.value, headers }); // before the commit, so that it is not lost
      }
      await sleep(100 * 2 ** tries * (0.5 + Math.random() / 2));
    }
  }
}

let stopping = false;
let working = false;
process.on("SIGTERM", () => {
  stopping = true;
  if (!working) void client.close();
});

try {
  for await (const record of consumer) {
    working = true;
    await handle(record);
    console.log(record.commit() ? "done" : "done, and comes again", record.id);
    working = false;
    if (stopping) break;
  }
  await client.close();
} catch (error) {
  console.error("closed:", error.code, error.message); // another try would end like this one
  process.exitCode = 1;
}
