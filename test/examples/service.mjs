// Turns each transfer into a debit and a credit, of which readers with isolationLevel=read_committed see both or none. It needs the
// package @wsproxy/client, and a proxy with WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED.
//
//   node --experimental-websocket service.mjs ws://localhost:8078 transfers entries teller-1
//
// A transfer is {"from":"alice","to":"bob","amount":5}. Two entries of one transfer lie in one transaction, and the transfer is
// committed behind it. Should the service be cut off between the two, the transfer comes again: its entries carry its id, by which
// readers tell them from new ones.
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@wsproxy/client";

const [url, transfers, entries, instanceId] = process.argv.slice(2);
const client = connect(url, { clientId: `transfers-${instanceId}` });
const producer = client.producer({ topic: entries, transactional: true, instanceId, resend: false });
const consumer = client.consume({ topic: transfers, groupId: "transfers", valType: "json" });

// book writes both entries, again where the transaction was aborted or its end is not known.
async function book({ id, value: { from, to, amount } }) {
  const entry = (account, amount) => ({ key: account, value: { transfer: id, account, amount } });
  for (;;) {
    const answers = await Promise.allSettled(producer.sendAll([entry(from, -amount), entry(to, amount)]));
    const errors = answers.flatMap(({ reason }) => reason ?? []);
    if (errors.length === 0) return;
    for (const { code, message } of errors) console.error(id, code, message);
    if (!errors.every(({ retriable }) => retriable)) throw errors[0];
    await sleep(200 + 300 * Math.random());
  }
}

process.on("SIGTERM", () => void client.close());
try {
  for await (const transfer of consumer) {
    await book(transfer);
    transfer.commit();
    console.log("booked", transfer.id);
  }
} catch (error) {
  console.error("closed:", error.code, error.message);
  process.exitCode = 1;
  await client.close();
}
