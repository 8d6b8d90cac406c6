/** A real disk through FUSE that makes its callers wait: the loop's thread must not be among them. */
import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { selectPlatform } from "../../src/platform/select.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { throwsWith } from "../conformance/platform/subject.ts";
import { INFO_HASH } from "./resume_life.ts";
import { TestTorrent } from "./storage_harness.ts";

const platform = selectPlatform();
const { files, clock } = platform;
const top = mkdtempSync(join(tmpdir(), "shoal held disk "));
const [root, hold, seen, disk, other] = ["root", "hold", "seen", "disk", "other"]
  .map((name) => join(top, name)) as [string, string, string, string, string];
const LIMIT = { timeout: 20_000 };

const sleep = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

async function until(what: () => boolean): Promise<void> {
  while (!what()) await sleep(5);
}

let server: ChildProcess | null = null;

/** Null when it worked, else why not. */
async function mount(): Promise<string | null> {
  for (const each of [root, hold, seen, disk, other]) mkdirSync(each);
  if (!existsSync("/dev/fuse")) return "no FUSE here";
  const script = fileURLToPath(new URL("./held_disk.py", import.meta.url));
  server = spawn("/usr/bin/python3", [script, root, hold, seen, disk], { stdio: "ignore" });
  let isOver = false;
  server.on("error", () => isOver = true);
  server.on("exit", () => isOver = true);
  await until(() => isOver || statSync(disk).dev !== statSync(top).dev);
  return isOver ? "no root or python3-fuse here" : null;
}

after(() => {
  platform.hasher.close();
  rmSync(hold, { recursive: true, force: true });
  try {
    execFileSync("fusermount", ["-uz", disk], { stdio: "ignore" });
  } catch {
    // It was not mounted.
  }
  server?.kill();
  rmSync(top, { recursive: true, force: true });
});

/**
 * Lets the disk hold this call up, makes it, and releases it when the disk has it: that can only be
 * while the loop's thread is free.
 */
async function held<T>(call: string, what: () => T | Promise<T>): Promise<T> {
  rmSync(join(seen, call), { force: true });
  writeFileSync(join(hold, call), "");
  let isOver = false;
  const result = Promise.resolve(what()).finally(() => isOver = true);
  await until(() => existsSync(join(seen, call)));
  assert.equal(isOver, false, `${call} is waited for`);
  rmSync(join(hold, call));
  return await result;
}

const skip = await mount() ?? false;
const bytes = new Uint8Array(1000).fill(7);

describe("a disk that makes its callers wait", { skip }, () => {
  it("delays no asynchronous call on the loop's thread", LIMIT, async () => {
    const path = join(disk, "f"), file = files.open(path, "create");
    await held("write", () => file.writeAsync(bytes, 0));
    await held("write", () => file.writeAsync(bytes, 500));
    await held("sync", () => file.sync());
    await held("stat", () => file.statAsync());
    await held("read", () => file.readAsync(new Uint8Array(100), 0));
    assert.equal((await held("stat", () => files.statAsync(path)))?.size, 1500);
    (await held("open", () => files.openAsync(path, "read"))).close();
    file.close();
    await held("write", () => files.writeWhole(join(disk, "whole"), bytes));
    await held("sync", () => files.writeWhole(join(disk, "whole"), bytes));
    await held("read", () => files.read(join(disk, "whole"), 2000));
  });

  it("is an error when it takes nothing and says nothing", LIMIT, async () => {
    const path = join(disk, "zero"), file = files.open(path, "create");
    writeFileSync(join(hold, "zero"), "");
    try {
      throwsWith(() => file.writeAt(bytes, 0), "io");
      assert.ok(existsSync(join(seen, "zero")));
      await assert.rejects(
        file.writeAsync(bytes, 0),
        /the disk stores no data and reports no error/,
      );
      await assert.rejects(files.writeWhole(join(disk, "whole"), bytes), /stores no data/);
    } finally {
      rmSync(join(hold, "zero"));
      file.close();
    }
  });

  it("delays only the pieces of its own torrents", LIMIT, async () => {
    const torrent = new TestTorrent(16384, [["t/a", 100_000], ["t/b", 60_000]]);
    const pool = new HandlePool(files, 16, { now: () => clock.now(), waited: () => 0 });
    const open = (dir: string) => {
      const options = { infoHash: INFO_HASH };
      const storage = new TorrentStorage(
        files,
        pool,
        dir,
        torrent.entries,
        torrent.layout,
        options,
      );
      storage.files.prepare();
      return storage;
    };
    const slow = open(disk), quick = open(other);
    for (const piece of torrent.pieces) await quick.data.writePiece(piece, torrent.piece(piece));
    for (const piece of torrent.pieces.slice(0, 6)) {
      await slow.data.writePiece(piece, torrent.piece(piece));
    }
    // A sync under way holds up writes to its file, on this disk too.
    const last = torrent.pieces.slice(6);
    const writing = held("sync", () => {
      const syncing = slow.data.sync();
      const stored = last.map((piece) => slow.data.writePiece(piece, torrent.piece(piece)));
      assert.ok(stored.every((each) => each instanceof Promise));
      assert.equal(
        quick.data.writePiece(0, torrent.piece(0)),
        undefined,
        "the other disk is quick",
      );
      return Promise.all([syncing, ...stored]);
    });
    await writing;
    const whole = new Uint8Array(16384);
    for (const piece of torrent.pieces) {
      const part = whole.subarray(0, torrent.layout.lengthOf(piece));
      for (const storage of [slow, quick]) {
        storage.data.readInto(piece, 0, part);
        assert.deepEqual(part, torrent.piece(piece));
      }
    }
    assert.deepEqual(slow.seen.changedFiles(), []);
    for (const storage of [slow, quick]) storage.close();
  });
});
