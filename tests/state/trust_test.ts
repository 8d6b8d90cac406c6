import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SimDisk } from "../harness/sim/disk.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import type { ResumeData } from "../../src/state/resume_data.ts";
import { trustworthy } from "../../src/state/trust.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { blankRecord, Life } from "../storage/resume_life.ts";
import { TestTorrent } from "../storage/storage_harness.ts";

/** Pieces: a 0-2, b 2-4, pad, c 5. */
const torrent = new TestTorrent(100, [["t/a", 250], ["t/b", 240], [null, 10], ["t/c", 100]]);
const A = "/home/downloads/t/a", B = "/home/downloads/t/b", C = "/home/downloads/t/c";
const ALL = torrent.entries.map(() => true);

/** A life in which `pieces` were stored; the record of its end, and what is left for the next. */
async function lived(pieces = torrent.pieces, wanted = ALL) {
  const world = new SimWorld(1);
  const life = new Life(world, torrent, undefined, wanted);
  await life.start();
  await world.runFor(7); // a time without fractions of seconds counts as coarse
  for (const piece of pieces) life.store(piece);
  await world.wait(life.storage.data.sync());
  await world.runFor(50);
  const record = life.record(), { disk } = life.node;
  life.node.kill();
  return { world, record, disk, life, judge: (of = record) => judge(world, of, disk, wanted) };
}

function judge(world: SimWorld, record: ResumeData, disk: SimDisk, wanted: readonly boolean[]) {
  const next = new Life(world, torrent, disk, wanted);
  next.storage.files.prepare();
  const { trusted, ...rest } = trustworthy(record, torrent.layout, next.storage.seen);
  next.node.kill();
  return { trusted: torrent.pieces.filter((piece) => trusted.has(piece)), ...rest };
}

