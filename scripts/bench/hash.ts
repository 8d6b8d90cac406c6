/**
 * `npm run bench -- verify` and `-- create`: how fast shoal hashes a file in memory, against what
 * the cores can hash and against mktorrent, all in turns.
 *
 *   --programs NAME,...   of deno, bun, exe, mktorrent (default: all)
 *   --rounds N            default 5
 *   --size MIB            default 4096
 *   --piece KIB           piece length, default what shoal chooses
 *   --json                prints every sample as JSON instead of a table
 */

import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { bundle } from "../lib/bundle.ts";
import { compileWithBun } from "../lib/executables.ts";
import { makeTorrent, type TorrentSpec, writeFiles } from "../lib/make_torrent.ts";
import { findRuntime, projectRoot } from "../lib/runtimes.ts";
import { choose, makeWorkFolder, positive, progress } from "./common.ts";
import { describeMachine } from "./machine.ts";
import { measureProgram, median, type Sample } from "./measure.ts";
import { type Verdict, verdictLine } from "./report.ts";
import { cores, measureLimit, quickestPrimitive, type Sha1Limit } from "./sha1_limit.ts";

type Kind = "verify" | "create";

const programNames = ["deno", "bun", "exe", "mktorrent"] as const;
type ProgramName = typeof programNames[number];

const titles: Readonly<Record<ProgramName, string>> = {
  deno: "shoal on Deno",
  bun: "shoal on Bun",
  exe: "shoal executable",
  mktorrent: "mktorrent",
};

interface HashOptions {
  programs: ProgramName[];
  rounds: number;
  bytes: number;
  pieceLength: number;
  json: boolean;
}

interface HashJob {
  /** Holds the file, "bench.bin". */
  source: string;
  /** The right .torrent, made without shoal. */
  torrent: string;
  made: Uint8Array;
  pieceLength: number;
  script: string;
  executable: string;
  /** Where the programs write theirs. */
  out: string;
}

interface HashRow {
  program: ProgramName;
  samples: HashSample[];
}

interface HashSample extends Sample {
  /** What the cores did right before and right after: the mean. */
  cores: Sha1Limit;
  /** The two were alike. A virtual machine's cores can get slower by half, or quicker, any time. */
  steady: boolean;
}

const mebibyte = 1024 * 1024;

function readOptions(args: string[]): HashOptions {
  const { values } = parseArgs({
    args,
    options: {
      programs: { type: "string", default: programNames.join(",") },
      rounds: { type: "string", default: "5" },
      size: { type: "string", default: "4096" },
      piece: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const bytes = positive(values.size, "--size") * mebibyte;
  return {
    programs: choose(values.programs, programNames, "program").filter(isHere),
    rounds: positive(values.rounds, "--rounds"),
    bytes,
    pieceLength: values.piece === undefined
      ? chosenPieceLength(bytes)
      : positive(values.piece, "--piece") * 1024,
    json: values.json,
  };
}

function isHere(name: ProgramName): boolean {
  if (name !== "mktorrent") return true;
  const folders = (process.env.PATH ?? "").split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, name)))) return true;
  progress("without mktorrent: it is not here (apt-get install mktorrent)");
  return false;
}

/** As shoal documents it: at most 2,048 pieces, 16 KiB to 16 MiB. */
function chosenPieceLength(bytes: number): number {
  let length = 16 * 1024;
  while (bytes > 2048 * length && length < 16 * mebibyte) length *= 2;
  return length;
}

/** Gives 0 when all goals are met. */
export async function hashBench(kind: Kind, args: string[]): Promise<number> {
  const options = readOptions(args);
  const folder = makeWorkFolder(options.bytes / 2);
  try {
    const machine = await describeMachine();
    const primitive = await quickestPrimitive();
    const job = await prepare(folder, options);
    const rows = await runRounds(kind, options, job, () => measureLimit(primitive));
    const judged = verdicts(kind, options.bytes, rows);
    if (options.json) {
      const found = { kind, machine, primitive: primitive.title, rows, judged };
      console.log(JSON.stringify(found, null, 1));
    } else {
      const what = `${options.bytes / mebibyte} MiB in pieces of ${options.pieceLength / 1024} KiB`;
      console.log(`\n${kind}, ${what}, medians of ${options.rounds} rounds\n${machine}`);
      console.log(table(options.bytes, rows, primitive.title));
      for (const verdict of judged) console.log(verdictLine(verdict));
    }
    return judged.every((verdict) => verdict.met) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepare(folder: string, options: HashOptions): Promise<HashJob> {
  const { bytes, pieceLength, programs } = options;
  const [source, torrent] = [join(folder, "source"), join(folder, "right.torrent")];
  const [script, executable] = [join(folder, "shoal.js"), join(folder, "shoal")];
  const spec: TorrentSpec = {
    name: "bench.bin",
    pieceLength,
    files: [{ path: "bench.bin", size: bytes }],
  };
  progress(`making ${bytes / mebibyte} MiB and the programs`);
  writeFiles(spec, source);
  const made = makeTorrent(spec, source).bytes;
  writeFileSync(torrent, made);
  await bundle(join(projectRoot, "mod.ts"), script);
  if (programs.includes("exe")) await compileWithBun(script, executable);
  const out = join(folder, "made.torrent");
  return { source, torrent, made, pieceLength, script, executable, out };
}

/** Every program once a round, between turns of the cores' own; each round begins with another. */
async function runRounds(
  kind: Kind,
  { programs, rounds }: HashOptions,
  job: HashJob,
  measureCores: () => Promise<Sha1Limit>,
): Promise<HashRow[]> {
  const rows = programs.map((program): HashRow => ({ program, samples: [] }));
  let before = await measureCores();
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[(round + i) % rows.length]!;
      const one = await hashOnce(kind, row.program, job);
      const after = await measureCores();
      const cores = mean(before, after);
      const steady = Math.abs(before.together - after.together) < 0.1 * cores.together;
      before = after;
      progress(
        `  round ${round} of ${rounds}  ${titles[row.program]}: ${one.wall.toFixed(2)} s, ` +
          `CPU ${one.cpu.toFixed(2)} s; the cores alone: ${megabytes(cores.together)} MB/s` +
          (steady ? "" : ", unsteady"),
      );
      // Round 0 fills caches: not counted.
      if (round > 0) row.samples.push({ ...one, cores, steady });
    }
  }
  return rows;
}

