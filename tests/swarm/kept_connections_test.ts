/** A peer that dialled us keeps its one connection during disk trouble, and a pause. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const SLOW = { upBytesPerSec: 100 * KIB };
const FAILING = { path: "/data", errno: "EIO", on: ["open", "read", "write"] } as const;

/** A swarm without a tracker: only the seed, behind a NAT, knows an address. */
async function newSwarm(seed: number, pieceLength = 16 * KIB) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB], pieceLength);
  const text = Buffer.from(swarm.torrent.bytes).toString("latin1");
  const announce = /8:announce\d+:http:\/\/[^/]+\/announce/;
  assert.match(text, announce);
  swarm.torrent.bytes = new Uint8Array(Buffer.from(text.replace(announce, ""), "latin1"));
  return swarm;
}

function magnetOf({ torrent }: SimSwarm, name: string): string {
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
  return formatMagnet({ infoHash: parseTorrent(torrent.bytes, sha1).infoHash, name });
}

function count(swarm: SimSwarm, { node }: Participant, type: string): number {
  return swarm.world.logLines().filter((line) =>
    line.includes(` ${node.address} {`) && line.includes(`"type":"${type}"`)
  ).length;
}

async function inState(swarm: SimSwarm, { torrent }: Participant, state: string) {
  await swarm.run(() => torrent.snapshot().state === state);
}

describe("disk trouble", () => {
  for (const whileOut of [2000, 40_000]) {
    it(`of a leech for ${whileOut} ms: the seed keeps its one connection`, TIMEOUT, async () => {
      const swarm = await newSwarm(1);
      const leech = await swarm.leech("10.0.2.1", {}, FOREVER);
      const link = { ...SLOW, firewalled: true };
      const seed = await swarm.seed("10.0.1.1", { link }, { peers: ["10.0.2.1:6881"] });
      await swarm.run(() => leech.torrent.snapshot().have > 200 * KIB);
      leech.node.disk.failOn(FAILING);
      await inState(swarm, leech, "waiting");
      const { peers, peerList } = leech.torrent.snapshot();
      assert.equal(peers.connected, 1);
      assert.deepEqual([peerList[0]!.interested, peerList[0]!.choked], [false, true]);
      await swarm.world.runFor(whileOut);
      assert.equal(leech.torrent.snapshot().peerList[0]!.outstanding, 0);
      const { have } = leech.torrent.snapshot();
      leech.node.disk.repair();
      await inState(swarm, leech, "downloading");
      assert.ok(leech.torrent.snapshot().have >= have);
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      for (const one of [leech, seed]) assert.equal(count(swarm, one, "peer-connected"), 1);
      const { downloaded, size, totals } = leech.torrent.snapshot();
      assert.ok(downloaded < 1.3 * size, `${downloaded} of ${size}`);
      assert.equal(downloaded, totals.downloaded);
      await swarm.close();
    });
  }

  it("of a seed: the leech keeps its one connection", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    const seed = await swarm.seed("10.0.1.1", { link: SLOW });
    const link = { firewalled: true };
    const leech = await swarm.leech("10.0.2.1", { link }, { peers: ["10.0.1.1:6881"] });
    await swarm.run(() => leech.torrent.snapshot().have > 200 * KIB);
    seed.node.disk.failOn(FAILING);
    await inState(swarm, seed, "waiting");
    await swarm.world.runFor(3000);
    const { have, peers } = leech.torrent.snapshot();
    assert.equal(peers.connected, 1);
    await swarm.world.runFor(10_000);
    assert.equal(leech.torrent.snapshot().have, have, "nothing is uploaded meanwhile");
    seed.node.disk.repair();
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    for (const one of [leech, seed]) assert.equal(count(swarm, one, "peer-connected"), 1);
    const { uploaded, totals, size } = seed.torrent.snapshot();
    assert.ok(uploaded >= size && uploaded === totals.uploaded, `${uploaded} of ${size}`);
    await swarm.close();
  });
});

/** The transferred payload of both, in bytes. */
function payload(...all: Participant[]): number {
  return all.reduce((sum, { torrent }) => {
    const { downloaded, uploaded } = torrent.snapshot();
    return sum + downloaded + uploaded;
  }, 0);
}

