import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

async function seeding(seed: number) {
  const swarm = new SimSwarm(seed);
  swarm.checkEvery = 20;
  await swarm.prepare([3000 * KIB, 300 * KIB, 20 * KIB, 2000 * KIB], 32 * KIB);
  const node = swarm.world.node("10.0.2.1");
  swarm.plant(node);
  const one = await swarm.join(node, FOREVER, { stateDir: "/state" });
  await swarm.run(() => one.torrent.snapshot().state === "seeding");
  node.disk.readDelayMs = 5;
  return { swarm, one, node };
}

describe("Torrent.recheck", () => {
  const changes: [string, (torrent: Torrent) => Promise<unknown>][] = [
    ["move", (torrent) => torrent.move("/other")],
    ["rename", (torrent) => torrent.rename(0, "folder/another")],
    ["recheck", (torrent) => torrent.recheck()],
  ];
  for (const [what, change] of changes) {
    it(`finds no right piece wrong, with a ${what} meanwhile`, TIMEOUT, async () => {
      const { swarm, one: { torrent } } = await seeding(1);
      const checking = torrent.recheck();
      await swarm.run(() => (torrent.snapshot().checked ?? 0) > 0.1);
      assert.ok(torrent.snapshot().checked! < 0.9, "it is in the middle");
      const changing = change(torrent);
      assert.equal(await swarm.world.wait(checking), 0);
      await swarm.world.wait(changing);
      const { have, size, state } = torrent.snapshot();
      assert.deepEqual([have, state], [size, "seeding"]);
      assert.equal(await swarm.world.wait(torrent.recheck()), 0);
      await swarm.close();
    });
  }

  it(
    "uses pieces that other programs stored, and is done if those were the last",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(2);
      await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
      const leech = await swarm.leech("10.0.2.1", {}, FOREVER, { stateDir: "/state" });
      const { torrent, node } = leech;
      await swarm.run(() => torrent.snapshot().state === "downloading");
      assert.equal(torrent.snapshot().have, 0);
      const [first, ...others] = swarm.torrent.files;
      node.disk.put(`/data/${first!.path.join("/")}`, first!.content);
      assert.equal(await swarm.world.wait(torrent.recheck()), 0);
      assert.equal(torrent.snapshot().have, 14 * 64 * KIB);
      for (const { path, content } of others) node.disk.put(`/data/${path.join("/")}`, content);
      assert.equal(await swarm.world.wait(torrent.recheck()), 0);
      await swarm.untilDone([leech]);
      assert.equal(torrent.snapshot().downloaded, 0);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it(
    "continues the download, and pieces that arrive meanwhile count as right",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(3);
      swarm.checkEvery = 20;
      await swarm.prepare([3000 * KIB, 300 * KIB, 20 * KIB], 32 * KIB);
      await swarm.seed("10.0.1.1");
      const leech = await swarm.leech("10.0.2.1", {}, FOREVER, { stateDir: "/state" });
      const { torrent } = leech;
      await swarm.run(() => torrent.snapshot().have > 300 * KIB);
      const before = torrent.snapshot().have;
      leech.node.disk.readDelayMs = 50;
      assert.equal(await swarm.world.wait(torrent.recheck()), 0);
      assert.ok(torrent.snapshot().have > before, "pieces came while it was checked");
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it(
    "says that all is gone, and calls nothing wrong, while its disk is away",
    TIMEOUT,
    async () => {
      const { swarm, one: { torrent }, node } = await seeding(4);
      node.files.rename("/data", "/taken-out");
      const { diskOf } = node.files;
      node.files.diskOf = () => ({ id: "another", keepsInodes: true });
      await assert.rejects(swarm.world.wait(torrent.recheck()), { code: "not-found" });
      assert.equal(torrent.snapshot().have, torrent.snapshot().size);
      assert.equal(node.files.stat("/data"), null, "nothing was made");
      node.files.rename("/taken-out", "/data");
      node.files.diskOf = diskOf;
      assert.equal(await swarm.world.wait(torrent.recheck()), 0);
      await swarm.close();
    },
  );
});
