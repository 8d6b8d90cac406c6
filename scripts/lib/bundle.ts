/** Makes the one-file bundle and proves that it stands alone. */

import { readFileSync } from "node:fs";
import { serveFile } from "./file_server.ts";
import { run } from "./run.ts";
import { findRuntime } from "./runtimes.ts";
import { scanSource } from "./source_scan.ts";

/** Bundles `entry` into `outfile`: one file that imports nothing but `node:` modules. */
export async function bundle(entry: string, outfile: string): Promise<void> {
  // The browser target adds no shims and leaves import.meta alone; the node condition picks the
  // same files of the dependencies as a run from the sources does.
  const made = await run(findRuntime("bun"), [
    "build",
    entry,
    "--target=browser",
    "--format=esm",
    "--external=node:*",
    "--conditions=node",
    `--outfile=${outfile}`,
  ]);
  if (made.code !== 0) throw new Error(`bun build failed:\n${made.stdout}${made.stderr}`);
  const foreign = foreignImports(readFileSync(outfile, "utf8"));
  if (foreign.length > 0) throw new Error(`${outfile} still imports ${foreign.join(", ")}`);
}

/** The imports of a source, except `node:` modules. */
export function foreignImports(source: string): string[] {
  const { code, imports } = scanSource(source);
  const named = imports.map((one) => one.specifier).filter((name) => !name.startsWith("node:"));
  return /(?<![.\w$])require\s*\(/.test(code) ? [...named, "something by require()"] : named;
}

/**
 * Runs the bundle with `--version` in each way that users start it; each must print `expected`.
 * Gives the names of the ways that were proven.
 */
export async function proveBundle(file: string, expected: string): Promise<string[]> {
  const deno = findRuntime("deno");
  await expectOutput(deno, ["run", "-A", "--no-config", file, "--version"], expected);
  await expectOutput(findRuntime("bun"), ["--no-install", file, "--version"], expected);
  const server = await serveFile(file);
  try {
    await expectOutput(deno, ["run", "-A", "--reload", server.url, "--version"], expected);
    if (server.requests() === 0) throw new Error("deno did not fetch the bundle from its URL");
  } finally {
    await server.close();
  }
  return ["deno run", "bun", "deno run from a URL"];
}

/** Throws unless the program ends with 0 and prints `expected`, alone or with more in brackets. */
export async function expectOutput(
  command: string,
  args: readonly string[],
  expected: string,
): Promise<void> {
  const result = await run(command, args, { timeoutMs: 30_000, env: { NO_COLOR: "1" } });
  const line = result.stdout.trim();
  if (result.code === 0 && (line === expected || line.startsWith(`${expected} (`))) return;
  const printed = `${result.stdout}\n${result.stderr}`.trim();
  throw new Error(
    `${command} ${args.join(" ")} gave code ${result.code} and printed ` +
      `"${printed.slice(0, 2000)}" instead of "${expected}"`,
  );
}
