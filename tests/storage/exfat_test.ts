/** A real exFAT disk through FUSE, on a loop file: it renumbers files that the system forgot. */
import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { probeNames } from "../../src/storage/name_probe.ts";
import { readResume } from "../../src/state/resume_file.ts";
import { ResumeKeeper } from "../../src/state/resume_keeper.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { trustworthy } from "../../src/state/trust.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import type { FileError } from "../../src/util/errors.ts";
import { mountExfat } from "../harness/exfat_disk.ts";
import { blankRecord, INFO_HASH, sha1 } from "./resume_life.ts";
import { type FileSketch, TestTorrent } from "./storage_harness.ts";

const platform = selectPlatform();
const { files, clock } = platform;
const disk = mountExfat(), { dir: mountPoint } = disk;
after(() => {
  platform.hasher.close();
  disk.close();
});

// More files than are kept open, each in several pieces.
const FILES = Array.from({ length: 150 }, (_, i): FileSketch => [`t/f${i}`, 40_000]);
const torrent = new TestTorrent(16384, FILES);
const record = join(disk.top, "record.resume");

function open(): TorrentStorage {
  const pool = new HandlePool(files, 100);
  return new TorrentStorage(files, pool, mountPoint, torrent.entries, torrent.layout);
}

async function keep(storage: TorrentStorage): Promise<void> {
  const have = new Bitfield(torrent.layout.pieceCount);
  have.setAll();
  await new ResumeKeeper({
    files,
    path: record,
    sha1,
    collect: () => ({
      ...blankRecord(have),
      disk: storage.folder.disk.id,
      stamps: storage.seen.stamps(),
      partsStamp: storage.seen.partsStamp(),
      savedAtMs: clock.wallTime(),
    }),
    owned: () => storage.files.owned(),
    syncData: () => storage.data.sync(),
    now: () => clock.now(),
    sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
    warn: (error) => assert.fail(String(error)),
  }).close();
}

/** Lets the system forget files until one of them has another number. */
async function renumber(): Promise<void> {
  const inodes = () => FILES.map((_, i) => files.stat(join(mountPoint, "t", `f${i}`))!.inode);
  const before = inodes();
  for (let tries = 0; tries < 100; tries++) {
    writeFileSync("/proc/sys/vm/drop_caches", "2");
    if (inodes().some((inode, i) => inode !== before[i])) return;
    await new Promise((resolve) => void clock.after(50, () => resolve(null)));
  }
  assert.fail("no file was renumbered");
}

async function suspects(): Promise<number> {
  const data = (await readResume(files, record, sha1, INFO_HASH))!;
  return trustworthy(data, torrent.layout, open().seen).suspect.length;
}

describe("exFAT through FUSE", { skip: disk.missing ?? false }, () => {
  it("refuses some names, folds others, and shows nothing of being tried", {
    timeout: 60_000,
    skip: disk.missing ?? false,
  }, () => {
    const names = new Set(["Ep 1: Pilot?.mkv", "a\\b", "ok\u200d.", "\u0436".repeat(127), "tab\t"]);
    const before = files.list(mountPoint);
    const rules = probeNames(files, platform.random, mountPoint, { names, twins: true });
    assert.deepEqual([...rules.refused], [
      ["Ep 1: Pilot?.mkv", "Ep 1_ Pilot_.mkv"],
      ["a\\b", "a_b"],
      ["tab\t", "tab_"],
    ]);
    assert.equal(rules.folds, true);
    assert.deepEqual(files.list(mountPoint), before);
    const refused = (error: FileError) => error.code === "bad-name";
    assert.throws(() => files.open(join(mountPoint, "what?"), "write"), refused);
    assert.throws(() => files.makeDir(join(mountPoint, "what?")), refused);
  });

  it("is written to though files are renumbered, and nothing is hashed after a new mount", {
    timeout: 60_000,
  }, async () => {
    const storage = open();
    storage.files.prepare();
    const half = (odd: number) => {
      for (const piece of torrent.pieces) {
        if (piece % 2 === odd) storage.data.writePiece(piece, torrent.piece(piece));
      }
    };
    half(0);
    await renumber();
    half(1);
    assert.deepEqual(storage.seen.changedFiles(), []);
    await keep(storage);
    storage.close();
    assert.equal(await suspects(), 0, "right after the last write");
    disk.remount();
    assert.equal(await suspects(), 0, "after a new mount");
    writeFileSync(join(mountPoint, "t", "f7"), torrent.file(8));
    const { first, last } = torrent.layout.piecesOf(7)!;
    assert.equal(await suspects(), last - first + 1, "what others wrote is hashed");
  });
});
