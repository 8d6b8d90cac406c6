/** Options that are changed while a torrent runs, waits or is paused. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { parseMagnet } from "../../src/metainfo/magnet.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { NetError } from "../../src/util/errors.ts";
import { sha1 } from "../harness/hasher.ts";
import { makeSimTorrent } from "../harness/sim_swarm.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { decodeWish } from "../../src/client/wish.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };

/** A seed with so many leeches that take what they get. */
async function crowd(seed: number, leeches: number, add = {}, client = {}) {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = 20;
  await swarm.prepare([4000 * KIB], 64 * KIB);
  const node = swarm.world.node("10.0.1.1", { link: { upBytesPerSec: 20 * KIB } });
  swarm.plant(node);
  const giver = await swarm.join(node, {
    trustFiles: true,
    seedGoal: { kind: "forever" },
    ...add,
  }, client);
  await swarm.world.runFor(500);
  const takers: Participant[] = [];
  for (let i = 0; i < leeches; i++) takers.push(await swarm.leech(`10.0.2.${i + 1}`));
  await swarm.run(() => giver.torrent.snapshot().peers.connected === leeches);
  return { swarm, giver, takers };
}

function served({ torrent }: Participant): number {
  return torrent.snapshot().peerList.filter(({ choked }) => !choked).length;
}

