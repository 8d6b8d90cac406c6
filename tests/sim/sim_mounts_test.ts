/** File systems of a simulated machine: mounts, hard links, numbers, clocks and names. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FILE_SYSTEMS } from "../harness/sim/file_system.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";
import type { FileError } from "../../src/util/errors.ts";
import { pattern } from "../conformance/platform/subject.ts";

function node(seed: number | string = 1): { world: SimWorld; own: SimNode } {
  const world = new SimWorld(seed);
  return { world, own: world.node("10.0.0.1") };
}

/** A node with such a file system on /mnt. */
function withDisk(system: keyof typeof FILE_SYSTEMS) {
  const { world, own } = node();
  const volume = own.disk.mount("/mnt", own.disk.volume(FILE_SYSTEMS[system]));
  return { world, own, volume };
}

function codeOf(what: () => unknown): string {
  try {
    what();
  } catch (error) {
    return (error as FileError).code;
  }
  return "none";
}

describe("mounts", () => {
  it("are other disks: nothing is renamed into or out of them", () => {
    const { own } = node();
    own.disk.put("/home/f", pattern(10, 1));
    own.disk.mount("/mnt");
    assert.equal(codeOf(() => own.files.rename("/home/f", "/mnt/f")), "other-disk");
    own.disk.put("/mnt/g", pattern(10, 1));
    own.files.rename("/mnt/g", "/mnt/h");
    assert.deepEqual(own.files.list("/mnt"), ["h"]);
    assert.notEqual(own.files.stat("/mnt")!.device, own.files.stat("/home")!.device);
    assert.equal(own.files.stat("/mnt/h")!.device, own.files.stat("/mnt")!.device);
    assert.throws(() => own.files.remove("/mnt"), /EBUSY/);
  });

  it("disappear and return with their contents; the bare folder shows meanwhile", () => {
    const { own, world } = node();
    own.disk.put("/mnt/usb/PUT YOUR DISK HERE", pattern(3, 3));
    const usb = own.disk.mount("/mnt/usb"), { device } = usb;
    own.disk.put("/mnt/usb/film", pattern(5000, 1));
    assert.deepEqual(own.files.list("/mnt/usb"), ["film"]);
    assert.equal(own.disk.unmount("/mnt/usb"), usb);
    assert.deepEqual(own.files.list("/mnt/usb"), ["PUT YOUR DISK HERE"]);
    assert.notEqual(own.files.stat("/mnt/usb")!.device, device);
    own.disk.mount("/mnt/usb");
    assert.deepEqual(own.files.list("/mnt/usb"), [], "another disk");
    assert.notEqual(own.files.stat("/mnt/usb")!.device, device);
    own.disk.unmount("/mnt/usb");
    own.disk.mount("/mnt/usb", usb);
    assert.deepEqual(own.disk.bytes("/mnt/usb/film"), pattern(5000, 1));
    assert.equal(own.files.stat("/mnt/usb/film")!.device, device);
    assert.deepEqual([world.faults("disk-mounted"), world.faults("disk-unmounted")], [3, 2]);
  });

  it("that disappear invalidate their open files, even after their return", async () => {
    const { own, world } = node();
    const usb = own.disk.mount("/mnt");
    const file = own.files.open("/mnt/f", "write");
    file.writeAt(pattern(100, 1), 0);
    await world.wait(file.sync());
    own.disk.unmount("/mnt");
    assert.equal(codeOf(() => file.readAt(new Uint8Array(1), 0)), "io");
    assert.equal(codeOf(() => own.files.open("/mnt/f", "read")), "not-found");
    own.disk.mount("/mnt", usb);
    assert.equal(codeOf(() => file.writeAt(pattern(1, 1), 0)), "io");
    file.close();
    assert.equal(own.files.open("/mnt/f", "read").readAt(new Uint8Array(200), 0), 100);
  });

  it("lose unsynced data when they are pulled out, as by a power cut", () => {
    let lost = 0;
    for (let seed = 0; seed < 20; seed++) {
      const { own } = node(seed);
      const usb = own.disk.mount("/mnt");
      own.files.open("/mnt/f", "write").writeAt(pattern(40_960, 1), 0);
      own.disk.unmount("/mnt", "pulled out");
      own.disk.mount("/mnt", usb);
      const bytes = own.disk.bytes("/mnt/f");
      if (bytes === null || bytes.some((byte, i) => byte !== pattern(40_960, 1)[i])) lost++;
    }
    assert.ok(lost > 10, `${lost}`);
  });

  it("have separate capacity and free space", async () => {
    const { own, world } = node();
    const usb = own.disk.mount("/mnt");
    usb.capacity = 10 * 4096;
    assert.equal(await world.wait(own.files.freeSpace("/mnt/not/yet")), 10 * 4096);
    assert.equal(await world.wait(own.files.freeSpace("/home")), Infinity);
    const file = own.files.open("/mnt/f", "write");
    assert.equal(codeOf(() => file.writeAt(pattern(50_000, 1), 0)), "disk-full");
    assert.deepEqual([usb.used, own.disk.used], [10 * 4096, 0]);
  });
});

