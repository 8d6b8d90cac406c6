/** Self-contained executables of the bundle, by Bun and by Deno. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { expectOutput } from "./bundle.ts";
import { run } from "./run.ts";
import { findRuntime } from "./runtimes.ts";

/** What Bun can cross-compile for; it takes the bases from npm on first use. */
export const targets: readonly string[] = ["linux", "darwin", "windows"].flatMap(
  (system) => [`${system}-x64`, `${system}-arm64`],
);

/** Compiles the bundle with Bun, for this machine or for `target`; returns the file's path. */
export async function compileWithBun(
  bundleFile: string,
  outfile: string,
  target?: string,
): Promise<string> {
  const made = await run(findRuntime("bun"), [
    "build",
    bundleFile,
    "--compile",
    // Parsing the bundle is most of the start; compiled beforehand it takes a third.
    "--bytecode",
    "--format=esm",
    // Else the program would read .env and bunfig.toml of whatever folder it is started in.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...(target === undefined ? [] : [`--target=bun-${target}`]),
    `--outfile=${outfile}`,
  ], { timeoutMs: 300_000 });
  if (made.code !== 0) throw new Error(`bun build --compile failed:\n${made.stdout}${made.stderr}`);
  const windows = (target ?? process.platform).startsWith("win");
  return windows ? `${outfile}.exe` : outfile;
}

/**
 * Compiles the bundle with `deno compile`. Gives null when it worked, else one line that says why
 * it could not be done here: the base runtime comes from Deno's own server or from DENORT_BIN.
 */
export async function compileWithDeno(
  bundleFile: string,
  outfile: string,
  expected: string,
): Promise<string | null> {
  rmSync(outfile, { force: true });
  const made = await run(findRuntime("deno"), [
    "compile",
    "-A",
    "--no-check",
    "--unstable-net",
    `--output=${outfile}`,
    bundleFile,
  ], { timeoutMs: 180_000, env: { NO_COLOR: "1" } });
  const given = process.env.DENORT_BIN;
  if (made.code !== 0) {
    const cause = /failed to lookup.*|client error.*/i.exec(made.stderr)?.[0];
    const why = cause ?? made.stderr.trim().slice(0, 500);
    return given === undefined
      ? `deno compile could not get its base runtime, and DENORT_BIN is not set (${why})`
      : `deno compile failed with DENORT_BIN=${given} (${why})`;
  }
  try {
    await expectOutput(outfile, ["--version"], expected);
    return null;
  } catch (error) {
    rmSync(outfile, { force: true });
    // The deno binary itself passes as a base and results in a program that only opens a prompt.
    const hint = given === undefined ? "" : `; is DENORT_BIN=${given} a denort and not a deno?`;
    return `the result of deno compile does not run${hint} (${(error as Error).message})`;
  }
}

/** Writes SHA256SUMS beside the files, in the form that `sha256sum --check` reads. */
export function writeSums(files: readonly string[]): string {
  const sums = join(dirname(files[0] ?? "."), "SHA256SUMS");
  const lines = files.filter((file) => existsSync(file)).map((file) => {
    const digest = createHash("sha256").update(readFileSync(file)).digest("hex");
    return `${digest}  ${basename(file)}\n`;
  });
  writeFileSync(sums, lines.join(""));
  return sums;
}
