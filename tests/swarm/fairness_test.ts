import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 120_000 };
const LINK = { upBytesPerSec: 200 * KIB, downBytesPerSec: 2 * MIB };

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

describe("choking in a swarm", () => {
  it("of 40 equal leeches none finishes later than 1.5 times the median", TIMEOUT, async () => {
    const swarm = new SimSwarm(31);
    await swarm.prepare([3 * MIB], 32 * KIB);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 512 * KIB } });
    const start = swarm.world.now;
    const leeches: Participant[] = [];
    for (let i = 0; i < 40; i++) {
      leeches.push(
        await swarm.leech(`10.0.2.${i + 1}`, { link: LINK }, { seedGoal: { kind: "forever" } }),
      );
    }
    const times = new Map<Participant, number>();
    while (times.size < leeches.length && swarm.world.now - start < 600_000) {
      await swarm.world.runFor(250);
      for (const leech of leeches) {
        if (times.has(leech) || leech.torrent.snapshot().state !== "seeding") continue;
        times.set(leech, swarm.world.now - start);
      }
    }
    swarm.check();
    assert.equal(times.size, 40);
    const all = [...times.values()], last = Math.max(...all);
    assert.ok(last <= 1.5 * median(all), `${last} ms, median ${median(all)}`);
    await swarm.close();
  });

  it(
    "a free rider gets less than half as much as a peer that uploads, from the start",
    TIMEOUT,
    async () => {
      const fromAll: number[] = [];
      for (const seedNumber of [32, 33, 34]) {
        const { leeches, all } = await rideAlong(seedNumber);
        console.log(
          `seed ${seedNumber}: a rider gets ${leeches.toFixed(2)} of a giver's from leeches, ` +
            `${all.toFixed(2)} with what the seed gives`,
        );
        // From the peers that it fails to upload to. A seed cannot tell who uploads: that part is chance.
        assert.ok(leeches > 0 && leeches < 0.5, `${leeches.toFixed(2)} of a giver's`);
        fromAll.push(all);
      }
      assert.ok(median(fromAll) < 0.5, `${fromAll} of a giver's with what the seed gives`);
    },
  );
});

/**
 * Twelve givers and two who give nothing, until the givers have two thirds: what a rider got, on
 * average, in shares of the median giver's; from the other leeches, and from everybody.
 */
async function rideAlong(seedNumber: number): Promise<{ leeches: number; all: number }> {
  const swarm = new SimSwarm(seedNumber);
  await swarm.prepare([24 * MIB], 64 * KIB);
  const seed = await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
  const givers: Participant[] = [], riders: Participant[] = [];
  for (let i = 0; i < 12; i++) givers.push(await swarm.leech(`10.0.2.${i + 1}`, { link: LINK }));
  for (const i of [1, 2]) {
    riders.push(await swarm.leech(`10.0.3.${i}`, { link: LINK }, { limits: { up: 0 } }));
  }
  const got = ({ torrent }: Participant) => torrent.snapshot().downloaded;
  while (median(givers.map(got)) < 16 * MIB && swarm.world.now < 600_000) {
    await swarm.world.runFor(500);
  }
  swarm.check();
  const { connected } = seed.torrent.snapshot().peers;
  assert.equal(connected, 14, "nobody left the seed, so its list tells all that it gave");
  const given = new Map(
    seed.torrent.snapshot().peerList.map(({ address, uploaded }) => [address, uploaded]),
  );
  for (const { torrent } of riders) assert.equal(torrent.snapshot().uploaded, 0);
  const share = (what: (one: Participant) => number) =>
    riders.map(what).reduce((a, b) => a + b) / riders.length / median(givers.map(what));
  const leeches = share((one) => got(one) - (given.get(one.node.address) ?? 0));
  const all = share(got);
  await swarm.close();
  return { leeches, all };
}