describe("trustworthy", () => {
  it("believes everything of files that are as they were left", async () => {
    const { judge } = await lived();
    const { trusted, suspect, unclaimed, changed } = judge();
    assert.deepEqual([trusted, suspect, unclaimed, changed], [torrent.pieces, [], [], []]);
  });

  it("suspects exactly the pieces of files that changed in size, time or identity", async () => {
    const changes: [string, (disk: SimDisk, world: SimWorld) => void][] = [
      ["time", (disk) => disk.tamper(B, Uint8Array.of(1), 5, 1_800_000_000_000)],
      ["size", (disk) => disk.put(B, new Uint8Array(239))],
      ["identity", (disk) => {
        const { mtimeMs } = disk.entry(B)!;
        disk.put(B, torrent.file(1));
        disk.entry(B)!.mtimeMs = mtimeMs;
      }],
      ["gone", (disk) => disk.removeEntry(B)],
    ];
    for (const [name, change] of changes) {
      const { world, disk, judge } = await lived();
      change(disk, world);
      const { trusted, suspect, changed } = judge();
      assert.deepEqual([trusted, suspect, changed], [[0, 1, 5], [2, 3, 4], [1]], name);
    }
  });

  it("names pieces that may be newer than the record, if all their files are long enough", async () => {
    const { world, record, disk } = await lived([0]);
    const next = new Life(world, torrent, disk, ALL);
    next.storage.files.prepare();
    await world.runFor(20);
    next.store(1);
    next.store(2);
    next.node.kill();
    const { trusted, suspect, unclaimed } = judge(world, record, disk, ALL);
    assert.deepEqual([trusted, suspect, unclaimed], [[], [0], [1, 2]]);
  });

  it("takes a change in the step of the clock in which the record was made for possible", async () => {
    const { record, judge } = await lived();
    const mtime = record.stamps[0]!.mtimeMs;
    assert.deepEqual(judge({ ...record, savedAtMs: mtime + 9 }).suspect, torrent.pieces);
    assert.deepEqual(judge({ ...record, savedAtMs: mtime + 10 }).suspect, []);
    assert.deepEqual(judge({ ...record, savedAtMs: mtime - 5 }).suspect, torrent.pieces);
    assert.deepEqual(judge({ ...record, savedAtMs: mtime - 60_000 }).suspect, [], "another clock");
  });

  it("allows two seconds on disks without fractions of seconds", async () => {
    const { record, disk, judge } = await lived();
    const stamps = record.stamps.map((stamp) => stamp && { ...stamp, mtimeMs: 1_700_000_000_000 });
    for (const path of [A, B, C]) disk.entry(path)!.mtimeMs = 1_700_000_000_000;
    const at = (savedAtMs: number) => judge({ ...record, stamps, savedAtMs }).suspect.length;
    assert.deepEqual([at(1_700_000_001_999), at(1_700_000_002_000)], [torrent.pieces.length, 0]);
  });

  it("compares whole milliseconds, and inodes only if both exist", async () => {
    const { record, judge } = await lived();
    const stamps = record.stamps.map((stamp) =>
      stamp && { ...stamp, mtimeMs: stamp.mtimeMs + 0.4, inode: 0 }
    );
    assert.deepEqual(judge({ ...record, stamps }).trusted, torrent.pieces);
  });

  it("a record with impossible claims is not trusted", async () => {
    const { record, judge } = await lived([0, 1]);
    const have = new Bitfield(torrent.layout.pieceCount);
    have.setAll();
    const { trusted, suspect } = judge({ ...record, have });
    assert.deepEqual([trusted, suspect], [[0, 1], [2, 3, 4, 5]]);
  });

  it("a record of another layout is not believed in anything", async () => {
    const { record, judge } = await lived();
    for (
      const other of [
        { ...record, stamps: record.stamps.slice(1) },
        { ...record, have: new Bitfield(7) },
      ]
    ) {
      const { trusted, suspect } = judge(other);
      assert.deepEqual([trusted, suspect], [[], torrent.pieces]);
    }
  });

  it("trusts pieces in the part file while it is unchanged", async () => {
    const wanted = [true, false, true, true];
    const { disk, judge } = await lived(torrent.pieces, wanted);
    assert.deepEqual(judge().trusted, torrent.pieces);
    const [parts] = disk.names("/home/downloads").filter((name) => name.endsWith(".parts"));
    disk.tamper(`/home/downloads/${parts}`, Uint8Array.of(1), 700, 1_800_000_000_000);
    const { trusted, suspect } = judge();
    assert.deepEqual([trusted, suspect], [[0, 1, 5], [2, 3, 4]]);
  });

  it("restores blocks of unfinished pieces, if they fit the layout", async () => {
    const { record, judge } = await lived([0]);
    const partial = [0, 3, 99].map((piece) => ({ piece, blocks: new Bitfield(1) }));
    partial.push({ piece: 4, blocks: new Bitfield(2) });
    assert.deepEqual(judge({ ...record, partial }).partial.map(({ piece }) => piece), [3]);
  });

  it("100 GiB in one file and in 10,000 files: one look each, in a moment", () => {
    for (const count of [1, 10_000]) {
      const length = 100 * 2 ** 30 / count;
      const files = Array.from({ length: count }, () => ({ length, pad: false }));
      const layout = new Layout(2 ** 20, files);
      const stat = { size: length, mtimeMs: 5, inode: 1 };
      const have = new Bitfield(layout.pieceCount);
      have.setAll();
      let looks = 0;
      const record = { ...blankRecord(have), stamps: files.map(() => stat), partsStamp: null };
      const { trusted } = trustworthy({ ...record, savedAtMs: 1_700_000_000_000 }, layout, {
        statFile:
          () => (looks++, { kind: "file", allocated: 0, bornMs: 1, device: 1, links: 1, ...stat }),
        statParts: () => null,
        hasPart: () => false,
      });
      assert.equal(looks, count);
      assert.ok(trusted.full);
    }
  });
});
