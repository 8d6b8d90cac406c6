import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";
import type { FileError } from "../../src/util/errors.ts";
import { pattern } from "../conformance/platform/subject.ts";

function node(seed: number | string = 1): { world: SimWorld; own: SimNode } {
  const world = new SimWorld(seed);
  return { world, own: world.node("10.0.0.1", { quickestHash: "submit" }) };
}

function codeOf(what: () => unknown): string {
  try {
    what();
  } catch (error) {
    return (error as FileError).code;
  }
  return "none";
}

describe("SimDisk faults", () => {
  it("capacity: a full disk takes a part and then refuses", async () => {
    const { world, own } = node();
    own.disk.capacity = 100 * 4096;
    const file = own.files.open("/home/f", "write");
    file.writeAt(pattern(300_000, 1), 0);
    assert.equal(codeOf(() => file.writeAt(pattern(200_000, 2), 300_000)), "disk-full");
    assert.ok(world.faults("disk-full") > 0);
    assert.equal(file.stat().size, 100 * 4096, "what fitted is there");
    assert.equal(await world.wait(own.files.freeSpace("/home")), 0);
    await assert.rejects(world.wait(own.files.writeWhole("/home/g", pattern(9000, 1))), {
      code: "disk-full",
    });
    assert.deepEqual(own.files.list("/home"), ["f"], "nothing half-written stays");
    own.files.remove("/home/f");
    await world.wait(own.files.writeWhole("/home/g", pattern(9000, 1)));
    assert.equal(own.disk.used, 3 * 4096);
    file.close();
  });

  it("capacity: overwriting takes no new space, truncating frees it", () => {
    const { own } = node();
    own.disk.capacity = 10 * 4096;
    const file = own.files.open("/home/f", "write");
    file.writeAt(pattern(40_960, 1), 0);
    file.writeAt(pattern(40_960, 2), 0);
    file.truncate(4096);
    assert.equal(own.disk.used, 4096);
    file.writeAt(pattern(4096, 1), 900_000); // a hole between costs nothing
    assert.ok(own.disk.used <= 3 * 4096);
    file.close();
  });

  it("failOn: permission and other errors by path and operation, so often", async () => {
    const { world, own } = node();
    own.files.makeDir("/home/locked");
    own.disk.failOn({ path: "/home/locked", errno: "EACCES" });
    assert.equal(codeOf(() => own.files.open("/home/locked/f", "write")), "permission");
    assert.equal(codeOf(() => own.files.makeDir("/home/locked/sub")), "permission");
    assert.equal(codeOf(() => own.files.list("/home/locked")), "permission");
    assert.equal(world.faults("disk-EACCES"), 3);
    own.disk.repair();
    const file = own.files.open("/home/locked/f", "write");
    own.disk.failOn({ path: "/home/locked/f", errno: "EIO", on: ["read"], times: 2 });
    file.writeAt(pattern(10, 1), 0);
    assert.equal(codeOf(() => file.readAt(new Uint8Array(5), 0)), "io");
    await assert.rejects(world.wait(file.readAsync(new Uint8Array(5), 0)), { code: "io" });
    assert.equal(file.readAt(new Uint8Array(5), 0), 5, "twice only");
    own.disk.failOn({ path: "/home/locked/f", errno: "EIO", on: ["sync"] });
    await assert.rejects(file.sync(), { code: "io" });
    file.close();
  });

  it("hashFiles sees the disk's faults too", async () => {
    const { world, own } = node();
    own.disk.put("/home/f", pattern(1000, 1));
    const spans = [{ path: "/home/f", offset: 0, length: 1000 }];
    own.disk.failOn({ path: "/home/f", errno: "EIO", on: ["read"], times: 1 });
    await assert.rejects(world.wait(own.hasher.hashFiles("sha1", spans)), { code: "io" });
    assert.deepEqual(
      await world.wait(own.hasher.hashFiles("sha1", spans)),
      own.hasher.digest("sha1", pattern(1000, 1)),
    );
  });

  it("readDelayMs makes asynchronous reads and hashing slow", async () => {
    const { world, own } = node();
    own.disk.put("/home/f", pattern(1000, 1));
    own.disk.readDelayMs = 400;
    const file = own.files.open("/home/f", "read");
    await world.wait(file.readAsync(new Uint8Array(10), 0));
    assert.equal(world.now, 400);
    await world.wait(own.hasher.hashFiles("sha1", [{ path: "/home/f", offset: 0, length: 10 }]));
    assert.ok(world.now >= 800);
    assert.equal(world.faults("disk-slow"), 2);
    file.close();
  });

  it("maxOpen: too many open files, and what is open is counted", () => {
    const { own } = node();
    own.disk.maxOpen = 2;
    const [a, b] = [own.files.open("/home/a", "write"), own.files.open("/home/b", "write")];
    assert.equal(codeOf(() => own.files.open("/home/c", "write")), "too-many-open");
    a.close();
    a.close();
    assert.equal(own.disk.openHandles, 1);
    own.files.open("/home/c", "write").close();
    b.close();
    assert.deepEqual([own.disk.openHandles, own.disk.peakHandles], [0, 2]);
  });

  it("corrupt changes a byte and nothing that shows", () => {
    const { world, own } = node();
    own.disk.put("/home/f", pattern(5000, 1));
    const before = own.files.stat("/home/f");
    own.disk.corrupt("/home/f", 4500);
    assert.deepEqual(own.files.stat("/home/f"), before);
    const expected = pattern(5000, 1);
    expected[4500]! ^= 0xff;
    assert.deepEqual(own.disk.bytes("/home/f"), expected);
    assert.equal(world.faults("disk-corrupted"), 1);
    assert.throws(() => own.disk.corrupt("/home/f", 5000), /no byte 5000/);
  });
});

