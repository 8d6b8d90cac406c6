/**
 * A simulated year: so many peers (by default a million) come and go at one seed, or at a leech that
 * is sent wrong blocks, in ten parts, and what the process holds after each.
 * `deno run -A --no-check scripts/years.ts [peers] [leech]`
 */
import { liveMemory } from "../tests/harness/live_memory.ts";
import { PassingPeers } from "../tests/harness/passing_peers.ts";

const count = Number(globalThis.process.argv[2] ?? 1_000_000);
const peers = new PassingPeers({ leech: globalThis.process.argv[3] === "leech" });
await peers.open();
for (let part = 1; part <= 10; part++) {
  await peers.pass(count / 10);
  const mebibytes = (await liveMemory() / 2 ** 20).toFixed(1);
  console.log(`${peers.seen.came} peers: ${mebibytes} MiB ${JSON.stringify(peers.seen)}`);
}
await peers.close();
