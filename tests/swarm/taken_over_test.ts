import assert from "node:assert/strict";
import { it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const MADE_MS = 1_600_000_000_000;
const STATE = { stateDir: "/state" };

it(
  "an adopted file of zeros is ours after a power cut",
  { timeout: 60_000 },
  async () => {
    let torn = 0;
    for (let seed = 1; seed <= 30; seed++) {
      const swarm = new SimSwarm(seed);
      await swarm.prepare([200 * KIB], 64 * KIB);
      await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
      const node = swarm.world.node("10.0.2.1");
      node.disk.syncDelayMs = 1000;
      node.disk.put("/data/file", new Uint8Array(200 * KIB), MADE_MS);
      const { torrent } = await swarm.join(node, {}, STATE);
      await swarm.run(() => torrent.snapshot().piecesHave > 0);
      node.kill("quietly");
      node.disk.crash();
      torn += swarm.world.faults("disk-write-torn");
      const again = swarm.world.node("10.0.2.1", { disk: node.disk });
      const leech = await swarm.join(again, {}, STATE);
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      await swarm.close();
    }
    assert.ok(torn > 10, `${torn} writes were torn`);
  },
);
