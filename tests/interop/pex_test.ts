/** Three parties, of whom one knows the other two: they learn of each other by it alone (BEP 11). */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import { createClient } from "../../mod.ts";
import { startLibtorrent } from "./libtorrent.ts";
import { needs } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace, type Namespace } from "./netns.ts";
import { freePort } from "./ports.ts";
import { Scene } from "./scene.ts";
import { runShoal, startShoal, told } from "./shoal.ts";
import { startTransmission } from "./transmission.ts";
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
    const client = await createClient({ dht: false, lsd: false, limits: { up: SLOW } });
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

/**
 * It takes two peers of one address for the same, so the seeder has its, and shoal another. The
 * seeder gives slowly: a hub that has everything would hang up on it.
 */
describe("peer exchange alone, with Transmission", {
  skip: needs("libtorrent", "transmission") || cannotMakeNamespace(),
}, () => {
  let namespace: Namespace | null = null;

  async function slowSeedAndTransmission() {
    const payload = scene.payload(spec), source = scene.torrentFile(payload);
    const { there, enter } = namespace ??= makeNamespace(scene);
    const options = { source, dir: payload.dir, rate: SLOW, address: there, enter };
    const seeder = await startLibtorrent(scene, options);
    const port = await freePort();
    const more = { "peer-port": port, "pex-enabled": true };
    const { ask } = await startTransmission(scene, source, scene.folder(), enter, more);
    // By then it has also heard where a seeder that dialled it listens.
    const knowsSeed = new RegExp(`${there} .* 100\\.0 `);
    const isMet = async () => knowsSeed.test(await ask("--info-peers"));
    return { payload, source, seeder, isMet, at: `${there}:${port}` };
  }

  it("leads shoal from it to libtorrent", { timeout: 120_000 }, async () => {
    const { source, seeder, isMet, at } = await slowSeedAndTransmission();
    seeder.tell("peer", at);
    await until("the hub has the seeder", isMet);
    const args = ["download", source, "-o", scene.folder(), "--json", "--peer", at];
    const shoal = startShoal(scene, args);
    const met = await shoal.waitFor("the seeder", ({ type, address, port }) => {
      return type === "peer-connected" && `${address}:${port}` === seeder.at;
    });
    assert.equal(met.incoming, false);
  });

  it("leads it from shoal to libtorrent", { timeout: 180_000 }, async () => {
    const { payload, seeder, isMet, at } = await slowSeedAndTransmission();
    const client = await createClient({ dht: false, lsd: false, limits: { up: SLOW } });
    scene.onClose(() => client.close());
    assert.equal(await isMet(), false, "nobody told it yet");
    const hub = client.add(payload.bytes, {
      dir: scene.folder(),
      peers: [seeder.at, at],
      seedGoal: { kind: "forever" },
    });
    // At once, or a minute later if the seeder should be the last to answer the hub.
    await until("it met the seeder", isMet, 100_000);
    assert.equal(hub.snapshot().state, "downloading", "the hub has not everything yet");
  });
});
