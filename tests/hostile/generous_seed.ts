/**
 * A seed with an upload slot for everybody, in a process of its own so that its memory can be read.
 *
 * Usage: generous_seed.ts TORRENT DIR SLOTS
 * Prints "ready PORT"; answers each line of its input with "uploaded BYTES"; ends with its input.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { createClient } from "../../mod.ts";

const [file = "", dir = "", slots = ""] = process.argv.slice(2);
const client = await createClient({ dht: false, lsd: false });
const torrent = client.add(readFileSync(file), {
  dir,
  trustFiles: true,
  seedGoal: { kind: "forever" },
  uploadSlots: Number(slots),
  maxPeers: Number(slots),
});
await torrent.finished;
console.log(`ready ${client.port}`);
for await (const _ of createInterface({ input: process.stdin })) {
  console.log(`uploaded ${torrent.snapshot().uploaded}`);
}
await client.close();
process.exit(0);
