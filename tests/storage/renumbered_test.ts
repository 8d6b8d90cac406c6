/** Disks that make inode numbers up and have clocks of two seconds, as exFAT through FUSE. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SimDisk } from "../harness/sim/disk.ts";
import { FILE_SYSTEMS } from "../harness/sim/file_system.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { Life } from "./resume_life.ts";
import { fileErrorWith, type FileSketch, TestTorrent } from "./storage_harness.ts";

const DIR = "/mnt/t";
const FILES = Array.from({ length: 12 }, (_, i): FileSketch => [`t/f${i}`, 10_000]);
const torrent = new TestTorrent(4096, FILES);
const WANTED = FILES.map(() => true);

async function onExfat() {
  const world = new SimWorld(5);
  const { disk } = world.node("10.0.0.9");
  disk.mount("/mnt", disk.volume(FILE_SYSTEMS.exfat));
  disk.makeFolders("/state");
  const life = await begin(world, disk);
  return { world, disk, life };
}

async function begin(world: SimWorld, disk: SimDisk): Promise<Life> {
  const life = new Life(world, torrent, disk, WANTED, DIR);
  await life.start();
  return life;
}

/** Every other piece, then the rest: each file is closed in between, since four are open at most. */
function storeAll(life: Life): void {
  for (const odd of [0, 1]) {
    for (const piece of torrent.pieces) if (piece % 2 === odd) life.store(piece);
  }
}

describe("a disk that renumbers its files", () => {
  it("is written to while numbers change, and nothing counts as changed", async () => {
    const { life } = await onExfat();
    life.store(0);
    assert.equal(life.storage.seen.statFile(0)!.inode, 0, "the number is not told");
    const before = life.node.files.stat(`${DIR}/t/f0`)!.inode;
    storeAll(life);
    assert.notEqual(life.node.files.stat(`${DIR}/t/f0`)!.inode, before, "it was renumbered");
    assert.deepEqual(life.storage.seen.changedFiles(), []);
  });

  it("is not hashed after a new mount, nor right after the last write", async () => {
    const { life, disk, world } = await onExfat();
    storeAll(life);
    const begun = life.node.clock.now();
    await world.wait(life.keeper.close());
    assert.ok(life.node.clock.now() - begun <= 2100, "closing takes one step of the clock at most");
    life.storage.close();
    life.node.kill("quietly");
    disk.mount("/mnt", disk.unmount("/mnt"));
    const next = await begin(world, disk);
    assert.deepEqual([next.hashed, next.have.full], [0, true]);
  });

  it("is hashed if another program wrote to it after the last save", async () => {
    const { life, disk, world } = await onExfat();
    storeAll(life);
    await world.wait(life.keeper.close());
    life.node.kill("quietly");
    const later = Math.floor(life.node.clock.wallTime() / 2000) * 2000;
    disk.tamper(`${DIR}/t/f3`, Uint8Array.of(1), 5000, later);
    const next = await begin(world, disk);
    assert.ok(next.hashed > 0 && next.hashed <= 4, `${next.hashed} pieces`);
    assert.equal(next.have.full, false);
  });

  it("still shows that an open file was replaced by another one", async () => {
    const { life } = await onExfat(), { files } = life.node;
    life.store(0);
    files.rename(`${DIR}/t/f0`, `${DIR}/t/moved`);
    const other = files.open(`${DIR}/t/f0`, "write");
    other.writeAt(new Uint8Array(500), 0);
    other.close();
    assert.throws(() => life.store(1), fileErrorWith("changed", `${DIR}/t/f0`, "replaced"));
  });
});

describe("a disk with stable inode numbers", () => {
  it("is closed at once", async () => {
    const world = new SimWorld(6), { disk } = world.node("10.0.0.9");
    disk.makeFolders("/state");
    const life = new Life(world, torrent, disk, WANTED);
    await life.start();
    await world.runFor(7); // a full second would look like a coarse clock
    storeAll(life);
    const begun = life.node.clock.now();
    await world.wait(life.keeper.close());
    assert.ok(life.node.clock.now() - begun < 200);
  });
});
