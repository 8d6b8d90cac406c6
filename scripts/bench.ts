/**
 * `npm run bench -- leech`: the same torrent downloaded by shoal and by others, in turns, from
 * libtorrent seeders on this machine. scripts/bench/README.md says how to read it.
 *
 *   --scenario NAME,...   single (default), files, many, pieces-per-peer, or all; --files for short
 *   --clients NAME,...    of deno, bun, exe, libtorrent, aria2, floor (default: all)
 *   --rounds N            default 5
 *   --size MIB            default 1024
 *   --json                prints every sample as JSON instead of tables
 *
 * `-- seed`, `-- swarm`, `-- magnet`, `-- verify` and `-- create` have their own options: seed.ts,
 * swarm.ts, magnet.ts and hash.ts in scripts/bench.
 */

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { type ClientName, clientNames, commandOf, type Floor } from "./bench/clients.ts";
import { daemonBench } from "./bench/daemon.ts";
import { dhtBench } from "./bench/dht.ts";
import { hashBench } from "./bench/hash.ts";
import { magnetBench } from "./bench/magnet.ts";
import { choose, makeWorkFolder, positive, progress } from "./bench/common.ts";
import { describeMachine } from "./bench/machine.ts";
import { measure } from "./bench/measure.ts";
import { type Measured, table, verdictLine, verdicts } from "./bench/report.ts";
import { type Row, type Scenario, scenarioNames, scenarioOf } from "./bench/scenarios.ts";
import { benchScript, type Seeders, startSeeders } from "./bench/seeders.ts";
import { startBench } from "./bench/start.ts";
import { pageBench } from "./bench/page.ts";
import { seedBench } from "./bench/seed.ts";
import { siegeBench } from "./bench/siege.ts";
import { swarmBench } from "./bench/swarm.ts";
import { bundle } from "./lib/bundle.ts";
import { compileWithBun } from "./lib/executables.ts";
import { type MadeTorrent, makeTorrent, type TorrentSpec, writeFiles } from "./lib/make_torrent.ts";
import { run } from "./lib/run.ts";
import { projectRoot } from "./lib/runtimes.ts";

interface Options {
  scenarios: Scenario[];
  rounds: number;
  bytes: number;
  json: boolean;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      scenario: { type: "string", default: "single" },
      files: { type: "boolean", default: false },
      clients: { type: "string", default: clientNames.join(",") },
      rounds: { type: "string", default: "5" },
      size: { type: "string", default: "1024" },
      json: { type: "boolean", default: false },
    },
  });
  const wanted = values.files ? "files" : values.scenario;
  const names = wanted === "all" ? scenarioNames : choose(wanted, scenarioNames, "scenario");
  const clients: ClientName[] = choose(values.clients, clientNames, "client");
  const bytes = positive(values.size, "--size") * 1024 * 1024;
  return {
    scenarios: names.map((name) => scenarioOf(name, bytes, clients)),
    rounds: positive(values.rounds, "--rounds"),
    bytes,
    json: values.json,
  };
}

interface Programs {
  script: string;
  executable: string;
  floor: Floor | null;
}

/** The bundle and the executable, made afresh, so that no old build is measured. */
async function makePrograms(
  folder: string,
  { rows, spec }: Scenario,
  torrent: MadeTorrent,
): Promise<Programs> {
  const script = join(folder, "shoal.js");
  const executable = join(folder, "shoal");
  const uses = (...clients: ClientName[]) => rows.some((row) => clients.includes(row.client));
  if (uses("deno", "bun", "exe")) await bundle(join(projectRoot, "mod.ts"), script);
  if (uses("exe")) await compileWithBun(script, executable);
  return {
    script,
    executable,
    floor: uses("floor") ? await makeFloor(folder, spec, torrent) : null,
  };
}

