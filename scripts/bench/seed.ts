/**
 * `npm run bench -- seed`: what it costs a seeder to serve one libtorrent leech, and twenty at once.
 *
 *   --leeches N,...    default 1,20
 *   --seeders NAME,... of deno, bun, libtorrent, transmission, aria2 (default: all)
 *   --rounds N         default 5
 *   --size MIB         what each leech downloads, default 1024
 *   --json             prints every sample as JSON instead of tables
 */

import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { bundle } from "../lib/bundle.ts";
import { makeTorrent, type TorrentSpec, writeFiles } from "../lib/make_torrent.ts";
import { projectRoot } from "../lib/runtimes.ts";
import { choose, makeWorkFolder, positive, progress } from "./common.ts";
import { describeMachine } from "./machine.ts";
import { median, type Sample } from "./measure.ts";
import { ratio, type Verdict, verdictLine } from "./report.ts";
import {
  cannotSeed,
  cpuSeconds,
  forgetPeak,
  ownAddress,
  peakResident,
  type SeederName,
  seederNames,
  type SeedJob,
  servesOnce,
  startSeeder,
} from "./seed_programs.ts";
import { benchScript, python } from "./seeders.ts";

const mebibyte = 1024 * 1024;

const titles: Readonly<Record<SeederName, string>> = {
  deno: "shoal on Deno",
  bun: "shoal on Bun",
  libtorrent: "libtorrent 2.0.8",
  transmission: "transmission",
  aria2: "aria2",
};

/** One seeder's samples: its own CPU and memory, and the time until the last leech had all. */
interface SeedRow {
  seeder: SeederName;
  samples: Sample[];
}

interface SeedOptions {
  leeches: number[];
  seeders: SeederName[];
  rounds: number;
  bytes: number;
  json: boolean;
}

function readOptions(args: string[]): SeedOptions {
  const { values } = parseArgs({
    args,
    options: {
      leeches: { type: "string", default: "1,20" },
      seeders: { type: "string", default: seederNames.join(",") },
      rounds: { type: "string", default: "5" },
      size: { type: "string", default: "1024" },
      json: { type: "boolean", default: false },
    },
  });
  return {
    leeches: values.leeches.split(",").map((text) => positive(text, "--leeches")),
    seeders: choose(values.seeders, seederNames, "seeder"),
    rounds: positive(values.rounds, "--rounds"),
    bytes: positive(values.size, "--size") * mebibyte,
    json: values.json,
  };
}

