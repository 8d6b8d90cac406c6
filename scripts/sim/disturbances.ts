/** The disturbances of a world: each happens once, to a random node, and records its repair. */
import assert from "node:assert/strict";
import type { FileSelection } from "../../src/client/types.ts";
import { ShoalError } from "../../src/util/errors.ts";
import { addBadPeers, BAD_KINDS } from "../../tests/hostile/bad_peers/kinds.ts";
import type { Machine } from "./machine.ts";
import type { Play } from "./play.ts";

export type Disturbance = (play: Play) => Promise<void>;

const KIB = 1024;
/** What a crash may cost (ClientOptions.saveEveryMs), and the tick that notices the time. */
const MOST_LOST_MS = 5000 + 1000;

function somebody(play: Play, among: readonly Machine[] = play.machines): Machine | null {
  const alive = among.filter((machine) => machine.alive);
  return alive.length === 0 ? null : play.dice.pick(alive);
}

/** kill -9 in the middle of whatever it does, and a new start soon after. */
export async function killed(play: Play): Promise<void> {
  await crash(play, false);
}

/** The power goes: what the disk had not synced is partly lost, old or torn. */
export async function powerLost(play: Play): Promise<void> {
  await crash(play, true);
}

async function crash(play: Play, power: boolean): Promise<void> {
  const machine = somebody(play, power ? play.leeches : play.machines);
  if (machine === null) return;
  play.did(power ? "power-lost" : "killed", machine);
  const untouched = machine.torrent.snapshot().state === "downloading";
  const before = lastKnown(machine, play.world.now - MOST_LOST_MS);
  machine.crash(power);
  await play.pass(play.dice.below(3000));
  await machine.restart();
  // Only a disk that works can keep what it is given in time.
  if (!untouched || play.deeds.has("disk-broken") || play.deeds.has("files-chosen")) return;
  await opened(play, machine);
  assert.ok(
    machine.have >= before,
    `${machine.address} had ${before} bytes 5 s before it crashed and has ${machine.have} now`,
  );
}

function lastKnown({ history }: Machine, at: number): number {
  return history.findLast((note) => note.at <= at)?.have ?? 0;
}

async function opened(play: Play, machine: Machine): Promise<void> {
  await play.swarm.run(() => machine.torrent.snapshot().state !== "checking");
}

/** Ends in good order, and comes back. */
export async function restarted(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return;
  play.did("restarted", machine);
  await machine.shutDown();
  await play.pass(play.dice.below(5000));
  await machine.restart();
}

/** A node disappears silently and stays away until the end. */
export async function left(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return;
  play.did("left", machine);
  machine.crash(false);
  await Promise.resolve();
}

/** Nothing passes between two machines for up to two minutes. */
export function partitioned(play: Play): Promise<void> {
  const a = somebody(play), b = somebody(play);
  if (a === null || b === null || a === b) return Promise.resolve();
  play.did("partitioned", a);
  const [one, other] = [a.node, b.node], { world } = play;
  world.partition(one, other);
  const heal = () => world.heal(one, other);
  world.at(world.now + play.dice.below(120_000), heal);
  play.later(heal);
  return Promise.resolve();
}

/** The line becomes long, shaky or torn into small packets, or loses connections. */
export function shaken(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return Promise.resolve();
  play.did("shaken", machine);
  const { dice } = play, { link } = machine.node, before = { ...link };
  link.latencyMs = dice.below(1500);
  link.jitterMs = dice.below(500);
  link.fragmentBytes = dice.chance(0.5) ? 1 + dice.below(3000) : null;
  link.reset = dice.chance(0.3) ? 0.02 : 0;
  link.connectRefused = dice.chance(0.3) ? 0.2 : 0;
  link.connectDropped = dice.chance(0.3) ? 0.2 : 0;
  if (dice.chance(0.3)) machine.node.resetConnections();
  play.later(() => void Object.assign(link, before));
  return Promise.resolve();
}

/** Line and limits change. */
export function rated(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return Promise.resolve();
  play.did("rated", machine);
  const { dice } = play, { link } = machine.node;
  link.upBytesPerSec = (10 + dice.below(300)) * KIB;
  link.downBytesPerSec = dice.chance(0.5) ? Infinity : (20 + dice.below(500)) * KIB;
  const rate = () => dice.chance(0.3) ? Infinity : (10 + dice.below(200)) * KIB;
  machine.client.update({ limits: { down: rate(), up: rate() } });
  play.later(() => {
    link.downBytesPerSec = Infinity;
    link.upBytesPerSec = 200 * KIB;
    // After a restart it is another client, which had no limits from the start.
    if (machine.alive) machine.client.update({ limits: { down: Infinity, up: Infinity } });
  });
  return Promise.resolve();
}

