import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const SIZE = 6 * MIB, PIECE = 64 * KIB, LEECHES = 16, UP = 512 * KIB;
/** For each leech of a swarm that has more. */
const PLACES = 20;
const LINK = { upBytesPerSec: UP, downBytesPerSec: 8 * UP };

interface Outcome {
  /** What the seed had sent when every piece had reached a leech, in copies of the torrent. */
  sent: number;
  /** When the last leech had everything, in times of what the seed needs for one copy. */
  last: number;
}

/** Everybody starts at once, with the same line; the leeches are in networks of their own. */
async function race(seed: number, superSeed: boolean): Promise<Outcome> {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = Infinity;
  await swarm.prepare([SIZE], PIECE);
  const origin = await swarm.seed("10.0.1.1", { link: LINK }, { superSeed });
  const start = swarm.world.now, leeches: Participant[] = [];
  for (let i = 0; i < LEECHES; i++) {
    const options = { seedGoal: { kind: "forever" as const } };
    leeches.push(await swarm.leech(`10.${i + 1}.2.1`, { link: LINK }, options));
  }
  const out = new Set<number>();
  for (const { client } of leeches) void collect(client, out);
  let sent = NaN;
  const done = () => leeches.every(({ torrent }) => torrent.snapshot().state === "seeding");
  while (!done() && swarm.world.now - start < 120_000) {
    await swarm.world.runFor(100);
    if (out.size === SIZE / PIECE && Number.isNaN(sent)) {
      sent = origin.torrent.snapshot().uploaded / SIZE;
    }
  }
  assert.ok(done(), "all leeches have everything");
  swarm.check();
  const last = (swarm.world.now - start) / 1000 * UP / SIZE;
  await swarm.close();
  return { sent, last };
}

async function collect(client: Participant["client"], into: Set<number>): Promise<void> {
  for await (const event of client.events()) if (event.type === "piece") into.add(event.piece);
}

describe("the first copy of a small torrent, from a seed whose line is no better", () => {
  for (const superSeed of [false, true]) {
    const name = superSeed ? "a super-seed" : "a seed";
    it(`${name} sends little twice, and all leeches end soon after`, async () => {
      for (const seed of [1, 2]) {
        const { sent, last } = await race(seed, superSeed);
        console.log(`${name}, ${seed}: ${sent.toFixed(2)} copies, ${last.toFixed(2)} times`);
        assert.ok(sent < 1.3, `${sent} copies sent`);
        assert.ok(last < 1.4, `${last} times what one copy takes`);
      }
    });
  }
});

describe("a super-seed whose leeches take a round trip for each piece", () => {
  it("has its line full, though each leech has one piece to request", async () => {
    for (const seed of [1, 3]) {
      const swarm = new SimSwarm(seed);
      swarm.checkEvery = Infinity;
      await swarm.prepare([2 * SIZE], PIECE);
      const { torrent } = await swarm.seed("10.0.1.1", { link: LINK }, { superSeed: true });
      const link = { ...LINK, latencyMs: 60 };
      for (let i = 0; i < 24; i++) await swarm.leech(`10.${i + 1}.2.1`, { link });
      await swarm.world.runFor(2000);
      const before = torrent.snapshot().uploaded;
      await swarm.world.runFor(5000);
      const used = (torrent.snapshot().uploaded - before) / (5 * UP);
      console.log(`seed ${seed}: ${used.toFixed(2)} of its line`);
      assert.ok(used > 0.98, `${used} of its line`);
      await swarm.close();
    }
  });
});

describe("a super-seed whose leeches have no free place", () => {
  it("keeps its connections, though neither side is interested between two pieces", async () => {
    const swarm = new SimSwarm(1);
    swarm.checkEvery = Infinity;
    await swarm.prepare([4 * SIZE], PIECE);
    const origin = await swarm.seed("10.0.1.1", { link: LINK }, { superSeed: true });
    for (let i = 0; i < PLACES + 6; i++) {
      await swarm.leech(`10.${i + 1}.2.1`, { link: LINK }, { maxPeers: PLACES });
    }
    const connected = () => origin.torrent.snapshot().peers.connected;
    await swarm.world.runFor(9000);
    const before = connected();
    await swarm.world.runFor(25_000);
    console.log(`${before} connections of the super-seed, then ${connected()}`);
    assert.ok(before >= PLACES / 4, `${before} connections at first`);
    assert.ok(connected() >= before - 1, `${connected()} of ${before} connections are left`);
    await swarm.close();
  });
});