describe("Torrent.update", () => {
  it("shows new trackers in the magnet link and the .torrent", TIMEOUT, async () => {
    const { swarm, giver: { torrent } } = await crowd(21, 0), url = "http://10.0.0.7/announce";
    const before = parseTorrent(torrent.torrentFile!, sha1).announce;
    await swarm.world.wait(torrent.update({ trackers: { add: [url] } }));
    assert.deepEqual(parseTorrent(torrent.torrentFile!, sha1).announce, [...before, [url]]);
    assert.ok(parseMagnet(torrent.magnet).trackers.includes(url));
    await swarm.close();
  });

  it("unchokes more or fewer peers", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(1, 8);
    await swarm.world.runFor(15_000);
    assert.equal(served(giver), 5);
    await swarm.world.wait(giver.torrent.update({ uploadSlots: 1 }));
    await swarm.world.runFor(1000);
    assert.equal(served(giver), 2);
    await swarm.world.wait(giver.torrent.update({ uploadSlots: 7 }));
    await swarm.world.runFor(1000);
    assert.equal(served(giver), 8);
    await swarm.close();
  });

  it("ends the connections that are too many", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(2, 6);
    await swarm.world.wait(giver.torrent.update({ maxPeers: 2 }));
    await swarm.world.runFor(100);
    assert.ok(giver.torrent.snapshot().peers.connected <= 2);
    await swarm.close();
  });

  it("ends a seed by a goal that is reached", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(3, 1);
    await swarm.world.runFor(5000);
    assert.equal(giver.torrent.snapshot().state, "seeding");
    await swarm.world.wait(giver.torrent.update({ seedGoal: { kind: "time", seconds: 1 } }));
    await swarm.run(() => giver.torrent.snapshot().state === "done");
    await swarm.close();
  });

  it("shows everything once super-seeding is turned off", TIMEOUT, async () => {
    const { swarm, giver, takers } = await crowd(4, 2, { superSeed: true });
    await swarm.world.runFor(3000);
    const progress = () => {
      const { peerList } = takers[0]!.torrent.snapshot();
      return peerList.find(({ address }) => address === "10.0.1.1")!.progress;
    };
    assert.ok(progress() < 1, "it hides pieces");
    await swarm.world.runFor(20_000);
    assert.ok(progress() < 0.3, "it still does");
    await swarm.world.wait(giver.torrent.update({ superSeed: false }));
    await swarm.run(() => progress() > 0.8, 20_000);
    await swarm.close();
  });

  it("adds, removes and replaces trackers, and a restart knows them", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(11, 1, {}, STATE);
    const { torrent, node } = giver, { world } = swarm, { http } = node, { request } = http;
    const said: string[] = [];
    http.request = (asked) => {
      const { hostname, searchParams } = new URL(asked.url);
      said.push(`${hostname} ${searchParams.get("event") ?? "-"}`);
      return request.call(http, asked);
    };
    const urls = () => torrent.trackers().map(({ url }) => url);
    const [first] = urls(), second = "http://10.0.0.2/announce", third = "http://10.0.0.3/announce";
    await world.wait(torrent.update({ trackers: { add: [second, first!] } }));
    assert.deepEqual(urls(), [first, second]);
    assert.deepEqual(said, [], "the first one works, so the second stays in reserve");
    await world.wait(torrent.update({ trackers: { remove: [first!] } }));
    assert.deepEqual(urls(), [second]);
    await world.runFor(100);
    assert.deepEqual(said.splice(0).sort(), ["10.0.0.1 stopped", "10.0.0.2 started"]);
    assert.equal(torrent.snapshot().peers.connected, 1);
    await world.wait(torrent.update({ trackers: [[third], ["wss://10.0.0.4/announce"]] }));
    assert.deepEqual(torrent.trackers().map(({ url, state }) => [url, state]), [
      [third, "announcing"],
      ["wss://10.0.0.4/announce", "disabled"],
    ]);
    await world.runFor(1000);
    node.kill("quietly");
    const next = world.node(node.address, { disk: node.disk });
    const client = await world.wait(
      Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const [again] = await world.wait(client.restore());
    assert.deepEqual(again!.trackers().map(({ url }) => url), [third, "wss://10.0.0.4/announce"]);
    await world.wait(client.close());
  });

  it("moves the files to another folder", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(12, 0, {}, STATE);
    const { torrent, node } = giver, { world } = swarm;
    await world.wait(torrent.update({ dir: "/other", maxPeers: 7 }));
    assert.equal(torrent.status().dir, "/other");
    assert.deepEqual(torrent.files()!.map(({ path }) => node.disk.bytes(path)?.length), [
      4000 * KIB,
    ]);
    await world.wait(torrent.pause());
    await world.wait(torrent.update({ dir: "/third" }));
    assert.equal(torrent.status().state, "paused");
    const { options } = decodeWish(node.disk.bytes(`/state/${torrent.infoHash}.json`)!);
    assert.deepEqual([options.dir, options.maxPeers], ["/third", 7]);
    await swarm.close();
  });

  it("changes nothing where one option is refused, and says which", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(5, 0, {}, STATE);
    const path = `/state/${giver.torrent.infoHash}.json`, before = giver.node.disk.bytes(path);
    const wrong = { maxPeers: 3, uploadSlots: -1 };
    await assert.rejects(giver.torrent.update(wrong), /uploadSlots is -1/);
    const moved = { maxPeers: 3, incompleteDir: "/x" } as object;
    await assert.rejects(giver.torrent.update(moved), /use move/);
    const none = { maxPeers: 3, files: { priorities: new Map([[7, 0]]) } };
    await assert.rejects(giver.torrent.update(none), /There is no file 7/);
    await swarm.world.runFor(1000);
    assert.deepEqual(giver.node.disk.bytes(path), before);
    await swarm.close();
  });

  it(
    "is kept and takes effect later where it looks for metadata or is paused",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(6);
      await swarm.prepare([900 * KIB, 300 * KIB], 64 * KIB);
      const { bytes } = swarm.torrent, text = Buffer.from(bytes).toString("latin1");
      const info = bytes.subarray(text.indexOf("4:info") + 6, bytes.length - 1);
      const hash = createHash("sha1").update(info).digest("hex");
      const magnet = `magnet:?xt=urn:btih:${hash}&x.pe=10.0.1.1:6881`;
      const node = swarm.world.node("10.0.2.1");
      const leech = await swarm.join(node, {}, STATE, magnet);
      await swarm.world.runFor(2000);
      assert.equal(leech.torrent.snapshot().state, "finding");
      const only = { priorities: new Map([[1, 0]]) };
      await swarm.world.wait(leech.torrent.update({ files: only, maxPeers: 9, dir: "/elsewhere" }));
      await swarm.world.wait(leech.torrent.pause());
      await swarm.world.wait(leech.torrent.update({ limits: { up: 7000 } }));
      node.kill("quietly");
      const { options, paused } = decodeWish(node.disk.bytes(`/state/${hash}.json`)!);
      assert.equal(options.dir, "/elsewhere");
      assert.deepEqual([options.files, options.maxPeers, options.limits, paused], [
        only,
        9,
        { up: 7000 },
        true,
      ]);
      await swarm.seed("10.0.1.1");
      const next = swarm.world.node(node.address, { disk: node.disk });
      const client = await swarm.world.wait(
        Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const [torrent] = await swarm.world.wait(client.restore());
      torrent!.start();
      await swarm.run(() => torrent!.snapshot().state === "done");
      assert.equal(torrent!.snapshot().wanted, 900 * KIB);
    },
  );
});

