/** What this machine's cores can hash: the mark that `verify` and `create` are measured against. */

import { availableParallelism } from "node:os";
import { run } from "../lib/run.ts";
import { findRuntime } from "../lib/runtimes.ts";
import { benchScript, python } from "./seeders.ts";

/** A way to make a SHA-1 in one call that exists on this machine. */
export interface Primitive {
  title: string;
  command: readonly string[];
}

/** Bytes a second. */
export interface Sha1Limit {
  /** All cores at once: where two of them are threads of one, that is less than the one below. */
  together: number;
  /** One core, while the others are idle, times the number of cores. */
  timesCores: number;
}

export const cores: number = availableParallelism();
const searchRounds = 3;
const searchSeconds = 0.2;
const probeSeconds = 1;

function primitives(): Primitive[] {
  const script = benchScript("sha1_probe.ts");
  const [deno, bun] = [findRuntime("deno"), findRuntime("bun")];
  return [
    { title: "OpenSSL", command: [python, "-B", benchScript("sha1_probe.py")] },
    { title: "createHash on Deno", command: [deno, "run", "-A", "--no-config", script, "node"] },
    {
      title: "Web Crypto on Deno",
      command: [deno, "run", "-A", "--no-config", script, "webcrypto"],
    },
    { title: "createHash on Bun", command: [bun, "--no-install", script, "node"] },
    { title: "Web Crypto on Bun", command: [bun, "--no-install", script, "webcrypto"] },
  ];
}

/** The primitive with the highest rate; of several tries, since others can only slow one down. */
export async function quickestPrimitive(): Promise<Primitive> {
  const rated = primitives().map((primitive) => ({ primitive, rate: 0 }));
  for (let round = 0; round < searchRounds; round++) {
    for (const one of rated) {
      one.rate = Math.max(one.rate, await rateOf(one.primitive, searchSeconds));
    }
  }
  return rated.reduce((best, one) => one.rate > best.rate ? one : best).primitive;
}

/** Takes about two seconds. */
export async function measureLimit(primitive: Primitive): Promise<Sha1Limit> {
  const each = Array.from({ length: cores }, () => rateOf(primitive, probeSeconds));
  const together = (await Promise.all(each)).reduce((sum, rate) => sum + rate, 0);
  return { together, timesCores: cores * await rateOf(primitive, probeSeconds) };
}

async function rateOf({ title, command }: Primitive, seconds: number): Promise<number> {
  const [program = "", ...args] = command;
  const result = await run(program, [...args, String(seconds)], { timeoutMs: 30_000 });
  const rate = Number(result.stdout);
  if (rate > 0) return rate;
  throw new Error(`${title} does not work here: ${result.stderr.trim()}`);
}
