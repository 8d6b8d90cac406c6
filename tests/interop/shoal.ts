/** Starts shoal's command line as a process of its own, on the runtime that runs the test. */

import { atHome } from "../harness/at_home.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findRuntime, projectRoot, thisRuntime } from "../../scripts/lib/runtimes.ts";
import { python } from "./needs.ts";
import type { Ended, Program } from "./program.ts";
import type { Scene } from "./scene.ts";

/** A line of `--json`: see src/client/types.ts and src/cli/render. */
export interface JsonEvent {
  type: string;
  [key: string]: unknown;
}

export interface ShoalRun extends Ended {
  /** What `--json` printed, in order. */
  events: JsonEvent[];
}

/** The command line from the sources. */
export function shoalCommand(): string[] {
  const entry = join(projectRoot, "mod.ts");
  return thisRuntime === "deno"
    ? [findRuntime("deno"), "run", "-A", "--no-check", entry]
    : [findRuntime("bun"), entry];
}

export interface RunningShoal {
  program: Program;
  /** The first event for which `wanted` holds. */
  waitFor(what: string, wanted: (event: JsonEvent) => boolean): Promise<JsonEvent>;
  ended: Promise<ShoalRun>;
}

export function startShoal(
  scene: Scene,
  args: readonly string[],
  command: readonly string[] = shoalCommand(),
): RunningShoal {
  const program = scene.start([...command, ...atHome(args)]);
  return {
    program,
    waitFor: (what, wanted) =>
      program.waitFor(what, (line) => {
        const event = readEvent(line);
        return event !== null && wanted(event) ? event : null;
      }),
    ended: program.ended.then((result) => ({
      ...result,
      events: result.lines.map(readEvent).filter((event) => event !== null),
    })),
  };
}

export function runShoal(
  scene: Scene,
  args: readonly string[],
  command?: readonly string[],
): Promise<ShoalRun> {
  return startShoal(scene, args, command).ended;
}

/** As `runShoal`, and the peak of its resident memory in bytes. */
export async function runMeasured(
  scene: Scene,
  args: readonly string[],
): Promise<ShoalRun & { residentBytes: number }> {
  const report = join(scene.folder(), "report.json");
  const measure = join(projectRoot, "scripts", "bench", "measure.py");
  const command = [python, "-B", measure, report, "60", ...shoalCommand()];
  const ran = await runShoal(scene, args, command);
  const { code, residentBytes } = JSON.parse(readFileSync(report, "utf8"));
  return { ...ran, code, residentBytes };
}

function readEvent(line: string): JsonEvent | null {
  try {
    const value = JSON.parse(line);
    return typeof value?.type === "string" ? value : null;
  } catch {
    return null;
  }
}

/** For the message of a failed assertion. */
export function told(run: Ended): string {
  return `code ${run.code}, signal ${run.signal}\n${
    run.lines.slice(-30).join("\n")
  }\n${run.stderr}`;
}
