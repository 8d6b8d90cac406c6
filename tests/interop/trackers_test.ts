/** Downloads from swarms of other people's programs: their trackers and their seeders. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithAria2, seedWithLibtorrent } from "./seeders.ts";
import { runShoal, type ShoalRun, told } from "./shoal.ts";
import { startOpentracker } from "./trackers.ts";

const scene = new Scene();
after(() => scene.close());

const mebibyte = 1024 * 1024;

/** 12 MiB over files that share pieces. */
const spec = {
  name: "tracked",
  pieceLength: 128 * 1024,
  files: [
    { path: "a.bin", size: 5 * mebibyte + 17 },
    { path: "deep/er/b.bin", size: 7 * mebibyte - 3 },
    { path: "deep/c.txt", size: 11 },
  ],
};

/** "address:port" of every peer that it connected to. */
function peersMet(run: ShoalRun): string[] {
  const met = run.events.filter((event) => event.type === "peer-connected");
  return [...new Set(met.map((event) => `${event.address}:${event.port}`))].sort();
}

describe("shoal download with a real tracker", () => {
  const skip = needs("libtorrent", "aria2", "opentracker");
  it("takes a torrent from libtorrent and aria2 through opentracker, over HTTP and over UDP", {
    skip,
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const tracker = await startOpentracker(scene, [payload]);
    const tracked = scene.torrentFile(payload, [[tracker.http]]);
    // Slow enough that neither gives everything before the other is met.
    const first = await seedWithLibtorrent(scene, payload, {
      torrent: tracked,
      rate: 6 * mebibyte,
    });
    const second = await seedWithAria2(scene, payload, tracked, 6 * mebibyte);
    await tracker.waitForSeeds(payload, 2);

    for (const url of [tracker.http, tracker.udp]) {
      const dir = scene.folder();
      const torrent = scene.torrentFile(payload, [[url]]);
      const run = await runShoal(scene, ["download", torrent, "--dir", dir, "--json"]);
      assert.equal(run.code, 0, told(run));
      assert.equal(firstDifference(spec, payload.dir, dir), null);
      const announced = run.events.find((event) => event.type === "tracker" && event.url === url);
      assert.equal(announced?.ok, true, `no good announce to ${url}\n${told(run)}`);
      assert.equal(announced?.seeders, 2, told(run));
      assert.deepEqual(peersMet(run), [...first.peers, second].sort());
    }
  });
});
