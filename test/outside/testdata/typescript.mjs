// Does with the TypeScript client all that it can do, and prints what comes of it as JSON, a line each:
//
//   CLIENT=…/dist/index.js typescript.mjs ws://localhost:8078 TOPIC
//
// It writes until SIGUSR2, and ends at SIGTERM.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const { connect } = await import(process.env.CLIENT);
const WebSocket = process.env.NODE_PATH ? createRequire(import.meta.url)('ws') : undefined;
const [url, topic] = process.argv.slice(2);
const client = connect(url, { WebSocket, backoff: { max: 2000 }, heartbeat: 200 });
const print = (what) => console.log(JSON.stringify(what));

async function watch() {
  for await (const { endpoint, state, error } of client.status()) print({ endpoint, state, code: error?.code, closeCode: error?.closeCode });
}

let isWriting = true;

// produce writes messages with numbers, and tombstones among them.
async function produce() {
  const producer = client.producer({ topic, maxInFlight: 50 });
  let i = 0;
  for (; isWriting; i++) {
    await producer.ready();
    const number = i;
    const message = { key: `k${i % 40}`, value: i % 7 === 6 ? null : String(i), headers: [{ key: 'number', value: String(i) }] };
    producer.send(message).then(
      ({ sends }) => print({ acked: number, sends }),
      ({ code }) => print({ refused: number, code }),
    );
    await sleep(10);
  }
  print({ sent: i });
}

async function consume() {
  const consumer = client.consume({ topic, groupId: `${topic}-group`, commit: 'processed', credit: 20 });
  for await (const { partition, offset } of consumer) print({ consumed: partition, offset });
}

async function tail() {
  const tail = client.tail({ topic, from: 'earliest', credit: 20 });
  let isPlaced = false;
  for await (const item of tail) {
    if (item.type === 'record') print({ tailed: item.partition, offset: item.offset });
    else if (item.type === 'begin') print({ began: true, resumed: item.resumed });
    else print(item);
    if (!isPlaced && tail.position) print({ placed: (isPlaced = true) });
  }
}

const map = client.map({ topic });

async function look() {
  for await (const keys of map.changes()) {
    print({ map: Object.fromEntries(map), changed: keys.size });
    await sleep(200);
  }
}

// work settles several records at the same time.
async function work() {
  for await (const record of client.queue({ topic, groupId: `${topic}-queue`, window: 20 })) {
    const { partition, offset } = record;
    record.detach();
    record.accept().then(
      () => print({ accepted: partition, offset }),
      ({ code, unknownOutcome }) => print({ unsettled: partition, offset, code, unknownOutcome }),
    );
  }
}

process.on('SIGUSR2', () => (isWriting = false));
process.on('SIGTERM', async () => {
  await client.close();
  process.exit(0);
});
await Promise.all([watch(), produce(), consume(), tail(), look(), work()]);
