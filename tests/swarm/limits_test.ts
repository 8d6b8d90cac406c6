import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { decodeQuota } from "../../src/client/quota.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const DAY = 24 * 3600 * 1000;
const TIMEOUT = { timeout: 60_000 };

async function rateOver(swarm: SimSwarm, leech: Participant, ms: number): Promise<number> {
  const before = leech.torrent.snapshot().downloaded;
  await swarm.world.runFor(ms);
  return (leech.torrent.snapshot().downloaded - before) * 1000 / ms;
}

function near(rate: number, limit: number, what: string): void {
  assert.ok(Math.abs(rate - limit) < 0.05 * limit, `${what}: ${Math.round(rate)} of ${limit}`);
}

describe("rate limits in a swarm", () => {
  it("limit the download to within 5 % over 2 s, and change while it runs", TIMEOUT, async () => {
    const swarm = new SimSwarm(21);
    await swarm.prepare([40 * MIB], 256 * KIB);
    for (const i of [1, 2, 3]) await swarm.seed(`10.0.1.${i}`);
    const leech = await swarm.leech("10.0.2.1", {}, {}, { limits: { down: 2 * MIB } });
    await swarm.world.runFor(2000);
    for (let i = 0; i < 3; i++) near(await rateOver(swarm, leech, 2000), 2 * MIB, "at 2 MiB/s");
    assert.equal(leech.torrent.snapshot().heldBackBy, "limit");
    leech.client.update({ limits: { down: 4 * MIB } });
    await swarm.world.runFor(1000);
    for (let i = 0; i < 2; i++) near(await rateOver(swarm, leech, 2000), 4 * MIB, "at 4 MiB/s");
    leech.torrent.update({ limits: { down: 1 * MIB } });
    await swarm.world.runFor(1000);
    near(await rateOver(swarm, leech, 2000), 1 * MIB, "of the torrent, at 1 MiB/s");
    leech.torrent.update({ limits: { down: Infinity } });
    leech.client.update({ limits: { down: Infinity } });
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("limit the upload of a seed, over all its leeches", TIMEOUT, async () => {
    const swarm = new SimSwarm(22);
    await swarm.prepare([30 * MIB], 256 * KIB);
    const seed = await swarm.seed("10.0.1.1");
    seed.client.update({ limits: { up: 2 * MIB } });
    const leeches = [];
    for (const i of [1, 2, 3]) leeches.push(await swarm.leech(`10.0.2.${i}`));
    await swarm.world.runFor(3000);
    const before = seed.torrent.snapshot().uploaded;
    await swarm.world.runFor(2000);
    near((seed.torrent.snapshot().uploaded - before) / 2, 2 * MIB, "upload");
    seed.client.update({ limits: { up: Infinity } });
    await swarm.untilDone(leeches);
    await swarm.close();
  });

  it("limit each peer if set per peer", TIMEOUT, async () => {
    const swarm = new SimSwarm(23);
    await swarm.prepare([20 * MIB], 256 * KIB);
    for (const i of [1, 2]) await swarm.seed(`10.0.1.${i}`);
    const leech = await swarm.leech("10.0.2.1", {}, { peerLimits: { down: 1 * MIB } });
    await swarm.world.runFor(3000);
    near(await rateOver(swarm, leech, 4000), 2 * MIB, "two peers");
    await swarm.close();
  });
});

describe("quota of a client", () => {
  it("stops all traffic in its period, and resumes in the next", TIMEOUT, async () => {
    const swarm = new SimSwarm(24);
    await swarm.prepare([3 * MIB], 64 * KIB);
    await swarm.seed("10.0.1.1");
    const quota = { down: 2 * MIB, period: "day" as const };
    // At a rate, since what is on its way when the bytes are spent still counts.
    const limits = { down: 256 * KIB };
    const leech = await swarm.leech("10.0.2.1", {}, {}, { quota, limits });
    await swarm.world.runFor(60_000);
    const { downloaded, heldBackBy } = leech.torrent.snapshot();
    assert.ok(downloaded > 1.8 * MIB && downloaded < 2.3 * MIB, `${downloaded} bytes`);
    assert.equal(heldBackBy, "limit");
    await swarm.world.runFor(24 * 3600 * 1000);
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("is spent for a client that was started again, too", TIMEOUT, async () => {
    const swarm = new SimSwarm(25);
    await swarm.prepare([3 * MIB], 64 * KIB);
    await swarm.seed("10.0.1.1");
    const quota = { down: 1 * MIB, period: "day" as const }, limits = { down: 256 * KIB };
    const options = { quota, limits, stateDir: "/state", dht: false, lsd: false };
    const leech = await swarm.leech("10.0.2.1", {}, {}, options);
    await swarm.world.runFor(20_000);
    const { have } = leech.torrent.snapshot();
    assert.ok(have > 0.8 * MIB);
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
    const again = await swarm.join(node, {}, options);
    await swarm.world.runFor(60_000);
    const { downloaded, totals } = again.torrent.snapshot();
    assert.ok(downloaded < 0.2 * MIB, `${downloaded} more bytes`);
    assert.ok(totals.downloaded >= have);
    await swarm.close();
  });

  for (const [limits, how] of [[{ up: 2 * MIB }, "at a rate"], [{}, "at full speed"]] as const) {
    it(`is exceeded by a block at most when giving, and says so: ${how}`, TIMEOUT, async () => {
      const swarm = new SimSwarm(26);
      await swarm.prepare([3 * MIB], 64 * KIB);
      const quota = { up: 1 * MIB + 5, period: "day" as const };
      const node = swarm.world.node("10.0.1.1"), wallTime = () => node.clock.wallTime();
      swarm.plant(node);
      const add = { trustFiles: true, seedGoal: { kind: "forever" } } as const;
      const seed = await swarm.join(node, add, { quota, limits });
      assert.equal(seed.torrent.snapshot().quotaSpent, undefined);
      for (const i of [1, 2]) await swarm.leech(`10.0.2.${i}`);
      await swarm.world.runFor(60_000);
      const { uploaded, quotaSpent } = seed.torrent.snapshot();
      assert.ok(uploaded > quota.up && uploaded <= quota.up + 16 * KIB, `${uploaded} bytes`);
      const midnight = Math.ceil(wallTime() / DAY) * DAY;
      assert.deepEqual(quotaSpent, { down: false, up: true, until: midnight });
      const said = swarm.world.logLines().filter((line) => /upload quota is used up/.test(line));
      assert.equal(said.length, 1);
      await swarm.close();
    });
  }

  for (
    const [limits, how] of [[{ down: 200 * KIB }, "at a rate"], [{}, "at full speed"]] as const
  ) {
    it(
      `is exact to the block because requests are limited: ${how}, two torrents`,
      TIMEOUT,
      async () => {
        const swarm = new SimSwarm(29), other = new SimSwarm(30, {}, swarm.world);
        await swarm.prepare([8 * MIB], 64 * KIB);
        await other.prepare([8 * MIB], 64 * KIB, "10.0.0.2");
        for (const i of [1, 2, 3]) {
          await swarm.seed(`10.0.1.${i}`);
          await other.seed(`10.0.3.${i}`);
        }
        const quota = { down: 3 * MIB + 5, period: "day" as const };
        const leech = await swarm.leech("10.0.2.1", {}, {}, { quota, limits });
        const second = leech.client.add(other.torrent.bytes, { dir: "/other" });
        await swarm.world.runFor(60_000);
        const first = leech.torrent.snapshot();
        assert.equal(first.quotaSpent?.down, true);
        const downloaded = first.downloaded + second.snapshot().downloaded;
        assert.ok(downloaded <= quota.down && downloaded > 0.98 * quota.down, `${downloaded}`);
        const sent = [...swarm.all, ...other.all].reduce((sum, { torrent }) => {
          return sum + torrent.snapshot().uploaded;
        }, 0);
        assert.ok(sent <= quota.down + 16 * KIB, `${sent - quota.down} bytes too many were sent`);
        await swarm.close();
      },
    );
  }

  it("is one for all clients that share a state folder", TIMEOUT, async () => {
    const swarm = new SimSwarm(27);
    await swarm.prepare([3 * MIB], 64 * KIB);
    await swarm.seed("10.0.1.1");
    const quota = { down: 1 * MIB, period: "day" as const }, limits = { down: 32 * KIB };
    const options = { quota, limits, stateDir: "/state" };
    const a = await swarm.leech("10.0.2.1", {}, {}, options);
    const onDisk = () => decodeQuota(a.node.disk.bytes("/state/quota-day")!)!;
    const idle = await swarm.world.wait(
      Client.open(swarm.world.node("10.0.2.2", { disk: a.node.disk }), options),
    );
    // Of one torrent only one of them would be at work.
    const other = new SimSwarm(28, {}, swarm.world);
    await other.prepare([3 * MIB], 64 * KIB, "10.0.0.2");
    await other.seed("10.0.1.2");
    const b = await other.join(swarm.world.node("10.0.2.3", { disk: a.node.disk }), {
      dir: "/other",
    }, options);
    await swarm.world.runFor(12_000);
    const counted = onDisk().down;
    assert.ok(counted > 300 * KIB, `${counted}`);
    await swarm.world.wait(idle.close());
    assert.ok(onDisk().down >= counted, "who spent nothing changes nothing");
    await swarm.world.runFor(60_000);
    const [byA, byB] = [a, b].map(({ torrent }) => torrent.snapshot().downloaded);
    assert.ok(byA! > 300 * KIB && byB! > 300 * KIB, `${byA} and ${byB}`);
    // What the other spent in the last 20 s is not known: up to 10 until it saves, as many to read it.
    assert.ok(byA! + byB! < quota.down + 20 * limits.down + 128 * KIB, `${byA} and ${byB}`);
    assert.equal(a.torrent.snapshot().quotaSpent?.down, true);
    assert.equal(b.torrent.snapshot().quotaSpent?.down, true);
    await swarm.world.wait(b.client.close());
    await swarm.world.wait(a.client.close());
    assert.ok(onDisk().down >= byA! + byB!, `${onDisk().down} counted`);
    await swarm.close();
  });
});
