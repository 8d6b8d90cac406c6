/** One seed and many leeches of our own in the simulator, against what the lines allow at best. */

import { type Participant, SimSwarm } from "../../tests/harness/sim_swarm.ts";

/** How often the swarm is looked at, in virtual time. */
const STEP_MS = 100;
const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;

/** The lines of a swarm, bytes a second. */
export interface Lines {
  seedUp: number;
  /** One per leech. */
  leeches: readonly { up: number; down: number }[];
}

/**
 * Seconds in which a fluid, split without loss, would reach the last leech: the seed must send
 * everything once, the slowest leech must receive everything, and all uplinks together must send
 * everything once for each leech.
 */
export function fluidBound(size: number, { seedUp, leeches }: Lines): number {
  const up = leeches.reduce((sum, leech) => sum + leech.up, seedUp);
  const slowest = Math.min(...leeches.map((leech) => leech.down));
  return Math.max(size / seedUp, size / slowest, size * leeches.length / up);
}

export interface SimShape {
  name: string;
  about: string;
  /** Of the time of the last leech, in fluid bounds. */
  goal: number;
  /** BEP 16. */
  superSeed?: boolean;
  lines(leeches: number): Lines;
}

function lines(seedUp: number, count: number, leech: (i: number) => { up: number; down: number }) {
  return { seedUp, leeches: Array.from({ length: count }, (_, i) => leech(i)) };
}

export const simShapes: readonly SimShape[] = [
  {
    name: "equal",
    goal: 1.25,
    about: "all up 1 MiB/s, down 8 MiB/s: the seed must not send anything twice",
    lines: (n) => lines(mebibyte, n, () => ({ up: mebibyte, down: 8 * mebibyte })),
  },
  {
    name: "super-seed",
    goal: 1.15,
    about: "the same lines, and the seed super-seeds",
    superSeed: true,
    lines: (n) => lines(mebibyte, n, () => ({ up: mebibyte, down: 8 * mebibyte })),
  },
  {
    name: "strong-seed",
    goal: 1.25,
    about: "seed up 4 MiB/s, leeches 512 KiB/s up, 8 MiB/s down: every line up must be busy",
    lines: (n) => lines(4 * mebibyte, n, () => ({ up: 512 * kibibyte, down: 8 * mebibyte })),
  },
  {
    name: "mixed",
    goal: 1.25,
    about: "seed up 2 MiB/s; a third of the leeches up 2 MiB/s, a third 512 and a third 128 KiB/s",
    lines: (n) =>
      lines(2 * mebibyte, n, (i) => ({
        up: [2048, 512, 128][i % 3]! * kibibyte,
        down: 8 * mebibyte,
      })),
  },
];

export interface SimResult {
  /** Virtual seconds from the first leech's start to the last one's end, and of the fluid. */
  last: number;
  median: number;
  bound: number;
  /** Seconds until the leeches had every piece once among them. */
  firstCopy: number;
  /** Payload that the seed had sent by then, in copies of the torrent: 1 at best. */
  sentForFirstCopy: number;
  /** Useless received bytes, as a share of the needed bytes of all leeches. */
  wasted: number;
  /** Share of the leeches' and the seed's uplinks in use, by tenths of the run. */
  busy: number[];
}

/** All peers start at once and stay. */
export async function runSim(
  shape: SimShape,
  leeches: number,
  size: number,
  pieceLength: number,
  seed: number,
): Promise<SimResult> {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = Infinity;
  await swarm.prepare([size], pieceLength);
  const wanted = shape.lines(leeches);
  const goal = { kind: "forever" as const };
  const seedLink = { upBytesPerSec: wanted.seedUp };
  const superSeed = shape.superSeed ?? false;
  const origin = await swarm.seed("10.0.1.1", { link: seedLink }, { superSeed });
  const all: Participant[] = [];
  const start = swarm.world.now;
  for (const [i, { up, down }] of wanted.leeches.entries()) {
    const link = { upBytesPerSec: up, downBytesPerSec: down, latencyMs: 10 + i % 30 };
    all.push(await swarm.leech(`10.0.2.${i + 1}`, { link }, { seedGoal: goal }));
  }
  const ends: number[] = [];
  const sent: number[] = [];
  const pieces = new Set<number>();
  for (const one of all) void collectPieces(one, pieces);
  const pending = new Set(all);
  let firstCopy = NaN, sentForFirstCopy = NaN;
  while (pending.size > 0) {
    await swarm.world.runFor(STEP_MS);
    if (pieces.size === Math.ceil(size / pieceLength) && Number.isNaN(firstCopy)) {
      firstCopy = (swarm.world.now - start) / 1000;
      sentForFirstCopy = origin.torrent.snapshot().uploaded / size;
    }
    for (const one of pending) {
      const { state, error } = one.torrent.snapshot();
      if (state === "failed") throw new Error(error?.message ?? "a leech failed");
      if (state !== "seeding") continue;
      ends.push((swarm.world.now - start) / 1000);
      pending.delete(one);
    }
    sent.push([origin, ...all].reduce((sum, one) => sum + one.torrent.snapshot().uploaded, 0));
  }
  for (const one of all) swarm.assertHasAll(one);
  const wasted = all.reduce((sum, one) => sum + one.torrent.snapshot().wasted, 0);
  await swarm.close();
  const capacity = wanted.leeches.reduce((sum, leech) => sum + leech.up, wanted.seedUp);
  return {
    last: ends.at(-1)!,
    median: ends[ends.length >> 1]!,
    bound: fluidBound(size, wanted),
    firstCopy,
    sentForFirstCopy,
    wasted: wasted / (size * leeches),
    busy: tenths(sent).map((bytes) => bytes / (capacity * STEP_MS / 1000)),
  };
}

async function collectPieces({ client }: Participant, into: Set<number>): Promise<void> {
  for await (const event of client.events()) if (event.type === "piece") into.add(event.piece);
}

/** By how much a total that was read at even intervals grew, per interval, in each tenth of them. */
function tenths(totals: readonly number[]): number[] {
  const border = (i: number) => Math.round(totals.length * i / 10);
  const at = (i: number) => i === 0 ? 0 : totals[i - 1]!;
  return Array.from({ length: 10 }, (_, i) => {
    const [from, to] = [border(i), border(i + 1)];
    return (at(to) - at(from)) / Math.max(1, to - from);
  });
}
