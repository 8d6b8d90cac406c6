/** Storage on this machine's own disk and runtime, with faults that its kernel makes. */
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { checkPieces } from "../../src/storage/checker.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { Prng } from "../harness/prng.ts";
import { fileErrorWith, type FileSketch, TestTorrent } from "./storage_harness.ts";

const platform = selectPlatform();
const top = realpathSync(mkdtempSync(join(tmpdir(), "shoal storage ")));
const mounted: string[] = [];
after(() => {
  platform.hasher.close();
  for (const dir of mounted) execFileSync("umount", [dir], { stdio: "ignore" });
  rmSync(top, { recursive: true, force: true });
});

let folders = 0;
function freshDir(): string {
  const dir = join(top, `${folders++}`);
  mkdirSync(dir);
  return dir;
}

function store(torrent: TestTorrent, dir: string, openFiles = 128): TorrentStorage {
  const pool = new HandlePool(platform.files, openFiles);
  return new TorrentStorage(platform.files, pool, dir, torrent.entries, torrent.layout);
}

function check(storage: TorrentStorage, torrent: TestTorrent) {
  return checkPieces(
    platform.hasher,
    storage.seen,
    torrent.pieces,
    torrent.verifier,
    { piece() {} },
  );
}

function writeAll(storage: TorrentStorage, torrent: TestTorrent, order = torrent.pieces): void {
  storage.files.prepare();
  for (const piece of order) storage.data.writePiece(piece, torrent.piece(piece));
}

function assertComplete(torrent: TestTorrent, dir: string): void {
  torrent.entries.forEach(({ path, pad }, file) => {
    const found = join(dir, ...path);
    if (pad) assert.equal(existsSync(found), false);
    else assert.equal(Buffer.compare(readFileSync(found), torrent.file(file)), 0, found);
  });
}

/** Mounts something on a fresh folder; null where this machine does not let us. */
function mount(...options: string[]): string | null {
  const dir = freshDir();
  try {
    execFileSync("mount", [...options, dir], { stdio: "ignore" });
    mounted.push(dir);
    return dir;
  } catch {
    return null;
  }
}

const mixed: FileSketch[] = [
  ["t/large", 300_000],
  ["t/deep/er/empty", 0],
  [null, 27_680],
  ["t/ümläut 漢字 🙂", 5],
  ["t/small", 70_001],
];