/** Gives 0 when all goals are met. */
export async function seedBench(args: string[]): Promise<number> {
  const options = readOptions(args);
  const folder = makeWorkFolder(options.bytes);
  try {
    const job = await prepare(folder, options.bytes);
    const machine = await describeMachine();
    const results: { leeches: number; rows: SeedRow[]; judged: Verdict[] }[] = [];
    for (const leeches of options.leeches) {
      const rows = await runSeeders(
        able(options.seeders, job.host, leeches),
        leeches,
        options,
        job,
      );
      const judged = verdicts(rows, leeches);
      results.push({ leeches, rows, judged });
      if (options.json) continue;
      const size = `${options.bytes / mebibyte} MiB to ${leeches} leech${leeches > 1 ? "es" : ""}`;
      console.log(`\n${size}, medians of ${options.rounds} rounds\n${machine}`);
      console.log(table(rows, options.bytes * leeches));
      for (const verdict of judged) console.log(verdictLine(verdict));
    }
    if (options.json) console.log(JSON.stringify({ machine, results }, null, 1));
    return results.every(({ judged }) => judged.every((one) => one.met)) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function able(names: readonly SeederName[], host: string, leeches: number): SeederName[] {
  return names.filter((name) => {
    const why = cannotSeed(name, host, leeches);
    if (why !== null) progress(`${leeches} leeches without ${titles[name]}: ${why}`);
    return why === null;
  });
}

async function prepare(folder: string, size: number): Promise<SeedJob> {
  const [dir, scratch] = [join(folder, "source"), join(folder, "scratch")];
  const [torrent, script] = [join(folder, "bench.torrent"), join(folder, "shoal.js")];
  const spec: TorrentSpec = {
    name: "bench.bin",
    pieceLength: mebibyte,
    files: [{ path: "bench.bin", size }],
  };
  mkdirSync(scratch);
  writeFiles(spec, dir);
  writeFileSync(torrent, makeTorrent(spec, dir).bytes);
  await bundle(join(projectRoot, "mod.ts"), script);
  return { torrent, dir, host: ownAddress(), script, scratch };
}

/** The seeders are up all the time and serve in turns; every round starts with another one. */
async function runSeeders(
  names: readonly SeederName[],
  leeches: number,
  { rounds }: SeedOptions,
  job: SeedJob,
): Promise<SeedRow[]> {
  const rows = names.map((seeder): SeedRow => ({ seeder, samples: [] }));
  const running = new Map<SeederName, Awaited<ReturnType<typeof startSeeder>>>();
  try {
    for (const name of names) {
      if (!servesOnce(name)) running.set(name, await startSeeder(name, job));
    }
    for (let round = 0; round <= rounds; round++) {
      for (let i = 0; i < rows.length; i++) {
        const row = rows[(round + i) % rows.length]!;
        const lasting = running.get(row.seeder);
        const seeder = lasting ?? await startSeeder(row.seeder, job);
        const one = await serve(seeder, leeches, job)
          .finally(() => lasting === undefined ? seeder.stop() : undefined);
        const text = `${one.wall.toFixed(2)} s, seeder's CPU ${one.cpu.toFixed(2)} s`;
        progress(`  round ${round} of ${rounds}, ${leeches} x ${titles[row.seeder]}: ${text}`);
        // Round 0 fills caches and lets the runtimes compile: not counted.
        if (round > 0) row.samples.push(one);
      }
    }
  } finally {
    for (const seeder of running.values()) await seeder.stop();
  }
  return rows;
}

/** The leeches verify what they get, so a seeder that sends anything wrong never comes to an end. */
async function serve(
  { pid, port }: { pid: number; port: number },
  leeches: number,
  { torrent, host, scratch }: SeedJob,
): Promise<Sample> {
  const out = join(scratch, "leeches");
  mkdirSync(out);
  const args = [benchScript("lt_leeches.py"), torrent, out, host, String(port), String(leeches)];
  const child = spawn(python, ["-B", ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let before = 0, sample: Sample | null = null;
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const [word, seconds] = line.split(" ");
      if (word === "ready") {
        forgetPeak(pid);
        before = cpuSeconds(pid);
        child.stdin.write("go\n");
      } else if (word === "done") {
        const residentBytes = peakResident(pid);
        sample = { wall: Number(seconds), cpu: cpuSeconds(pid) - before, residentBytes };
      }
    }
    const code = await ended;
    if (sample === null) throw new Error(`the leeches ended with code ${code}`);
    return sample;
  } finally {
    child.kill("SIGKILL");
    rmSync(out, { recursive: true, force: true });
  }
}

const wall = (sample: Sample) => sample.wall;
const cpu = (sample: Sample) => sample.cpu;
const resident = (row: SeedRow) => median(row.samples.map((one) => one.residentBytes)) / 1e6;

function table(rows: readonly SeedRow[], sent: number): string {
  const width = Math.max(...rows.map((row) => titles[row.seeder].length));
  const reference = rows.find((row) => row.seeder === "libtorrent");
  const cell = (value: number, digits: number, columns: number) =>
    (Number.isNaN(value) ? "-" : value.toFixed(digits)).padStart(columns);
  const head = `${"".padEnd(width)}    MB/s   CPU s/GB   peak MB   wall/lt   CPU/lt`;
  return [
    head,
    ...rows.map((row) =>
      titles[row.seeder].padEnd(width) + cell(sent / 1e6 / median(row.samples.map(wall)), 0, 8) +
      cell(median(row.samples.map(cpu)) / sent * 1e9, 3, 11) + cell(resident(row), 0, 10) +
      cell(ratio(row, reference, wall), 2, 10) + cell(ratio(row, reference, cpu), 2, 9)
    ),
  ].join("\n");
}

function verdicts(rows: readonly SeedRow[], leeches: number): Verdict[] {
  const reference = rows.find((row) => row.seeder === "libtorrent");
  const found: Verdict[] = [];
  const atMost = (goal: string, value: number, limit: number) => {
    if (!Number.isNaN(value)) found.push({ goal, value, limit, met: value <= limit });
  };
  for (const row of rows) {
    if (row.seeder !== "deno" && row.seeder !== "bun") continue;
    const who = `${titles[row.seeder]} to ${leeches}`;
    atMost(`${who}: share of libtorrent's CPU per GB`, ratio(row, reference, cpu), 0.8);
    atMost(`${who}: share of libtorrent's wall`, ratio(row, reference, wall), 1);
    atMost(`${who}: peak resident MB`, resident(row), 150);
  }
  return found;
}
