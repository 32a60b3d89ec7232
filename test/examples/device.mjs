// A device that obeys the commands for it in their order, also those that were written while it was off. It needs the package
// @wsproxy/client.
//
//   node --experimental-websocket device.mjs ws://localhost:8078 commands thermostat-7 /var/lib/thermostat/position
//
// A command is a record with the device's name as its key. The file keeps the place behind the last one that was obeyed. The device has
// no session and no group at the proxy: thousands cost it one reader of the topic.
import { readFile, rename, writeFile } from "node:fs/promises";
import { connect } from "@wsproxy/client";

const [url, topic, name, file] = process.argv.slice(2);
const position = await readFile(file, "utf8").catch(() => null);
const client = connect(url, { clientId: name });
const tail = client.tail({ topic, keys: [name], valType: "json", position, from: "latest" });

// obey does what a command says. Should the device lose its power before the place is kept, it obeys again.
async function obey({ id, value }) {
  console.log("obeys", id, JSON.stringify(value));
}

// keep keeps the place: whole or not at all.
let kept = position;
async function keep() {
  if (tail.position === kept) return;
  kept = tail.position;
  await writeFile(`${file}.new`, kept);
  await rename(`${file}.new`, file);
}

async function read() {
  for await (const item of tail) {
    if (item.type === "record") {
      await obey(item);
      await keep();
    } else if (item.type === "gap") {
      console.log("misses", item.from, "to", item.to, item.reason); // the device was off for longer than the topic keeps commands
    } else if (item.type === "begin") {
      console.log("listens", item.resumed ? "from where it was" : "");
    }
  }
}

// Commands for others move the place, too. There is none before the first command for anybody.
const keeping = setInterval(() => keep().catch(console.error), 500);
process.on("SIGTERM", () => void client.close());
try {
  await read();
} catch (error) {
  console.error("closed:", error.code, error.message);
  process.exitCode = 1;
}
clearInterval(keeping);
