/**
 * `npm run sim`: seeded worlds in which things go wrong, and whether all was right at the end.
 * scripts/sim/README.md says what happens in them and what is checked.
 *
 *   --scenario NAME   one of those in scripts/sim/scenarios.ts, or all of a kind in turn: "swarms",
 *                     "disks" (default: all)
 *   --seed S          the first seed (default 1); alone, one world
 *   --worlds N        how many, with seeds S, S+1 ... (default 200)
 *   --nightly         2000 worlds
 *   --check-every N   checks all invariants every N events only (default 1)
 *   --jobs N          processes at once (default 2)
 *   --log             of a world that failed: the last lines of its log
 *   --json            a line of JSON for each world, and nothing else
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { thisRuntime } from "./lib/runtimes.ts";
import { reportWorld, summary } from "./sim/report.ts";
import { runWorld, type WorldResult } from "./sim/run_world.ts";
import { type Scenario, scenarios, scenariosNamed } from "./sim/scenarios.ts";

const NIGHTLY_WORLDS = 2000, USUAL_WORLDS = 200;

interface Options {
  /** The name that was given, and its meaning. */
  scenario: string | null;
  scenarios: readonly Scenario[];
  seed: number;
  worlds: number;
  checkEvery: number;
  jobs: number;
  json: boolean;
  log: boolean;
  /** Of a child: it plays every `jobs`th world, from this one on. */
  lane: number | null;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      scenario: { type: "string" },
      seed: { type: "string" },
      worlds: { type: "string" },
      nightly: { type: "boolean", default: false },
      "check-every": { type: "string", default: "1" },
      jobs: { type: "string", default: "2" },
      json: { type: "boolean", default: false },
      log: { type: "boolean", default: false },
      lane: { type: "string" },
    },
  });
  const usual = values.nightly ? NIGHTLY_WORLDS : values.seed === undefined ? USUAL_WORLDS : 1;
  return {
    scenario: values.scenario ?? null,
    scenarios: values.scenario === undefined ? scenarios : scenariosNamed(values.scenario),
    seed: whole(values.seed ?? "1", "--seed"),
    worlds: values.worlds === undefined ? usual : whole(values.worlds, "--worlds"),
    checkEvery: whole(values["check-every"], "--check-every"),
    jobs: whole(values.jobs, "--jobs"),
    json: values.json,
    log: values.log,
    lane: values.lane === undefined ? null : Number(values.lane),
  };
}

function whole(text: string, option: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`${option} must be a whole number above 0, not "${text}"`);
}

/** Plays the worlds of one lane, one after the other. */
async function play(options: Options, lane: number, each: (result: WorldResult) => void) {
  for (let i = lane; i < options.worlds; i += options.jobs) {
    const seed = options.seed + i;
    const scenario = options.scenarios[seed % options.scenarios.length]!;
    const onFailure = (lines: readonly string[]) =>
      void (options.log && console.error(lines.join("\n")));
    each(await runWorld(seed, scenario, { checkEvery: options.checkEvery, onFailure }));
  }
}

/** The same in a process of its own. Rejects when that ends before its last world. */
async function playElsewhere(options: Options, lane: number, each: (result: WorldResult) => void) {
  const script = fileURLToPath(import.meta.url);
  const start = thisRuntime === "deno" ? ["run", "-A", "--no-check", script] : [script];
  const child = spawn(process.execPath, [
    ...start,
    ...(options.scenario === null ? [] : ["--scenario", options.scenario]),
    ...["--seed", String(options.seed), "--worlds", String(options.worlds), "--json"],
    ...["--check-every", String(options.checkEvery), "--jobs", String(options.jobs)],
    ...["--lane", String(lane)],
  ], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  for await (const line of createInterface({ input: child.stdout })) each(JSON.parse(line));
  const code = await ended;
  if (code !== 0 && code !== 1) throw new Error(`the process of lane ${lane} ended with ${code}`);
}

async function main(): Promise<number> {
  const options = readOptions();
  const results: WorldResult[] = [];
  const each = (result: WorldResult) => {
    results.push(result);
    if (options.json) console.log(JSON.stringify(result));
    else reportWorld(result, options.worlds === 1);
  };
  const start = performance.now();
  if (options.lane !== null) await play(options, options.lane, each);
  else if (options.worlds < 10) await play({ ...options, jobs: 1 }, 0, each);
  else {
    const lanes = Array.from({ length: options.jobs }, (_, lane) => lane);
    await Promise.all(lanes.map((lane) => playElsewhere(options, lane, each)));
  }
  if (!options.json) console.log(summary(results, (performance.now() - start) / 1000));
  return results.every(({ error }) => error === null) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
