/** One measured run: cost, and whether the result is what was seeded. */

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { firstDifference } from "../lib/compare_files.ts";
import type { TorrentSpec } from "../lib/make_torrent.ts";
import { run } from "../lib/run.ts";
import { benchScript, python } from "./seeders.ts";

export interface Sample {
  /** Seconds from start to end of the whole process. */
  wall: number;
  /** User plus system seconds of the process and its children. */
  cpu: number;
  /** Peak. */
  residentBytes: number;
}

const limitSeconds = 300;

/**
 * Runs a client that downloads into the empty folder `dir`, compares the result with `source` and
 * deletes it. Throws when the client failed or the bytes differ: a wrong result has no speed.
 */
export async function measure(
  command: readonly string[],
  dir: string,
  source: string,
  spec: TorrentSpec,
): Promise<Sample> {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  try {
    return await measureProgram(command, dir, () => firstDifference(spec, source, dir));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Runs a program to its end; `report` is the path of a file (without its extension) that may be
 * written beside it. Throws when the program failed or `wrong` then names something.
 */
export async function measureProgram(
  command: readonly string[],
  report: string,
  wrong: () => string | null,
): Promise<Sample> {
  const file = `${report}.json`;
  const args = ["-B", benchScript("measure.py"), file, String(limitSeconds), ...command];
  const ended = await run(python, args, {
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", XDG_STATE_HOME: "" },
    cwd: dirname(report),
  });
  try {
    const { code, wall, user, system, residentBytes } = JSON.parse(readFileSync(file, "utf8"));
    const what = code === 0 ? wrong() : `it ended with code ${code}`;
    if (what !== null) {
      const output = `${ended.stdout}\n${ended.stderr}`.trim();
      throw new Error(`${command.slice(0, 6).join(" ")} ...: ${what}\n${output}`);
    }
    return { wall, cpu: user + system, residentBytes };
  } finally {
    rmSync(file, { force: true });
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[middle - 1] ?? NaN, sorted[middle] ?? NaN];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}
