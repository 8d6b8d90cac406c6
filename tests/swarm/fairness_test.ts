import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Participant, SimSwarm } from "./sim_swarm.ts";

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
    "a free rider gets less than half of what a giver gets, once it is known",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(32);
      await swarm.prepare([24 * MIB], 64 * KIB);
      await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
      const givers: Participant[] = [], riders: Participant[] = [];
      for (let i = 0; i < 12; i++) {
        givers.push(
          await swarm.leech(`10.0.2.${i + 1}`, { link: LINK }),
        );
      }
      for (const i of [1, 2]) {
        riders.push(await swarm.leech(`10.0.3.${i}`, { link: LINK }, { limits: { up: 0 } }));
      }
      const got = (who: Participant[]) => who.map(({ torrent }) => torrent.snapshot().downloaded);
      await swarm.world.runFor(30_000);
      const before = { givers: got(givers), riders: got(riders) };
      while (median(got(givers)) < 16 * MIB && swarm.world.now < 600_000) {
        await swarm.world.runFor(500);
      }
      for (const { torrent } of riders) assert.equal(torrent.snapshot().uploaded, 0);
      const since = (who: Participant[], then: number[]) => got(who).map((n, i) => n - then[i]!);
      const rode = since(riders, before.riders).reduce((a, b) => a + b) / riders.length;
      const share = rode / median(since(givers, before.givers));
      assert.ok(share > 0 && share < 0.5, `${share.toFixed(2)} of a giver's`);
      await swarm.close();
    },
  );
});
