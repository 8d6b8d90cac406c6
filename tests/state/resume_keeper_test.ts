import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimWorld } from "../harness/sim/world.ts";
import { readResume } from "../../src/state/resume_file.ts";
import { SaveSchedule } from "../../src/state/save_schedule.ts";
import { trustworthy } from "../../src/state/trust.ts";
import { Life, RECORD, sha1 } from "../storage/resume_life.ts";
import { TestTorrent } from "../storage/storage_harness.ts";

describe("SaveSchedule", () => {
  it("is due before the allowed time has passed, and only if something changed", () => {
    const schedule = new SaveSchedule(5000);
    assert.equal(schedule.due(1e9), false);
    schedule.changed(1000);
    schedule.changed(4000);
    assert.equal(schedule.due(4499), false);
    assert.equal(schedule.due(4500), true);
    schedule.begin(4500);
    assert.equal(schedule.due(9000), false, "one at a time");
    schedule.end(4510);
    assert.deepEqual([schedule.dirty, schedule.due(1e9)], [false, false]);
  });

  it("changes during a save wait for the next one, which begins sooner if saves are slow", () => {
    const schedule = new SaveSchedule(5000);
    schedule.changed(0);
    schedule.begin(3500);
    schedule.changed(3600);
    schedule.end(4700); // took 1200 ms
    assert.equal(schedule.due(3600 + 1099), false);
    assert.equal(schedule.due(3600 + 1100), true);
  });

  it("after a failure everything is unsaved again, and attempts become rarer", () => {
    const schedule = new SaveSchedule(5000);
    schedule.changed(0);
    let now = 4000;
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      schedule.begin(now);
      schedule.fail(now);
      assert.equal(schedule.dirty, true);
      const from = now;
      while (!schedule.due(now)) now += 1000;
      waits.push(now - from);
    }
    assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    schedule.begin(now);
    schedule.end(now);
    assert.equal(schedule.dirty, false);
  });
});

describe("ResumeKeeper", () => {
  const torrent = new TestTorrent(4096, [["t/a", 50_000], ["t/b", 30_000]]);

  async function born() {
    const life = new Life(new SimWorld(1), torrent, undefined, [true, true]);
    await life.start();
    const { world, keeper, node } = life;
    const read = () => world.wait(readResume(node.files, RECORD, sha1));
    const pass = async (ms: number) => {
      for (const end = world.now + ms; world.now < end;) {
        await world.runFor(100);
        keeper.tick(world.now);
      }
    };
    return { life, world, keeper, disk: node.disk, read, pass };
  }

  it("writes a record in time, with the state at its start", async () => {
    const { life, world, disk, read, pass } = await born();
    disk.syncDelayMs = 200;
    life.store(0);
    await pass(3600);
    life.store(1); // the save is under way
    while (await read() === null) await pass(10);
    assert.ok(world.now < 5000, `${world.now}`);
    assert.equal((await read())!.have.count, 1);
    await pass(5000);
    assert.equal((await read())!.have.count, 2);
  });

  it("saves no more when nothing changes, once the times of files are settled", async () => {
    const { life, world, disk, pass } = await born();
    life.store(0);
    await pass(12_000);
    assert.equal(life.keeper.dirty, false);
    const { inode } = disk.entry(RECORD)!;
    await pass(60_000);
    assert.equal(disk.entry(RECORD)!.inode, inode);
    assert.ok(world.now > 60_000);
  });

  it("close saves so that the next start has nothing to check", async () => {
    const { life, world, keeper, disk } = await born();
    await world.runFor(7);
    for (const piece of torrent.pieces) life.store(piece);
    await world.wait(keeper.close());
    life.storage.close();
    life.node.kill();
    const next = new Life(world, torrent, disk, [true, true]);
    next.storage.files.prepare();
    const record = await world.wait(readResume(next.node.files, RECORD, sha1));
    const { trusted, suspect } = trustworthy(record!, torrent.layout, next.storage.seen);
    assert.ok(trusted.full);
    assert.deepEqual(suspect, []);
  });

  for (
    const [errno, operation] of [["ENOSPC", "write"], ["EROFS", "write"], ["EIO", "sync"]] as const
  ) {
    it(`${errno}: warns once, keeps the old record, and saves again when it can`, async () => {
      const { life, world, disk, read, pass } = await born();
      life.store(0);
      await pass(6000);
      life.store(1);
      disk.failOn({ path: RECORD, errno, on: [operation] });
      await pass(30_000);
      assert.ok(world.faults(`disk-${errno}`) > 1);
      assert.equal(life.warnings.length, 1);
      disk.repair();
      assert.equal((await read())!.have.count, 1);
      await pass(61_000);
      assert.equal((await read())!.have.count, 2);
    });
  }

  it("a file that could not be synced is not believed at the next start", async () => {
    const { life, world, disk, read, pass } = await born();
    life.store(0);
    life.store(torrent.pieces.at(-1)!);
    disk.failOn({ path: "/home/downloads/t/a", errno: "EIO", on: ["sync"], times: 1 });
    await pass(30_000);
    assert.equal(world.faults("disk-EIO"), 1);
    assert.equal(life.warnings.length, 1);
    const record = (await read())!;
    assert.equal(record.have.count, 2);
    const { trusted, suspect } = trustworthy(record, torrent.layout, life.storage.seen);
    assert.deepEqual([trusted.count, suspect], [1, [0]]);
  });
});
