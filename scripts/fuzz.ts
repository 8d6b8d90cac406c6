/**
 * `npm run fuzz -- [--minutes N | --inputs N] [--target NAME,NAME] [--seed S] [--keep] [--json]`: damaged
 * inputs for every decoder and state machine. Ends with 1 when one of them threw what it must not
 * throw, broke a bound or took too long; each finding is kept in a file, and printed with the
 * command that repeats it (`--target NAME --file FILE` or `--input HEX`). `--keep`: what brings out
 * something new goes to tests/fuzz/corpus.
 */
import { mkdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { Campaign, count } from "./fuzz/campaign.ts";
import { Coverage } from "./fuzz/coverage.ts";
import { FINDINGS } from "./fuzz/kept.ts";
import { type FuzzResult, tryInput } from "./fuzz/run.ts";
import type { FuzzTarget } from "./fuzz/target.ts";
import { Watchdog } from "./fuzz/watchdog.ts";

interface Options {
  minutes: number;
  inputs: number;
  targets: readonly string[] | null;
  seed: string;
  /** One input to be tried again. */
  repeat: Uint8Array | null;
  keep: boolean;
  json: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string" },
      inputs: { type: "string" },
      target: { type: "string" },
      seed: { type: "string", default: "1" },
      input: { type: "string" },
      file: { type: "string" },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  const { minutes, inputs, target, seed, input, file, keep, json } = values;
  return {
    minutes: minutes === undefined ? (inputs === undefined ? 1 : Infinity) : above0(minutes),
    inputs: inputs === undefined ? Infinity : Math.ceil(above0(inputs)),
    targets: target?.split(",") ?? null,
    seed,
    repeat: file !== undefined
      ? new Uint8Array(readFileSync(file))
      : input !== undefined
      ? new Uint8Array(Buffer.from(input, "hex"))
      : null,
    keep,
    json,
  };
}

function above0(text: string): number {
  const number = Number(text);
  if (number > 0 && number < Infinity) return number;
  throw new Error(`--minutes and --inputs are numbers above 0, not "${text}"`);
}

/** Repeats one input and reports the result. */
async function repeat(targets: readonly FuzzTarget[], input: Uint8Array): Promise<number> {
  let code = 0;
  for (const target of targets) {
    const { outcome, finding } = await tryInput(target, input);
    console.log(`${target.name}: ${finding ?? `fine (${outcome})`}`);
    if (finding !== null) code = 1;
  }
  return code;
}

async function fuzz(
  options: Options,
  targets: readonly FuzzTarget[],
  coverage: Coverage,
): Promise<number> {
  mkdirSync(FINDINGS, { recursive: true });
  const watchdog = new Watchdog(FINDINGS);
  await watchdog.ready();
  const campaign = new Campaign({
    targets,
    seed: options.seed,
    minutes: options.minutes,
    inputs: options.inputs,
    coverage,
    keep: options.keep,
    watch: (target, input) => watchdog.trying(target, input),
    say: (line) => console.error(line),
  });
  await campaign.run();
  watchdog.stop();
  report(campaign.results, options.json);
  return campaign.verdict();
}

function report(results: readonly FuzzResult[], json: boolean): void {
  if (json) {
    const plain = results.map((result) => ({ ...result, findings: result.findings.length }));
    console.log(JSON.stringify(plain));
    return;
  }
  for (const { target, inputs, seconds, outcomes, kept, slowestMs } of results) {
    const rate = Math.round(inputs / Math.max(seconds, 1e-3));
    console.log(
      `${target.padEnd(20)} ${count(inputs).padStart(11)} inputs ${count(rate).padStart(9)}/s  ` +
        `${outcomes} outcomes, ${kept} new, slowest ${slowestMs.toFixed(0)} ms`,
    );
  }
}

async function main(): Promise<number> {
  const options = readOptions();
  const coverage = options.repeat === null ? await Coverage.start() : null;
  // V8 counts the blocks of code only where coverage was on when it was first compiled.
  const { fuzzTargets } = await import("./fuzz/targets.ts");
  const all = fuzzTargets();
  const strange = options.targets?.find((name) => !all.some((target) => target.name === name));
  if (strange !== undefined) {
    throw new Error(`no target "${strange}": one of ${all.map(({ name }) => name).join(", ")}`);
  }
  const targets = all.filter(({ name }) => options.targets?.includes(name) ?? true);
  return coverage === null
    ? await repeat(targets, options.repeat!)
    : await fuzz(options, targets, coverage);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
