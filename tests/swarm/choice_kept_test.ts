import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { decodeWish } from "../../src/client/wish.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const STATE = { stateDir: "/state" };

describe("the choice of files over a restart", () => {
  const choices: [string, Map<number, number>, number][] = [
    ["a small one is not wanted, inside pieces that are", new Map([[1, 0]]), 600 * KIB],
    ["all are equally important", new Map([[0, 7], [1, 7], [2, 7]]), 601 * KIB],
    ["all are equally unimportant", new Map([[0, 1], [1, 1], [2, 1]]), 601 * KIB],
  ];
  for (const [what, priorities, wanted] of choices) {
    it(`is kept if ${what}`, { timeout: 60_000 }, async () => {
      const swarm = new SimSwarm(1);
      await swarm.prepare([300 * KIB, KIB, 300 * KIB], 64 * KIB);
      await swarm.seed("10.0.1.1");
      const leech = await swarm.leech("10.0.2.1", {}, {
        files: { priorities },
        seedGoal: { kind: "forever" },
      }, STATE);
      await swarm.untilDone([leech]);
      await swarm.world.wait(leech.client.close());
      leech.node.kill("quietly");
      const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
      const client = await swarm.world.wait(
        Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const [torrent] = await swarm.world.wait(client.restore());
      await swarm.world.run(() => torrent!.snapshot().state === "seeding");
      assert.equal(torrent!.snapshot().wanted, wanted);
      const isMade = node.files.stat("/data/folder/sub1/file1") !== null;
      assert.equal(isMade, priorities.get(1) !== 0);
      await swarm.world.wait(client.close());
      const { options } = decodeWish(node.disk.bytes(`/state/${torrent!.infoHash}.json`)!);
      assert.deepEqual(options.files, { priorities });
      await swarm.close();
    });
  }
});
