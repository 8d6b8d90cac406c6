import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { partFileName } from "../../src/storage/part_file.ts";
import { INFO_HASH, Life } from "./resume_life.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { fileErrorWith, TestTorrent } from "./storage_harness.ts";

const torrent = new TestTorrent(65536, [["t/a", 3_000_000], ["t/b", 100_000], [
  "t/sub/c",
  500_000,
]]);
const PATHS = torrent.entries.map(({ path }) => path);
const WANTED = [true, false, true];
const OLD = "/home/downloads", NEW = "/mnt/new";

async function started(seed = 1): Promise<Life> {
  const life = new Life(new SimWorld(seed), torrent, undefined, WANTED);
  await life.start();
  for (const piece of torrent.pieces) if (piece % 3 !== 0) life.store(piece);
  life.node.disk.makeFolders("/mnt");
  return life;
}

/** On another disk: everything has to be copied. */
async function mounted(seed?: number): Promise<Life> {
  const life = await started(seed);
  life.node.disk.mount("/mnt");
  return life;
}

function assertAllRight(life: Life): void {
  for (const piece of torrent.pieces) {
    if (life.have.has(piece)) assert.ok(life.isRight(piece), `piece ${piece}`);
  }
}

for (const [how, begin] of [["renaming", started], ["copying", mounted]] as const) {
  describe(`TorrentStorage.move by ${how}`, () => {
    it("moves files and part file to the new folder and leaves none in the old one", async () => {
      const life = await begin(), { world, storage, node: { disk } } = life;
      const before = storage.seen.stamps();
      const clean = await world.wait(storage.folder.move(NEW, PATHS));
      assert.equal(storage.folder.dir, NEW);
      assertAllRight(life);
      clean();
      assertAllRight(life);
      assert.deepEqual(disk.names(OLD), []);
      assert.deepEqual(disk.names(NEW), [partFileName(INFO_HASH), "t"]);
      if (how === "renaming") {
        assert.deepEqual(storage.seen.stamps(), before, "as trustworthy as before");
      }
      assert.deepEqual(storage.seen.changedFiles().filter((file) => file === 1), []);
      for (const piece of torrent.pieces) if (piece % 3 === 0) life.store(piece);
      assertAllRight(life);
    });

    it("renames files in the folder where they are", async () => {
      const life = await begin(), { world, storage, node: { disk } } = life;
      const names = [["t", "other"], ["t", "b"], ["x", "y"]];
      const clean = await world.wait(storage.folder.move(OLD, names));
      clean();
      assert.deepEqual(disk.names(`${OLD}/t`), ["other"]);
      assert.deepEqual(disk.names(`${OLD}/x`), ["y"]);
      assertAllRight(life);
    });

    it("replaces no foreign file", async () => {
      const life = await begin(), { world, storage, node: { disk } } = life;
      disk.put(`${NEW}/t/sub/c`, new Uint8Array(3));
      await assert.rejects(
        world.wait(storage.folder.move(NEW, PATHS)),
        fileErrorWith("exists", `${NEW}/t/sub/c`),
      );
      assert.deepEqual(disk.bytes(`${NEW}/t/sub/c`), new Uint8Array(3));
      assert.equal(storage.folder.dir, OLD);
      assertAllRight(life);
    });

    it("after a power cut at any moment the move can be finished, and nothing is lost", {
      timeout: 60_000,
    }, async () => {
      for (let seed = 0; seed < 40; seed++) {
        const life = await begin(seed), { world, node: { disk } } = life;
        await world.wait(life.keeper.close());
        void life.storage.folder.move(NEW, PATHS).catch(() => {});
        await world.runFor(world.dice.below(30));
        life.node.kill();
        disk.crash();
        const next = new Life(world, torrent, disk, WANTED);
        const clean = await world.wait(next.storage.folder.move(NEW, PATHS, { finishing: true }));
        await next.start();
        clean();
        for (const piece of torrent.pieces) {
          if (life.have.has(piece)) assert.ok(next.have.has(piece), `piece ${piece}, seed ${seed}`);
        }
        assertAllRight(next);
        assert.deepEqual(disk.names(OLD), [], `seed ${seed}`);
        assert.deepEqual(disk.names(NEW), [partFileName(INFO_HASH), "t"], `seed ${seed}`);
      }
    });

    it("a crash at any moment loses no foreign file and none of ours", {
      timeout: 120_000,
    }, async () => {
      let refused = 0, finished = 0, whileMoving = 0;
      for (let seed = 0; seed < 40; seed++) {
        const life = await begin(seed), { world, node: { disk } } = life, { dice } = world;
        await world.wait(life.keeper.close());
        const diary = `${NEW}/${dice.pick(["t/a", "t/sub/c"])}`;
        const foreign = new TextEncoder().encode("a diary");
        let isMoving = true;
        void life.storage.folder.move(NEW, PATHS).catch(() => {}).then(() => isMoving = false);
        const span = begin === mounted ? 90 : 30;
        const crashAt = dice.below(span), planted = dice.below(span);
        await world.runFor(Math.min(crashAt, planted));
        const isIn = planted < crashAt && disk.bytes(diary) === null;
        if (isIn) disk.put(diary, foreign);
        if (isIn && isMoving) whileMoving++;
        await world.runFor(Math.max(0, crashAt - planted));
        life.node.kill();
        if (dice.chance(0.5)) disk.crash();
        const isFree = !isIn && disk.bytes(diary) === null &&
          disk.bytes(OLD + diary.slice(NEW.length));
        const isLate = isFree && dice.chance(0.5);
        if (isLate) disk.put(diary, foreign);
        const next = new Life(world, torrent, disk, WANTED);
        const moved = world.wait(next.storage.folder.move(NEW, PATHS, { finishing: true }));
        const clean = await moved.catch((error) => {
          assert.equal(error.code, "exists", String(error));
          return null;
        });
        if (clean === null) {
          refused++;
          assert.deepEqual(disk.bytes(diary), foreign, `seed ${seed}`);
          disk.removeEntry(diary);
          (await world.wait(next.storage.folder.move(NEW, PATHS, { finishing: true })))();
        } else {
          finished++;
          assert.ok(!isLate, `seed ${seed}`);
          clean();
        }
        next.node.kill();
        const last = new Life(world, torrent, disk, WANTED, NEW);
        await last.start();
        for (const piece of torrent.pieces) {
          if (life.have.has(piece)) assert.ok(last.have.has(piece), `piece ${piece}, seed ${seed}`);
        }
      }
      assert.ok(refused > 0 && finished > 10, `${refused} refused, ${finished} finished`);
      if (begin === mounted) assert.ok(whileMoving > 5, `${whileMoving} while it moved`);
    });
  });
}

