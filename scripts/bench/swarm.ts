/**
 * `npm run bench -- swarm`: how close a swarm of our own comes to what its lines allow at best.
 *
 *   --leeches N        in the simulator, default 30
 *   --size MIB         in the simulator, default 64
 *   --pieces N         in the simulator, default 1024
 *   --shapes NAME,...  of equal, super-seed, strong-seed, mixed (default: all)
 *   --seeds N          runs of each shape, each with another seed, default 1
 *   --real N           leeches as processes of their own, default 10; 0 leaves them out
 *   --real-size MIB    default 64
 *   --up MIB           a second that each of these sends at most, default 4
 *   --json             prints every result as JSON instead of tables
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundle } from "../lib/bundle.ts";
import { makeTorrent, type TorrentSpec, writeFiles } from "../lib/make_torrent.ts";
import { projectRoot, type RuntimeName } from "../lib/runtimes.ts";
import { choose, makeWorkFolder, positive, progress } from "./common.ts";
import { median } from "./measure.ts";
import { type Verdict, verdictLine } from "./report.ts";
import { runReal } from "./swarm_real.ts";
import { runSim, type SimResult, type SimShape, simShapes } from "./swarm_sim.ts";

const mebibyte = 1024 * 1024;
/** Of processes, which have no goal. */
const realPieces = 1024;
const firstPort = 27_300;

interface ShapeResult {
  shape: SimShape;
  runs: SimResult[];
  judged: Verdict;
}

function readOptions(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      leeches: { type: "string", default: "30" },
      size: { type: "string", default: "64" },
      pieces: { type: "string", default: "1024" },
      shapes: { type: "string", default: simShapes.map((shape) => shape.name).join(",") },
      seeds: { type: "string", default: "1" },
      real: { type: "string", default: "10" },
      "real-size": { type: "string", default: "64" },
      up: { type: "string", default: "4" },
      json: { type: "boolean", default: false },
    },
  });
  const names = choose(values.shapes, simShapes.map((shape) => shape.name), "shape");
  return {
    leeches: positive(values.leeches, "--leeches"),
    bytes: positive(values.size, "--size") * mebibyte,
    pieces: positive(values.pieces, "--pieces"),
    shapes: simShapes.filter((shape) => names.includes(shape.name)),
    seeds: positive(values.seeds, "--seeds"),
    real: values.real === "0" ? 0 : positive(values.real, "--real"),
    realBytes: positive(values["real-size"], "--real-size") * mebibyte,
    up: positive(values.up, "--up") * mebibyte,
    json: values.json,
  };
}

type SwarmOptions = ReturnType<typeof readOptions>;

/** Gives 0 when the simulated swarms meet the goal. */
export async function swarmBench(args: string[]): Promise<number> {
  const options = readOptions(args);
  const simulated: ShapeResult[] = [];
  for (const shape of options.shapes) {
    const one = await runShape(shape, options);
    simulated.push(one);
    if (!options.json) console.log(describe(one));
  }
  const real = options.real > 0 ? await runProcesses(options) : [];
  if (options.json) console.log(JSON.stringify({ simulated, real }, null, 1));
  else for (const { runtime, last, bound } of real) console.log(realLine(runtime, last, bound));
  return simulated.every(({ judged }) => judged.met) ? 0 : 1;
}

async function runShape(shape: SimShape, options: SwarmOptions): Promise<ShapeResult> {
  const { leeches, bytes, pieces, seeds } = options;
  const runs: SimResult[] = [];
  const data = `${bytes / mebibyte} MiB in ${pieces} pieces`;
  progress(`${shape.name}: ${shape.about}; ${leeches} leeches, ${data}`);
  for (let seed = 1; seed <= seeds; seed++) {
    const one = await runSim(shape, leeches, bytes, bytes / pieces, seed);
    progress(`  seed ${seed}: last after ${one.last.toFixed(1)} s of ${one.bound.toFixed(1)} s`);
    runs.push(one);
  }
  const value = median(runs.map((run) => run.last / run.bound));
  const judged = {
    goal: `${shape.name}: last leech, in fluid bounds`,
    value,
    limit: shape.goal,
    met: value <= shape.goal,
  };
  return { shape, runs, judged };
}

function describe({ runs, judged }: ShapeResult): string {
  const of = (what: (run: SimResult) => number, digits = 2) =>
    median(runs.map(what)).toFixed(digits);
  const busy = Array.from({ length: 10 }, (_, i) => of((run) => run.busy[i]!));
  return [
    verdictLine(judged),
    `        half of the leeches: ${of((run) => run.median / run.bound)}; first copy out: ` +
    `${of((run) => run.firstCopy / run.bound)}, for which the seed sent ` +
    `${of((run) => run.sentForFirstCopy)} copies; wasted ${of((run) => 100 * run.wasted, 1)} %`,
    `        uplinks in use, by tenths of the time: ${busy.join(" ")}`,
  ].join("\n");
}

async function runProcesses({ real: leeches, realBytes, up }: SwarmOptions) {
  const folder = makeWorkFolder(realBytes * (leeches + 1));
  const [source, torrent] = [join(folder, "source"), join(folder, "bench.torrent")];
  const script = join(folder, "shoal.js");
  const spec: TorrentSpec = {
    name: "bench.bin",
    pieceLength: realBytes / realPieces,
    files: [{ path: "bench.bin", size: realBytes }],
  };
  const results: { runtime: RuntimeName; last: number; bound: number }[] = [];
  try {
    writeFiles(spec, source);
    writeFileSync(torrent, makeTorrent(spec, source).bytes);
    await bundle(join(projectRoot, "mod.ts"), script);
    for (const runtime of ["deno", "bun"] as const) {
      progress(`1 seed and ${leeches} leeches as processes, on ${runtime}`);
      const out = join(folder, "out");
      mkdirSync(out);
      const job = { spec, torrent, source, script, folder: out, leeches, up, firstPort };
      results.push({ runtime, ...await runReal(runtime, job) });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

function realLine(runtime: RuntimeName, last: number, bound: number): string {
  return `processes on ${runtime}: last leech after ${last.toFixed(1)} s, ` +
    `${(last / bound).toFixed(2)} fluid bounds of ${bound.toFixed(1)} s (no goal)`;
}
