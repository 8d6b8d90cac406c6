/** What a program sees of a torrent: lists, times, events. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { TorrentEvent } from "../../src/client/types.ts";
import { parseMagnet } from "../../src/metainfo/magnet.ts";
import { toHex } from "../../src/util/bytes.ts";
import { ClosedError } from "../../src/util/errors.ts";
import { makeSimTorrent, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };

async function newSwarm(seed: number) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB], 64 * KIB);
  return swarm;
}

function collect(events: AsyncIterable<TorrentEvent>) {
  const seen: TorrentEvent[] = [], state = { seen, ended: false };
  void (async () => {
    for await (const event of events) seen.push(event);
    state.ended = true;
  })();
  return state;
}

describe("the view of a torrent", () => {
  it("has the path of each file and the bytes that exist", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
    const leech = await swarm.leech("10.0.2.1", {}, {
      files: { priorities: new Map([[1, 0], [2, 7]]) },
      rename: new Map([[2, "folder/other"]]),
    });
    const { torrent } = leech;
    await swarm.run(() => torrent.status().have > 300 * KIB);
    const files = torrent.files()!, { have } = torrent.status();
    assert.deepEqual(files.map(({ name, path, size, priority }) => [name, path, size, priority]), [
      ["folder/sub0/file0", "/data/folder/sub0/file0", 900 * KIB, 4],
      ["folder/sub1/file1", "/data/folder/sub1/file1", 300 * KIB, 0],
      ["folder/sub2/file2", "/data/folder/other", 20 * KIB, 7],
    ]);
    assert.equal(files.reduce((sum, { bytesDone }) => sum + bytesDone, 0), have);
    const pieces = torrent.pieces()!;
    assert.deepEqual([pieces.count, pieces.length], [20, 64 * KIB]);
    await swarm.untilDone([leech]);
    assert.deepEqual(torrent.files()!.map(({ bytesDone, size }) => bytesDone === size), [
      true,
      false,
      true,
    ]);
    await swarm.close();
  });

  it("shows a torrent restored from a pause unchanged", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
    const leech = await swarm.leech("10.0.2.1", {}, {
      files: { priorities: new Map([[1, 0]]) },
    }, STATE);
    await swarm.run(() => leech.torrent.status().have > 300 * KIB);
    await swarm.world.wait(leech.torrent.pause());
    const before = leech.torrent.status(), files = leech.torrent.files();
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
    const client = await swarm.world.wait(
      Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    await swarm.world.wait(client.restore());
    const torrent = client.get(leech.torrent.infoHash.toUpperCase())!, after = torrent.status();
    for (
      const key of ["state", "size", "wanted", "have", "left", "addedAt", "piecesHave"] as const
    ) assert.equal(after[key], before[key], key);
    assert.deepEqual(torrent.files(), files);
    assert.deepEqual([after.completedAt, client.get("5".repeat(40))], [null, null]);
    torrent.start();
    await swarm.run(() => torrent.status().state === "done");
    assert.ok(torrent.status().completedAt! >= after.addedAt);
    await swarm.world.wait(client.close());
    await swarm.close();
  });

  it("is ready, and has a link, once the metadata of a magnet is known", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    const { bytes } = swarm.torrent, text = Buffer.from(bytes).toString("latin1");
    const info = bytes.subarray(text.indexOf("4:info") + 6, bytes.length - 1);
    const hash = createHash("sha1").update(info).digest("hex");
    const link = `magnet:?xt=urn:btih:${hash}&x.pe=10.0.1.1:6881`;
    const { torrent } = await swarm.join(swarm.world.node("10.0.2.1"), {}, {}, link);
    let ready = false;
    void torrent.ready.then(() => ready = true);
    await swarm.world.runFor(2000);
    assert.deepEqual([ready, torrent.files(), torrent.pieces()], [false, null, null]);
    assert.equal(toHex(parseMagnet(torrent.magnet).infoHash), hash);
    const tracker = "http://10.0.0.9/announce", other = "udp://10.0.0.9:1/announce";
    await swarm.world.wait(torrent.update({ trackers: [[tracker], [other]] }));
    assert.deepEqual(parseMagnet(torrent.magnet).trackers, [tracker, other]);
    await swarm.seed("10.0.1.1");
    await swarm.run(() => ready);
    assert.equal(torrent.files()!.length, 3);
    assert.equal(parseMagnet(torrent.magnet).name, "folder");
    await swarm.world.wait(torrent.update({ trackers: { remove: [tracker] } }));
    assert.deepEqual(parseMagnet(torrent.magnet).trackers, [other]);
    await swarm.close();
  });
});

describe("Torrent.events", () => {
  it("begin with the state, from the call on, and end with the torrent", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    await swarm.seed("10.0.1.1");
    const leech = await swarm.leech("10.0.2.1"), { torrent } = leech;
    const events = torrent.events(); // before anything happens, and read later
    await swarm.untilDone([leech]);
    await swarm.world.wait(torrent.ended);
    const { seen } = collect(events), late = collect(torrent.events());
    await swarm.world.runFor(10);
    assert.deepEqual([seen[0]?.type, seen.at(-1)?.type], ["state", "stopped"]);
    assert.equal(seen.filter(({ type }) => type === "piece").length, 20);
    assert.deepEqual(late.seen.map((event) => event.type === "state" && event.state), ["done"]);
    assert.ok(late.ended, "a loop over a torrent that is over ends");
    await swarm.close();
  });

  it("are of the one torrent alone", TIMEOUT, async () => {
    const swarm = await newSwarm(5);
    await swarm.seed("10.0.1.1");
    const leech = await swarm.leech("10.0.2.1");
    const other = leech.client.add(makeSimTorrent(swarm.world, [100 * KIB], 16 * KIB).bytes, {
      dir: "/other",
    });
    const mine = collect(leech.torrent.events()), theirs = collect(other.events());
    await swarm.untilDone([leech]);
    await swarm.world.runFor(100);
    assert.ok(mine.seen.every(({ infoHash }) => infoHash === leech.torrent.infoHash));
    assert.ok(theirs.seen.length > 0);
    assert.ok(theirs.seen.every(({ infoHash }) => infoHash === other.infoHash));
    await swarm.close();
  });
});

describe("a client that is closed", () => {
  it("takes no torrent", TIMEOUT, async () => {
    const swarm = await newSwarm(6);
    const { client } = await swarm.leech("10.0.2.1");
    const closing = client.close();
    assert.throws(() => client.add(swarm.torrent.bytes, { dir: "/data" }), ClosedError);
    await swarm.world.wait(closing);
    await assert.rejects(client.restore(), ClosedError);
    await swarm.close();
  });
});
