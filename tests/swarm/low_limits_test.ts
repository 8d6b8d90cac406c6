/**
 * Rate limits of any size, with any number of peers: exact to 5 %, and every peer gets its turn.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linkWith } from "../harness/sim/link.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KB = 1000, KIB = 1024, MIB = 1024 * KIB, BLOCK = 16 * KIB;
const TIMEOUT = { timeout: 120_000 };
const WINDOW_MS = 10_000;

async function swarmOf(seed: string, peers: number, bytes: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([bytes], 256 * KIB);
  for (let i = 1; i <= peers; i++) await swarm.seed(`10.0.1.${i}`);
  return swarm;
}

/** What the torrent and each of its peers gave in one window after the other. */
async function windows(swarm: SimSwarm, { torrent }: Participant, count: number) {
  const found: { bytes: number; byPeer: number[] }[] = [];
  for (let i = 0; i < count; i++) {
    const before = torrent.snapshot(), peers = given(torrent.peers());
    await swarm.world.runFor(WINDOW_MS);
    const now = given(torrent.peers());
    const byPeer = [...now].map(([address, bytes]) => bytes - (peers.get(address) ?? 0));
    found.push({ bytes: torrent.snapshot().downloaded - before.downloaded, byPeer });
  }
  return found;
}

function given(peers: readonly { address: string; downloaded: number }[]): Map<string, number> {
  return new Map(peers.map(({ address, downloaded }) => [address, downloaded]));
}

function near(bytes: number, expected: number, what: string): void {
  const off = Math.round(100 * (bytes / expected - 1));
  assert.ok(Math.abs(bytes - expected) <= 0.05 * expected, `${what}: ${bytes}, off by ${off} %`);
}

function lost(swarm: SimSwarm, { node }: Participant): string[] {
  const from = `${node.address} {`;
  return swarm.world.logLines().filter((line) =>
    line.includes(from) && line.includes("peer-disconnected")
  );
}

describe("a download limit", () => {
  const cases: [limit: number, peers: number, windows: number][] = [
    [4 * KB, 1, 6],
    [4 * KB, 12, 20],
    [10 * KB, 12, 10],
    [50 * KB, 12, 5],
    [50 * KB, 50, 5],
    [1000 * KB, 3, 2],
    [300 * KB, 50, 1],
    [5000 * KB, 1, 1],
    [2000 * KB, 20, 1],
  ];
  for (const [limit, peers, count] of cases) {
    const name = `of ${limit / KB} kB/s is kept over 10 s with ${peers} peers, who all give`;
    it(name, TIMEOUT, async () => {
      const bytes = Math.max(4 * MIB, 1.3 * limit * (5 + 10 * count));
      const swarm = await swarmOf(name, peers, bytes);
      const leech = await swarm.leech("10.0.2.1", {}, { maxPeers: 60 }, {
        limits: { down: limit },
      });
      await swarm.world.runFor(5000);
      const early = leech.torrent.snapshot().downloaded;
      assert.ok(early <= 5.25 * limit, `${early} bytes in the first 5 s`);
      for (const [i, { bytes, byPeer }] of (await windows(swarm, leech, count)).entries()) {
        near(bytes, 10 * limit, `window ${i}`);
        assert.equal(byPeer.length, peers, `connected in window ${i}`);
        assert.ok(Math.min(...byPeer) > 0, `window ${i}: ${byPeer}`);
      }
      assert.deepEqual(lost(swarm, leech), []);
      const { metrics, heldBackBy, downloaded } = leech.torrent.snapshot();
      assert.equal(heldBackBy, "limit");
      assert.equal(metrics.wasted.duplicate, 0);
      // Requested bytes that wait to be read: a block of each peer, or those of two seconds.
      const ahead = sent(swarm) - downloaded;
      assert.ok(ahead <= peers * BLOCK + 8 * limit, `${ahead} bytes were sent too early`);
      await swarm.close();
    });
  }

  it("too low for 50 peers is kept by a few of them", TIMEOUT, async () => {
    const swarm = await swarmOf("few", 50, MIB / 2);
    const leech = await swarm.leech("10.0.2.1", {}, { maxPeers: 60 }, { limits: { down: 4 * KB } });
    await swarm.world.runFor(5000);
    for (let i = 0; i < 8; i++) {
      const [window] = await windows(swarm, leech, 1);
      // Those that wait are sent away by the seeds after a minute, and their return costs something.
      const { bytes } = window!;
      assert.ok(bytes > 24 * KB && bytes < 42 * KB, `window ${i}: ${bytes}`);
    }
    await swarm.untilDone([leech], 150_000);
    assert.equal(leech.torrent.snapshot().metrics.wasted.duplicate, 0);
    await swarm.close();
  });

  it("that becomes a thousandth cancels earlier requests", TIMEOUT, async () => {
    const swarm = new SimSwarm("thousandth"), low = 10 * KB;
    await swarm.prepare([100 * MIB], 256 * KIB);
    const link = linkWith({ latencyMs: 50, upBytesPerSec: 2000 * KB });
    for (let i = 1; i <= 5; i++) await swarm.seed(`10.0.1.${i}`, { link });
    const leech = await swarm.leech("10.0.2.1", {}, {}, { limits: { down: 1000 * low } });
    await swarm.world.runFor(8000);
    const requested = () => leech.torrent.peers().reduce((sum, peer) => sum + peer.outstanding, 0);
    const before = requested();
    assert.ok(before * BLOCK > 400 * low, `${before} blocks were requested`);
    leech.client.update({ limits: { down: low } });
    await swarm.world.runFor(30_000);
    for (const { bytes, byPeer } of await windows(swarm, leech, 12)) {
      near(bytes, 10 * low, "after the change");
      assert.equal(byPeer.length, 5);
    }
    assert.ok(requested() < 60, `${requested()} blocks of ${before} are still requested`);
    assert.deepEqual(lost(swarm, leech), []);
    await swarm.close();
  });

  it(
    "of the client is kept by three torrents together, each of which gets some",
    TIMEOUT,
    async () => {
      const swarm = await swarmOf("three", 4, 4 * MIB), limit = 20 * KB;
      const first = await swarm.leech("10.0.2.1", {}, {}, { limits: { down: limit } });
      const torrents = [first.torrent];
      for (const i of [2, 3]) {
        const other = new SimSwarm(`three ${i}`, {}, swarm.world);
        await other.prepare([4 * MIB], 256 * KIB, `10.0.0.${i}`);
        for (let j = 1; j <= 4; j++) await other.seed(`10.0.${i + 2}.${j}`);
        torrents.push(first.client.add(other.torrent.bytes, { dir: `/data${i}` }));
      }
      const totals = () => torrents.map((torrent) => torrent.snapshot().downloaded);
      await swarm.world.runFor(5000);
      for (let i = 0; i < 6; i++) {
        const before = totals();
        await swarm.world.runFor(WINDOW_MS);
        const bytes = totals().map((total, at) => total - before[at]!);
        near(bytes.reduce((sum, part) => sum + part), 10 * limit, `window ${i}`);
        assert.ok(Math.min(...bytes) > 0.2 * 10 * limit, `window ${i}: ${bytes}`);
      }
      await swarm.close();
    },
  );
});

