/** A swarm of 40 of which half is hostile, and the same swarm without that half. */
import assert from "node:assert/strict";
import type { TorrentEvent } from "../../src/client/types.ts";
import { liveMemory } from "../harness/live_memory.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";
import type { BadPeer, Habits } from "./bad_peers/bad_peer.ts";
import { addBadPeers, BAD_KINDS } from "./bad_peers/kinds.ts";

const KIB = 1024, MIB = 1024 * KIB;
const SEEDS = 3, LEECHES = 17, BAD = 20;
const LINE = { upBytesPerSec: 256 * KIB, downBytesPerSec: 2 * MIB, latencyMs: 20, jitterMs: 10 };
const LIMIT_MS = 3_600_000;
/** As PeerPoolConfig has it. */
const MAX_KNOWN = 1000;

export interface Outcome {
  swarm: SimSwarm;
  /** Virtual milliseconds until the last honest leech had everything. */
  ms: number;
  leeches: Participant[];
  seeds: Participant[];
  bad: BadPeer[];
  /** All that the honest ones told, by address. */
  told: Map<string, TorrentEvent[]>;
}

export interface Shape {
  hostile: boolean;
  kinds?: readonly Habits[];
  /** First half of the bad ones' addresses; by default a private one. */
  badNet?: string;
  /** Of everybody; by default that of LINE. */
  upBytesPerSec?: number;
  /** Of the bad ones, if it differs. */
  badUpBytesPerSec?: number;
  /** Whom the leeches know beside what trackers tell. */
  peers?: readonly string[];
  /** Done before the leeches come: they may know other trackers than the seeds. */
  beforeLeeches?(swarm: SimSwarm): Promise<void>;
}

/** Runs it to the end; the swarm stays open to be looked at. */
export async function runSwarm(seed: number | string, shape: Shape): Promise<Outcome> {
  const swarm = new SimSwarm(seed, { resolutionMs: 10 });
  swarm.checkEvery = 50;
  // 98 pieces: the bitfield has spare bits.
  await swarm.prepare([2 * MIB, 1 * MIB + 50 * KIB], 32 * KIB);
  const link = { ...LINE, upBytesPerSec: shape.upBytesPerSec ?? LINE.upBytesPerSec };
  const badLink = { ...link, upBytesPerSec: shape.badUpBytesPerSec ?? link.upBytesPerSec };
  const bad = shape.hostile
    ? await addBadPeers(swarm, BAD, badLink, shape.kinds ?? BAD_KINDS, shape.badNet)
    : [];
  const told = new Map<string, TorrentEvent[]>();
  const listen = (each: Participant) => void hear(each, told);
  const forever = { seedGoal: { kind: "forever" }, peers: shape.peers ?? [] } as const;
  const seeds: Participant[] = [], leeches: Participant[] = [];
  for (let i = 1; i <= SEEDS; i++) seeds.push(await swarm.seed(`10.0.1.${i}`, { link }));
  await shape.beforeLeeches?.(swarm);
  for (let i = 1; i <= LEECHES; i++) {
    leeches.push(await swarm.leech(`10.0.2.${i}`, { link }, forever));
  }
  const honest = [...seeds, ...leeches];
  honest.forEach(listen);
  const start = swarm.world.now;
  bad.forEach((peer, i) => {
    for (let j = 0; j < 3; j++) peer.setUpon(honest[(i + 7 * j) % honest.length]!.node.address);
  });
  await swarm.untilDone(leeches, LIMIT_MS);
  return { swarm, ms: swarm.world.now - start, leeches, seeds, bad, told };
}

async function hear({ node, torrent }: Participant, told: Map<string, TorrentEvent[]>) {
  const events: TorrentEvent[] = [];
  told.set(node.address, events);
  for await (const event of torrent.events()) events.push(event);
}

/** An honest swarm, to compare with. */
export interface Finished {
  ms: number;
  /** Memory at its end. */
  bytes: number;
}

export async function honestSwarm(seed: number, shape: Partial<Shape> = {}): Promise<Finished> {
  const outcome = await runSwarm(seed, { hostile: false, ...shape });
  const bytes = await liveMemory();
  await finish(outcome);
  return { ms: outcome.ms, bytes };
}

/** All is right on every disk, and nobody honest came to harm. */
export async function finish({ swarm, leeches, bad, told }: Outcome): Promise<void> {
  for (const leech of leeches) {
    swarm.assertHasAll(leech);
    assert.ok(leech.torrent.snapshot().peers.known <= MAX_KNOWN);
  }
  const hostile = new Set(bad.map(({ node }) => node.address));
  const innocent = banned(told).filter(({ address }) => !hostile.has(address));
  assert.deepEqual(innocent, [], "no honest peer is banned");
  await swarm.close();
}

/** All bans but those of addresses where nobody answers. */
export function banned(told: ReadonlyMap<string, TorrentEvent[]>) {
  return [...told.values()].flat().filter((event) => event.type === "peer-banned")
    .filter(({ reason }) => reason !== "connection-failures");
}
