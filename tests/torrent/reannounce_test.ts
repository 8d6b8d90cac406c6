import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NotYetError } from "../../src/util/errors.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

describe("Torrent.reannounce", () => {
  it("asks the trackers again, and refuses while the torrent is paused", async () => {
    const swarm = new SimSwarm(1);
    await swarm.prepare([100_000], 16 * 1024);
    const node = swarm.world.node("10.0.2.1"), { http } = node;
    const request = http.request.bind(http);
    let announces = 0;
    http.request = async (asked) => {
      announces++;
      return await request(asked);
    };
    swarm.plant(node);
    const seed = await swarm.join(node, { trustFiles: true, seedGoal: { kind: "forever" } });
    await swarm.world.runFor(600_000);
    const before = announces;
    seed.torrent.reannounce();
    await swarm.world.runFor(2000);
    assert.equal(announces, before + 1);
    await swarm.world.wait(seed.torrent.pause());
    assert.throws(() => seed.torrent.reannounce(), NotYetError);
    await swarm.close();
  });
});
