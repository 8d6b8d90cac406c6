/**
 * The two programs of the kill test, each a process of its own:
 *
 *   child.ts seed TORRENT DIR BYTES_PER_SECOND     prints "port N", then "uploaded N" now and then
 *   child.ts leech TORRENT DIR STATE_DIR PORT      prints "checked N", "have N" often, "done"
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const REPORT_MS = 50;

async function seed(torrentFile: string, dir: string, rate: number): Promise<void> {
  const client = await Client.open(selectPlatform(), {
    address: "127.0.0.1",
    dht: false,
    lsd: false,
  });
  const torrent = client.add(readFileSync(torrentFile), {
    dir,
    trustFiles: true,
    seedGoal: { kind: "forever" },
    limits: { up: rate },
  });
  console.log(`port ${client.port}`);
  setInterval(() => console.log(`uploaded ${torrent.snapshot().uploaded}`), 10 * REPORT_MS);
}

async function leech(
  torrentFile: string,
  dir: string,
  stateDir: string,
  port: string,
): Promise<void> {
  const client = await Client.open(selectPlatform(), {
    address: "127.0.0.1",
    dht: false,
    lsd: false,
    stateDir,
  });
  const events = client.events();
  const torrent = client.add(readFileSync(torrentFile), { dir, peers: [`127.0.0.1:${port}`] });
  const timer = setInterval(() => console.log(`have ${torrent.snapshot().have}`), REPORT_MS);
  for await (const event of events) {
    if (event.type === "checked") console.log(`checked ${event.have}`);
    if (event.type === "warning") console.log(`warning ${event.message}`);
    if (event.type === "failed") throw new Error(event.message);
    if (event.type === "stopped") break;
  }
  clearInterval(timer);
  await torrent.finished;
  console.log("done");
  await client.close();
  process.exit(0);
}

process.stdin.on("end", () => process.exit(3)).resume();
const [what, ...args] = process.argv.slice(2) as [string, string, string, string, string];
if (what === "seed") await seed(args[0], args[1], Number(args[2]));
else await leech(...args);
