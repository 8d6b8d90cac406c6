/** Downloads through losses and lies: each test also asserts that its fault really happened. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { startEvilSeeder } from "./evil_seeder.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithLibtorrent } from "./seeders.ts";
import { type JsonEvent, runShoal, startShoal, told } from "./shoal.ts";

const scene = new Scene();
after(() => scene.close());

const mebibyte = 1024 * 1024;
const skip = needs("libtorrent");

const spec = {
  name: "faults.bin",
  pieceLength: 256 * 1024,
  files: [{ path: "faults.bin", size: 24 * mebibyte + 5 }],
};

/** True for the event that says that at least this share of the torrent is there. */
function haveAtLeast(share: number, size: number) {
  return (event: JsonEvent) => event.type === "piece" && Number(event.have) >= share * size;
}

describe("shoal download with failing peers", () => {
  it("continues with the other seeder when one is killed half-way", {
    skip,
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const doomed = await seedWithLibtorrent(scene, payload, { rate: 8 * mebibyte });
    const lasting = await seedWithLibtorrent(scene, payload, { rate: 8 * mebibyte });
    const dir = scene.folder();
    const shoal = startShoal(scene, [
      "download",
      scene.torrentFile(payload),
      `--dir=${dir}`,
      "--json",
      ...[...doomed.peers, ...lasting.peers].map((peer) => `--peer=${peer}`),
    ]);
    await shoal.waitFor("third of the pieces", haveAtLeast(0.33, payload.size));
    const given = await doomed.uploaded();
    doomed.program.kill("SIGKILL");
    await doomed.program.ended;
    assert.equal(shoal.program.result, null, "shoal was done before the seeder was killed");

    const run = await shoal.ended;
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    assert.ok(given > 0, "the killed seeder had given nothing");
    assert.ok(given < payload.size, "the killed seeder had given everything");
    const port = Number(doomed.peers[0]?.split(":")[1]);
    const lost = run.events.filter((event) => event.type === "peer-disconnected");
    assert.ok(lost.some((event) => event.port === port), told(run));
  });

  it("finishes right although a peer sends corrupt blocks among good ones", {
    skip,
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const evil = await startEvilSeeder(scene, payload, 5);
    const good = await seedWithLibtorrent(scene, payload, { rate: 8 * mebibyte });
    const dir = scene.folder();
    const run = await runShoal(scene, [
      "download",
      scene.torrentFile(payload),
      `--dir=${dir}`,
      "--json",
      `--peer=${evil.peer}`,
      `--peer=${good.peers[0]}`,
    ]);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    assert.ok(evil.corrupt > 0, "the evil seeder was never asked for a block that it corrupts");
    assert.ok(run.events.some((event) => event.type === "piece-failed"), told(run));
    const banned = run.events.filter((event) => event.type === "peer-banned");
    const names = banned.map((event) => `${event.address}:${event.port}`);
    assert.deepEqual(names, [evil.peer], "the guilty one is banned, and nobody else");
  });

  it("ends as without peers, not with wrong data, if every seeder lies", {
    timeout: 60_000,
  }, async () => {
    const small = { ...spec, name: "lies.bin", files: [{ path: "lies.bin", size: mebibyte }] };
    const payload = scene.payload(small);
    const evil = await startEvilSeeder(scene, payload, 1);
    const dir = scene.folder();
    const run = await runShoal(scene, [
      "download",
      scene.torrentFile(payload),
      `--dir=${dir}`,
      "--json",
      "--give-up-after=1s",
      `--peer=${evil.peer}`,
    ]);
    assert.equal(run.code, 4, told(run));
    assert.ok(evil.corrupt > 0);
    assert.ok(!run.events.some((event) => event.type === "piece" || event.type === "done"));
  });
});