async function makeFloor(
  folder: string,
  { name, pieceLength, files }: TorrentSpec,
  { infoHash, pieces }: MadeTorrent,
): Promise<Floor> {
  const program = join(folder, "floor"), hashes = join(folder, "hashes");
  const made = await run("cc", ["-O2", benchScript("floor.c"), "-lcrypto", "-o", program]);
  if (made.code !== 0) {
    throw new Error(
      `The floor needs a C compiler and OpenSSL's headers (Debian: gcc, libssl-dev); --clients ` +
        `leaves it out\n${made.stderr}`,
    );
  }
  writeFileSync(hashes, pieces);
  return { program, infoHash, size: files[0]!.size, pieceLength, hashes, name };
}

async function runScenario(
  scenario: Scenario,
  rounds: number,
  folder: string,
): Promise<Measured[]> {
  const source = join(folder, "source");
  const torrent = join(folder, "bench.torrent");
  progress(`${scenario.name}: ${scenario.about}`);
  writeFiles(scenario.spec, source);
  const made = makeTorrent(scenario.spec, source);
  writeFileSync(torrent, made.bytes);
  const programs = await makePrograms(folder, scenario, made);
  const seeders = new Map<number, Seeders>();
  const measured: Measured[] = scenario.rows.map((row) => ({ ...row, samples: [] }));
  try {
    for (const count of new Set(scenario.rows.map((row) => row.seeders))) {
      seeders.set(count, await startSeeders(torrent, source, count));
    }
    const sample = (row: Row) => {
      const dir = join(folder, "out");
      const job = { torrent, dir, seeders: seeders.get(row.seeders)!, flags: row.flags };
      return measure(commandOf(row.client, { ...job, ...programs }), dir, source, scenario.spec);
    };
    // Not counted: first runs fill caches that later ones find full.
    for (const row of measured) await sample(row);
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < measured.length; i++) {
        // Each round starts with another client: none is always the one behind a busy one.
        const row = measured[(round + i) % measured.length]!;
        const one = await sample(row);
        row.samples.push(one);
        const [wall, cpu] = [one.wall.toFixed(2), one.cpu.toFixed(2)];
        progress(`  round ${round + 1}  ${row.title}: ${wall} s, CPU ${cpu} s`);
      }
    }
  } finally {
    for (const one of seeders.values()) await one.stop();
    rmSync(source, { recursive: true, force: true });
  }
  return measured;
}

async function leech(args: string[]): Promise<number> {
  const options = readOptions(args);
  const folder = makeWorkFolder(options.bytes);
  const machine = await describeMachine();
  const everything: unknown[] = [];
  let missed = 0;
  try {
    for (const scenario of options.scenarios) {
      const rows = await runScenario(scenario, options.rounds, folder);
      const judged = verdicts(scenario, rows);
      missed += judged.filter((verdict) => !verdict.met).length;
      everything.push({ scenario: scenario.name, about: scenario.about, machine, rows, judged });
      if (options.json) continue;
      console.log(`\n${scenario.about}; medians of ${options.rounds} rounds\n${machine}`);
      console.log(table(scenario, rows));
      for (const verdict of judged) console.log(verdictLine(verdict));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (options.json) console.log(JSON.stringify(everything, null, 1));
  return missed === 0 ? 0 : 1;
}

/** Each parses its own arguments and returns the exit code: 0 if all goals are met. */
const benches = new Map<string, (args: string[]) => Promise<number>>([
  ["leech", leech],
  ["seed", seedBench],
  ["siege", siegeBench],
  ["swarm", swarmBench],
  ["magnet", magnetBench],
  ["verify", (args) => hashBench("verify", args)],
  ["create", (args) => hashBench("create", args)],
  ["start", startBench],
  ["dht", dhtBench],
  ["daemon", daemonBench],
  ["page", pageBench],
]);

try {
  const [name = "", ...args] = process.argv.slice(2);
  const bench = benches.get(name);
  if (bench === undefined) {
    throw new Error(`what to measure: npm run bench -- ${[...benches.keys()].join("|")} [...]`);
  }
  process.exitCode = await bench(args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