describe("SimDisk.crash", () => {
  const PAGES = 300;

  /** A synced file of ones, then overwritten and extended with twos, not synced. */
  async function crashed(seed: number): Promise<{ world: SimWorld; bytes: Uint8Array }> {
    const { world, own } = node(seed);
    const file = own.files.open("/home/f", "write");
    file.writeAt(new Uint8Array(PAGES * 4096).fill(1), 0);
    await world.wait(file.sync());
    file.writeAt(new Uint8Array(PAGES * 4096).fill(2), 4096);
    own.kill();
    own.disk.crash();
    return { world, bytes: own.disk.bytes("/home/f")! };
  }

  it("keeps synced bytes and loses or tears some of the rest", async () => {
    const { world, bytes } = await crashed(1);
    assert.ok(bytes.subarray(0, 4096).every((byte) => byte === 1), "never written again");
    assert.ok(world.faults("disk-write-lost") > 50);
    assert.ok(world.faults("disk-write-torn") > 50);
    let whole = 0, torn = 0, lost = 0;
    for (let page = 1; page < PAGES; page++) {
      const part = bytes.subarray(page * 4096, (page + 1) * 4096);
      const sectors = Array.from({ length: 8 }, (_, i) => part.subarray(i * 512, i * 512 + 512));
      for (const sector of sectors) assert.equal(new Set(sector).size, 1, "sectors are whole");
      const came = sectors.filter((sector) => sector[0] === 2).length;
      if (came === 8) whole++;
      else if (came === 0) lost++;
      else torn++;
    }
    assert.ok(whole > 50 && torn > 50 && lost > 50, `${whole} ${torn} ${lost}`);
  });

  it("keeps the new length in some crashes and the old one in others", async () => {
    const sizes = new Set<number>();
    for (let seed = 0; seed < 12; seed++) sizes.add((await crashed(seed)).bytes.length);
    assert.deepEqual([...sizes].sort(), [PAGES * 4096, (PAGES + 1) * 4096]);
  });

  it("loses nothing that was synced or written whole", async () => {
    const { world, own } = node();
    const file = own.files.open("/home/f", "write");
    file.writeAt(pattern(50_000, 1), 0);
    await world.wait(file.sync());
    await world.wait(own.files.writeWhole("/home/g", pattern(9000, 2)));
    own.kill();
    own.disk.crash();
    assert.deepEqual(own.disk.bytes("/home/f"), pattern(50_000, 1));
    assert.deepEqual(own.disk.bytes("/home/g"), pattern(9000, 2));
  });

  it("a kill without a crash of the machine loses nothing", () => {
    const { own } = node();
    own.files.open("/home/f", "write").writeAt(pattern(50_000, 1), 0);
    own.kill();
    assert.deepEqual(own.disk.bytes("/home/f"), pattern(50_000, 1));
    assert.equal(own.disk.openHandles, 0);
  });

  it("a kill during writes completes some of them, and none later", async () => {
    const came = new Set<boolean>();
    for (let seed = 0; seed < 12; seed++) {
      const { world, own } = node(seed);
      own.disk.put("/home/f", new Uint8Array(100));
      own.disk.writeDelayMs = 500;
      void own.files.open("/home/f", "write").writeAsync(pattern(100, 1), 0);
      await world.runFor(100);
      own.kill("quietly");
      const bytes = own.disk.bytes("/home/f")!;
      assert.ok(bytes.every((byte, i) => byte === 0 || byte === pattern(100, 1)[i]));
      came.add(bytes[1] !== 0);
      await world.runFor(1000);
      assert.deepEqual(own.disk.bytes("/home/f"), bytes);
    }
    assert.equal(came.size, 2);
  });

  it("writeWhole that a crash interrupts leaves the old file", async () => {
    const { world, own } = node();
    await world.wait(own.files.writeWhole("/home/f", pattern(100, 1)));
    void own.files.writeWhole("/home/f", pattern(100, 2));
    await world.runFor(1);
    own.kill();
    own.disk.crash();
    await world.runFor(1000);
    assert.deepEqual(own.disk.bytes("/home/f"), pattern(100, 1));
  });
});

