/**
 * `npm test`: format, lint, public docs, types, layers, then every test file on Deno and the same
 * files on Bun, each file in a process of its own. Two processes run at a time, and two more for the
 * files that mostly wait (for a timer, or for another program). The last line is the verdict.
 *
 *   npm test                       everything
 *   npm test -- --filter PATH      only the test files whose path contains PATH, on both runtimes
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { judge } from "./lib/judge.ts";
import { noCounts, type TestCounts } from "./lib/junit.ts";
import { run, runAll, type RunResult } from "./lib/run.ts";
import { findRuntime, projectRoot, type RuntimeName } from "./lib/runtimes.ts";

/** The machine this is built on has two cores; more at once only makes timings jump. */
const workAtOnce = 2;
/** Of files that take a tenth of a core or less. */
const waitAtOnce = 2;
const fileLimitMs = 300_000;
const checkLimitMs = 240_000;

interface Outcome extends TestCounts {
  title: string;
  seconds: number;
  output: string;
}

const checkTargets = ["mod.ts", "src", "tests", "scripts"];

function checks(): { title: string; args: string[] }[] {
  const targets = checkTargets.filter((path) => existsSync(join(projectRoot, path)));
  return [
    { title: "types", args: ["check", ...targets] },
    { title: "format", args: ["fmt", "--check"] },
    { title: "lint", args: ["lint"] },
    { title: "public docs", args: ["doc", "--lint", "mod.ts"] },
    { title: "package", args: ["publish", "--dry-run", "--allow-dirty"] },
    { title: "layers", args: ["run", "-A", "--no-check", "scripts/check_layers.ts"] },
  ];
}

async function runCheck(title: string, args: string[]): Promise<Outcome> {
  const result = await run(findRuntime("deno"), args, { env: quiet, timeoutMs: checkLimitMs });
  const bad = result.code !== 0;
  return {
    ...noCounts(),
    title,
    seconds: result.seconds,
    output: outputOf(result),
    passed: bad ? 0 : 1,
    failed: bad ? 1 : 0,
    failures: bad ? [title] : [],
  };
}

const quiet = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };

async function runFile(runtime: RuntimeName, file: string, scratch: string): Promise<Outcome> {
  const report = join(scratch, `${runtime}-${file.replaceAll(/[^\w]/g, "-")}.xml`);
  const args = runtime === "deno"
    ? ["test", "-A", "--no-check", "--preload", "./scripts/lib/uncaught_guard.ts"].concat(
      `--junit-path=${report}`,
      file,
    )
    : ["test", "--timeout", "60000", "--reporter=junit", `--reporter-outfile=${report}`].concat(
      `./${file}`,
    );
  const result = await run(findRuntime(runtime), args, { env: quiet, timeoutMs: fileLimitMs });
  const xml = existsSync(report) ? readFileSync(report, "utf8") : null;
  const counts = judge(result, xml);
  return {
    ...counts,
    title: `${runtime} ${file}`,
    seconds: result.seconds,
    output: outputOf(result),
  };
}

function outputOf(result: RunResult): string {
  return `${result.stdout}\n${result.stderr}`.trim();
}

function testFiles(filter: string | undefined): string[] {
  const all = readdirSync(join(projectRoot, "tests"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith("_test.ts"))
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)).split(sep).join("/"));
  const wanted = filter?.replace(/^\.\//, "");
  return all.filter((file) => wanted === undefined || file.includes(wanted)).sort(slowFirst);
}

