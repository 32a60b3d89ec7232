// An Avro client of the proxy made with the packages ws and avsc.
//
//   avro.cjs HOST IN OUT
//
// It sends each line of its input, a record in JSON, to the path IN and prints the answers. Then
// it reads as many records from the path OUT, prints them, and commits the last. A key or value
// is null, or the name of its union branch with its content as text: bytes, doubles and floats
// as the hexadecimal digits of what Kafka holds.
const WebSocket = require('ws');
const avro = require('avsc');
const fs = require('node:fs');

const [host, producePath, consumePath] = process.argv.slice(2);

// Numbers of JavaScript are not exact beyond 2^53.
const long = avro.types.LongType.__with({
  fromBuffer: (b) => b.readBigInt64LE(),
  toBuffer: (n) => {
    const b = Buffer.alloc(8);
    b.writeBigInt64LE(n);
    return b;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (n) => typeof n === 'bigint',
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
});

function fail(error) {
  console.error(error);
  process.exit(1);
}

async function schema(name) {
  const answer = await fetch(`http://${host}/schemas/avro/${name}`);
  return avro.Type.forSchema(await answer.json(), { registry: { long }, wrapUnions: true });
}

const hex = (b) => b.toString('hex');

const toBranch = {
  bytes: (text) => Buffer.from(text, 'hex'),
  string: (text) => text,
  int: Number,
  long: BigInt,
  double: (text) => Buffer.from(text, 'hex').readDoubleBE(),
  float: (text) => Buffer.from(text, 'hex').readFloatBE(),
};

const fromBranch = {
  bytes: hex,
  string: (value) => value,
  int: String,
  long: String,
  double: (value) => {
    const b = Buffer.alloc(8);
    b.writeDoubleBE(value);
    return hex(b);
  },
  float: (value) => {
    const b = Buffer.alloc(4);
    b.writeFloatBE(value);
    return hex(b);
  },
};

function wrap(field) {
  return field && { [field[0]]: toBranch[field[0]](field[1]) };
}

function unwrap(field) {
  if (!field) return null;
  const [branch, value] = Object.entries(field)[0];
  return [branch, fromBranch[branch](value)];
}

// A wrapped value has the branch's name around it; null has not.
function outgoing(r) {
  return {
    key: wrap(r.key),
    value: wrap(r.value),
    headers: r.headers && { array: r.headers.map(([key, value]) => ({ key, value })) },
    clientMessageId: r.clientMessageId === null ? null : { string: r.clientMessageId },
  };
}

function show(message) {
  console.log(JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
}

// exchange calls each with every datum, and when count of them have come, last. It returns when
// the socket is closed.
function exchange(path, count, type, { begin, each, last }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${host}${path}`);
    let came = 0;
    socket.on('error', fail);
    socket.on('open', () => begin(socket));
    socket.on('close', (code) => (code === 1000 ? resolve() : fail(`closed with ${code}`)));
    socket.on('message', (datum, isBinary) => {
      if (!isBinary) fail(`an error came: ${datum}`);
      const message = type.fromBuffer(datum); // throws where bytes are left over
      if (!type.toBuffer(message).equals(datum)) fail(`avsc writes ${datum.toString('hex')} in another way`);
      each(message);
      came++;
      if (came === count) {
        last(socket, message);
        socket.close(1000);
      }
    });
  });
}

async function main() {
  const records = fs.readFileSync(0, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const sent = await schema('producer/record');
  await exchange(producePath, records.length, await schema('producer/result'), {
    begin: (socket) => records.forEach((r) => socket.send(sent.toBuffer(outgoing(r)))),
    each: (answer) => show({ ...answer, clientMessageId: answer.clientMessageId && answer.clientMessageId.string }),
    last: () => {},
  });
  const commit = await schema('consumer/commit');
  await exchange(consumePath, records.length, await schema('consumer/record'), {
    begin: () => {},
    each: (r) => show({
      ...r,
      key: unwrap(r.key),
      value: unwrap(r.value),
      headers: r.headers && r.headers.array.map(({ key, value }) => [key, value]),
    }),
    last: (socket, { wsProxyMessageId }) => socket.send(commit.toBuffer({ wsProxyMessageId })),
  });
}

main().catch(fail);
