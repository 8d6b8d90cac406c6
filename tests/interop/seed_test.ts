/** Leeches of other clients take a torrent from shoal alone. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import {
  type Leech,
  leechWithAria2,
  leechWithLibtorrent,
  leechWithTransmission,
} from "./leeches.ts";
import { needs } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { type Payload, Scene } from "./scene.ts";
import { seedWithShoal, type ShoalSeeder } from "./seeders.ts";
import { told } from "./shoal.ts";
import { startRecordingTracker } from "./trackers.ts";

const scene = new Scene();
after(() => scene.close());

/** 309 pieces, the borders of files inside them. */
const spec = {
  name: "from shoal",
  pieceLength: 32 * 1024,
  files: [
    { path: "a.bin", size: 6_000_017 },
    { path: "deep/er/b.bin", size: 4_000_003 },
    { path: "deep/empty", size: 0 },
    { path: "deep/one byte", size: 1 },
    ...Array.from({ length: 20 }, (_, i) => ({ path: `small/${i}.txt`, size: i * 500 })),
  ],
};

/** The leech gets everything, right, from shoal, which says whom it served and then ends in order. */
async function takesAll(payload: Payload, leech: Leech, { shoal }: ShoalSeeder): Promise<void> {
  await leech.done();
  // Transmission makes no empty files.
  const files = spec.files.filter(({ size }) => size > 0 || leech.name !== "Transmission");
  assert.equal(firstDifference({ ...spec, files }, payload.dir, leech.dir), null);
  const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
  assert.match(String(met.client), new RegExp(leech.name, "i"));
  shoal.program.kill("SIGINT");
  const ended = await shoal.ended;
  assert.equal(ended.code, 130, told(ended));
}

describe("shoal seed", () => {
  it("uploads a whole torrent to libtorrent", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const seeder = await seedWithShoal(scene, payload);
    const peers = [`127.0.0.1:${seeder.port}`];
    await takesAll(payload, await leechWithLibtorrent(scene, payload, { peers }), seeder);
  });

  it("uploads a whole torrent to aria2", { skip: needs("aria2"), timeout: 60_000 }, async () => {
    const payload = scene.payload(spec);
    const seeder = await seedWithShoal(scene, payload);
    const tracker = await startRecordingTracker(scene, [`127.0.0.1:${seeder.port}`]);
    const torrent = scene.torrentFile(payload, [[tracker.url]]);
    await takesAll(payload, await leechWithAria2(scene, torrent, await freePort()), seeder);
  });

  it("uploads a whole torrent to Transmission, across network namespaces", {
    skip: needs("transmission") || cannotMakeNamespace(),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const { here, enter } = makeNamespace(scene);
    const seeder = await seedWithShoal(scene, payload);
    const tracker = await startRecordingTracker(scene, [`${here}:${seeder.port}`], here);
    const torrent = scene.torrentFile(payload, [[tracker.url]]);
    await takesAll(payload, await leechWithTransmission(scene, torrent, enter), seeder);
  });
});
