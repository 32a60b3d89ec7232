// Reads a topic live, and prints each message:
//
//   tail.cjs 'ws://localhost:8078/socket/tail?topic=demo'
//
// After a break it goes on behind the newest record of each partition that it has. Only before the first cursor, which
// comes within a second of the first record, it begins anew.
const WebSocket = require('ws');

const [url] = process.argv.slice(2);
let cursor; // where to go on
const beyond = new Map(); // the newest offset of each partition behind that

function open() {
  const socket = new WebSocket(`${url}&handshakeErrors=close&${place()}`);
  socket.on('error', () => {}); // it is closed then
  socket.on('message', (message) => {
    const frame = JSON.parse(message);
    if (frame.cursor) {
      cursor = frame.cursor;
      beyond.clear();
    } else if (frame.value) {
      beyond.set(frame.partition, frame.offset);
    }
    console.log(message.toString());
  });
  socket.on('close', (code) => {
    if (code >= 4400 && code !== 4429) process.exit(1); // another try would be refused as well
    setTimeout(open, 2000 * Math.random()); // not all clients at once
  });
}

function place() {
  if (!cursor) return 'from=earliest';
  const query = new URLSearchParams({ from: `cursor:${cursor}` });
  for (const [partition, offset] of beyond) query.append('after', `${partition}:${offset}`);
  return query;
}

open();
