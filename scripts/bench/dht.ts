/**
 * `npm run bench -- dht [--rounds N] [--seconds N] [--json]`: how many pings one DHT node answers, and
 * what floods from one address do to everybody else. scripts/bench/README.md says how to read it.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { findRuntime, type RuntimeName } from "../lib/runtimes.ts";
import { run } from "../lib/run.ts";
import { positive, progress } from "./common.ts";
import { describeMachine } from "./machine.ts";
import { median } from "./measure.ts";
import { type Verdict, verdictLine } from "./report.ts";
import { benchScript, python } from "./seeders.ts";

/** Of one asker; times in milliseconds from a ping to its answer. */
interface Asked {
  sent: number;
  answered: number;
  seconds: number;
  median: number;
  p99: number;
}

interface NodeStats {
  cpu: number;
  received: number;
  refused: number;
  errors: number;
}

interface Flooded {
  /** What others got meanwhile. */
  beside: Asked;
  sent: number;
  answered: number;
  refused: number;
}

/** One round: pings as fast as they are answered, a few alone, and as few beside each flood. */
interface Sample {
  perSecond: number;
  perCpuSecond: number;
  alone: Asked;
  floods: Flooded[];
}

const RUNTIMES: readonly RuntimeName[] = ["deno", "bun"];
/** So many that none of them exceeds what a node grants one address: 5 a second, 50 at once. */
const ADDRESSES = 16_384;
const WINDOW = 256;
/** Others beside the flood. */
const MODEST = { addresses: 2000, rate: 1000 };
/** `rate`: pings a second; 0: as fast as a process can send. */
const FLOODS = [
  { address: "127.0.0.2", rate: 5000, title: "5,000 a second" },
  { address: "127.0.0.3", rate: 0, title: "full speed" },
];

/** Gives the exit code: 0 when all goals are met. */
export async function dhtBench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "3" },
      json: { type: "boolean", default: false },
    },
  });
  const rounds = positive(values.rounds, "--rounds");
  const seconds = positive(values.seconds, "--seconds");
  const machine = await describeMachine(), samples = new Map<RuntimeName, Sample[]>();
  for (let round = 0; round < rounds; round++) {
    for (const runtime of round % 2 === 0 ? RUNTIMES : RUNTIMES.toReversed()) {
      const one = await sample(runtime, seconds);
      samples.set(runtime, [...samples.get(runtime) ?? [], one]);
      progress(`  round ${round + 1}  ${runtime}: ${Math.round(one.perSecond)} a second`);
    }
  }
  const verdicts = [...samples].flatMap(([runtime, some]) => judge(runtime, some));
  if (values.json) {
    console.log(JSON.stringify({ machine, samples: Object.fromEntries(samples), verdicts }));
  } else {
    console.log(`\nmedians of ${rounds} rounds\n${machine}`);
    for (const [runtime, some] of samples) console.log(describe(runtime, some));
    for (const verdict of verdicts) console.log(verdictLine(verdict));
  }
  return verdicts.every(({ met }) => met) ? 0 : 1;
}

async function sample(runtime: RuntimeName, seconds: number): Promise<Sample> {
  const node = await startNode(runtime);
  try {
    const ask = (wanted: object) => asker({ port: node.port, seconds, ...wanted });
    const fast = { addresses: ADDRESSES, window: WINDOW };
    // Not counted: the runtime compiles what turns out to be hot.
    await ask({ ...fast, seconds: 2 });
    const before = await node.stats();
    const asked = await ask(fast);
    const after = await node.stats();
    const alone = await ask(MODEST);
    let refused = (await node.stats()).refused;
    if (refused > 0) throw new Error(`${refused} were refused before the first flood`);
    const floods: Flooded[] = [];
    for (const { address, rate } of FLOODS) {
      const [beside, flooded] = await Promise.all([ask(MODEST), ask({ flood: address, rate })]);
      const stats = await node.stats(), { sent, answered } = flooded;
      floods.push({ beside, sent, answered, refused: stats.refused - refused });
      refused = stats.refused;
    }
    return {
      perSecond: asked.answered / asked.seconds,
      perCpuSecond: asked.answered / (after.cpu - before.cpu),
      alone,
      floods,
    };
  } finally {
    await node.stop();
  }
}

function judge(runtime: RuntimeName, samples: readonly Sample[]): Verdict[] {
  const verdict = (goal: string, limit: number, least: boolean, of: (one: Sample) => number) => {
    const value = median(samples.map(of)), met = least ? value >= limit : value <= limit;
    return { goal: `${runtime}: ${goal}`, value, limit, met, least };
  };
  return [
    verdict("pings answered per CPU second", 20_000, true, (one) => one.perCpuSecond),
    ...FLOODS.flatMap(({ title }, i) => [
      verdict(`flood, ${title}: share answered`, 0.01, false, ({ floods }) => share(floods[i]!)),
      verdict(`flood, ${title}: others' share of answers to that without it`, 0.99, true, (one) => {
        return share(one.floods[i]!.beside) / share(one.alone);
      }),
      verdict(`flood, ${title}: ms that others' median answer takes longer`, 1, false, (one) => {
        return one.floods[i]!.beside.median - one.alone.median;
      }),
    ]),
  ];
}

function share({ answered, sent }: { answered: number; sent: number }): number {
  return answered / sent;
}

function describe(runtime: RuntimeName, samples: readonly Sample[]): string {
  const of = (value: (one: Sample) => number, digits = 0) =>
    median(samples.map(value)).toFixed(digits);
  const others = (which: (one: Sample) => Asked) =>
    `${of((one) => 100 * share(which(one)), 1)} % answered, median ` +
    `${of((one) => which(one).median, 2)} ms, p99 ${of((one) => which(one).p99, 1)} ms`;
  const floods = FLOODS.flatMap(({ title }, i) => [
    `  flood, ${title}: ${of((one) => one.floods[i]!.sent)} sent, ` +
    `${of((one) => one.floods[i]!.refused)} refused, ${
      of((one) => one.floods[i]!.answered)
    } answered`,
    `    beside it: ${others((one) => one.floods[i]!.beside)}`,
  ]);
  return [
    `${runtime}: ${of((one) => one.perSecond)} pings a second, ` +
    `${of((one) => one.perCpuSecond)} per CPU second`,
    `  ${MODEST.rate} a second alone: ${others((one) => one.alone)}`,
    ...floods,
  ].join("\n");
}

async function asker(wanted: object): Promise<Asked> {
  const args = ["-B", benchScript("dht_asker.py"), JSON.stringify(wanted)];
  const { code, stdout, stderr } = await run(python, args, { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`dht_asker.py: ${stderr}`);
  return JSON.parse(stdout);
}

interface RunningNode {
  port: number;
  stats(): Promise<NodeStats>;
  stop(): Promise<void>;
}

async function startNode(runtime: RuntimeName): Promise<RunningNode> {
  const args = [
    ...runtime === "deno" ? ["run", "-A", "--no-check"] : [],
    benchScript("dht_node.ts"),
  ];
  const child = spawn(findRuntime(runtime), args, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the node on ${runtime} ended`);
    return JSON.parse(value);
  };
  const { port } = await next();
  return {
    port,
    stats: () => {
      child.stdin.write("\n");
      return next();
    },
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
