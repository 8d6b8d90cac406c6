import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithLibtorrent } from "./seeders.ts";
import { runMeasured, told } from "./shoal.ts";

const scene = new Scene();
after(() => scene.close());

const mebibyte = 1024 * 1024;

describe("shoal download from many peers", () => {
  it("stays under 256 MiB of memory with 25 peers and pieces of 16 MiB", {
    skip: needs("libtorrent"),
    timeout: 90_000,
  }, async () => {
    // Nearly a piece for each peer to fill on its own: 352 MiB if nothing bounds them.
    const spec = {
      name: "wide.bin",
      pieceLength: 16 * mebibyte,
      files: [{ path: "wide.bin", size: 22 * 16 * mebibyte }],
    };
    const payload = scene.payload(spec, mebibyte);
    // Slow enough that all of them are at work at the same time.
    const seeders = await seedWithLibtorrent(scene, payload, { count: 25, rate: 8 * mebibyte });
    const dir = scene.folder();
    const run = await runMeasured(scene, [
      "download",
      scene.torrentFile(payload),
      `--dir=${dir}`,
      "--json",
      ...seeders.peers.map((peer) => `--peer=${peer}`),
    ]);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const connected = run.events.filter((event) => event.type === "peer-connected");
    assert.ok(new Set(connected.map((event) => event.port)).size >= 25, "met too few peers");
    const peak = run.residentBytes / mebibyte;
    assert.ok(peak < 256, `it took ${peak.toFixed(0)} MiB`);
  });
});
