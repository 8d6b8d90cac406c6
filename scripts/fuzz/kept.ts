/** What fuzzing keeps: inputs that brought out something new, and those that found something. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../lib/runtimes.ts";
import type { Finding } from "./run.ts";

const CORPUS = join(projectRoot, "tests", "fuzz", "corpus");
export const FINDINGS = join(projectRoot, "tests", "fuzz", "findings");
const MAX_KEPT = 24, MAX_KEPT_BYTES = 2000;

/** One input a line, hexadecimal. */
export function keptInputs(target: string): Uint8Array[] {
  const file = join(CORPUS, `${target}.txt`);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8").trim().split("\n")
    .map((line) => new Uint8Array(Buffer.from(line, "hex")));
}

/** The newest of the small ones; they are replayed by the suite. */
export function keepInputs(target: string, inputs: readonly Uint8Array[]): void {
  mkdirSync(CORPUS, { recursive: true });
  const small = inputs.filter(({ length }) => length > 0 && length < MAX_KEPT_BYTES);
  const lines = new Set(small.map((bytes) => Buffer.from(bytes).toString("hex")));
  const newest = [...lines].slice(-MAX_KEPT);
  if (newest.length > 0) writeFileSync(join(CORPUS, `${target}.txt`), [...newest, ""].join("\n"));
}

/** Inputs that found something in some run: named after their target, replayed by the suite. */
export function foundInputs(target: string): Uint8Array[] {
  if (!existsSync(FINDINGS)) return [];
  const mine = new RegExp(`^${target}-(?:[0-9a-f]{8}|hangs)\\.bin$`);
  return readdirSync(FINDINGS).filter((name) => mine.test(name)).sort()
    .map((name) => new Uint8Array(readFileSync(join(FINDINGS, name))));
}

/** Returns the file it is in. */
export function keepFinding({ target, input }: Finding, dir: string): string {
  mkdirSync(dir, { recursive: true });
  const name = createHash("sha1").update(input).digest("hex").slice(0, 8);
  const file = join(dir, `${target}-${name}.bin`);
  writeFileSync(file, input);
  return file;
}
