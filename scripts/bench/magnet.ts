/**
 * `npm run bench -- magnet`: from the command `shoal download MAGNET` to the first piece, and how much
 * of that comes after the metadata, from one seeder: libtorrent, known through the DHT alone, whose
 * first node is libtorrent's as well; libtorrent or Transmission, named by the link.
 *
 *   --runtimes NAME,...   of deno, bun (default: both)
 *   --seeders NAME,...    of dht, libtorrent, transmission (default: dht)
 *   --rounds N            default 10
 *   --checkout DIR        the shoal to measure (default: this one)
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "../../mod.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { startLibtorrent } from "../../tests/interop/libtorrent.ts";
import { makeNamespace } from "../../tests/interop/netns.ts";
import { freePort } from "../../tests/interop/ports.ts";
import { Scene } from "../../tests/interop/scene.ts";
import { startTransmission } from "../../tests/interop/transmission.ts";
import { until } from "../../tests/interop/until.ts";
import { findRuntime, projectRoot } from "../lib/runtimes.ts";
import { choose, positive, progress } from "./common.ts";

/** Seconds that the median may take; Transmission alone lets a new peer wait for up to ten. */
const GOAL = { dht: 5, libtorrent: 5, transmission: 15 };
const runtimes = ["deno", "bun"] as const;
type Runtime = typeof runtimes[number];

/** 64 MiB in pieces of 256 KiB. */
const spec = { name: "bench", pieceLength: 2 ** 18, files: [{ path: "a.bin", size: 2 ** 26 }] };

interface Known {
  magnet: string;
  /** How shoal finds the seeder, if the link does not name it. */
  flags: readonly string[];
}

/** Seconds from the start of the process. */
interface Times {
  metadata: number;
  piece: number;
}

const seeders = {
  dht: knownByDht,
  async libtorrent(scene: Scene): Promise<Known> {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const { at } = await startLibtorrent(scene, { source, dir: payload.dir });
    return { magnet: linkTo(payload.infoHash, at), flags: ["--no-dht"] };
  },
  async transmission(scene: Scene): Promise<Known> {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const { there, enter } = makeNamespace(scene), port = await freePort();
    await startTransmission(scene, source, payload.dir, enter, { "peer-port": port });
    return { magnet: linkTo(payload.infoHash, `${there}:${port}`), flags: ["--no-dht"] };
  },
};

function linkTo(infoHash: string, peer: string): string {
  return `magnet:?xt=urn:btih:${infoHash}&x.pe=${peer}`;
}

export async function magnetBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runtimes: { type: "string", default: runtimes.join(",") },
      seeders: { type: "string", default: "dht" },
      rounds: { type: "string", default: "10" },
      checkout: { type: "string", default: projectRoot },
    },
  });
  const chosen = choose(values.runtimes, runtimes, "runtime");
  const names = Object.keys(seeders) as (keyof typeof seeders)[];
  const rounds = positive(values.rounds, "--rounds");
  let met = true;
  for (const name of choose(values.seeders, names, "seeder")) {
    const scene = new Scene();
    try {
      const known = await seeders[name](scene);
      const times = new Map<Runtime, Times[]>(chosen.map((runtime) => [runtime, []]));
      for (let round = 0; round < rounds; round++) {
        for (const runtime of chosen) {
          const one = await firstPiece(scene, runtime, values.checkout, known);
          times.get(runtime)!.push(one);
          progress(`  round ${round + 1}  ${name}, ${runtime}: ${one.piece.toFixed(2)} s`);
        }
      }
      met = report(name, times) && met;
    } finally {
      await scene.close();
    }
  }
  return met ? 0 : 1;
}

/** A seeder that has announced itself to a DHT node. */
async function knownByDht(scene: Scene): Promise<Known> {
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
  const magnet = `magnet:?xt=urn:btih:${payload.infoHash}`;
  return { magnet, flags: ["--dht-bootstrap", node.at] };
}

/** Until it says that it has the metadata, and a piece. */
async function firstPiece(
  scene: Scene,
  runtime: Runtime,
  checkout: string,
  { magnet, flags }: Known,
): Promise<Times> {
  const entry = join(checkout, "mod.ts");
  const command = runtime === "deno"
    ? [
      findRuntime("deno"),
      "run",
      "-A",
      "--no-check",
      "--config",
      join(checkout, "deno.json"),
      entry,
    ]
    : [findRuntime("bun"), entry];
  const start = performance.now();
  const options = ["--json", "--no-lsd", "--no-pex", "--no-state", ...flags];
  const shoal = scene.start([...command, "download", magnet, "-o", scene.folder(), ...options]);
  const secondsUntil = async (type: string) => {
    await shoal.waitFor(type, (line) => line.includes(`"type":"${type}"`) || null);
    return (performance.now() - start) / 1000;
  };
  const [metadata, piece] = await Promise.all([secondsUntil("added"), secondsUntil("piece")]);
  shoal.kill("SIGINT");
  await shoal.ended;
  return { metadata, piece };
}

/** Whether all met the goal. */
function report(seeder: keyof typeof GOAL, times: ReadonlyMap<Runtime, readonly Times[]>): boolean {
  const goal = GOAL[seeder];
  let met = true;
  for (const [runtime, samples] of times) {
    const whole = spread(samples.map(({ piece }) => piece));
    const later = spread(samples.map(({ piece, metadata }) => piece - metadata));
    const isMet = whole.median <= goal;
    met &&= isMet;
    console.log(
      `${seeder}, ${runtime}: first piece ${whole.text} s after the start and ${later.text} s after ` +
        `the metadata (median of ${samples.length}; least to most), goal ${goal} s: ` +
        `${isMet ? "met" : "missed"}`,
    );
  }
  return met;
}

function spread(samples: readonly number[]): { median: number; text: string } {
  const sorted = samples.toSorted((a, b) => a - b), last = sorted.length - 1;
  const median = (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2;
  const [low, mid, high] = [sorted[0]!, median, sorted[last]!].map((each) => each.toFixed(2));
  return { median, text: `${mid} (${low} to ${high})` };
}
