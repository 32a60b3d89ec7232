// Works on the records of a queue, several at the same time. It needs the package ws.
//
//   node worker.cjs 'ws://localhost:8078/socket/queue?topic=jobs&groupId=workers'
//
// A record is a job in JSON, such as {"job":17,"seconds":0.5}: write work() anew for yours.

const { randomUUID } = require("node:crypto");
const { setTimeout: sleep } = require("node:timers/promises");
const WebSocket = require("ws");

const WINDOW = 8; // records at the same time
const TRIES = 3; // fewer than the group's share.delivery.count.limit: Kafka counts deliveries to workers that died, too
const RENEW_EVERY = Number(process.env.RENEW_EVERY ?? 10); // seconds: a third of the group's share.record.lock.duration.ms
const FIX = [1002, 1007, 1008, 1009]; // with these codes, and most from 4400 on, another try would end like this one

// Poison is thrown for a record with which nobody will ever succeed.
class Poison extends Error {}

// work does what a record asks for. The signal is aborted when another worker may have the record.
async function work(record, signal) {
  const { value: job, error } = record.value;
  if (error || job?.job === undefined) throw new Poison("it is no job");
  await sleep(1000 * (job.seconds ?? 0), undefined, { signal });
  if (record.delivery.count <= (job.fails ?? 0)) throw new Error("it has failed");
}

// outcome works on a record, and tells what becomes of it.
async function outcome(record, signal) {
  const { count } = record.delivery;
  try {
    await work(record, signal);
    return "accept";
  } catch (failure) {
    if (failure instanceof Poison) return "reject";
    if (!signal.aborted) console.error(record.wsProxyMessageId, failure.message);
  }
  if (count >= TRIES) return "reject";
  await sleep(1000 * 2 ** count * (0.25 + 0.25 * Math.random()), undefined, { signal }); // what failed just now may fail at once again
  return "release";
}

const tasks = new Map(); // what stops the work on a record, by its id
let socket;
let reopening; // a timer
let stopping = false;
let failures = 0;

const send = (acknowledgement, id) => socket.send(JSON.stringify({ [acknowledgement]: id }));

// handle works on a record and settles it, unless it is lost meanwhile.
async function handle(record) {
  const id = record.wsProxyMessageId;
  const task = new AbortController();
  tasks.set(id, task);
  const keeping = setInterval(() => send("renew", id), 1000 * RENEW_EVERY);
  task.signal.addEventListener("abort", () => clearInterval(keeping));
  try {
    const acknowledgement = await outcome(record, task.signal);
    if (task.signal.aborted) return;
    tasks.delete(id);
    console.log(acknowledgement, id, record.delivery.count);
    send(acknowledgement, id);
  } catch (failure) {
    if (!task.signal.aborted) throw failure;
  } finally {
    clearInterval(keeping);
    endIfDone();
  }
}

// lose stops the work on a record, which another worker may have.
function lose(id) {
  tasks.get(id)?.abort();
  tasks.delete(id);
}

// endIfDone closes the socket when all that was begun is done. Records that come meanwhile are given back by that.
function endIfDone() {
  if (stopping && tasks.size === 0) socket.close(1000);
}

function take(frame) {
  if (frame.delivery) {
    failures = 0;
    if (!stopping) handle(frame);
  } else if (frame.expired) {
    frame.expired.forEach(lose);
  } else if (frame.error) {
    console.error("told", JSON.stringify(frame));
  }
}

// open connects, and again when the connection ends, unless that would be in vain.
function open(url) {
  socket = new WebSocket(url);
  socket.onmessage = ({ data }) => take(JSON.parse(data));
  socket.onerror = () => {}; // a close follows
  socket.onclose = ({ code, reason }) => {
    [...tasks.keys()].forEach(lose);
    if (stopping) return;
    if (FIX.includes(code) || (code >= 4400 && code !== 4429)) {
      console.error("closed:", code, reason);
      process.exit(1);
    }
    const pause = Math.random() * Math.min(30, 2 ** failures++); // not all workers at once
    reopening = setTimeout(open, 1000 * pause, url);
  };
}

process.on("SIGTERM", () => {
  stopping = true;
  clearTimeout(reopening);
  endIfDone();
});
open(`${process.argv[2]}&window=${WINDOW}&valType=json&handshakeErrors=close&clientId=worker-${randomUUID()}`);
