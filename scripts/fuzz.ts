/**
 * `npm run fuzz -- [--minutes N | --inputs N] [--target NAME] [--seed S] [--input HEX] [--json]`:
 * damaged inputs for every decoder and for a peer's session. Ends with 1 when one of them threw
 * what it must not throw, broke a bound or took too long; each finding is one command that repeats
 * it. What brings out something new is kept in tests/fuzz/corpus with --keep.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { projectRoot } from "./lib/runtimes.ts";
import { Fuzzer, tryInput } from "./fuzz/run.ts";
import { fuzzTargets } from "./fuzz/targets.ts";

const SLICE = 2000;
const MAX_KEPT = 40, MAX_KEPT_BYTES = 2000;
/** Beyond what all targets need together, garbage included. */
const MAX_RESIDENT = 1.5e9;
const corpusDir = join(projectRoot, "tests", "fuzz", "corpus");

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    inputs: { type: "string" },
    target: { type: "string" },
    seed: { type: "string", default: "1" },
    input: { type: "string" },
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const targets = fuzzTargets().filter(({ name }) => (values.target ?? name) === name);
if (targets.length === 0) throw new Error(`--target is one of ${names().join(", ")}`);
process.exitCode = values.input === undefined ? fuzz() : repeat(values.input);

/** One input again, with what came of it. */
function repeat(hex: string): number {
  let code = 0;
  for (const target of targets) {
    const { outcome, finding } = tryInput(target, new Uint8Array(Buffer.from(hex, "hex")));
    console.log(`${target.name}: ${finding ?? `fine (${outcome})`}`);
    if (finding !== null) code = 1;
  }
  return code;
}

function fuzz(): number {
  const fuzzers = targets.map((target) => new Fuzzer(target, values.seed, kept(target.name)));
  const minutes = Number(values.minutes ?? (values.inputs === undefined ? 1 : Infinity));
  const endsAt = performance.now() + minutes * 60_000, most = Number(values.inputs ?? Infinity);
  let inputs = 0;
  for (let turn = 0; inputs < most && performance.now() < endsAt; turn++) {
    const which = turn % fuzzers.length;
    const slice = Math.min(targets[which]!.slice ?? SLICE, most - inputs);
    fuzzers[which]!.run(slice);
    inputs += slice;
    const { rss } = process.memoryUsage();
    if (rss > MAX_RESIDENT) throw new Error(`${Math.round(rss / 1e6)} MB are resident`);
  }
  if (values.keep) {
    for (const [i, { name }] of targets.entries()) keep(name, fuzzers[i]!.discoveries);
  }
  const results = fuzzers.map(({ result }) => result);
  if (values.json) console.log(JSON.stringify(results));
  for (const { target, inputs, seconds, outcomes, slowestMs } of values.json ? [] : results) {
    const rate = Math.round(inputs / Math.max(seconds, 1e-3));
    console.log(
      `${target.padEnd(20)} ${String(inputs).padStart(9)} inputs  ${String(rate).padStart(7)}/s  ` +
        `${outcomes} outcomes, slowest ${slowestMs.toFixed(0)} ms`,
    );
  }
  const findings = results.flatMap((result) => result.findings);
  for (const { target, input, what } of findings) {
    console.error(`${target}: ${what}\n  npm run fuzz -- --target ${target} --input ${input}`);
  }
  const total = results.reduce((sum, { inputs }) => sum + inputs, 0);
  console.error(
    `${total} inputs, ${findings.length} findings, ` +
      `${Math.round(process.memoryUsage().rss / 1e6)} MB resident`,
  );
  return findings.length === 0 ? 0 : 1;
}

function names(): string[] {
  return fuzzTargets().map(({ name }) => name);
}

/** One input a line, hexadecimal. */
function kept(name: string): Uint8Array[] {
  const file = join(corpusDir, `${name}.txt`);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n").map((line) => {
    return new Uint8Array(Buffer.from(line, "hex"));
  });
}

function keep(name: string, discoveries: readonly Uint8Array[]): void {
  mkdirSync(corpusDir, { recursive: true });
  const small = discoveries.filter(({ length }) => length > 0 && length < MAX_KEPT_BYTES);
  const lines = new Set(
    small.slice(0, MAX_KEPT).map((bytes) => Buffer.from(bytes).toString("hex")),
  );
  if (lines.size > 0) writeFileSync(join(corpusDir, `${name}.txt`), [...lines, ""].join("\n"));
}
