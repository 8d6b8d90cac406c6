import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { check, DIR, fileErrorWith, simulate, TestTorrent } from "./storage_harness.ts";

const MIB = 1 << 20;
const torrent = new TestTorrent(MIB, [["t/a", 20 * MIB + 5], ["t/empty", 0], ["t/b", 17 * MIB]]);
const A = `${DIR}/t/a`, B = `${DIR}/t/b`;

describe("TorrentStorage reserve", () => {
  it(
    "with preallocate every file has its full length and space",
    { timeout: 30_000 },
    async () => {
      const machine = simulate(torrent, { preallocate: true });
      machine.storage.files.prepare();
      await machine.world.wait(machine.storage.files.reserve());
      assert.equal(machine.disk.bytes(A)!.length, 20 * MIB + 5);
      assert.equal(machine.node.files.stat(B)!.allocated, 17 * MIB);
      assert.ok(machine.disk.used >= 37 * MIB + 5);
      for (const piece of torrent.pieces) {
        machine.storage.data.writePiece(piece, torrent.piece(piece));
      }
      assert.deepEqual(machine.storage.seen.changedFiles(), []);
      assert.equal((await check(machine, torrent)).every((ok) => ok), true);
    },
  );

  it("does not touch existing files", { timeout: 30_000 }, async () => {
    const machine = simulate(torrent, { preallocate: true });
    machine.disk.put(A, torrent.file(0).subarray(0, 3 * MIB + 1));
    machine.disk.put(B, torrent.file(2));
    const before = await check(machine, torrent);
    machine.storage.files.prepare();
    await machine.world.wait(machine.storage.files.reserve());
    const kept = machine.disk.bytes(A)!.subarray(0, 3 * MIB + 1);
    assert.equal(Buffer.compare(kept, torrent.file(0).subarray(0, 3 * MIB + 1)), 0);
    assert.equal(machine.disk.bytes(A)!.length, 20 * MIB + 5);
    assert.deepEqual(await check(machine, torrent), before);
  });

  it("without preallocate does nothing", { timeout: 30_000 }, async () => {
    const machine = simulate(torrent);
    machine.storage.files.prepare();
    await machine.storage.files.reserve();
    assert.deepEqual(machine.disk.names(`${DIR}/t`), ["empty"]);
  });

  it(
    "refuses before it writes anything when the disk has too little",
    { timeout: 30_000 },
    async () => {
      const machine = simulate(torrent, { preallocate: true });
      machine.storage.files.prepare();
      machine.disk.capacity = 37 * MIB;
      await assert.rejects(
        machine.world.wait(machine.storage.files.reserve()),
        fileErrorWith("disk-full", DIR, "38797317 bytes"),
      );
      assert.deepEqual(machine.disk.names(`${DIR}/t`), ["empty"]);
    },
  );

  it("is needed once: space that the files have already counts as room", async () => {
    const machine = simulate(torrent, { preallocate: true });
    machine.storage.files.prepare();
    await machine.world.wait(machine.storage.files.reserve());
    machine.disk.capacity = machine.disk.used;
    await machine.world.wait(machine.storage.files.demandSpace(20 * MIB));
    const bare = simulate(torrent);
    bare.storage.files.prepare();
    bare.disk.capacity = 10 * MIB;
    await assert.rejects(
      bare.world.wait(bare.storage.files.demandSpace(20 * MIB)),
      fileErrorWith("disk-full", DIR, "20971520 bytes"),
    );
    bare.disk.capacity = 20 * MIB;
    await bare.world.wait(bare.storage.files.demandSpace(20 * MIB));
  });

  it("fails if another program fills the disk meanwhile", { timeout: 30_000 }, async () => {
    const machine = simulate(torrent, { preallocate: true });
    machine.storage.files.prepare();
    machine.disk.capacity = 50 * MIB;
    machine.files.beforeFreeSpace = () => {
      if (machine.disk.used > 0) machine.disk.capacity = 30 * MIB;
    };
    await assert.rejects(
      machine.world.wait(machine.storage.files.reserve()),
      fileErrorWith("disk-full", DIR),
    );
    assert.ok(machine.disk.used > 0);
  });

  it("ends early when aborted", { timeout: 30_000 }, async () => {
    const machine = simulate(torrent, { preallocate: true });
    machine.storage.files.prepare();
    const abort = new AbortController();
    const reserving = machine.storage.files.reserve(abort.signal);
    abort.abort();
    await machine.world.wait(reserving);
    assert.equal(machine.disk.used, 0);
  });
});
