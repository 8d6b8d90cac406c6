/** Resume, move and reuse on this machine's own disks and runtime. */
import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { readResume, resumePath } from "../../src/state/resume_file.ts";
import { ResumeKeeper } from "../../src/state/resume_keeper.ts";
import { findReusable } from "../../src/storage/reuse.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { trustworthy } from "../../src/state/trust.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { equalBytes } from "../../src/util/bytes.ts";
import { blankRecord, INFO_HASH, sha1 } from "./resume_life.ts";
import { TestTorrent } from "./storage_harness.ts";

const platform = selectPlatform();
const { files, clock, hasher } = platform;
const top = mkdtempSync(join(tmpdir(), "shoal resume "));
const MEMORY_DISK = "/dev/shm";
const other = existsSync(MEMORY_DISK) ? mkdtempSync(join(MEMORY_DISK, "shoal ")) : null;
const isOtherDisk = other !== null && statSync(other).dev !== statSync(top).dev;
after(() => {
  hasher.close();
  for (const dir of [top, other]) if (dir) rmSync(dir, { recursive: true, force: true });
});

const torrent = new TestTorrent(65536, [["t/a", 3_000_000], ["t/b", 100_000], ["t/c", 500_000]]);
const PATHS = torrent.entries.map(({ path }) => path);
const WANTED = [true, false, true];

function open(dir: string): TorrentStorage {
  const options = { infoHash: INFO_HASH, wanted: WANTED };
  const pool = new HandlePool(files, 8);
  const storage = new TorrentStorage(files, pool, dir, torrent.entries, torrent.layout, options);
  storage.files.prepare();
  return storage;
}

function keeperOf(storage: TorrentStorage, path: string): ResumeKeeper {
  const have = new Bitfield(torrent.layout.pieceCount);
  have.setAll();
  return new ResumeKeeper({
    files,
    path,
    sha1,
    collect: () => ({
      ...blankRecord(have),
      stamps: storage.seen.stamps(),
      partsStamp: storage.seen.partsStamp(),
      savedAtMs: clock.wallTime(),
    }),
    owned: () => storage.files.owned(),
    syncData: () => storage.data.sync(),
    now: () => clock.now(),
    sleep: (ms) => new Promise((resolve) => void clock.after(ms, resolve)),
    warn: (error) => assert.fail(String(error)),
  });
}

function assertRight(storage: TorrentStorage): void {
  for (const piece of torrent.pieces) {
    const bytes = new Uint8Array(torrent.layout.lengthOf(piece));
    storage.data.readInto(piece, 0, bytes);
    assert.ok(equalBytes(bytes, torrent.piece(piece)), `piece ${piece}`);
  }
}

function fresh(name: string): string {
  const dir = join(top, name);
  mkdirSync(dir);
  return dir;
}

async function trusted(storage: TorrentStorage, path: string): Promise<number> {
  const record = (await readResume(files, path, sha1, INFO_HASH))!;
  return trustworthy(record, torrent.layout, storage.seen).trusted.count;
}

describe("resume on a real disk", () => {
  it("files that were closed in order are trusted at the next start, a changed file is not", async () => {
    const dir = fresh("one"), path = resumePath(fresh("records"), INFO_HASH);
    assert.equal(await readResume(files, path, sha1), null);
    const storage = open(dir), keeper = keeperOf(storage, path);
    for (const piece of torrent.pieces) storage.data.writePiece(piece, torrent.piece(piece));
    await keeper.close();
    storage.close();
    assert.deepEqual(readdirSync(join(dir, "t")).sort(), ["a", "c"]);
    assert.equal(await trusted(open(dir), path), torrent.pieces.length);
    const vandal = files.open(join(dir, "t", "c"), "write");
    vandal.writeAt(Uint8Array.of(1), 400_000);
    vandal.close();
    const { first } = torrent.layout.piecesOf(2)!;
    assert.equal(await trusted(open(dir), path), first);
    await files.writeWhole(path, (await files.read(path, 1e6)).slice(0, 300));
    await assert.rejects(readResume(files, path, sha1), { code: "damaged" });
  });

  it("a move by renaming keeps the trust", async () => {
    const dir = fresh("from"), to = join(top, "to"), path = join(top, "moved.resume");
    const storage = open(dir), keeper = keeperOf(storage, path);
    for (const piece of torrent.pieces) storage.data.writePiece(piece, torrent.piece(piece));
    await keeper.save();
    (await storage.folder.move(to, PATHS))();
    assertRight(storage);
    assert.deepEqual(readdirSync(dir), []);
    await keeper.close();
    storage.close();
    assert.equal(await trusted(open(to), path), torrent.pieces.length);
  });

  it("move to another disk, and back, with progress", {
    skip: isOtherDisk ? false : "no second disk here",
  }, async () => {
    const dir = fresh("disk"), path = join(top, "copied.resume");
    const storage = open(dir), keeper = keeperOf(storage, path);
    for (const piece of torrent.pieces) storage.data.writePiece(piece, torrent.piece(piece));
    const steps: number[] = [];
    for (const place of [other!, dir]) {
      const progress = (done: number, total: number) => void steps.push(done / total);
      (await storage.folder.move(place, PATHS, { progress }))();
      assertRight(storage);
    }
    assert.ok(steps.length >= 6 && steps.at(-1) === 1);
    assert.deepEqual(readdirSync(other!), []);
    await keeper.close();
    storage.close();
    assert.equal(await trusted(open(dir), path), torrent.pieces.length);
  });

  it("existing data in another folder is found and used", async () => {
    const shelf = fresh("shelf"), storage = open(fresh("empty"));
    await files.writeWhole(join(shelf, "some name"), torrent.file(0).slice());
    const found = await findReusable(
      {
        files,
        hasher,
        layout: torrent.layout,
        verifier: torrent.verifier,
        pathOf: (file) => storage.folder.pathOf(file),
      },
      shelf,
      torrent.entries.map(({ path }, file) => ({ file, name: path.at(-1)! })),
    );
    assert.deepEqual([...found.keys()], [0]);
    await storage.files.takeCopy(0, found.get(0)!);
    const bytes = new Uint8Array(65536);
    storage.data.readInto(3, 0, bytes);
    assert.deepEqual(bytes, torrent.piece(3).slice());
    storage.close();
  });
});
