/**
 * Neighbours on one network who find each other by their announces alone (BEP 14). The network is a
 * namespace of this test's, so that nobody else hears them or is heard.
 */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { multicastNamespace } from "./multicast.ts";
import { needs } from "./needs.ts";
import { type Payload, Scene } from "./scene.ts";
import { type RunningShoal, shoalCommand, startShoal, told } from "./shoal.ts";

const scene = new Scene();
after(() => scene.close());
const made = multicastNamespace(scene);
const lacking = typeof made === "string" ? made : false;
const { enter, there } = typeof made === "string" ? { enter: [], there: "" } : made;

/** Each test has a torrent of its own: those of the others are still there to be heard. */
function specOf(name: string) {
  const files = [{ path: "a.bin", size: 2_000_017 }, { path: "deep/b.bin", size: 1_000_003 }];
  return { name, pieceLength: 32 * 1024, files };
}
/** That the DHT has a node named keeps the harness from switching LSD off; then it is not used. */
const ALONE = ["--json", "--no-dht", "--no-pex", "--dht-bootstrap=127.0.0.1:9"];

function start(args: readonly string[]): RunningShoal {
  return startShoal(scene, [...args, ...ALONE], [...enter, ...shoalCommand()]);
}

async function seed(payload: Payload): Promise<RunningShoal> {
  const shoal = start(["seed", scene.torrentFile(payload), payload.dir]);
  await shoal.waitFor("seeding", ({ type, state }) => type === "state" && state === "seeding");
  return shoal;
}

describe("announces on the local network alone", { skip: lacking }, () => {
  it("bring shoal with a magnet link to a libtorrent seeder", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(specOf("for shoal")), source = scene.torrentFile(payload);
    const options = { source, dir: payload.dir, lsd: true, address: there, enter };
    await startLibtorrent(scene, options);
    const dir = scene.folder();
    const run = await start(["download", `magnet:?xt=urn:btih:${payload.infoHash}`, "-o", dir])
      .ended;
    assert.equal(run.code, 0, told(run));
    assert.equal(firstDifference(payload.spec, payload.dir, dir), null);
  });

  it("bring libtorrent to a shoal seeder", {
    skip: needs("libtorrent"),
    timeout: 60_000,
  }, async () => {
    const payload = scene.payload(specOf("for libtorrent")), shoal = await seed(payload);
    const leech = await startLibtorrent(scene, {
      source: scene.torrentFile(payload),
      lsd: true,
      address: there,
      enter,
    });
    await leech.done();
    assert.equal(firstDifference(payload.spec, payload.dir, leech.dir), null);
    const met = await shoal.waitFor("its leech", ({ type }) => type === "peer-connected");
    assert.equal(met.address, there);
  });
});
