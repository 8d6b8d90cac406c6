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
import { Watchdog } from "./fuzz/watchdog.ts";

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

const repeats = values.file !== undefined || values.input !== undefined;
const coverage = repeats ? null : await Coverage.start();
// V8 counts the blocks of code only where coverage was on when it was first compiled.
const { fuzzTargets } = await import("./fuzz/targets.ts");
const all = fuzzTargets();
const wanted = values.target?.split(",");
const targets = all.filter(({ name }) => wanted?.includes(name) ?? true);

if (targets.length === 0) {
  console.error(`--target is one of ${all.map(({ name }) => name).join(", ")}`);
  process.exitCode = 2;
} else if (values.file !== undefined) {
  process.exitCode = await repeat(new Uint8Array(readFileSync(values.file)));
} else if (values.input !== undefined) {
  process.exitCode = await repeat(new Uint8Array(Buffer.from(values.input, "hex")));
} else process.exitCode = await fuzz();

/** One input again, with what came of it. */
async function repeat(input: Uint8Array): Promise<number> {
  let code = 0;
  for (const target of targets) {
    const { outcome, finding } = await tryInput(target, input);
    console.log(`${target.name}: ${finding ?? `fine (${outcome})`}`);
    if (finding !== null) code = 1;
  }
  return code;
}

async function fuzz(): Promise<number> {
  mkdirSync(FINDINGS, { recursive: true });
  const watchdog = new Watchdog(FINDINGS);
  await watchdog.ready();
  const campaign = new Campaign({
    targets,
    seed: values.seed,
    minutes: Number(values.minutes ?? (values.inputs === undefined ? 1 : Infinity)),
    inputs: Number(values.inputs ?? Infinity),
    coverage,
    keep: values.keep,
    watch: (target, input) => watchdog.trying(target, input),
    say: (line) => console.error(line),
  });
  await campaign.run();
  watchdog.stop();
  report(campaign.results);
  return campaign.verdict();
}

function report(results: readonly FuzzResult[]): void {
  if (values.json) {
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