describe("SimDisk.crash and names", () => {
  it("a rename that was not synced in its folder may be undone, one that was may not", async () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const { world, own } = node(seed);
      own.disk.put("/home/a", pattern(10, 1));
      own.disk.put("/home/b", pattern(10, 2));
      own.files.rename("/home/a", "/home/b");
      if (seed % 2 === 0) await world.wait(own.files.syncFolder("/home"));
      own.kill();
      own.disk.crash();
      const names = own.disk.names("/home").join();
      const value = own.disk.bytes("/home/b")![0];
      if (seed % 2 === 0) assert.deepEqual([names, value], ["b", pattern(10, 1)[0]]);
      else outcomes.add(names);
      assert.equal(value, pattern(10, names === "b" ? 1 : 2)[0], "the old one or the new one");
      assert.equal(world.faults("disk-name-lost"), names === "a,b" ? 1 : 0);
    }
    assert.deepEqual([...outcomes].sort(), ["a,b", "b"]);
  });

  it("new files and folders may vanish, and removed ones come back, last change first", () => {
    let lost = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { world, own } = node(seed);
      own.disk.put("/home/old", pattern(5000, 1));
      own.files.makeDir("/home/d");
      own.files.open("/home/d/f", "write").writeAt(pattern(10, 1), 0);
      own.files.remove("/home/old");
      own.kill();
      own.disk.crash(seed);
      const names = own.disk.names("/home").join();
      assert.ok(["d", "d,old", "old"].includes(names), names);
      if (names === "d") assert.deepEqual(own.disk.names("/home/d"), ["f"]);
      else assert.deepEqual(own.disk.bytes("/home/old"), pattern(5000, 1));
      lost += world.faults("disk-name-lost");
      if (names === "old") assert.equal(own.disk.used, 2 * 4096, "and their space");
    }
    assert.ok(lost > 10);
  });

  it("a sync makes the file's name durable; later writes are not part of it", async () => {
    let lost = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { world, own } = node(seed);
      const file = own.files.open("/home/f", "write");
      file.writeAt(pattern(4096, 1), 0);
      const syncing = file.sync();
      await world.runFor(2);
      file.writeAt(pattern(4096, 2), 0);
      await world.wait(syncing);
      own.kill();
      own.disk.crash();
      const bytes = own.disk.bytes("/home/f")!;
      assert.equal(bytes.length, 4096);
      if (bytes[0] !== pattern(4096, 2)[0]) lost++;
    }
    assert.ok(lost > 3 && lost < 20, `${lost}`);
  });

  it("the time of a file may be lost alone", () => {
    const times = new Set<number>();
    for (let seed = 0; seed < 20; seed++) {
      const { world, own } = node(seed);
      own.disk.put("/home/f", pattern(10, 1));
      own.files.open("/home/f", "write").writeAt(pattern(10, 2), 0);
      own.kill();
      own.disk.crash();
      const { mtimeMs } = own.disk.entry("/home/f")!;
      assert.equal(world.faults("disk-time-lost"), mtimeMs === 0 ? 1 : 0);
      times.add(mtimeMs);
    }
    assert.equal(times.size, 2);
  });

  it("writeWhole leaves the old or the new file, whenever the power goes", async () => {
    const found = new Set<number>();
    for (let seed = 0; seed < 60; seed++) {
      const { world, own } = node(seed);
      await world.wait(own.files.writeWhole("/home/f", pattern(9000, 1)));
      let done = false;
      void own.files.writeWhole("/home/f", pattern(9000, 2)).then(() => done = true);
      await world.runFor(seed % 15);
      own.kill();
      own.disk.crash();
      const bytes = own.disk.bytes("/home/f")!;
      const version = bytes[0] === pattern(9000, 1)[0] ? 1 : 2;
      assert.deepEqual(bytes, pattern(9000, version));
      if (done) assert.equal(version, 2, "resolved means there to stay");
      found.add(version);
    }
    assert.deepEqual([...found].sort(), [1, 2]);
  });
});

