import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SimWorld } from "../harness/sim/world.ts";
import { HandlePool, PooledFile } from "../../src/storage/handle_pool.ts";
import { fileErrorWith, NotingFiles } from "./storage_harness.ts";

function setUp(limit: number) {
  const node = new SimWorld(1).node("10.0.0.1");
  const files = new NotingFiles(node.files);
  const make = (count: number) =>
    Array.from({ length: count }, (_, i) => new PooledFile(`/home/${i}`));
  return { disk: node.disk, files, pool: new HandlePool(files, limit), make };
}

describe("HandlePool", () => {
  it("opens a file when it is first used, and once", () => {
    const { files, pool, make } = setUp(4);
    const [file] = make(1);
    assert.equal(pool.isOpen(file!, "read"), false);
    const handle = pool.open(file!, "write");
    assert.equal(pool.open(file!, "write"), handle);
    assert.equal(pool.open(file!, "read"), handle, "writing includes reading");
    assert.deepEqual(files.log, ["open /home/0 write"]);
  });

  it("replaces a handle for reading when writing is wanted", () => {
    const { disk, files, pool, make } = setUp(4);
    disk.put("/home/0", new Uint8Array([1, 2, 3]));
    const [file] = make(1);
    pool.open(file!, "read");
    pool.open(file!, "write").writeAt(new Uint8Array([9]), 1);
    assert.deepEqual(files.log.slice(0, 3), [
      "open /home/0 read",
      "close /home/0",
      "open /home/0 write",
    ]);
    assert.deepEqual(disk.bytes("/home/0"), new Uint8Array([1, 9, 3]));
    assert.equal(disk.openHandles, 1);
  });

  it("closes the file that was not used for longest, never more than it has to", () => {
    const { disk, files, pool, make } = setUp(3);
    const [a, b, c, d, e] = make(5) as [
      PooledFile,
      PooledFile,
      PooledFile,
      PooledFile,
      PooledFile,
    ];
    for (const file of [a, b, c, a, a]) pool.open(file, "write");
    pool.open(d, "write");
    pool.open(b, "write");
    assert.deepEqual(files.log.filter((line) => line.startsWith("close")), [
      "close /home/1",
      "close /home/2",
    ]);
    pool.open(e, "write");
    assert.equal(a.handle, null);
    assert.equal(pool.size, 3);
    assert.equal(disk.peakHandles, 3);
  });

  it("when the system allows no more open files, closes half of them and continues", () => {
    const { disk, pool, make } = setUp(100);
    disk.maxOpen = 8;
    const files = make(30);
    for (const file of files.slice(0, 9)) pool.open(file, "write");
    assert.equal(pool.size, 5);
    assert.deepEqual(files.slice(0, 5).map((file) => file.handle !== null), [
      false,
      false,
      false,
      false,
      true,
    ]);
    for (const file of files.slice(9)) pool.open(file, "write");
    assert.equal(disk.peakHandles, 8);
    assert.equal(disk.openHandles, pool.size);
  });

  it("fails if not even one more file can be opened, and leaves none half open", () => {
    const { disk, pool, make } = setUp(4);
    const [a, b] = make(2);
    pool.open(a!, "write");
    disk.maxOpen = 0;
    assert.throws(() => pool.open(b!, "write"), fileErrorWith("too-many-open", "/home/1"));
    assert.equal(pool.size, 0);
    assert.equal(disk.openHandles, 0);
    disk.maxOpen = 1;
    pool.open(b!, "write");
    assert.equal(pool.size, 1);
  });

  it("passes other errors on without closing anything", () => {
    const { pool, make } = setUp(4);
    const [a, b] = make(2);
    pool.open(a!, "write");
    assert.throws(() => pool.open(b!, "read"), fileErrorWith("not-found", "/home/1"));
    assert.equal(pool.size, 1);
  });

  it("release and close free all handles, and the pool can be used again", () => {
    const { disk, pool, make } = setUp(4);
    const files = make(3);
    for (const file of files) pool.open(file, "write");
    pool.release(files[1]!);
    pool.release(files[1]!);
    assert.equal(disk.openHandles, 2);
    pool.close();
    assert.equal(disk.openHandles, 0);
    assert.ok(files.every((file) => file.handle === null));
    pool.open(files[0]!, "read");
    assert.equal(disk.openHandles, 1);
  });
});