describe("storage on a real disk", () => {
  it("writes, checks, reads and syncs, with few files open", { timeout: 30_000 }, async () => {
    const torrent = new TestTorrent(16384, mixed);
    for (const openFiles of [1, 128]) {
      const dir = freshDir();
      const storage = store(torrent, join(dir, "not", "there", "yet"), openFiles);
      writeAll(storage, torrent, new Prng(3).shuffle(torrent.pieces));
      assertComplete(torrent, join(dir, "not", "there", "yet"));
      assert.deepEqual(await check(storage, torrent), { good: torrent.pieces.length, bad: 0 });
      for (const piece of torrent.pieces) {
        const into = new Uint8Array(torrent.layout.lengthOf(piece));
        storage.data.readInto(piece, 0, into);
        assert.equal(Buffer.compare(into, torrent.piece(piece)), 0);
      }
      await storage.data.sync();
      assert.deepEqual(storage.seen.changedFiles(), []);
      storage.close();
    }
  });

  it("a second run finds the data of the first", { timeout: 30_000 }, async () => {
    const torrent = new TestTorrent(16384, mixed), dir = freshDir();
    const first = store(torrent, dir);
    first.files.prepare();
    for (const piece of [0, 3, 19]) first.data.writePiece(piece, torrent.piece(piece));
    first.close();
    const second = store(torrent, dir);
    const good: number[] = [];
    await checkPieces(
      platform.hasher,
      second.seen,
      torrent.pieces,
      torrent.verifier,
      { piece: (piece, ok) => ok && good.push(piece) },
    );
    assert.deepEqual(good.sort((a, b) => a - b), [0, 3, 19]);
    second.close();
  });

  it("4,000 files are made, closed, opened again and complete", { timeout: 60_000 }, () => {
    const torrent = new TestTorrent(
      64,
      Array.from({ length: 4000 }, (_, i): FileSketch => [`t/${i % 20}/file ${i}`, 128]),
    );
    const dir = freshDir();
    const pool = new HandlePool(platform.files, 128);
    const storage = new TorrentStorage(platform.files, pool, dir, torrent.entries, torrent.layout);
    // Pieces in stripes, so that every file is opened, closed and opened again.
    const even = torrent.pieces.filter((piece) => piece % 2 === 0);
    const odd = torrent.pieces.filter((piece) => piece % 2 === 1);
    writeAll(storage, torrent, [...even, ...odd]);
    assert.equal(pool.size, 128);
    assert.deepEqual(storage.seen.changedFiles(), []);
    assertComplete(torrent, dir);
    storage.close();
    assert.equal(pool.size, 0);
  });

  it("writes and reads beyond 4 GiB, sparsely, in a file of 100 GiB", () => {
    const length = 100 * 2 ** 30 + 5, dir = freshDir();
    const layout = new Layout(4 * 2 ** 20, [{ length, pad: false }]);
    const entries = [{ path: ["huge"], length, pad: false }];
    const storage = new TorrentStorage(
      platform.files,
      new HandlePool(platform.files, 4),
      dir,
      entries,
      layout,
    );
    storage.files.prepare();
    const last = layout.pieceCount - 1, middle = 1500;
    storage.data.writePiece(last, new Uint8Array([1, 2, 3, 4, 5]));
    storage.data.writePiece(middle, new Uint8Array(layout.lengthOf(middle)).fill(9));
    const tail = new Uint8Array(5), part = new Uint8Array(4);
    storage.data.readInto(last, 0, tail);
    storage.data.readInto(middle, 17, part);
    assert.deepEqual([...tail, ...part], [1, 2, 3, 4, 5, 9, 9, 9, 9]);
    assert.equal(statSync(join(dir, "huge")).size, length);
    assert.deepEqual(storage.seen.changedFiles(), []);
    storage.close();
    rmSync(join(dir, "huge"));
  });

  it("refuses planted symlinks, to files and to folders, and never touches their targets", async () => {
    const torrent = new TestTorrent(16384, mixed), dir = freshDir();
    const outside = freshDir(), secret = join(outside, "secret");
    writeFileSync(secret, new Uint8Array(80_000).fill(7));
    mkdirSync(join(dir, "t"));
    symlinkSync(secret, join(dir, "t", "small"));
    const storage = store(torrent, dir);
    storage.files.prepare();
    const small = join(dir, "t", "small");
    const last = torrent.pieces.length - 1;
    assert.throws(
      () => storage.data.writePiece(last, torrent.piece(last)),
      fileErrorWith("symlink", small),
    );
    assert.throws(
      () => storage.data.readInto(last, 0, new Uint8Array(1)),
      fileErrorWith("symlink", small),
    );
    await assert.rejects(check(storage, torrent), fileErrorWith("symlink", small));
    storage.close();
    assert.deepEqual(readFileSync(secret), Buffer.alloc(80_000, 7));

    const other = freshDir();
    symlinkSync(outside, join(other, "t"));
    const storage2 = store(torrent, other);
    const t = join(other, "t");
    assert.throws(() => storage2.files.prepare(), fileErrorWith("symlink", t));
    assert.throws(() => storage2.data.writePiece(0, torrent.piece(0)), fileErrorWith("symlink", t));
    await assert.rejects(check(storage2, torrent), fileErrorWith("symlink", t));
    assert.deepEqual(readdirSync(outside), ["secret"]);
  });

  it("a file in place of a folder stops prepare with its name", () => {
    const torrent = new TestTorrent(16384, mixed), dir = freshDir();
    mkdirSync(join(dir, "t"));
    writeFileSync(join(dir, "t", "deep"), "in the way");
    const storage = store(torrent, dir);
    assert.throws(
      () => storage.files.prepare(),
      fileErrorWith("not-directory", join(dir, "t", "deep")),
    );
  });

  it("a file that is removed or replaced while it is open stops the next write", () => {
    const torrent = new TestTorrent(16384, mixed);
    for (const act of ["remove", "replace"] as const) {
      const dir = freshDir(), path = join(dir, "t", "large");
      const storage = store(torrent, dir);
      storage.files.prepare();
      storage.data.writePiece(0, torrent.piece(0));
      if (act === "remove") rmSync(path);
      else renameSync(path, `${path}.old`), writeFileSync(path, "other");
      assert.throws(
        () => storage.data.writePiece(1, torrent.piece(1)),
        fileErrorWith(act === "remove" ? "not-found" : "changed", path),
      );
      storage.close();
    }
  });

  it("changedFiles names a file that another program changed in place", () => {
    const torrent = new TestTorrent(16384, mixed), dir = freshDir();
    const storage = store(torrent, dir);
    writeAll(storage, torrent);
    assert.deepEqual(storage.seen.changedFiles(), []);
    const path = join(dir, "t", "small"), before = statSync(path).mtimeMs;
    const bytes = readFileSync(path);
    bytes[10]! ^= 1;
    // The disk's clock has ticks; write until the change falls into a later one.
    while (statSync(path).mtimeMs === before) writeFileSync(path, bytes);
    assert.deepEqual(storage.seen.changedFiles(), [4]);
    storage.close();
  });
});