describe("SimDisk as others see it", () => {
  it("readOnly refuses every change and no reading", async () => {
    const { world, own } = node();
    own.disk.put("/home/f", pattern(10, 1));
    const open = own.files.open("/home/f", "write");
    own.disk.readOnly = true;
    for (
      const change of [
        () => own.files.open("/home/f", "write"),
        () => open.writeAt(pattern(1, 1), 0),
        () => open.truncate(0),
        () => own.files.makeDir("/home/d"),
        () => own.files.rename("/home/f", "/home/g"),
        () => own.files.remove("/home/f"),
      ]
    ) assert.equal(codeOf(change), "read-only");
    assert.equal(world.faults("disk-EROFS"), 6);
    await assert.rejects(world.wait(own.files.writeWhole("/home/g", pattern(1, 1))), {
      code: "read-only",
    });
    assert.equal(own.files.open("/home/f", "read").readAt(new Uint8Array(10), 0), 10);
  });

  it("tamper shows in the time, and lasts", () => {
    const { world, own } = node();
    own.disk.put("/home/f", pattern(10, 1));
    own.disk.tamper("/home/f", Uint8Array.of(0), 3, 777);
    own.disk.crash();
    assert.deepEqual([own.disk.bytes("/home/f")![3], own.files.stat("/home/f")!.mtimeMs], [0, 777]);
    assert.equal(world.faults("disk-tampered"), 1);
  });

  it("syncDelayMs makes syncing slow", async () => {
    const { world, own } = node();
    own.disk.syncDelayMs = 700;
    const file = own.files.open("/home/f", "write");
    await world.wait(file.sync());
    assert.equal(world.now, 700);
  });
});

describe("SimDisk links", () => {
  it("folders that are links are followed, loops are refused", () => {
    const { own } = node();
    own.files.makeDir("/home/real");
    own.disk.plantLink("/home/alias", "real");
    own.disk.plantLink("/home/absolute", "/home/real");
    own.disk.plantLink("/home/loop", "loop");
    own.files.open("/home/alias/f", "write").close();
    assert.deepEqual(own.files.list("/home/real"), ["f"]);
    assert.deepEqual(own.files.list("/home/absolute"), ["f"]);
    assert.equal(codeOf(() => own.files.open("/home/loop/f", "read")), "symlink");
  });
});

describe("SimHasher with threads", () => {
  it("takes the buffer, and returns it with the digest", async () => {
    const { world, own } = node();
    const bytes = pattern(1_000_000, 1);
    const expected = own.hasher.digest("sha1", bytes.subarray(0, 900_000));
    const back = world.wait(
      new Promise<[Uint8Array | null, Uint8Array | null]>((resolve) => {
        const hash = own.hasher.begin("sha1", bytes, 900_000);
        assert.equal(hash.finish((digest, buffer) => resolve([digest, buffer])), null);
      }),
    );
    assert.equal(bytes.length, 0, "gone until then");
    const [digest, buffer] = await back;
    assert.deepEqual(digest, expected);
    assert.deepEqual(buffer, pattern(1_000_000, 1));
    assert.ok(world.now > 0);
  });

  it("returns null if the hasher closes first", () => {
    const { own } = node();
    const results: unknown[] = [];
    own.hasher.begin("sha1", pattern(1000, 1), 1000).finish((...both) => results.push(...both));
    own.hasher.close();
    assert.deepEqual(results, [null, null]);
  });
});
