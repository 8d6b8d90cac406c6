/** Found by `npm run sim -- --seed 7 --scenario files` at its time: worlds change, this does not. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

it("a choice of only an empty file is kept, and the rest is downloaded later", async () => {
  const swarm = new SimSwarm(7);
  await swarm.prepare([300_000, 0], 32 * 1024);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200_000 } });
  const leech = await swarm.leech("10.0.2.1", {}, { seedGoal: { kind: "forever" } });
  await swarm.run(() => leech.torrent.snapshot().piecesHave >= 2);
  const only = { priorities: new Map([[1, 4]]), others: 0 };
  await swarm.world.wait(leech.torrent.update({ files: only }));
  await swarm.run(() => leech.torrent.snapshot().state === "seeding");
  assert.ok(leech.torrent.snapshot().piecesHave < 10, "the rest was not fetched");
  await swarm.world.wait(leech.torrent.update({ files: {} }));
  await swarm.untilDone([leech]);
  swarm.assertHasAll(leech);
  await swarm.close();
});
