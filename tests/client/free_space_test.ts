import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const TIMEOUT = { timeout: 60_000 };
const LEAST = 10_000 * KIB;

describe("minFreeSpace", () => {
  it(
    "stops what writes, leaves seeds alone, and continues with a tenth more",
    TIMEOUT,
    async () => {
      const many = new ManyTorrents(1, { minFreeSpace: LEAST, stateDir: "/state" });
      await many.open();
      const { disk } = many.node;
      many.add("s", {}, 50 * KIB);
      await many.run(() => many.named("s").status().state === "seeding");
      many.add("a", {}, 2000 * KIB);
      await many.run(() => many.named("a").status().have > 0);
      disk.capacity = disk.used + LEAST - 100 * KIB;
      await many.runFor(12_000);
      assert.deepEqual(many.states, { a: "waiting", s: "seeding" });
      const { error, peers, have } = many.named("a").status();
      assert.equal(error?.code, "disk-low");
      assert.match(
        error!.message,
        /^The disk of \/data has less than 10 MiB free: make room on it/,
      );
      assert.deepEqual([peers.connected, have > 0], [0, true]);
      disk.capacity = disk.used + LEAST * 1.05; // enough, but not a tenth more
      await many.runFor(30_000);
      assert.equal(many.named("a").status().state, "waiting");
      disk.capacity = disk.used + LEAST * 1.2;
      await many.runFor(12_000);
      assert.equal(many.named("a").status().state, "downloading");
      assert.equal(many.named("a").status().error, null);
      await many.close();
    },
  );

  it(
    "counts for the disk of each torrent, also one that is added or started later",
    TIMEOUT,
    async () => {
      const many = new ManyTorrents(2, { minFreeSpace: LEAST });
      await many.open();
      const volume = many.node.disk.volume();
      many.node.files.makeDir("/small");
      many.node.disk.mount("/small", volume);
      volume.capacity = volume.used + LEAST / 2;
      many.add("a", {}, 2000 * KIB);
      many.add("b", { dir: "/small" }, 2000 * KIB);
      await many.runFor(12_000);
      assert.deepEqual(many.states, { a: "downloading", b: "waiting" });
      many.add("c", { dir: "/small" });
      await many.runFor(2000);
      assert.equal(many.named("c").status().state, "waiting");
      await many.world.wait(many.named("b").pause());
      many.named("b").start();
      await many.runFor(2000);
      assert.equal(many.named("b").status().state, "waiting");
      assert.equal(many.named("b").status().error?.code, "disk-low");
      await many.world.wait(many.named("c").pause());
      volume.capacity = LEAST * 2;
      await many.runFor(12_000);
      many.named("c").start();
      await many.run(() => many.named("c").status().state === "downloading", 5000);
      await many.world.wait(many.client.update({ minFreeSpace: 0 }));
      await many.run(() => many.count("waiting") === 0, 12_000);
      await many.close();
    },
  );

  it("does not let a torrent that waits for space hold up the queue", TIMEOUT, async () => {
    const many = new ManyTorrents(3, { minFreeSpace: LEAST, queue: { downloads: 1 } });
    await many.open();
    const volume = many.node.disk.volume();
    many.node.files.makeDir("/small");
    many.node.disk.mount("/small", volume);
    volume.capacity = volume.used + LEAST / 2;
    many.add("a", { dir: "/small" }, 2000 * KIB);
    many.add("b", {}, 2000 * KIB);
    await many.runFor(15_000);
    assert.deepEqual(many.states, { a: "waiting", b: "downloading" });
    volume.capacity = LEAST * 2;
    await many.runFor(15_000);
    assert.deepEqual(many.states, { a: "downloading", b: "queued" });
    await many.close();
  });
});
