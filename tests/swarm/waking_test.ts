/** After a sleep of the machine, its connections are dead, and nothing has told it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Waking } from "../../src/client/waking.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const MIB = 1 << 20, HOUR = 3_600_000;
const TIMEOUT = { timeout: 60_000 };
const SLOW = { link: { upBytesPerSec: 16 * 1024 } };

const connected = ({ torrent }: Participant) => torrent.snapshot().peers.connected;

async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = 20;
  await swarm.prepare([8 * MIB], 256 * 1024);
  return swarm;
}

describe("a machine that slept", () => {
  for (const seed of [1, 2, 3]) {
    it(
      `has its connections again within ten seconds of waking, seed ${seed}`,
      TIMEOUT,
      async () => {
        const swarm = await newSwarm(seed), { world } = swarm;
        const seeds: Participant[] = [];
        for (const i of [1, 2, 3]) seeds.push(await swarm.seed(`10.0.1.${i}`, SLOW));
        // It cannot be dialled, so it must notice by itself.
        const leech = await swarm.leech("10.0.2.1", { link: { firewalled: true } });
        await swarm.run(() => connected(leech) === 3);
        await world.runFor(20_000);
        // While it sleeps, the others give it up and restart, and it receives nothing.
        for (const { node } of seeds) node.kill("quietly");
        for (const i of [1, 2, 3]) await swarm.seed(`10.0.1.${i}`, SLOW);
        let renewed = 0;
        void (async () => {
          for await (const event of leech.torrent.events()) {
            if (event.type === "peer-connected") renewed++;
          }
        })();
        leech.node.wallOffMs += 8 * HOUR;
        const woke = world.now;
        assert.equal(connected(leech), 3, "it believes in connections that are dead");
        await swarm.run(() => renewed === 3, 60_000);
        assert.ok(world.now - woke < 10_000, `${world.now - woke} ms`);
        assert.equal(connected(leech), 3);
        const before = leech.torrent.snapshot().downloaded;
        await swarm.run(() => leech.torrent.snapshot().downloaded > before, 60_000);
        await swarm.close();
      },
    );
  }

  it(
    "keeps live connections, as after the wall clock was set",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(4);
      const seed = await swarm.seed("10.0.1.1", SLOW), leech = await swarm.leech("10.0.2.1");
      await swarm.run(() => leech.torrent.snapshot().downloaded > 0);
      let lost = 0;
      void (async () => {
        for await (const { type } of leech.torrent.events()) {
          if (type === "peer-disconnected") {
            lost++;
          }
        }
      })();
      for (const off of [HOUR, -HOUR, 30_000]) {
        leech.node.wallOffMs += off;
        seed.node.wallOffMs -= off;
        await swarm.world.runFor(30_000);
      }
      assert.equal(lost, 0);
      await swarm.close();
    },
  );
});

describe("Waking", () => {
  const watch = () => {
    const clock = {
      at: 0,
      wall: 1e12,
      now: () => clock.at,
      wallTime: () => clock.wall,
    } as never as {
      at: number;
      wall: number;
    };
    return { clock, waking: new Waking(clock as never) };
  };

  it("detects sleep by either clock, and only once", () => {
    const { clock, waking } = watch();
    clock.at += 500, clock.wall += 500;
    assert.equal(waking.woke(), false);
    clock.at += 500, clock.wall += HOUR;
    assert.equal(waking.woke(), true, "the monotonic clock stood still");
    assert.equal(waking.woke(), false);
    clock.at += HOUR, clock.wall += HOUR;
    assert.equal(waking.woke(), true, "it went on");
  });

  it("takes neither a busy machine nor a clock that is put back for a sleep", () => {
    const { clock, waking } = watch();
    clock.at += 9000, clock.wall += 9000;
    assert.equal(waking.woke(), false);
    clock.at += 500, clock.wall -= HOUR;
    assert.equal(waking.woke(), false);
  });
});
