import assert from "node:assert/strict";
import { it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const PATH = "/data/folder/sub0/file0";

it(
  "a file that takes the place of one under way is not written to",
  { timeout: 60_000 },
  async () => {
    const swarm = new SimSwarm(1);
    await swarm.prepare([300 * KIB, 200 * KIB], 32 * KIB);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
    const last = Math.ceil(500 / 32) - 1;
    for (const [i, have] of [2, 9, last].entries()) {
      const leech = await swarm.leech(`10.0.2.${i + 1}`, {}, {}, { stateDir: "/state" });
      const { torrent, node } = leech;
      await swarm.run(() => torrent.snapshot().piecesHave >= have);
      const theirs = swarm.world.dice.fill(new Uint8Array(300 * KIB));
      node.disk.put(PATH, theirs, node.clock.wallTime());
      await swarm.run(() => {
        const { state } = torrent.snapshot();
        assert.ok(state !== "done" && state !== "seeding", `with ${have} pieces: ${state}`);
        return state === "failed";
      });
      assert.equal(torrent.snapshot().error!.code, "foreign");
      assert.deepEqual(node.disk.bytes(PATH), theirs);
    }
    await swarm.close();
  },
);