describe("an upload limit", () => {
  const cases: [limit: number, peers: number, windows: number][] = [
    [4 * KB, 4, 12],
    [10 * KB, 12, 12],
    [200 * KB, 12, 5],
  ];
  for (const [limit, peers, count] of cases) {
    const name = `of ${limit / KB} kB/s is kept over 10 s to the block with ${peers} peers`;
    it(`${name}; each gets some in 30 s`, TIMEOUT, async () => {
      const swarm = new SimSwarm(name);
      await swarm.prepare([Math.max(4 * MIB, 100 * limit)], 256 * KIB);
      const seed = await swarm.seed("10.0.1.1");
      seed.client.update({ limits: { up: limit } });
      const leeches: Participant[] = [];
      for (let i = 1; i <= peers; i++) leeches.push(await swarm.leech(`10.0.2.${i}`));
      const seen = () => leeches.map(({ torrent }) => given(torrent.peers()).get("10.0.1.1") ?? 0);
      await swarm.world.runFor(10_000);
      let least = seen();
      for (let i = 0; i < count; i++) {
        const before = seed.torrent.snapshot().uploaded;
        await swarm.world.runFor(WINDOW_MS);
        const bytes = seed.torrent.snapshot().uploaded - before;
        const off = Math.abs(bytes - 10 * limit);
        assert.ok(off <= Math.max(0.05 * 10 * limit, BLOCK), `window ${i}: ${bytes}`);
        const unchoked = seed.torrent.peers().filter(({ choked }) => !choked).length;
        assert.ok(unchoked <= Math.max(2, 10 * limit / BLOCK), `${unchoked} are unchoked`);
        if (i % 3 < 2) continue;
        const now = seen();
        now.forEach((got, at) => assert.ok(got > least[at]!, `leech ${at} in windows to ${i}`));
        least = now;
      }
      await swarm.close();
    });
  }

  it("of the client is shared by the leeches of three torrents", TIMEOUT, async () => {
    const swarm = new SimSwarm("three seeds"), limit = 20 * KB;
    await swarm.prepare([4 * MIB], 256 * KIB);
    const seed = await swarm.seed("10.0.1.1"), torrents = [seed.torrent];
    seed.client.update({ limits: { up: limit } });
    for (let i = 1; i <= 6; i++) await swarm.leech(`10.0.2.${i}`);
    for (const i of [3, 4]) {
      const other = new SimSwarm(`seeds ${i}`, {}, swarm.world);
      await other.prepare([4 * MIB], 256 * KIB, `10.0.0.${i}`);
      other.plant(seed.node, `/data${i}`);
      const add = { dir: `/data${i}`, trustFiles: true, seedGoal: { kind: "forever" } } as const;
      torrents.push(seed.client.add(other.torrent.bytes, add));
      await swarm.world.runFor(500);
      for (let j = 1; j <= 6; j++) await other.leech(`10.0.${i}.${j}`);
    }
    await swarm.world.runFor(30_000);
    const totals = () => torrents.map((torrent) => torrent.snapshot().uploaded);
    const start = totals();
    for (let i = 0; i < 6; i++) {
      const before = totals();
      await swarm.world.runFor(WINDOW_MS);
      const bytes = totals().map((total, at) => total - before[at]!);
      const all = bytes.reduce((sum, part) => sum + part);
      assert.ok(Math.abs(all - 10 * limit) <= BLOCK, `window ${i}: ${bytes}`);
      const unchoked = torrents.flatMap((torrent) => torrent.peers()).filter(({ choked }) =>
        !choked
      );
      assert.ok(unchoked.length <= 10 * limit / BLOCK, `${unchoked.length} are unchoked`);
    }
    const given = totals().map((total, at) => total - start[at]!);
    assert.ok(Math.min(...given) > 0.2 * 60 * limit, `${given}`);
    await swarm.close();
  });
});

/** Payload that the others sent. */
function sent(swarm: SimSwarm): number {
  return swarm.all.reduce((sum, { torrent }) => sum + torrent.snapshot().uploaded, 0);
}