describe("TorrentStorage.move to another disk", () => {
  it("continues while pieces are stored, which are in the new folder then", async () => {
    const life = await mounted(), { world, storage, node: { disk } } = life;
    disk.readDelayMs = 20;
    const moving = storage.folder.move(NEW, PATHS);
    let stored = 0;
    for (const piece of torrent.pieces.filter((each) => each % 3 === 0)) {
      await world.runFor(7);
      life.store(piece);
      if (storage.folder.dir === OLD) stored++;
    }
    assert.ok(stored > 5, `${stored}`);
    (await world.wait(moving))();
    assertAllRight(life);
    assert.equal(life.have.count, torrent.pieces.length);
  });

  it("reports its progress and keeps holes", async () => {
    const life = new Life(new SimWorld(1), torrent, undefined, [true, true, true]);
    await life.start();
    life.store(40);
    const { disk } = life.node;
    disk.makeFolders("/mnt");
    const other = disk.mount("/mnt");
    const steps: number[] = [];
    const size = disk.bytes(`${OLD}/t/a`)!.length;
    const clean = await life.world.wait(life.storage.folder.move(NEW, PATHS, {
      progress: (done, total) => {
        assert.equal(total, size);
        steps.push(done);
      },
    }));
    assert.equal(steps.at(-1), size);
    assert.ok(other.used < 1_100_000, "the holes took no space");
    clean();
    assert.ok(life.isRight(40));
  });

  it("ends when aborted, when the disk is full and when a read fails: all is where it was", async () => {
    const life = await mounted(), { world, storage, node: { disk } } = life;
    disk.readDelayMs = 20;
    const abort = new AbortController();
    const moving = storage.folder.move(NEW, PATHS, { signal: abort.signal });
    const refused = assert.rejects(moving, { name: "AbortError" });
    await world.runFor(30);
    abort.abort();
    await world.wait(refused);
    const other = disk.volumeOf("/mnt");
    other.capacity = 100_000;
    await assert.rejects(
      world.wait(storage.folder.move(NEW, PATHS)),
      fileErrorWith("disk-full", NEW),
    );
    other.capacity = Infinity;
    disk.failOn({ path: `${OLD}/t/sub/c`, errno: "EIO", on: ["read"], times: 1 });
    await assert.rejects(
      world.wait(storage.folder.move(NEW, PATHS)),
      fileErrorWith("io", `${OLD}/t/sub/c`),
    );
    assert.equal(world.faults("disk-EIO"), 1);
    assert.equal(storage.folder.dir, OLD);
    assert.equal(disk.bytes(`${NEW}/t/a`), null);
    assertAllRight(life);
  });
});
