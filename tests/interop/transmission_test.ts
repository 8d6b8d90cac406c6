/**
 * Downloads from Transmission. It has a file of its own because it takes over ten seconds, in which
 * hardly anything runs: Transmission looks only so often whom to unchoke.
 */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { needs } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace } from "./netns.ts";
import { Scene } from "./scene.ts";
import { seedWithTransmission } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";
import { startOpentracker } from "./trackers.ts";

const scene = new Scene();
after(() => scene.close());

const spec = {
  name: "from transmission",
  pieceLength: 64 * 1024,
  files: [
    { path: "a.bin", size: 5_000_017 },
    { path: "deep/er/b.bin", size: 1_000_003 },
    { path: "deep/empty", size: 0 },
  ],
};

describe("shoal download with Transmission", () => {
  it("takes a torrent from it, across network namespaces, through opentracker", {
    skip: needs("transmission", "opentracker") || cannotMakeNamespace(),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(spec);
    const { there, enter } = makeNamespace(scene);
    const tracker = await startOpentracker(scene, [payload], there, enter);
    const torrent = scene.torrentFile(payload, [[tracker.http]]);
    await seedWithTransmission(scene, payload, torrent, enter);
    await tracker.waitForSeeds(payload, 1);

    const dir = scene.folder();
    const run = await runShoal(scene, ["download", torrent, "--dir", dir, "--json"]);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const met = run.events.filter((event) => event.type === "peer-connected");
    assert.deepEqual(new Set(met.map((event) => event.address)), new Set([there]), told(run));
  });
});
