import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const TIMEOUT = { timeout: 60_000 };

/** A leech whose disk is pulled out in the middle, which costs what was not synced, and comes back. */
async function pulledOut(seed: number, stateDir: string | undefined) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 700 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
  const node = swarm.world.node("10.0.2.1");
  const usb = node.disk.mount("/data");
  const leech = await swarm.join(node, {}, stateDir === undefined ? {} : { stateDir });
  await swarm.run(() => leech.torrent.snapshot().have > 1200 * KIB);
  node.disk.unmount("/data", "pulled out");
  await swarm.run(() => leech.torrent.snapshot().state === "waiting");
  node.disk.mount("/data", usb);
  await swarm.untilDone([leech]);
  return { swarm, leech };
}

describe("a disk that is pulled out of a running client and returns", () => {
  for (const stateDir of ["/state", undefined]) {
    it(
      `has the whole torrent in the end: ${stateDir ? "with a record" : "without"}`,
      TIMEOUT,
      async () => {
        let lost = 0;
        for (let seed = 1; seed <= 8; seed++) {
          const { swarm, leech } = await pulledOut(seed, stateDir);
          swarm.assertHasAll(leech);
          lost += swarm.world.faults("disk-write-lost");
          await swarm.close();
        }
        assert.ok(lost > 8, `${lost} writes were lost`);
      },
    );
  }

  it("while the torrent is seeding: nothing that was lost is uploaded", TIMEOUT, async () => {
    let again = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const swarm = new SimSwarm(seed);
      await swarm.prepare([900 * KIB, 300 * KIB, 700 * KIB], 64 * KIB);
      await swarm.seed("10.0.1.1");
      const node = swarm.world.node("10.0.2.1");
      const usb = node.disk.mount("/data");
      const first = await swarm.join(node, FOREVER, { stateDir: "/state" });
      await swarm.run(() => first.torrent.snapshot().state === "seeding");
      node.disk.unmount("/data", "pulled out");
      await swarm.world.runFor(5500); // a save is due in this time
      node.disk.mount("/data", usb);
      const second = await swarm.leech("10.0.3.1", {}, FOREVER);
      let isAgain = false;
      await swarm.run(() => {
        isAgain ||= first.torrent.snapshot().state === "downloading";
        return second.torrent.snapshot().state === "seeding";
      });
      if (isAgain) again++;
      assert.equal(second.torrent.snapshot().hashFailures, 0, "no wrong piece was uploaded");
      swarm.assertHasAll(second);
      await swarm.close();
    }
    assert.ok(again > 3, `${again} of 12 had to download something again`);
  });
});
