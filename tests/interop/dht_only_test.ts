/** Swarms that know of each other by the DHT alone, whose first node is a libtorrent session. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { createClient } from "../../mod.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { type Libtorrent, startLibtorrent } from "./libtorrent.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithShoal } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";
import { until } from "./until.ts";

const scene = new Scene();
after(() => scene.close());

const spec = {
  name: "by the DHT",
  pieceLength: 32 * 1024,
  files: [{ path: "a.bin", size: 3_000_017 }, { path: "deep/b.bin", size: 1_000_003 }],
};
const ALONE = ["--no-lsd", "--no-pex"];

/** Resolves once somebody who asks `node` hears of a peer of the torrent. */
async function waitUntilStored(
  node: Libtorrent,
  infoHash: string,
  again: () => void = () => {},
): Promise<void> {
  const asker = await createClient({
    port: -1,
    lsd: false,
    dht: { bootstrap: [node.at], readOnly: true },
  });
  try {
    await until("the peer is in the DHT", async () => {
      again();
      return (await asker.dht!.findPeers(fromHex(infoHash))).peers > 0;
    });
  } finally {
    await asker.close();
  }
}

describe("the DHT alone", {
  skip: needs("libtorrent"),
}, () => {
  it("leads shoal with a magnet link to a libtorrent seeder", { timeout: 60_000 }, async () => {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const node = await startLibtorrent(scene, { dht: true });
    const seeder = await startLibtorrent(scene, { source, dir: payload.dir, dht: true });
    seeder.tell("node", node.at);
    await seeder.knowsNodes(1);
    await waitUntilStored(node, payload.infoHash, () => seeder.program.tell("announce"));
    const dir = scene.folder(), magnet = `magnet:?xt=urn:btih:${payload.infoHash}`;
    const args = ["download", magnet, "-o", dir, "--json", "--dht-bootstrap", node.at, ...ALONE];
    const run = await runShoal(scene, args);
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(spec, payload.dir, dir), null);
    const met = run.events.filter(({ type, incoming }) => type === "peer-connected" && !incoming);
    assert.ok(met.some(({ address, port }) => `${address}:${port}` === seeder.at), told(run));
  });

  it("leads libtorrent with a magnet link to a shoal seeder", { timeout: 60_000 }, async () => {
    const payload = scene.payload(spec), node = await startLibtorrent(scene, { dht: true });
    const { shoal } = await seedWithShoal(scene, payload, ["--dht-bootstrap", node.at, ...ALONE]);
    await waitUntilStored(node, payload.infoHash);
    const source = `magnet:?xt=urn:btih:${payload.infoHash}`;
    const leech = await startLibtorrent(scene, { source, dht: true });
    leech.tell("node", node.at);
    await leech.done();
    assert.equal(firstDifference(spec, payload.dir, leech.dir), null);
    const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
    assert.equal(met.incoming, true, "it was found, and did not find");
  });
});
