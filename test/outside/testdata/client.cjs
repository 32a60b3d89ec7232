// A client of the proxy made with the package ws.
//
//   client.cjs produce URL          sends each line of its input, prints each answer
//   client.cjs consume URL [commit] prints each message, and with "commit" commits it
//   client.cjs refused URL          prints status and body of the refused handshake
//
// It closes the connection when its input has ended and every message is answered.
const WebSocket = require('ws');
const readline = require('node:readline');

const [what, url, commit] = process.argv.slice(2);
const socket = new WebSocket(url);
let sent = 0;
let answered = 0;
let ended = false;

function fail(error) {
  console.error(error);
  process.exit(1);
}

function closeWhenDone() {
  if (ended && answered === sent) socket.close(1000);
}

function refused(request, response) {
  let body = '';
  response.on('data', (chunk) => (body += chunk));
  response.on('end', () => {
    console.log(`${response.statusCode} ${body.trim()}`);
    process.exit(0);
  });
}

socket.on('error', fail);
socket.on('close', (code) => code === 1000 || fail(`closed with ${code}`));
if (what === 'refused') {
  socket.on('unexpected-response', refused);
}
socket.on('open', () => {
  if (what === 'refused') fail('the handshake was not refused');
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    socket.send(line);
    sent++;
  });
  lines.on('close', () => {
    ended = true;
    closeWhenDone();
  });
});
socket.on('message', (data, isBinary) => {
  if (isBinary) fail('a binary message came');
  console.log(data.toString());
  if (what === 'produce') {
    answered++;
    closeWhenDone();
  } else if (commit) {
    const { wsProxyMessageId } = JSON.parse(data);
    socket.send(JSON.stringify({ wsProxyMessageId }));
  }
});