describe("a pause", () => {
  const pair = async (seed: number) => {
    const swarm = await newSwarm(seed);
    const leech = await swarm.leech("10.0.2.1", {}, FOREVER);
    const link = { ...SLOW, firewalled: true };
    const origin = await swarm.seed("10.0.1.1", { link }, { peers: ["10.0.2.1:6881"] });
    await swarm.run(() => leech.torrent.snapshot().have > 200 * KIB);
    return { swarm, leech, origin };
  };

  for (const seed of [3, 4, 5]) {
    it(`of the leech or the seed keeps their one connection, seed ${seed}`, TIMEOUT, async () => {
      const { swarm, leech, origin } = await pair(seed);
      for (const paused of [leech, origin]) {
        await swarm.world.wait(paused.torrent.pause());
        assert.deepEqual([paused.torrent.status().downRate, paused.torrent.status().upRate], [
          0,
          0,
        ]);
        await swarm.world.runFor(1000); // blocks that were on the way
        const before = payload(leech, origin);
        await swarm.world.runFor(90_000);
        const { state, peers, peerList } = paused.torrent.snapshot();
        assert.deepEqual([state, peers.connected], ["paused", 1]);
        const { interested, choked, outstanding } = peerList[0]!;
        assert.deepEqual([interested, choked, outstanding], [false, true, 0]);
        assert.equal(payload(leech, origin), before, "nothing is transferred");
        const { have } = leech.torrent.snapshot();
        paused.torrent.start();
        await swarm.run(() => leech.torrent.snapshot().have > have + 100 * KIB);
      }
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      for (const one of [leech, origin]) assert.equal(count(swarm, one, "peer-connected"), 1);
      const { downloaded, size } = leech.torrent.snapshot();
      assert.ok(downloaded < 1.3 * size, `${downloaded} of ${size}`);
      await swarm.close();
    });
  }

  for (const seed of [7, 8, 9]) {
    it(`of a magnet keeps the connection and requests nothing, seed ${seed}`, TIMEOUT, async () => {
      const swarm = await newSwarm(seed, KIB / 4);
      const magnet = magnetOf(swarm, "link"), node = swarm.world.node("10.0.2.1");
      const leech = await swarm.join(node, FOREVER, {}, magnet), { torrent } = leech;
      const link = { upBytesPerSec: 4 * KIB, firewalled: true }; // 96 KB of metadata take 24 s
      const origin = await swarm.seed("10.0.1.1", { link }, { peers: ["10.0.2.1:6881"] });
      await swarm.run(() => torrent.snapshot().peers.connected === 1);
      await swarm.world.runFor(2000);
      await swarm.world.wait(torrent.pause());
      await swarm.world.runFor(90_000);
      const { name, state, peers } = torrent.snapshot();
      assert.deepEqual([name, state, peers.connected], ["link", "paused", 1]);
      torrent.start();
      await swarm.run(() => torrent.snapshot().have > 0);
      for (const one of [leech, origin]) assert.equal(count(swarm, one, "peer-connected"), 1);
      await swarm.close();
    });
  }

  it("ends the connections after two minutes; after it we dial the peer", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    const leech = await swarm.leech("10.0.2.1"), { node, torrent } = leech;
    const dials: string[] = [], connect = node.net.connect.bind(node.net);
    node.net.connect = (to) => {
      dials.push(`${to.address}:${to.port}`);
      return connect(to);
    };
    await swarm.seed("10.0.1.1", { link: SLOW }, { peers: ["10.0.2.1:6881"] });
    await swarm.run(() => torrent.snapshot().have > 200 * KIB);
    await swarm.world.wait(torrent.pause());
    assert.equal(torrent.snapshot().peers.connected, 1);
    await swarm.world.runFor(125_000);
    const { peers: { connected, known } } = torrent.snapshot();
    assert.deepEqual([connected, known, dials], [0, 1, []]);
    torrent.start();
    await swarm.run(() => torrent.snapshot().peers.connected === 1, 1000);
    assert.deepEqual(dials, ["10.0.1.1:6881"]);
    await swarm.untilDone([leech]);
    await swarm.close();
  });

  it(
    "accepts and dials nobody, and a stop ends the kept connections at once",
    TIMEOUT,
    async () => {
      const { swarm, leech, origin } = await pair(6);
      await swarm.world.wait(leech.torrent.pause());
      const other = await swarm.leech("10.0.3.1", {}, { peers: ["10.0.2.1:6881"] });
      await swarm.world.runFor(30_000);
      assert.equal(other.torrent.snapshot().peers.connected, 0);
      assert.equal(leech.torrent.snapshot().peers.connected, 1);
      await swarm.world.wait(leech.torrent.stop());
      assert.equal(leech.torrent.snapshot().peers.connected, 0);
      await swarm.run(() => origin.torrent.snapshot().peers.connected === 0);
      await swarm.close();
    },
  );
});
