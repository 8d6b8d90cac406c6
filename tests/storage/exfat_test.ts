/** A real exFAT disk through FUSE, on a loop file: it renumbers files that the system forgot. */
import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { readResume } from "../../src/storage/resume_file.ts";
import { ResumeKeeper } from "../../src/storage/resume_keeper.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { trustworthy } from "../../src/storage/trust.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { blankRecord, INFO_HASH, sha1 } from "./resume_life.ts";
import { type FileSketch, TestTorrent } from "./storage_harness.ts";

const platform = selectPlatform();
const { files, clock } = platform;
const top = mkdtempSync(join(tmpdir(), "shoal exfat "));
const mountPoint = join(top, "disk"), image = join(top, "image");
let loop: string | null = null;
after(() => {
  platform.hasher.close();
  if (loop !== null) {
    run("umount", mountPoint);
    run("losetup", "-d", loop);
  }
  rmSync(top, { recursive: true, force: true });
});

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** Null when it worked, else why not. */
function mountExfat(): string | null {
  try {
    if (!existsSync("/dev/fuse")) return "no FUSE here";
    mkdirSync(mountPoint);
    writeFileSync(image, "");
    truncateSync(image, 64 * 1024 * 1024);
    run("mkfs.exfat", image);
    loop = run("losetup", "-f", "--show", image).trim();
    run("mount.exfat-fuse", loop, mountPoint);
    return null;
  } catch {
    if (loop !== null) run("losetup", "-d", loop);
    loop = null;
    return "no root, mkfs.exfat or exfat-fuse here";
  }
}

const why = mountExfat();
// More files than are kept open, each in several pieces.
const FILES = Array.from({ length: 150 }, (_, i): FileSketch => [`t/f${i}`, 40_000]);
const torrent = new TestTorrent(16384, FILES);
const record = join(top, "record.resume");

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
      disk: storage.disk.id,
      stamps: storage.stamps(),
      partsStamp: storage.partsStamp(),
      savedAtMs: clock.wallTime(),
    }),
    owned: () => storage.owned(),
    syncData: () => storage.sync(),
    now: () => clock.now(),
    sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
    warn: (error) => assert.fail(String(error)),
  }).close();
}

async function suspects(): Promise<number> {
  const data = (await readResume(files, record, sha1, INFO_HASH))!;
  return trustworthy(data, torrent.layout, open()).suspect.length;
}

describe("exFAT through FUSE", { skip: why ?? false }, () => {
  it("is written to though files are renumbered, and nothing is hashed after a new mount", {
    timeout: 60_000,
  }, async () => {
    const storage = open(), inode = () => files.stat(join(mountPoint, "t", "f0"))!.inode;
    storage.prepare();
    const half = (odd: number) => {
      for (const piece of torrent.pieces) {
        if (piece % 2 === odd) storage.writePiece(piece, torrent.piece(piece));
      }
    };
    half(0);
    const before = inode();
    writeFileSync("/proc/sys/vm/drop_caches", "2");
    assert.notEqual(inode(), before, "it was renumbered");
    half(1);
    assert.deepEqual(storage.changedFiles(), []);
    await keep(storage);
    storage.close();
    assert.equal(await suspects(), 0, "right after the last write");
    run("umount", mountPoint);
    run("mount.exfat-fuse", loop!, mountPoint);
    assert.equal(await suspects(), 0, "after a new mount");
    writeFileSync(join(mountPoint, "t", "f7"), torrent.file(8));
    const { first, last } = torrent.layout.piecesOf(7)!;
    assert.equal(await suspects(), last - first + 1, "what others wrote is hashed");
  });
});
