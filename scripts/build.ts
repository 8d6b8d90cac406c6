/**
 * `npm run build`: dist/shoal.js (one file for Deno and Bun), dist/shoal (self-contained, by Bun)
 * and dist/shoal-deno (self-contained, by Deno, where its base runtime can be had).
 *
 *   npm run build -- --all          also the six cross-compiled executables and SHA256SUMS
 *   npm run build -- --bundle       only dist/shoal.js
 *   npm run build -- --entry FILE   another entry than mod.ts
 *   npm run build -- --out DIR      another folder than dist
 */

import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { bundle, expectOutput, proveBundle } from "./lib/bundle.ts";
import { compileWithBun, compileWithDeno, targets, writeSums } from "./lib/executables.ts";
import { run } from "./lib/run.ts";
import { findRuntime, projectRoot } from "./lib/runtimes.ts";

interface Wanted {
  entry: string;
  dir: string;
  all: boolean;
  bundleOnly: boolean;
}

function readArgs(): Wanted {
  const { values } = parseArgs({
    options: {
      all: { type: "boolean", default: false },
      bundle: { type: "boolean", default: false },
      entry: { type: "string", default: join(projectRoot, "mod.ts") },
      out: { type: "string", default: join(projectRoot, "dist") },
    },
  });
  const entry = resolve(values.entry);
  if (!existsSync(entry)) throw new Error(`there is no ${entry} to build`);
  return { entry, dir: resolve(values.out), all: values.all, bundleOnly: values.bundle };
}

/** What `--version` must print. */
function versionLine(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  return `shoal ${version}`;
}

async function checkTypes(entry: string): Promise<void> {
  const result = await run(findRuntime("deno"), ["check", entry], { env: { NO_COLOR: "1" } });
  if (result.code !== 0) throw new Error(`the type check failed:\n${result.stderr}`);
  console.log("types hold");
}

function say(file: string, how: string): void {
  const size = (statSync(file).size / 1e6).toFixed(1);
  console.log(`${file}  ${size} MB  ${how}`);
}

async function build({ entry, dir, all, bundleOnly }: Wanted): Promise<void> {
  const version = versionLine();
  mkdirSync(dir, { recursive: true });
  await checkTypes(entry);

  const script = join(dir, "shoal.js");
  await bundle(entry, script);
  say(script, `proven with ${(await proveBundle(script, version)).join(", ")}`);
  if (bundleOnly) return;

  const own = await compileWithBun(script, join(dir, "shoal"));
  await expectOutput(own, ["--version"], version);
  say(own, "by Bun, for this machine, runs");

  const byDeno = join(dir, process.platform === "win32" ? "shoal-deno.exe" : "shoal-deno");
  const why = await compileWithDeno(script, byDeno, version);
  if (why === null) say(byDeno, "by Deno, for this machine, runs");
  else console.log(`NOT BUILT: ${byDeno}: ${why}`);

  if (all) await buildAll(script, dir);
}

async function buildAll(script: string, dir: string): Promise<void> {
  const made = [script];
  for (const target of targets) {
    const file = await compileWithBun(script, join(dir, `shoal-${target}`), target);
    say(file, "by Bun, not run here");
    made.push(file);
  }
  console.log(writeSums(made));
}

try {
  await build(readArgs());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