describe("Client.update", () => {
  it("ends connections beyond the new limit of all torrents", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(7, 5);
    await swarm.world.wait(giver.client.update({ maxConnections: 2 }));
    await swarm.world.runFor(100);
    const { connected, connecting } = giver.torrent.snapshot().peers;
    assert.ok(connected + connecting <= 2, `${connected} and ${connecting}`);
    await swarm.close();
  });

  it("listens on a new port, keeps its connections and tells the tracker", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(9, 2);
    const { client, torrent, node } = giver, { http } = node, { request } = http;
    const ports: (string | null)[] = [];
    http.request = (asked) => {
      ports.push(new URL(asked.url).searchParams.get("port"));
      return request.call(http, asked);
    };
    const taken = swarm.world.wait(node.net.listen({ port: 7001 }, () => {}));
    await taken;
    await assert.rejects(swarm.world.wait(client.update({ port: 7001 })), NetError);
    assert.equal(client.port, 6881, "still where it was");
    await swarm.world.wait(client.update({ port: 7000 }));
    assert.equal(client.port, 7000);
    assert.equal(torrent.snapshot().peers.connected, 2);
    await swarm.leech("10.0.2.9", {}, { peers: ["10.0.1.1:7000"] });
    await swarm.run(() => torrent.snapshot().peers.connected === 3);
    assert.deepEqual(ports, []);
    await swarm.world.wait(torrent.pause());
    torrent.start();
    await swarm.run(() => ports.length === 2);
    assert.deepEqual(ports, ["7000", "7000"], "stopped and started");
    await swarm.close();
  });

  it("starts and stops the DHT and the search of the local network", TIMEOUT, async () => {
    await createCrc32c(); // compiled in real time, so before the virtual clock runs
    const world = new SimWorld(10), nodes = [world.node("10.0.0.1"), world.node("10.0.0.2")];
    const [one, other] = await world.wait(
      Promise.all(nodes.map((node) => Client.open(node, { port: 6881 }))),
    );
    assert.ok(one!.dht !== null && other!.dht !== null, "on by default");
    const { bytes } = makeSimTorrent(world, [100_000], 65_536);
    const torrents = [one!, other!].map((client) => client.add(bytes, { dir: "/data" }));
    const known = () => torrents.map((torrent) => torrent.snapshot().peers.known);
    await world.runFor(30_000);
    assert.deepEqual(known(), [1, 1], "they found each other on the local network");
    await world.wait(one!.update({ dht: false, lsd: false }));
    assert.deepEqual([one!.dht, other!.dht].map((dht) => dht === null), [true, false]);
    await world.wait(one!.update({ dht: { bootstrap: ["10.0.0.2:6881"] }, lsd: true }));
    await world.runFor(10_000);
    assert.equal(one!.dht!.stats().overlays[0]!.nodes, 1);
    await world.wait(Promise.all([one!.close(), other!.close()]));
  });

  it("counts a new quota from the bytes used in its period", TIMEOUT, async () => {
    const { swarm, giver } = await crowd(8, 1, {}, { ...STATE, quota: { period: "day" } });
    await swarm.world.runFor(10_000);
    const { uploaded } = giver.torrent.snapshot();
    assert.ok(uploaded > 16 * KIB);
    assert.equal(giver.torrent.snapshot().quotaSpent, undefined);
    await swarm.world.wait(giver.client.update({ quota: { period: "day", up: 16 * KIB } }));
    await swarm.world.runFor(5000);
    assert.equal(giver.torrent.snapshot().quotaSpent?.up, true);
    assert.ok(giver.torrent.snapshot().uploaded <= uploaded + 32 * KIB);
    await swarm.world.wait(giver.client.update({ quota: { period: "day" } }));
    await swarm.world.runFor(5000);
    assert.equal(giver.torrent.snapshot().quotaSpent, undefined);
    await assert.rejects(
      giver.client.update({ address: "::1" } as object),
      /address cannot be changed/,
    );
    await swarm.close();
  });
});
