import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;

/** A seed and `leeches` leeches; every one has everything at the end. */
async function runSwarm(seed: number, leeches: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = leeches > 10 ? 200 : 7;
  const dice = swarm.world.dice;
  await swarm.prepare([40 * KIB + dice.uint32() % (600 * KIB), 0, 3, 100 * KIB], 32 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
  const all: Participant[] = [];
  for (let i = 0; i < leeches; i++) {
    const fragmentBytes = i % 3 === 0 ? 5000 : null;
    const link = { upBytesPerSec: 200 * KIB, latencyMs: 5 + dice.uint32() % 60, fragmentBytes };
    const quickestHash = i % 2 === 0 ? "submit" as const : "running" as const;
    const options = i % 4 === 1 ? { sequential: true } : {};
    const goal = { kind: "forever" as const };
    all.push(
      await swarm.leech(`10.0.2.${i + 1}`, { link, quickestHash }, { seedGoal: goal, ...options }),
    );
  }
  await swarm.untilDone(all, 3_600_000);
  for (const leech of all) swarm.assertHasAll(leech);
  await swarm.close();
  return swarm;
}

describe("swarm", () => {
  for (const [seed, leeches] of [[1, 1], [2, 2], [3, 5], [4, 12]] as const) {
    it(
      `of one seed and ${leeches} leeches, seed ${seed}: all finish`,
      { timeout: 60_000 },
      async () => {
        await runSwarm(seed, leeches);
      },
    );
  }

  it("of 50 peers: all finish", { timeout: 120_000 }, async () => {
    await runSwarm(5, 49);
  });

  it(
    "has the same event log for the same seed, another for another",
    { timeout: 60_000 },
    async () => {
      const [a, b, c] = [await runSwarm(7, 4), await runSwarm(7, 4), await runSwarm(8, 4)];
      assert.equal(a.world.logHash(), b.world.logHash());
      assert.notEqual(a.world.logHash(), c.world.logHash());
    },
  );
});