function mean(a: Sha1Limit, b: Sha1Limit): Sha1Limit {
  return {
    together: (a.together + b.together) / 2,
    timesCores: (a.timesCores + b.timesCores) / 2,
  };
}

async function hashOnce(kind: Kind, program: ProgramName, job: HashJob): Promise<Sample> {
  const writes = kind === "create" || program === "mktorrent";
  rmSync(job.out, { force: true });
  const wrong = () => writes && !hasSameInfo(job) ? "its .torrent is not the right one" : null;
  return await measureProgram(commandOf(kind, program, job), job.out, wrong);
}

/** The info dictionary is all that matters, and stands in both as one run of bytes. */
function hasSameInfo({ made, out }: HashJob): boolean {
  const right = Buffer.from(made);
  const info = right.subarray(right.indexOf("4:info"), right.length - 1);
  return readFileSync(out).includes(info);
}

/** mktorrent has nothing that verifies: what it takes to hash stands for that as well. */
function commandOf(kind: Kind, program: ProgramName, job: HashJob): string[] {
  const data = join(job.source, "bench.bin"), log2 = String(Math.log2(job.pieceLength));
  const shoal = kind === "verify"
    ? ["verify", job.torrent, job.source]
    : ["create", data, "-o", job.out, "--quiet", `--piece-length=${job.pieceLength}`];
  switch (program) {
    case "deno":
      return [findRuntime("deno"), "run", "-A", "--no-config", job.script, ...shoal];
    case "bun":
      return [findRuntime("bun"), "--no-install", job.script, ...shoal];
    case "exe":
      return [job.executable, ...shoal];
    case "mktorrent":
      return ["mktorrent", "-a", "http://x/announce", "-l", log2, "-o", job.out, data];
  }
}

/** Median of what a row reached of what the cores did around it, from its steady samples if any. */
function shareOf({ samples }: HashRow, bytes: number, of: keyof Sha1Limit): number {
  const steady = samples.filter((sample) => sample.steady);
  const used = steady.length > 0 ? steady : samples;
  return median(used.map(({ wall, cores }) => bytes / wall / cores[of]));
}

/** Both are seen against the cores of their own time, which need not have been equally quick. */
function speedRatio(row: HashRow, other: HashRow | undefined, bytes: number): number {
  if (other === undefined) return NaN;
  return shareOf(row, bytes, "together") / shareOf(other, bytes, "together");
}

function megabytes(rate: number): string {
  return (rate / 1e6).toFixed(0);
}

function table(
  bytes: number,
  rows: readonly HashRow[],
  primitive: string,
): string {
  const mktorrent = rows.find((row) => row.program === "mktorrent");
  const width = Math.max(...rows.map((row) => titles[row.program].length));
  const cell = (value: number, digits: number, columns: number) =>
    (Number.isNaN(value) ? "-" : value.toFixed(digits)).padStart(columns);
  const [together, timesCores] = (["together", "timesCores"] as const).map((of) =>
    megabytes(median(rows.flatMap(({ samples }) => samples.map(({ cores }) => cores[of]))))
  );
  return [
    `${primitive}: ${together} MB/s on ${cores} cores at once, ${timesCores} as one core times ${cores}`,
    `${"".padEnd(width)}   wall s    MB/s   CPU s   peak MB   of cores   of core x ${cores}   ` +
    "of mktorrent",
    ...rows.map((row) => {
      const seconds = median(row.samples.map((sample) => sample.wall));
      const cpu = median(row.samples.map((sample) => sample.cpu));
      const resident = median(row.samples.map((sample) => sample.residentBytes)) / 1e6;
      return titles[row.program].padEnd(width) + cell(seconds, 2, 9) +
        cell(bytes / 1e6 / seconds, 0, 8) + cell(cpu, 2, 8) + cell(resident, 0, 10) +
        cell(shareOf(row, bytes, "together"), 2, 11) +
        cell(shareOf(row, bytes, "timesCores"), 2, 14) +
        cell(speedRatio(row, mktorrent, bytes), 2, 15);
    }),
  ].join("\n");
}

function verdicts(
  kind: Kind,
  bytes: number,
  rows: readonly HashRow[],
): Verdict[] {
  const mktorrent = rows.find((row) => row.program === "mktorrent");
  const found: Verdict[] = [];
  const atLeast = (goal: string, value: number, limit: number) => {
    found.push({ goal, value, limit, met: value >= limit, least: true });
  };
  for (const row of rows) {
    if (row.program === "mktorrent") continue;
    const who = `${kind}, ${titles[row.program]}`;
    atLeast(`${who}: of what the cores hash`, shareOf(row, bytes, "together"), 0.9);
    if (mktorrent !== undefined) {
      atLeast(`${who}: of mktorrent's speed`, speedRatio(row, mktorrent, bytes), 1);
    }
  }
  return found;
}
