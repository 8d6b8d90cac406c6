/**
 * `npm run bench -- daemon [--rounds N] [--torrents N] [--many N] [--active N]
 * [--part requests|events|page] [--json]`:
 * what requests of the Transmission RPC and readers of events cost a daemon with many torrents, and
 * what these take of memory and start.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../lib/run.ts";
import { findRuntime, projectRoot, type RuntimeName } from "../lib/runtimes.ts";
import { makeWorkFolder, positive, progress } from "./common.ts";
import { describeMachine } from "./machine.ts";
import type { PageRound } from "./daemon_page.ts";
import { median } from "./measure.ts";
import { type Verdict, verdictLine } from "./report.ts";

interface Answered {
  /** Milliseconds of CPU for one request, and the most of the loop's thread between two turns. */
  cpuMs: number;
  heldMs: number;
  bytes: number;
}

interface Served {
  torrents: number;
  /** From the start until all are in the list, and until all seed. */
  atWork: number;
  seconds: number;
  /** Until then: the most CPU of the loop's thread between two turns of the loop. */
  startHeldMs: number;
  /** Bytes. */
  resident: number;
  requests: Record<"get21" | "list" | "recent" | "stats", Answered>;
  /** While some of the torrents upload. */
  active: { torrents: number; get21: Answered; resident: number } | null;
}

/** Milliseconds of CPU a second, once for each pair of phases; `faster`: deltas a second. */
interface Followed {
  torrents: number;
  faster: number;
  without: number[];
  reading: number[];
}

const EVENT_ROUNDS = 5, EVENTS_LIMIT_MS = 5;
const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
const CPU_LIMIT_MS: Readonly<Record<RuntimeName, number>> = { deno: 5, bun: 3 };

