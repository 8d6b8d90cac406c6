/**
 * One DHT node on 127.0.0.1 for the bench, on the runtime that runs this. Prints {"port"}, answers
 * each line with {"cpu", "received", "refused", "errors"} so far (`cpu`: user plus system seconds of
 * the process, all threads) and ends with its input.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Dht } from "../../src/dht/dht.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const platform = selectPlatform();
const on = { port: 0, family: 4, address: "127.0.0.1" } as const;
const socket = await platform.datagrams.bind(on, (...datagram) => dht?.receive(...datagram));
const dht: Dht = await Dht.open({ ...platform, line: socket }, {
  client: new Uint8Array([0x53, 0x48, 0, 1]),
  families: [4],
});
console.log(JSON.stringify({ port: socket.port }));

createInterface({ input: process.stdin }).on("line", () => {
  const { user, system } = process.cpuUsage();
  const { received, refused, exceptions } = dht.stats();
  const cpu = (user + system) / 1e6, errors = exceptions + socket.errors;
  console.log(JSON.stringify({ cpu, received, refused, errors }));
}).on("close", () => process.exit());
