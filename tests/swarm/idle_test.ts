import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SimNode } from "../harness/sim/sim_node.ts";
import type { AddOptions } from "../../src/client/types.ts";
import { readResume } from "../../src/state/resume_file.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MINUTE_MS = 60_000;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

/** Counts the files of that kind that are written from now on. */
function countSaves({ files }: SimNode, kind: "resume" | "json"): () => number {
  const { writeWhole } = files;
  let count = 0;
  files.writeWhole = (path, bytes) => {
    if (path.endsWith(`.${kind}`)) count++;
    return writeWhole.call(files, path, bytes);
  };
  return () => count;
}

/** A seed of an earlier run, started again without any peers. */
async function restartedSeed(swarm: SimSwarm, changes: Partial<AddOptions> = {}) {
  await swarm.prepare([300 * KIB, 200 * KIB], 64 * KIB);
  const node = swarm.world.node("10.0.1.1");
  swarm.plant(node);
  const before = await swarm.join(node, FOREVER, STATE);
  await swarm.run(() => before.torrent.snapshot().state === "seeding");
  await swarm.world.runFor(10_000);
  await swarm.world.wait(before.client.close());
  node.kill("quietly");
  const again = swarm.world.node("10.0.1.1", { disk: node.disk });
  const saves = countSaves(again, "resume"), wishes = countSaves(again, "json");
  const seed = await swarm.join(again, { ...FOREVER, ...changes }, STATE);
  await swarm.run(() => seed.torrent.snapshot().state === "seeding");
  return { seed, saves, wishes };
}

/** As the record on the disk tells it. */
async function seedingMinutes(swarm: SimSwarm, { node, torrent }: Participant): Promise<number> {
  const sha1 = (bytes: Uint8Array) => node.hasher.digest("sha1", bytes);
  const path = `/state/${torrent.infoHash}.resume`;
  const record = await swarm.world.wait(readResume(node.files, path, sha1));
  return record!.totals.seedingSeconds / 60;
}

describe("a torrent that was restarted and is idle", () => {
  it("writes its record every quarter of an hour only, for its times", TIMEOUT, async () => {
    const swarm = new SimSwarm(1);
    const { seed, saves } = await restartedSeed(swarm);
    // The first one comes earlier, for each torrent at another time.
    await swarm.world.runFor(46 * MINUTE_MS);
    assert.ok(saves() >= 3 && saves() <= 4, `${saves()} saves in 46 minutes`);
    const kept = await seedingMinutes(swarm, seed);
    assert.ok(kept >= 31 && kept <= 47, `${kept} minutes are kept`);
    await swarm.close();
  });

  it("writes nothing at its start if nothing changed", TIMEOUT, async () => {
    const swarm = new SimSwarm(2);
    const { saves } = await restartedSeed(swarm);
    await swarm.world.runFor(20_000);
    assert.equal(saves(), 0);
    await swarm.close();
  });

  const CHANGES: [string, Partial<AddOptions>][] = [
    ["another choice of files", { files: { priorities: new Map([[1, 7]]) } }],
    ["another goal", { seedGoal: { kind: "ratio", ratio: 9 } }],
    ["another limit", { limits: { up: 9999 } }],
  ];
  for (const [what, changes] of CHANGES) {
    it(`saves ${what} at once, without writing its record`, TIMEOUT, async () => {
      const swarm = new SimSwarm(3);
      const { saves, wishes } = await restartedSeed(swarm, changes);
      await swarm.world.runFor(5000);
      assert.deepEqual([saves(), wishes()], [0, 1]);
      await swarm.close();
    });
  }

  it("saves its uploads soon after they end", TIMEOUT, async () => {
    const swarm = new SimSwarm(4);
    const { seed, saves } = await restartedSeed(swarm);
    const leech = await swarm.leech("10.0.2.1");
    await swarm.untilDone([leech]);
    assert.ok(seed.torrent.snapshot().uploaded > 0);
    const before = saves();
    await swarm.world.runFor(40_000);
    assert.ok(saves() > before, "the totals are kept");
    await swarm.close();
  });
});
