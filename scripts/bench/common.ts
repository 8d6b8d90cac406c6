/** What the benches share: options that are names or numbers, where to work, how to tell progress. */

import { existsSync, mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The names in a list with commas; throws on one that is not among `from`. */
export function choose<T extends string>(text: string, from: readonly T[], what: string): T[] {
  return text.split(",").map((name) => {
    const found = from.find((known) => known === name);
    if (found === undefined) throw new Error(`no ${what} "${name}": one of ${from.join(", ")}`);
    return found;
  });
}

/** A whole number above 0. */
export function positive(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`${flag} needs a whole number, not "${text}"`);
}

/** A folder in memory where it is large enough: the disk is not what is measured. */
export function makeWorkFolder(bytes: number): string {
  const memory = "/dev/shm";
  const needed = bytes * 2.5 + 400e6;
  if (existsSync(memory)) {
    const { bavail, bsize } = statfsSync(memory);
    if (bavail * bsize > needed) return mkdtempSync(join(memory, "shoal-bench-"));
  }
  return mkdtempSync(join(tmpdir(), "shoal-bench-"));
}

/** Progress goes to stderr, so that --json leaves stdout clean. */
export function progress(text: string): void {
  console.error(text);
}