/** The wall clock is set, back or forth, by seconds or years. */
export function clockSet(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return Promise.resolve();
  play.did("clock-set", machine);
  const { dice } = play;
  const by = dice.pick([1000, 3_600_000, 86_400_000, 400 * 86_400_000]) * (dice.unit() - 0.5) * 2;
  machine.node.wallOffMs = Math.round(machine.node.wallOffMs + by);
  return Promise.resolve();
}

/** The disk is full, read-only or fails for up to a minute and a half. */
export function diskBroken(play: Play): Promise<void> {
  const machine = somebody(play, play.leeches);
  if (machine === null) return Promise.resolve();
  play.did("disk-broken", machine);
  const { dice, world } = play, { disk } = machine;
  const path = dice.pick(["/data", "/state", "/"]);
  const kinds: (() => void)[] = [
    () => disk.capacity = disk.used + dice.below(200 * KIB),
    () => disk.readOnly = true,
    () => disk.failOn({ path, errno: "EIO", on: ["write", "sync"] }),
    () => disk.failOn({ path, errno: "EIO", on: ["read"], times: 1 + dice.below(3) }),
    () => disk.failOn({ path, errno: "EIO", on: ["rename", "truncate", "make-dir"] }),
    () => disk.failOn({ path, errno: "EMFILE", on: ["open"] }),
  ];
  dice.pick(kinds)();
  const mend = () => {
    disk.capacity = Infinity;
    disk.readOnly = false;
    disk.repair();
  };
  world.at(world.now + dice.below(90_000), mend);
  play.later(mend);
  return Promise.resolve();
}

/** Other files are wanted, in another order. At the end all are. */
export async function filesChosen(play: Play): Promise<void> {
  const machine = somebody(play, play.leeches);
  if (machine === null) return;
  const { dice } = play, all = [...play.swarm.torrent.files.keys()];
  const chosen = all.filter(() => dice.chance(0.5));
  if (chosen.length === 0) chosen.push(dice.pick(all));
  const priorities = new Map(chosen.map((file) => [file, 1 + dice.below(7)]));
  const sequential = new Set(chosen.filter(() => dice.chance(0.3)));
  await choose(play, machine, { priorities, sequential, others: 0 });
  play.later(async () => {
    const everything = new Set(all);
    if (!machine.alive) machine.wanted = everything;
    else await choose(play, machine, { others: 4 });
  });
}

async function choose(play: Play, machine: Machine, selection: FileSelection): Promise<void> {
  const files = [...play.swarm.torrent.files.keys()];
  const now = new Set(files.filter((file) => {
    return (selection.priorities?.get(file) ?? selection.others ?? 4) > 0;
  }));
  play.did("files-chosen", machine);
  machine.wanted = new Set([...machine.wanted].filter((file) => now.has(file)));
  await allowed(play, machine.torrent.update({ files: selection }));
  machine.wanted = now;
}

/** Paused for a while, or until another disturbance resumes it. */
export async function paused(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return;
  play.did("paused", machine);
  const { torrent, node } = machine;
  await allowed(play, torrent.pause());
  if (play.dice.chance(0.7)) {
    await play.pass(play.dice.below(10_000));
    if (node.alive) torrent.start();
  } else play.later(() => machine.torrent.start());
}

/** Reads and hashes everything again in the middle of it. */
export async function rechecked(play: Play): Promise<void> {
  const machine = somebody(play);
  if (machine === null) return;
  play.did("rechecked", machine);
  await allowed(play, machine.torrent.recheck());
}

/** Three bad peers join, of kinds by the dice; later than never do they leave. */
export async function infiltrated(play: Play): Promise<void> {
  if (play.poisoned) return;
  play.poisoned = true;
  const machine = play.dice.pick(play.machines);
  play.did("infiltrated", machine);
  const kinds = Array.from({ length: 3 }, () => play.dice.pick(BAD_KINDS));
  const bad = await addBadPeers(play.swarm, 3, { upBytesPerSec: 50 * KIB }, kinds);
  for (const peer of bad) for (const { address } of play.machines) peer.setUpon(address);
}

/** What cannot be done now is refused with an error of ours, and no other. */
async function allowed(play: Play, work: Promise<unknown>): Promise<void> {
  const outcome = work.then(() => null, (error: unknown) => error);
  const error = await play.world.wait(outcome);
  assert.ok(error === null || error instanceof ShoalError, String(error));
}
