/**
 * A swarm of shoal, libtorrent, aria2 and Transmission whose first seed, a shoal, leaves once the
 * leeches have every piece between them: they can finish only from each other.
 */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import {
  type Leech,
  leechWithAria2,
  leechWithLibtorrent,
  leechWithShoal,
  leechWithTransmission,
} from "./leeches.ts";
import { needs } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { type Payload, Scene } from "./scene.ts";
import { seedWithShoal, type ShoalSeeder } from "./seeders.ts";
import { told } from "./shoal.ts";
import { startRecordingTracker } from "./trackers.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

const kibibyte = 1024;
const spec = {
  name: "passed on",
  pieceLength: 16 * kibibyte,
  files: [
    { path: "a.bin", size: 3_500_017 },
    { path: "deep/er/b.bin", size: 2_000_003 },
    ...Array.from({ length: 20 }, (_, i) => ({ path: `small/${i}.txt`, size: 1 + i * 500 })),
  ],
};
const pieceCount = Math.ceil(
  spec.files.reduce((total, { size }) => total + size, 0) / spec.pieceLength,
);
/** The leeches pass on little until the seed has left: each still lacks a good part by then. */
const seedRate = 640 * kibibyte;
const leechRate = 48 * kibibyte;

interface MixedSwarm {
  payload: Payload;
  seeder: ShoalSeeder;
  leeches: Leech[];
}

/** All on this machine, known to each other at once. */
async function startSwarm(): Promise<MixedSwarm> {
  const payload = scene.payload(spec);
  const seeder = await seedWithShoal(scene, payload, [`--up-limit=${seedRate}`]);
  const [shoalPort, ariaPort] = [await freePort(), await freePort()];
  const at = (port: number) => `127.0.0.1:${port}`;
  const others = [at(seeder.port), at(shoalPort), at(ariaPort)];
  const rate = leechRate;
  const libtorrent = await leechWithLibtorrent(scene, payload, { rate, peers: others });
  const tracker = await startRecordingTracker(scene, [...others, at(libtorrent.port)]);
  const torrent = scene.torrentFile(payload, [[tracker.url]]);
  const aria2 = await leechWithAria2(scene, torrent, ariaPort, { rate });
  const peers = [at(seeder.port), at(libtorrent.port), at(ariaPort)];
  const shoal = await leechWithShoal(scene, payload, shoalPort, { rate, peers });
  return { payload, seeder, leeches: [libtorrent, aria2, shoal] };
}

/** It tells peers apart by their address alone: everybody gets one for himself. */
async function addTransmission({ payload, seeder, leeches }: MixedSwarm): Promise<void> {
  const { near, enter } = makeNamespace(scene);
  const ports = [seeder.port, ...leeches.map(({ port }) => port)];
  const peers = ports.map((port, i) => `${near[i]}:${port}`);
  const tracker = await startRecordingTracker(scene, peers, near[0]);
  const torrent = scene.torrentFile(payload, [[tracker.url]]);
  leeches.push(await leechWithTransmission(scene, torrent, enter, { rate: leechRate }));
}

/** Kills the seed as soon as one copy is out, when nobody has all of it yet. */
async function seedLeaves({ seeder: { shoal }, leeches }: MixedSwarm): Promise<void> {
  await until("one copy is out", async () => {
    const all = new Set<number>();
    for (const leech of leeches) for (const piece of await leech.pieces()) all.add(piece);
    return all.size === pieceCount;
  });
  shoal.program.kill("SIGKILL");
  const ended = await shoal.ended;
  assert.equal(ended.signal, "SIGKILL", told(ended));
  for (const { name, isDone } of leeches) {
    assert.equal(await isDone(), false, `${name} had everything before the seed left`);
  }
  const had = await Promise.all(leeches.map(async ({ pieces }) => (await pieces()).size));
  console.log(`of ${pieceCount} pieces they had ${had.join(", ")} when the seed had left`);
}

async function complete({ payload, leeches }: MixedSwarm): Promise<void> {
  for (const leech of leeches) await leech.unlimit();
  for (const { name, dir, done } of leeches) {
    await done();
    assert.equal(firstDifference(spec, payload.dir, dir), null, name);
  }
}

describe("a mixed swarm whose first seed leaves after one copy", () => {
  it("completes at shoal, libtorrent and aria2, and at Transmission if there may be a namespace", {
    skip: needs("libtorrent", "aria2", "transmission"),
    timeout: 60_000,
  }, async () => {
    const swarm = await startSwarm();
    if (cannotMakeNamespace() === false) await addTransmission(swarm);
    await seedLeaves(swarm);
    await complete(swarm);
  });
});
