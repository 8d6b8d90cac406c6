/** What is printed of worlds. */
import type { WorldResult } from "./run_world.ts";

const MIB = 1024 * 1024;

/** The command that plays this very world again. */
export function commandOf({ seed, scenario }: WorldResult): string {
  return `npm run sim -- --seed ${seed} --scenario ${scenario}`;
}

/** Failures as they occur; everything about a world that was named. */
export function reportWorld(result: WorldResult, alone: boolean): void {
  if (result.error !== null) {
    console.log(`FAILED after ${result.virtualMs} ms of virtual time: ${commandOf(result)}`);
    console.log(indented(result.error));
  }
  if (!alone) return;
  console.log(`${result.scenario} ${result.seed}: ${result.error === null ? "ok" : "failed"}`);
  console.log(`virtual time ${result.virtualMs} ms, real time ${result.realMs} ms`);
  console.log(`what was done: ${counts(result.deeds)}`);
  console.log(`what broke: ${counts(result.faults)}`);
  console.log(`log ${result.digest}`);
}

export function summary(results: readonly WorldResult[], seconds: number): string {
  const failed = results.filter(({ error }) => error !== null);
  const bytes = results.reduce((sum, each) => sum + each.bytes, 0);
  const claims = results.reduce((sum, each) => sum + each.claims, 0);
  const hours = results.reduce((sum, each) => sum + each.virtualMs, 0) / 3_600_000;
  return [
    `what was done: ${counts(total(results.map(({ deeds }) => deeds)))}`,
    `what broke: ${counts(total(results.map(({ faults }) => faults)))}`,
    `${claims} claims of a piece looked up on the disk, ${(bytes / MIB).toFixed(0)} MiB compared`,
    ...failed.map((each) => `failed: ${commandOf(each)}`),
    `${results.length} worlds, ${hours.toFixed(1)} hours of virtual time in ` +
    `${seconds.toFixed(0)} s: ${failed.length} failed`,
  ].join("\n");
}

function total(counts: readonly Record<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const each of counts) {
    for (const [name, count] of Object.entries(each)) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return Object.fromEntries([...sums].sort());
}

function counts(by: Record<string, number>): string {
  const named = Object.entries(by).map(([name, count]) => `${name} ${count}`);
  return named.length === 0 ? "nothing" : named.join(", ");
}

function indented(text: string): string {
  return text.split("\n").map((line) => `  ${line}`).join("\n");
}
