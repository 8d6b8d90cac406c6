import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AddOptions } from "../../src/client/types.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const SLOW = { upBytesPerSec: 100 * KIB };
const GIVES = {
  seedOnly: true,
  seedGoal: { kind: "forever" },
} as const satisfies Partial<AddOptions>;

/** A seed that only gives, and a leech that has some of it. */
async function start(seed: number, add: Partial<AddOptions>) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  const node = swarm.world.node("10.0.1.1", { link: SLOW });
  swarm.plant(node);
  const giver = await swarm.join(node, { ...GIVES, ...add });
  const leech = await swarm.leech("10.0.2.1");
  await swarm.run(() => leech.torrent.snapshot().have > 300 * KIB);
  return { swarm, giver, leech, files: node.files };
}

async function once(swarm: SimSwarm, { torrent }: Participant, state: string) {
  await swarm.run(() => torrent.snapshot().state === state);
}

/** Files that are open can be read even when their folder has another name: so reading fails first. */
async function takeOut(swarm: SimSwarm, giver: Participant) {
  const { disk, files } = giver.node;
  disk.failOn({ path: "/data", errno: "EIO", on: ["read"] });
  await once(swarm, giver, "waiting");
  files.rename("/data", "/taken-out");
  disk.repair();
}

describe("a torrent that only seeds", () => {
  for (const [how, add] of [["trusted", { trustFiles: true }], ["checked", {}]] as const) {
    it(
      `waits while its folder is missing, and seeds again when it is back: ${how}`,
      TIMEOUT,
      async () => {
        const { swarm, giver, leech, files } = await start(31, add);
        await takeOut(swarm, giver);
        await swarm.world.runFor(180_000);
        const { state, error } = giver.torrent.snapshot();
        assert.deepEqual([state, error?.code], ["waiting", "not-found"]);
        assert.match(
          error!.message,
          /^folder\/sub0\/file0 is missing, and so are 3 others in \/data/,
        );
        assert.equal(files.stat("/data"), null, "nothing was made");
        files.rename("/taken-out", "/data");
        await swarm.untilDone([leech, giver], 300_000);
        swarm.assertHasAll(leech);
        await swarm.close();
      },
    );
  }

  it(
    "waits while one file is missing or short, as when files are copied back",
    TIMEOUT,
    async () => {
      const { swarm, giver, leech, files } = await start(32, { trustFiles: true });
      const path = "/data/folder/sub0/file0", { content } = swarm.torrent.files[0]!;
      await takeOut(swarm, giver);
      files.rename("/taken-out", "/data");
      files.remove(path);
      await swarm.world.runFor(120_000);
      assert.equal(giver.torrent.snapshot().error?.code, "not-found");
      assert.match(giver.torrent.snapshot().error!.message, /file0 is missing/);
      const file = files.open(path, "write");
      file.writeAt(content.subarray(0, 500 * KIB), 0);
      await swarm.world.runFor(120_000);
      assert.equal(giver.torrent.snapshot().error?.code, "changed");
      assert.match(giver.torrent.snapshot().error!.message, /file0 is too short/);
      file.writeAt(content.subarray(500 * KIB), 500 * KIB);
      file.close();
      await swarm.untilDone([leech, giver], 300_000);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it("ends if the restored data is different", TIMEOUT, async () => {
    const { swarm, giver, files } = await start(33, {});
    await takeOut(swarm, giver);
    files.rename("/taken-out", "/data");
    giver.node.disk.put("/data/folder/sub0/file0", new Uint8Array(900 * KIB));
    await once(swarm, giver, "failed");
    assert.equal(giver.torrent.snapshot().error?.code, "incomplete");
    await swarm.close();
  });

  it(
    "ends at once if its folder is missing from the beginning, or waiting is off",
    TIMEOUT,
    async () => {
      const { swarm, giver } = await start(34, { trustFiles: true, waitForDisk: false });
      giver.node.disk.failOn({ path: "/data", errno: "EIO", on: ["read"] });
      await once(swarm, giver, "failed");
      const late = await swarm.join(swarm.world.node("10.0.3.1"), GIVES);
      await once(swarm, late, "failed");
      assert.equal(late.torrent.snapshot().error?.code, "incomplete");
      await swarm.close();
    },
  );

  it("never downloads pieces that a later check finds wrong", TIMEOUT, async () => {
    const { swarm, giver, leech, files } = await start(35, {});
    await swarm.untilDone([leech]);
    const file = files.open("/data/folder/sub0/file0", "write");
    file.writeAt(new Uint8Array(1000), 70_000);
    file.close();
    const before = giver.node.disk.bytes("/data/folder/sub0/file0");
    assert.equal(await swarm.world.wait(giver.torrent.recheck()), 1);
    await once(swarm, giver, "failed");
    await swarm.world.runFor(60_000);
    assert.equal(giver.torrent.snapshot().error?.code, "incomplete");
    assert.deepEqual(giver.node.disk.bytes("/data/folder/sub0/file0"), before);
    await swarm.close();
  });
});

describe("a trusted seed that may fetch", () => {
  it("creates nothing in place of its folder, and continues when it is back", TIMEOUT, async () => {
    const { swarm, giver, leech, files } = await start(36, { trustFiles: true, seedOnly: false });
    await takeOut(swarm, giver);
    await swarm.world.runFor(180_000);
    assert.equal(giver.torrent.snapshot().state, "waiting");
    assert.equal(files.stat("/data"), null, "nothing was made");
    files.rename("/taken-out", "/data");
    await swarm.untilDone([leech, giver], 300_000);
    swarm.assertHasAll(leech);
    await swarm.close();
  });
});
