// Does with the TypeScript client all that it can do, and prints what comes of it as JSON, a line each. Programs and pages run it.

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Begins. It writes a message each `pace` ms until stop() is called, and ends with close(). It asks for tokens at an address `tokens`,
 * if there is one. All other options are those of connect.
 */
export function use({ connect, url, topic, print: printLine, pace = 10, tokens, ...options }) {
  const print = (what) => printLine(`${JSON.stringify(what)}\n`);
  const getToken = async () => {
    print({ token: true });
    return (await fetch(tokens)).text();
  };
  const client = connect(url, { backoff: { max: 2000 }, heartbeat: 200, getToken: tokens && getToken, ...options });
  let isWriting = true;

  async function watch() {
    for await (const { endpoint, state, error } of client.status()) print({ endpoint, state, code: error?.code, closeCode: error?.closeCode });
  }

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
      await sleep(pace);
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

  for (const one of [watch, produce, consume, tail, look, work]) one().catch((error) => print({ failed: one.name, message: String(error) }));
  return { stop: () => (isWriting = false), close: () => client.close() };
}
