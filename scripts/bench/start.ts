/**
 * `npm run bench -- start [--rounds N] [--torrents N] [--idle SECONDS] [--json]`: how soon what was
 * there is back, and what it takes then while nothing happens.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findRuntime, projectRoot, type RuntimeName } from "../lib/runtimes.ts";
import { run } from "../lib/run.ts";
import { makeWorkFolder, positive, progress } from "./common.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./measure.ts";
import { type Verdict, verdictLine } from "./report.ts";

interface Opened {
  seconds: number;
  /** Bytes, at the end and before anything was restored. */
  resident: number;
  idle: number;
  /** Part of one core, and bytes after that; only of the last round of many. */
  idling: number | null;
  after: number;
  torrents: number;
  states: [string, number][];
}

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];

/** Gives the exit code: 0 when all goals are met. */
export async function startBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "3" },
      torrents: { type: "string", default: "1000" },
      idle: { type: "string", default: "30" },
      json: { type: "boolean", default: false },
    },
  });
  const rounds = positive(values.rounds, "--rounds");
  const count = positive(values.torrents, "--torrents");
  const idleSeconds = positive(values.idle, "--idle");
  const machine = await describeMachine(), folder = makeWorkFolder(count * 1.1e6);
  try {
    const many = join(folder, "many"), big = join(folder, "big");
    progress(`making ${count} torrents, and one of 100 GiB`);
    await child("deno", "make", many, join(folder, "files"), String(count));
    await child("deno", "big", big, join(folder, "sparse"));
    const verdicts: Verdict[] = [], all: unknown[] = [];
    for (const runtime of RUNTIMES) {
      const opened = await openOften(runtime, many, rounds, count, idleSeconds);
      const one = await openOften(runtime, big, rounds, 1, 0);
      all.push({ runtime, opened, one });
      verdicts.push(...judge(runtime, count, opened, one));
    }
    if (values.json) console.log(JSON.stringify({ machine, all, verdicts }, null, 1));
    else {
      console.log(`\nmedians of ${rounds} rounds\n${machine}`);
      for (const verdict of verdicts) console.log(verdictLine(verdict));
    }
    return verdicts.every(({ met }) => met) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openOften(
  runtime: RuntimeName,
  state: string,
  rounds: number,
  count: number,
  idleSeconds: number,
): Promise<Opened[]> {
  const opened: Opened[] = [];
  for (let round = 0; round < rounds; round++) {
    const idles = round === rounds - 1 ? idleSeconds : 0;
    const one: Opened = JSON.parse(await child(runtime, "open", state, String(idles)));
    const seeding = one.states.find(([state]) => state === "seeding")?.[1] ?? 0;
    if (seeding !== count) throw new Error(`${runtime}: ${seeding} of ${count} torrents seed`);
    progress(`  ${runtime}: ${one.seconds.toFixed(2)} s, ${Math.round(one.resident / 1e6)} MB`);
    opened.push(one);
  }
  return opened;
}

function judge(
  runtime: RuntimeName,
  count: number,
  many: readonly Opened[],
  one: readonly Opened[],
): Verdict[] {
  const of = (opened: readonly Opened[], value: (one: Opened) => number) =>
    median(opened.map(value));
  const atMost = (goal: string, value: number, limit: number): Verdict => {
    return { goal: `${runtime}: ${goal}`, value, limit, met: value <= limit };
  };
  const perTorrent = ({ resident, idle }: Opened) => (resident - idle) / count / 1000;
  return [
    atMost(`seconds until ${count} torrents are at work`, of(many, (o) => o.seconds), 5),
    atMost("MB resident with all of them", of(many, (o) => o.resident / 1e6), 300),
    atMost("KB resident for each", of(many, perTorrent), 100),
    atMost("% of a core while they idle", (many.at(-1)!.idling ?? 0) * 100, 2),
    atMost("seconds until one of 100 GiB is", of(one, (o) => o.seconds), 1),
  ];
}

async function child(runtime: RuntimeName, ...args: string[]): Promise<string> {
  const script = join(projectRoot, "scripts", "bench", "start_many.ts");
  const before = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
  const { code, stdout, stderr } = await run(findRuntime(runtime), [...before, script, ...args], {
    timeoutMs: 300_000,
  });
  if (code !== 0) throw new Error(`${runtime} ${args[0]}: ${stderr}`);
  return stdout.trim();
}
