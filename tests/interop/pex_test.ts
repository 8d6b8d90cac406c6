/** Three parties, of whom one knows the other two: they learn of each other by it alone (BEP 11). */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { createClient } from "../../mod.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { runShoal, told } from "./shoal.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

const spec = {
  name: "by others' word",
  pieceLength: 32 * 1024,
  files: [{ path: "a.bin", size: 2_000_017 }, { path: "deep/b.bin", size: 1_000_003 }],
};
/** So slow that nobody has everything before the word has spread. */
const SLOW = 40_000;

describe("peer exchange alone", { skip: needs("libtorrent") }, () => {
  it("leads shoal from one libtorrent to another", { timeout: 60_000 }, async () => {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const seeder = await startLibtorrent(scene, { source, dir: payload.dir });
    const hub = await startLibtorrent(scene, { source, pex: true, rate: SLOW });
    seeder.tell("peer", hub.at);
    await until("the hub has the seeder", () => hub.peers().length > 0);
    const dir = scene.folder();
    const args = ["download", source, "-o", dir, "--json", "--peer", hub.at];
    const run = await runShoal(scene, args);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const met = run.events.filter(({ type, incoming }) => type === "peer-connected" && !incoming);
    const ends = new Set(met.map(({ address, port }) => `${address}:${port}`));
    assert.deepEqual(ends, new Set([hub.at, seeder.at]), told(run));
  });

  it("leads libtorrent from shoal to another libtorrent", { timeout: 60_000 }, async () => {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    // It takes no part, so that the two do not dial each other at the same time.
    const seeder = await startLibtorrent(scene, { source, dir: payload.dir, rate: SLOW });
    const client = await createClient({ limits: { up: SLOW } });
    scene.onClose(() => client.close());
    const hub = client.add(payload.bytes, {
      dir: scene.folder(),
      peers: [seeder.at],
      seedGoal: { kind: "forever" },
    });
    await until("the hub has the seeder", () => hub.snapshot().peers.connected === 1);
    const leech = await startLibtorrent(scene, { source, pex: true });
    leech.tell("peer", `127.0.0.1:${client.port}`);
    await until("it met the seeder", () => leech.peers().includes(seeder.at));
    assert.ok(hub.snapshot().state === "downloading", "the hub has not everything yet");
  });
});
