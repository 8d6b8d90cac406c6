import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimWorld } from "../harness/sim/world.ts";
import { findReusable } from "../../src/storage/reuse.ts";
import { Life } from "./resume_life.ts";
import { fileErrorWith, type FileSketch, TestTorrent } from "./storage_harness.ts";

const SHELF = "/shelf";
const SKETCH: FileSketch[] = [["t/large", 1000], ["t/small1", 20], ["t/small2", 20], [
  "t/end",
  160,
]];

async function shelf(sketch = SKETCH) {
  const torrent = new TestTorrent(100, sketch);
  const life = new Life(new SimWorld(1), torrent, undefined, torrent.entries.map(() => true));
  await life.start();
  const { disk, files, hasher } = life.node;
  disk.makeFolders(SHELF);
  const find = (signal?: AbortSignal) =>
    life.world.wait(findReusable(
      {
        files,
        hasher,
        layout: torrent.layout,
        verifier: torrent.verifier,
        pathOf: (file) => life.storage.folder.pathOf(file),
      },
      SHELF,
      torrent.entries.flatMap(({ pad, path }, file) =>
        pad || life.storage.seen.statFile(file) ? [] : [{ file, name: path.at(-1)! }]
      ),
      signal,
    ));
  return { torrent, life, disk, find };
}

describe("findReusable", () => {
  it("finds files by size and hash under other names and in other folders", async () => {
    const { torrent, disk, find } = await shelf();
    disk.put(`${SHELF}/x/renamed`, torrent.file(0));
    disk.put(`${SHELF}/y/z/one`, torrent.file(1));
    disk.put(`${SHELF}/y/z/two`, torrent.file(2));
    disk.put(`${SHELF}/y/last`, torrent.file(3));
    disk.put(`${SHELF}/decoy`, new Uint8Array(1000));
    disk.put(`${SHELF}/a decoy`, new Uint8Array(20));
    disk.plantLink(`${SHELF}/loop`, SHELF);
    assert.deepEqual(
      await find(),
      new Map([
        [0, `${SHELF}/x/renamed`],
        [3, `${SHELF}/y/last`],
        [1, `${SHELF}/y/z/one`],
        [2, `${SHELF}/y/z/two`],
      ]),
    );
  });

  it("of files with the same bytes it takes the one of the same name", async () => {
    const { torrent, disk, find } = await shelf();
    disk.put(`${SHELF}/a`, torrent.file(0));
    disk.put(`${SHELF}/z/large`, torrent.file(0));
    assert.deepEqual(await find(), new Map([[0, `${SHELF}/z/large`]]));
  });

  it("small files are tried together with existing files in the torrent's folder", async () => {
    const { torrent, life, disk, find } = await shelf();
    disk.put(`${life.dir}/t/small1`, torrent.file(1));
    disk.put(`${life.dir}/t/end`, torrent.file(3));
    disk.put(`${SHELF}/a`, new Uint8Array(20));
    disk.put(`${SHELF}/b`, torrent.file(2));
    assert.deepEqual(await find(), new Map([[2, `${SHELF}/b`]]));
  });

  it("finds nothing where nothing fits, and tries a bounded number of ways", async () => {
    const sketch: FileSketch[] = Array.from({ length: 5 }, (_, i) => [`t/${i}`, 20]);
    const { disk, find, life } = await shelf(sketch);
    for (let i = 0; i < 50; i++) disk.put(`${SHELF}/${i}`, new Uint8Array(20).fill(i));
    let hashed = 0;
    const { hasher } = life.node, below = hasher.hashFiles.bind(hasher);
    hasher.hashFiles = (...job) => (hashed++, below(...job));
    assert.deepEqual(await find(), new Map());
    assert.ok(hashed > 0 && hashed <= 5 * 64, `${hashed}`);
  });

  it("skips unreadable files, reports an unreadable folder, and can be aborted", async () => {
    const { torrent, disk, find, life } = await shelf();
    disk.put(`${SHELF}/locked/x`, torrent.file(0));
    disk.put(`${SHELF}/broken`, torrent.file(0));
    disk.put(`${SHELF}/c`, torrent.file(0));
    disk.failOn({ path: `${SHELF}/locked`, errno: "EACCES" });
    disk.failOn({ path: `${SHELF}/broken`, errno: "EIO", on: ["read"] });
    assert.deepEqual(await find(), new Map([[0, `${SHELF}/c`]]));
    assert.ok(life.world.faults("disk-EACCES") > 0 && life.world.faults("disk-EIO") > 0);
    await assert.rejects(find(AbortSignal.abort()), { name: "AbortError" });
    disk.failOn({ path: SHELF, errno: "EACCES" });
    await assert.rejects(find(), fileErrorWith("permission", SHELF));
  });
});

describe("TorrentStorage.takeCopy", () => {
  it("copies into a new file, never over an existing one", async () => {
    const { torrent, life, disk, find } = await shelf();
    disk.put(`${SHELF}/x`, torrent.file(0));
    const found = await find();
    await life.world.wait(life.storage.files.takeCopy(0, found.get(0)!));
    assert.deepEqual(disk.bytes(`${life.dir}/t/large`), torrent.file(0));
    assert.deepEqual(disk.bytes(`${SHELF}/x`), torrent.file(0));
    await assert.rejects(
      life.world.wait(life.storage.files.takeCopy(0, `${SHELF}/x`)),
      fileErrorWith("exists", `${life.dir}/t/large`),
    );
    life.store(0);
    assert.ok(life.isRight(5));
  });
});