/** Whole transfers take longest: started first, they do not leave one core idle at the end. */
function slowFirst(a: string, b: string): number {
  const slow = (file: string) => (/\/(interop|swarm|sim)\//.test(file) ? 0 : 1);
  return slow(a) - slow(b) || (a < b ? -1 : 1);
}

/** Real programs on real clocks wait for timers and for each other. */
function mostlyWaits(file: string): boolean {
  return /\/interop\/|\/cli\/dht_test/.test(file);
}

function printOutcome(outcome: Outcome): void {
  const mark = outcome.failed > 0 ? "FAIL" : "ok  ";
  const count = outcome.passed + outcome.failed + outcome.skipped;
  const tests = outcome.title.includes(" ") ? `${count} tests` : "";
  console.log(`${mark} ${outcome.seconds.toFixed(1).padStart(6)} s  ${outcome.title}  ${tests}`);
  // Here too, in short: of a long log often only the lines about FAIL are kept.
  for (const name of outcome.failures) console.log(`FAIL   ${name}`);
  if (outcome.failed > 0) {
    const errors = outcome.output.match(/^.*error.*:.*$/gim) ?? [];
    for (const line of errors.slice(0, MAX_ERRORS)) console.log(`FAIL   ${line.trim()}`);
  }
}

const MAX_ERRORS = 5;

const maxLines = 150;

function printFailure(outcome: Outcome): void {
  const lines = outcome.output.split("\n");
  const cut = lines.length > maxLines ? [`(${lines.length - maxLines} lines left out)`] : [];
  console.log(`\n---- ${outcome.title} ----`);
  console.log([...cut, ...lines.slice(-maxLines)].join("\n"));
}

function printSummary(outcomes: readonly Outcome[], seconds: number): number {
  const failing = outcomes.filter((outcome) => outcome.failed > 0);
  for (const outcome of failing) printFailure(outcome);
  const lines = (heading: string, pick: (o: Outcome) => string[]) => {
    const named = outcomes.flatMap((o) => pick(o).map((name) => `  ${o.title}: ${name}`));
    if (named.length > 0) console.log(`\n${heading}\n${named.join("\n")}`);
  };
  lines("skipped:", (o) => o.skips);
  lines("failed:", (o) => o.failures);

  const sum = (list: readonly Outcome[], of: "passed" | "failed" | "skipped") =>
    list.reduce((total, outcome) => total + outcome[of], 0);
  console.log(`\n${seconds.toFixed(1)} s in all`);
  for (const runtime of ["deno", "bun"]) {
    const own = outcomes.filter((outcome) => outcome.title.startsWith(`${runtime} `));
    const [passed, failed, skipped] = [sum(own, "passed"), sum(own, "failed"), sum(own, "skipped")];
    const busy = own.reduce((total, outcome) => total + outcome.seconds, 0).toFixed(1);
    console.log(`${runtime}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${busy} s`);
  }
  const [passed, failed, skipped] = [
    sum(outcomes, "passed"),
    sum(outcomes, "failed"),
    sum(outcomes, "skipped"),
  ];
  const tail = skipped > 0 ? `, ${skipped} skipped` : "";
  console.log(`${passed} passed, ${failed} failed${tail}`);
  return failed === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { filter: { type: "string" } } });
  const start = performance.now();
  const runtimes: RuntimeName[] = ["deno", "bun"];
  for (const runtime of runtimes) findRuntime(runtime);
  const files = testFiles(values.filter);
  if (files.length === 0) throw new Error(`no test file's path contains "${values.filter ?? ""}"`);

  const scratch = mkdtempSync(join(tmpdir(), "shoal-test-"));
  const outcomes: Outcome[] = [];
  const job = (work: () => Promise<Outcome>) => async () => {
    const outcome = await work();
    outcomes.push(outcome);
    printOutcome(outcome);
  };
  try {
    const jobsOf = (files: readonly string[]) =>
      runtimes.flatMap((runtime) =>
        files.map((file) => job(() => runFile(runtime, file, scratch)))
      );
    const [waiting = [], working = []] = [true, false]
      .map((waits) => files.filter((file) => mostlyWaits(file) === waits));
    const checking = (values.filter === undefined ? checks() : [])
      .map((check) => job(() => runCheck(check.title, check.args)));
    await Promise.all([
      runAll([...checking, ...jobsOf(working)], workAtOnce),
      runAll(jobsOf(waiting), waitAtOnce),
    ]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return printSummary(outcomes, (performance.now() - start) / 1000);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
