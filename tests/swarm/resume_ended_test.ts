/** A torrent that ended, in whichever way, begins again when it is resumed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const SLOW = { link: { upBytesPerSec: 200 * KIB } };

async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB], 16 * KIB);
  return swarm;
}

describe("a torrent that ended is resumed", () => {
  it("after its seed goal: it seeds on, until the goal is changed", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    await swarm.seed("10.0.1.1");
    const { torrent } = await swarm.leech("10.0.2.1", {}, {
      seedGoal: { kind: "time", seconds: 5 },
    });
    await swarm.run(() => torrent.snapshot().state === "done");
    torrent.start();
    await swarm.run(() => torrent.snapshot().state === "seeding");
    await swarm.world.runFor(20_000);
    assert.equal(torrent.snapshot().state, "seeding");
    const late = await swarm.leech("10.0.2.2");
    await swarm.untilDone([late]);
    await swarm.world.wait(torrent.update({ seedGoal: { kind: "time", seconds: 6 } }));
    await swarm.run(() => torrent.snapshot().state === "done");
    await swarm.world.wait(torrent.ended);
    await swarm.close();
  });

  it("after stop, in the middle of a download and while it still stops", TIMEOUT, async () => {
    for (const atOnce of [false, true]) {
      const swarm = await newSwarm(2);
      await swarm.seed("10.0.1.1", SLOW);
      const leech = await swarm.leech("10.0.2.1", {}, {}, { stateDir: "/state" });
      const { torrent } = leech, { finished } = torrent;
      await swarm.run(() => torrent.snapshot().have > 300 * KIB);
      const stopping = torrent.stop();
      if (!atOnce) await swarm.world.wait(stopping);
      torrent.start();
      await swarm.world.wait(stopping);
      await assert.rejects(finished, "the run before was stopped");
      await swarm.run(() => torrent.snapshot().state === "downloading");
      assert.ok(torrent.snapshot().have > 300 * KIB, "nothing is lost");
      await swarm.untilDone([leech]);
      await swarm.world.wait(torrent.finished);
      swarm.assertHasAll(leech);
      await swarm.close();
    }
  });

  it("after a failure, once its cause is gone", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    await swarm.seed("10.0.1.1");
    const node = swarm.world.node("10.0.2.1");
    node.files.makeDir("/data");
    node.files.open("/data/folder", "write").close(); // a file in place of the folder
    const leech = await swarm.join(node, { waitForDisk: false });
    const { torrent } = leech;
    await swarm.run(() => torrent.snapshot().state === "failed");
    await swarm.world.wait(torrent.ended);
    node.files.remove("/data/folder");
    torrent.start();
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    assert.equal(torrent.snapshot().error, null);
    await swarm.close();
  });

  it("but not when it was removed, or its client closed", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    await swarm.seed("10.0.1.1", SLOW);
    const { torrent, client } = await swarm.leech("10.0.2.1");
    await swarm.world.wait(client.remove(torrent.infoHash.toUpperCase()));
    assert.equal(client.get(torrent.infoHash), null);
    torrent.start();
    await swarm.world.runFor(5000);
    assert.equal(torrent.snapshot().state, "stopped");
    const other = await swarm.leech("10.0.2.2");
    await swarm.world.wait(other.client.close());
    other.torrent.start();
    await swarm.world.runFor(5000);
    assert.equal(other.torrent.snapshot().state, "stopped");
    await swarm.close();
  });
});