describe("hard links", () => {
  it("are removed and restored one by one; the space is free with the last", () => {
    const { own } = node();
    own.disk.put("/home/a", pattern(5000, 1));
    own.disk.link("/home/a", "/home/b");
    assert.equal(own.disk.used, 2 * 4096);
    own.files.remove("/home/a");
    assert.equal(own.disk.used, 2 * 4096);
    own.files.remove("/home/b");
    assert.equal(own.disk.used, 0);
  });

  it("are refused by disks that have none, and never lead to another disk", () => {
    const { own } = withDisk("vfat");
    own.disk.put("/mnt/a", pattern(10, 1));
    assert.throws(() => own.disk.link("/mnt/a", "/mnt/b"), /EPERM/);
    assert.throws(() => own.disk.link("/mnt/a", "/home/b"), /EXDEV/);
  });
});

describe("file systems", () => {
  it("number files permanently, until a remount, or until they are closed", () => {
    for (const system of ["ext4", "vfat", "exfat"] as const) {
      const { own, volume } = withDisk(system);
      own.disk.put("/mnt/f", pattern(10, 1));
      const inode = () => own.files.stat("/mnt/f")!.inode;
      const first = inode();
      const handle = own.files.open("/mnt/f", "write");
      assert.deepEqual([inode(), handle.stat().inode], [first, first], "while it is open");
      handle.close();
      assert.equal(inode() === first, system !== "exfat");
      const second = inode();
      own.disk.unmount("/mnt");
      own.disk.mount("/mnt", volume);
      assert.equal(inode() === second, system === "ext4");
    }
  });

  it("round times", () => {
    const { own } = withDisk("vfat");
    own.disk.put("/mnt/f", pattern(10, 1), 5999);
    assert.equal(own.files.stat("/mnt/f")!.mtimeMs, 4000);
  });

  it("fold case or distinguish it", () => {
    const { own } = withDisk("exfat");
    own.disk.put("/mnt/Film.MKV", pattern(10, 1));
    assert.equal(own.files.stat("/mnt/film.mkv")!.size, 10);
    assert.equal(codeOf(() => own.files.open("/mnt/FILM.mkv", "create")), "exists");
    assert.deepEqual(own.files.list("/mnt"), ["Film.MKV"]);
    own.files.rename("/mnt/film.mkv", "/mnt/FILM.mkv");
    assert.deepEqual(own.files.list("/mnt"), ["FILM.mkv"]);
    own.files.makeDir("/mnt/Folder");
    own.files.open("/mnt/folder/x", "create").close();
    assert.deepEqual(own.files.list("/mnt/FOLDER"), ["x"]);
    own.disk.put("/home/Film", pattern(10, 1));
    assert.equal(own.files.stat("/home/film"), null);
  });

  it("compose or decompose names, or find them in every form", () => {
    const composed = "caf\u00e9", decomposed = "cafe\u0301";
    const kept = { ext4: decomposed, hfs: decomposed, share: composed, apfs: decomposed } as const;
    for (const [system, name] of Object.entries(kept)) {
      const { own } = withDisk(system as keyof typeof kept);
      own.files.open(`/mnt/${decomposed}`, "create").close();
      assert.deepEqual(own.files.list("/mnt"), [name], system);
      assert.equal(own.files.stat(`/mnt/${composed}`) === null, system === "ext4", system);
    }
    const { own } = withDisk("hfs");
    own.files.open(`/mnt/${composed}`, "create").close();
    assert.deepEqual(own.files.list("/mnt"), [decomposed]);
  });

  it("refuse names, drop dots at the end, or limit the length", () => {
    const { own, world } = withDisk("vfat");
    for (const name of ['a"b', "what?", "tab\there"]) {
      assert.equal(codeOf(() => own.files.open(`/mnt/${name}`, "create")), "bad-name", name);
      assert.equal(codeOf(() => own.files.makeDir(`/mnt/${name}`)), "bad-name");
      own.disk.put("/mnt/ok", pattern(1, 1));
      assert.equal(codeOf(() => own.files.rename("/mnt/ok", `/mnt/${name}`)), "bad-name");
      assert.equal(own.files.stat(`/mnt/${name}`), null);
    }
    assert.equal(world.faults("disk-EINVAL"), 9);
    own.files.open("/mnt/Vol. 1...", "create").close();
    assert.deepEqual(own.files.list("/mnt"), ["Vol. 1", "ok"]);
    const share = withDisk("share").own.files;
    assert.throws(() => share.open(`/mnt/${"x".repeat(144)}`, "create"), /too long/);
    share.open(`/mnt/${"x".repeat(143)}`, "create").close();
  });
});

describe("two processes on one machine", () => {
  it("share the disk; the death of one closes its own files alone", () => {
    const { world, own } = node();
    const other = world.node("10.0.0.2", { disk: own.disk });
    const mine = own.files.open("/home/f", "write"), theirs = other.files.open("/home/f", "write");
    theirs.writeAt(pattern(100, 1), 0);
    assert.equal(mine.readAt(new Uint8Array(200), 0), 100);
    other.kill("quietly");
    assert.equal(own.disk.openHandles, 1);
    mine.writeAt(pattern(100, 2), 0);
    assert.equal(codeOf(() => theirs.writeAt(pattern(1, 1), 0)), "io");
    assert.deepEqual(own.disk.bytes("/home/f"), pattern(100, 2));
  });
});
