/** Torrents of thousands of files: nobody waits until all were looked at, made or written. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ClientPaths } from "../../src/client/path_claims.ts";
import { Rests } from "../../src/util/rests.ts";
import { check, DIR, type FileSketch, simulate, TestTorrent } from "./storage_harness.ts";

const FILES = 3000;
const sketch = (length: number): FileSketch[] => {
  return Array.from({ length: FILES }, (_, i) => [`t/${String(i).padStart(4, "0")}`, length]);
};

/** A machine, and how often its storage gave way; `onRest` hears of it. */
function restful(torrent: TestTorrent, onRest = () => {}) {
  const counted = { rests: 0 };
  const rest = async () => {
    counted.rests++;
    onRest();
    await Promise.resolve();
  };
  return { machine: simulate(torrent, { rest }), counted };
}

describe("a storage of thousands of files", () => {
  it("yields while it makes the empty ones, and makes no more once it is closed", async () => {
    const torrent = new TestTorrent(1000, [...sketch(0), ["t/last", 1]]);
    for (const closes of [false, true]) {
      const { machine, counted } = restful(torrent, () => closes && machine.storage.close());
      const { storage, world, disk } = machine;
      storage.files.makeFolders();
      await world.wait(storage.files.setWanted(torrent.entries.map(() => true)));
      const made = disk.names(`${DIR}/t`).length;
      if (closes) assert.ok(made < FILES / 10, `${made} were made`);
      else assert.ok(made === FILES && counted.rests >= 10, `${made} made, ${counted.rests} rests`);
    }
  });

  it("yields while it makes and writes the files of one piece", async () => {
    const torrent = new TestTorrent(FILES, sketch(1));
    const { machine, counted } = restful(torrent), { storage, world, disk } = machine;
    await check(machine, torrent);
    storage.files.makeFolders();
    await world.wait(Promise.resolve(storage.files.makeFiles(storage.files.newFilesOf(0))));
    const before = counted.rests;
    assert.ok(before >= 10, `${before} rests while they were made`);
    await world.wait(Promise.resolve(storage.data.writePiece(0, torrent.piece(0))));
    assert.ok(counted.rests - before >= 10, `${counted.rests - before} while they were written`);
    assert.deepEqual(disk.bytes(`${DIR}/t/2999`), torrent.file(2999));
  });
});

describe("the claims of thousands of paths", () => {
  it("check a missing folder once, and nothing when they are released", async () => {
    let looks = 0;
    const claims = new ClientPaths(() => {
      looks++;
      return null;
    }, null);
    const paths = Array.from({ length: FILES }, (_, i) => `/d/t/${i}`);
    const torrent = { infoHash: "ab", name: "t" };
    assert.equal(await claims.claim(torrent, { dirs: ["/d"], paths }, paths), null);
    assert.ok(looks < 10, `${looks} looks`);
    looks = 0;
    claims.release("ab");
    assert.equal(looks, 0);
  });
});

describe("Rests", () => {
  it("come every few hundred steps, and only with a function to rest", async () => {
    let rests = 0;
    const some = new Rests(() => Promise.resolve(void rests++)), none = new Rests();
    for (let i = 0; i < 1000; i++) {
      await some.step();
      assert.equal(none.step(), undefined);
    }
    assert.equal(rests, 4);
  });
});
