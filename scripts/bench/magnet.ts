/**
 * `npm run bench -- magnet`: from the command `shoal download MAGNET` to the first piece, when the one
 * seeder (libtorrent) is known through the DHT alone, whose first node is libtorrent's as well.
 *
 *   --runtimes NAME,...   of deno, bun (default: both)
 *   --rounds N            default 10
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "../../mod.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { startLibtorrent } from "../../tests/interop/libtorrent.ts";
import { Scene } from "../../tests/interop/scene.ts";
import { until } from "../../tests/interop/until.ts";
import { findRuntime, projectRoot } from "../lib/runtimes.ts";
import { choose, positive, progress } from "./common.ts";

/** Seconds that the median may take. */
const GOAL = 5;
const runtimes = ["deno", "bun"] as const;
type Runtime = typeof runtimes[number];

/** 64 MiB in pieces of 256 KiB. */
const spec = { name: "bench", pieceLength: 2 ** 18, files: [{ path: "a.bin", size: 2 ** 26 }] };

export async function magnetBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runtimes: { type: "string", default: runtimes.join(",") },
      rounds: { type: "string", default: "10" },
    },
  });
  const chosen = choose(values.runtimes, runtimes, "runtime");
  const rounds = positive(values.rounds, "--rounds");
  const scene = new Scene();
  try {
    const { magnet, node } = await prepare(scene);
    const seconds = new Map<Runtime, number[]>(chosen.map((runtime) => [runtime, []]));
    for (let round = 0; round < rounds; round++) {
      for (const runtime of chosen) {
        const one = await firstPiece(scene, runtime, magnet, node);
        seconds.get(runtime)!.push(one);
        progress(`  round ${round + 1}  ${runtime}: ${one.toFixed(2)} s`);
      }
    }
    return report(seconds) ? 0 : 1;
  } finally {
    await scene.close();
  }
}

/** A seeder that has announced itself to a DHT node. */
async function prepare(scene: Scene): Promise<{ magnet: string; node: string }> {
  const payload = scene.payload(spec), source = scene.torrentFile(payload);
  const node = await startLibtorrent(scene, { dht: true });
  const seeder = await startLibtorrent(scene, { source, dir: payload.dir, dht: true });
  seeder.tell("node", node.at);
  await seeder.knowsNodes(1);
  const asker = await createClient({
    port: -1,
    lsd: false,
    dht: { bootstrap: [node.at], readOnly: true },
  });
  await until("the seeder is in the DHT", async () => {
    seeder.program.tell("announce");
    return (await asker.dht!.findPeers(fromHex(payload.infoHash))).peers > 0;
  });
  await asker.close();
  return { magnet: `magnet:?xt=urn:btih:${payload.infoHash}`, node: node.at };
}

/** Seconds from the start of the process until it says that it has a piece. */
async function firstPiece(
  scene: Scene,
  runtime: Runtime,
  magnet: string,
  node: string,
): Promise<number> {
  const entry = join(projectRoot, "mod.ts");
  const command = runtime === "deno"
    ? [findRuntime("deno"), "run", "-A", "--no-check", entry]
    : [findRuntime("bun"), entry];
  const start = performance.now();
  const flags = ["--json", "--dht-bootstrap", node, "--no-lsd", "--no-pex", "--no-state"];
  const shoal = scene.start([...command, "download", magnet, "-o", scene.folder(), ...flags]);
  await shoal.waitFor("piece", (line) => line.includes('"type":"piece"') || null);
  const seconds = (performance.now() - start) / 1000;
  shoal.kill("SIGINT");
  await shoal.ended;
  return seconds;
}

/** Whether all met the goal. */
function report(seconds: ReadonlyMap<Runtime, readonly number[]>): boolean {
  let met = true;
  for (const [runtime, samples] of seconds) {
    const sorted = samples.toSorted((a, b) => a - b), last = sorted.length - 1;
    const median = (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
    met &&= median <= GOAL;
    const verdict = median <= GOAL ? "met" : "missed";
    const [low, mid, high] = [sorted[0]!, median, sorted[last]!].map((each) => each.toFixed(2));
    console.log(
      `${runtime}: first piece after ${mid} s (median of ${samples.length}; ` +
        `${low} to ${high}), goal ${GOAL} s: ${verdict}`,
    );
  }
  return met;
}