const small = mount("-t", "tmpfs", "-o", "size=256k", "tmpfs");
describe(
  "storage on a full disk",
  { skip: small === null ? "cannot mount a tmpfs here" : false },
  () => {
    it("stops with the file's name, keeps what was written, and continues when there is space", async () => {
      const torrent = new TestTorrent(16384, [["t/a", 150_000], ["t/b", 150_000]]), dir = small!;
      const ballast = join(dir, "ballast");
      writeFileSync(ballast, new Uint8Array(100_000));
      const first = store(torrent, dir);
      let failedAt = -1;
      assert.throws(() => {
        first.files.prepare();
        for (const piece of torrent.pieces) {
          failedAt = piece;
          first.data.writePiece(piece, torrent.piece(piece));
        }
      }, (error) => {
        const path = join(dir, "t", (error as { path: string }).path.endsWith("a") ? "a" : "b");
        return fileErrorWith("disk-full", path, "Free some space")(error);
      });
      first.close();
      assert.ok(failedAt > 0 && failedAt < torrent.pieces.length);
      rmSync(ballast);

      const second = store(torrent, dir);
      // 300,000 bytes do not fit into 256 KiB, so the second file's end still fails, by name.
      const { good } = await check(second, torrent);
      assert.ok(good >= failedAt - 1, `${good} of ${failedAt} pieces are there`);
      second.close();
      execFileSync("mount", ["-o", "remount,size=1m", dir]);
      const third = store(torrent, dir);
      writeAll(third, torrent);
      assertComplete(torrent, dir);
      third.close();
    });
  },
);

const source = freshDir();
const readOnlyTorrent = new TestTorrent(16384, mixed);
before(() => {
  const storage = store(readOnlyTorrent, source);
  writeAll(storage, readOnlyTorrent);
  storage.close();
});
const readOnly = mount("-o", "bind", source);
const isReadOnly = readOnly !== null && (() => {
  try {
    execFileSync("mount", ["-o", "remount,ro,bind", readOnly], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("storage on a read-only disk", {
  skip: isReadOnly ? false : "cannot mount read-only here",
}, () => {
  it("checks and serves complete files, and refuses to write, by name", async () => {
    const dir = readOnly!, torrent = readOnlyTorrent;
    const storage = store(torrent, dir);
    storage.files.prepare();
    assert.deepEqual(await check(storage, torrent), { good: torrent.pieces.length, bad: 0 });
    const into = new Uint8Array(100);
    storage.data.readInto(2, 5, into);
    assert.equal(Buffer.compare(into, torrent.piece(2).subarray(5, 105)), 0);
    assert.throws(
      () => storage.data.writePiece(0, torrent.piece(0)),
      fileErrorWith("read-only", join(dir, "t", "large")),
    );
    storage.close();
  });

  it("prepare names the folder or empty file that cannot be made", () => {
    const torrent = new TestTorrent(64, [["new folder/a", 10]]);
    assert.throws(
      () => store(torrent, readOnly!).files.prepare(),
      fileErrorWith("read-only", join(readOnly!, "new folder")),
    );
  });
});