/** Gives the exit code: 0 when all goals are met. */
export async function daemonBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "3" },
      torrents: { type: "string", default: "1000" },
      many: { type: "string", default: "10000" },
      active: { type: "string", default: "50" },
      part: { type: "string", default: "all" },
      json: { type: "boolean", default: false },
    },
  });
  const rounds = positive(values.rounds, "--rounds");
  const counts = [
    positive(values.torrents, "--torrents"),
    positive(values.many, "--many"),
  ] as const;
  const active = positive(values.active, "--active");
  const machine = await describeMachine(), folder = makeWorkFolder(counts[1] * 30_000 + 2e9);
  try {
    const { part } = values, verdicts: Verdict[] = [], all: unknown[] = [];
    const does = (name: string) => part === "all" || part === name;
    await make(folder, counts[0], active);
    if (does("requests")) await make(folder, counts[1], 0);
    for (const runtime of does("page") ? RUNTIMES : []) {
      const pages = await withPage(runtime, folder, counts[0], rounds);
      all.push({ runtime, pages });
      verdicts.push(...judgePages(runtime, pages));
    }
    for (const runtime of does("events") ? RUNTIMES : []) {
      const followed = await follow(runtime, folder, counts[0]);
      all.push({ runtime, followed });
      verdicts.push(judgeEvents(runtime, followed));
    }
    for (const runtime of does("requests") ? RUNTIMES : []) {
      const some = await serveOften(runtime, folder, counts[0], rounds);
      const [many] = await serveOften(runtime, folder, counts[1], 1);
      all.push({ runtime, some, many });
      verdicts.push(...judge(runtime, some, many!));
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

async function make(folder: string, count: number, active: number): Promise<void> {
  progress(`making ${count} torrents`);
  const files = join(folder, `files${count}`);
  await child("deno", "make", join(folder, `${count}`), files, `${count}`, `${active}`);
}

async function withPage(
  runtime: RuntimeName,
  folder: string,
  count: number,
  rounds: number,
): Promise<PageRound[]> {
  const work = join(folder, `page-${runtime}`);
  const pages: PageRound[] = JSON.parse(
    await child(runtime, "pages", join(folder, `${count}`), work, `${rounds}`),
  );
  const ratios = pages.map((round) => (round.with.cpu / round.without.cpu).toFixed(3));
  progress(`  ${runtime}: CPU of a download with the page open ${ratios.join(" ")}`);
  return pages;
}

async function serveOften(
  runtime: RuntimeName,
  folder: string,
  count: number,
  rounds: number,
): Promise<Served[]> {
  const served: Served[] = [];
  for (let round = 0; round < rounds; round++) {
    const calls = String(Math.max(20, Math.round(200_000 / count)));
    const state = join(folder, `${count}`), files = join(folder, `files${count}`);
    const one: Served = JSON.parse(await child(runtime, "serve", state, files, calls));
    const { cpuMs, heldMs } = one.requests.get21;
    progress(
      `  ${runtime}, ${count}: ${cpuMs.toFixed(1)} ms CPU, loop held for ${heldMs.toFixed(0)} ms`,
    );
    served.push(one);
  }
  return served;
}

function judge(runtime: RuntimeName, some: readonly Served[], many: Served): Verdict[] {
  const of = (value: (one: Served) => number) => median(some.map(value));
  const atMost = (goal: string, value: number, limit: number): Verdict => {
    return { goal: `${runtime}: ${goal}`, value, limit, met: value <= limit };
  };
  const { torrents } = some[0]!, limit = CPU_LIMIT_MS[runtime];
  const held = Math.max(...Object.values(many.requests).map(({ heldMs }) => heldMs));
  return [
    atMost(`ms CPU for 21 fields of ${torrents}`, of((o) => o.requests.get21.cpuMs), limit),
    atMost(
      `ms CPU for them with ${some[0]!.active!.torrents} active`,
      of((o) => o.active!.get21.cpuMs),
      limit,
    ),
    atMost(`ms CPU for a list of ${torrents}`, of((o) => o.requests.list.cpuMs), limit),
    atMost(`ms CPU for the changes of ${torrents}`, of((o) => o.requests.recent.cpuMs), limit),
    atMost(`seconds until ${torrents} seed`, of((o) => o.seconds), 5),
    atMost(`MB resident with ${torrents}`, of((o) => o.active!.resident / 1e6), 350),
    atMost(`ms of the loop for a request with ${many.torrents}`, held, 50),
    atMost(`ms of the loop at the start of ${many.torrents}`, many.startHeldMs, 50),
    atMost(`seconds until ${many.torrents} seed`, many.seconds, 30),
    atMost(`MB resident with ${many.torrents}`, many.resident / 1e6, 1200),
  ];
}

/** With a copy of the state folder, since torrents are added. */
async function follow(runtime: RuntimeName, folder: string, count: number): Promise<Followed> {
  const state = join(folder, `events-${runtime}`), own = join(folder, `active-${runtime}`);
  cpSync(join(folder, `${count}`), state, { recursive: true });
  const args = ["serve", state, own, `${EVENT_ROUNDS}`];
  const followed: Followed = JSON.parse(await runScript(runtime, "events_child.ts", args));
  progress(
    `  ${runtime}: ${beyond(followed).map((ms) => ms.toFixed(1)).join(" ")} ms CPU a second`,
  );
  return followed;
}

/** What readers cost with one delta a second: each phase less the one before it. */
function beyond({ without, reading, faster }: Followed): number[] {
  return reading.map((ms, at) => (ms - without[at]!) / faster);
}

function judgeEvents(runtime: RuntimeName, followed: Followed): Verdict {
  const goal =
    `${runtime}: ms CPU a second for ten readers of events, ${followed.torrents} torrents`;
  const value = median(beyond(followed));
  return { goal, value, limit: EVENTS_LIMIT_MS, met: value <= EVENTS_LIMIT_MS };
}

/** Medians of the ratios of the same round. */
function judgePages(runtime: RuntimeName, pages: readonly PageRound[]): Verdict[] {
  return (["cpu", "wall"] as const).map((what) => {
    const value = median(pages.map((round) => round.with[what] / round.without[what]));
    return {
      goal: `${runtime}: a download with the page open, ${what}`,
      value,
      limit: 1.03,
      met: value <= 1.03,
    };
  });
}

function child(runtime: RuntimeName, ...args: string[]): Promise<string> {
  return runScript(runtime, "daemon_child.ts", args);
}

async function runScript(runtime: RuntimeName, name: string, args: string[]): Promise<string> {
  const script = join(projectRoot, "scripts", "bench", name);
  const before = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
  const { code, stdout, stderr } = await run(findRuntime(runtime), [...before, script, ...args], {
    timeoutMs: 300_000,
  });
  if (code !== 0) throw new Error(`${runtime} ${args[0]}: ${stderr}`);
  return stdout.trim();
}
