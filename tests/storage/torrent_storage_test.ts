import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { InvariantError } from "../../src/util/assert.ts";
import {
  check,
  DIR,
  fileErrorWith,
  type FileSketch,
  later,
  type Machine,
  simulate,
  TestTorrent,
} from "./storage_harness.ts";

const TREES: [name: string, pieceLength: number, files: FileSketch[]][] = [
  ["one file", 100, [["movie", 1234]]],
  ["one file of whole pieces", 100, [["movie", 500]]],
  ["many files in one piece", 1000, [["t/a", 1], ["t/b", 2], ["t/c", 300], ["t/d", 5]]],
  ["a file over many pieces among small ones", 64, [
    ["t/a", 3],
    ["t/deep/er/b", 1000],
    ["t/c", 1],
  ]],
  ["empty files everywhere", 64, [
    ["t/first", 0],
    ["t/a", 100],
    ["t/x/empty", 0],
    ["t/y/empty", 0],
    ["t/b", 28],
    ["t/last", 0],
  ]],
  ["pads", 64, [["t/a", 40], [null, 24], ["t/b", 70], [null, 58], ["t/c", 64], ["t/d", 1]]],
  ["a piece that is all pad", 16, [["t/a", 20], [null, 44], ["t/b", 5]]],
];

function writeAll(machine: Machine, torrent: TestTorrent): void {
  machine.storage.files.prepare();
  for (const piece of torrent.pieces) machine.storage.data.writePiece(piece, torrent.piece(piece));
}

function assertComplete(machine: Machine, torrent: TestTorrent): void {
  torrent.entries.forEach(({ path, pad }, file) => {
    const found = machine.disk.bytes(`${DIR}/${path.join("/")}`);
    if (pad) assert.equal(found, null, "no file is made for a pad");
    else assert.deepEqual(found, torrent.file(file), path.join("/"));
  });
}

for (const [name, pieceLength, files] of TREES) {
  describe(`TorrentStorage, ${name}`, () => {
    const torrent = new TestTorrent(pieceLength, files);

    it("writePiece in any order makes exactly the torrent's files", () => {
      for (const openFiles of [1, 2, 128]) {
        const machine = simulate(torrent, { openFiles });
        machine.storage.files.prepare();
        const order = new Prng(openFiles).shuffle(torrent.pieces);
        for (const piece of order) machine.storage.data.writePiece(piece, torrent.piece(piece));
        assertComplete(machine, torrent);
        assert.ok(machine.disk.peakHandles <= openFiles);
        machine.storage.close();
        assert.equal(machine.disk.openHandles, 0);
      }
    });

    it("readInto returns every range of every piece", () => {
      const machine = simulate(torrent, { openFiles: 2 });
      writeAll(machine, torrent);
      const dice = new Prng(7);
      for (const piece of torrent.pieces) {
        const whole = torrent.piece(piece);
        for (let round = 0; round < 20; round++) {
          const begin = dice.below(whole.length);
          const into = new Uint8Array(1 + dice.below(whole.length - begin)).fill(0xee);
          machine.storage.data.readInto(piece, begin, into);
          assert.deepEqual(into, whole.slice(begin, begin + into.length));
        }
      }
    });

    it("a check of all pieces finds them good, and spans cover each of them", async () => {
      const machine = simulate(torrent);
      writeAll(machine, torrent);
      assert.deepEqual(await check(machine, torrent), torrent.pieces.map(() => true));
      for (const piece of torrent.pieces) {
        const length = machine.storage.seen.spans(piece).reduce(
          (sum, span) => sum + span.length,
          0,
        );
        assert.equal(length, torrent.layout.lengthOf(piece));
      }
    });
  });
}

describe("TorrentStorage costs", () => {
  it("a piece in one file is one writeAt of the caller's own bytes, with two looks at most", () => {
    const torrent = new TestTorrent(1 << 20, [["movie", 8 << 20]]);
    const machine = simulate(torrent);
    machine.storage.files.prepare();
    machine.storage.data.writePiece(0, torrent.piece(0));
    machine.files.log.length = 0;
    machine.storage.data.writePiece(3, torrent.piece(3));
    const path = `${DIR}/movie`;
    assert.deepEqual(machine.files.log, [
      `stat ${path}`,
      `writeAt ${path} ${3 << 20} ${1 << 20}`,
      `stat ${path}`,
    ]);
  });

  it("each piece of an open file costs a look before it is written and one after it", () => {
    const torrent = new TestTorrent(16384, [["movie", 4 << 20]]);
    const machine = simulate(torrent);
    machine.storage.files.prepare();
    machine.files.log.length = 0;
    for (const piece of torrent.pieces) {
      machine.storage.data.writePiece(piece, torrent.piece(piece));
    }
    assert.equal(machine.files.count("writeAt"), 256);
    assert.equal(machine.files.count("open"), 1);
    const looks = machine.files.count("stat");
    assert.ok(looks >= 2 * 255 && looks <= 2 * 256 + 3, `${looks} looks`);
  });

  it("4,000 new files: each is opened once and looked at once, at most 128 are open", {
    timeout: 30_000,
  }, async () => {
    const torrent = new TestTorrent(
      1024,
      Array.from({ length: 4000 }, (_, i): FileSketch => [`t/${i % 40}/file ${i}`, 256]),
    );
    const machine = simulate(torrent);
    await check(machine, torrent);
    machine.storage.files.prepare();
    machine.files.log.length = 0;
    for (const piece of torrent.pieces) {
      machine.storage.data.writePiece(piece, torrent.piece(piece));
    }
    assert.equal(machine.files.count("open"), 4000);
    const looks = machine.files.log.filter((line) => line.startsWith("stat "));
    assert.equal(looks.filter((line) => line.includes("/file ")).length, 4000);
    assert.equal(looks.length, 3 * 4000, "and at its two folders, which may have become links");
    assert.equal(machine.files.count("writeAt"), 4000);
    assert.equal(machine.disk.peakHandles, 128);
    assert.deepEqual(machine.storage.seen.changedFiles(), []);
    assertComplete(machine, torrent);
  });

  it("prepare and close create and open only folders and empty files", () => {
    const torrent = new TestTorrent(64, [["t/a", 100], ["t/x/empty", 0]]);
    const machine = simulate(torrent);
    machine.storage.files.prepare();
    assert.equal(machine.files.count("open"), 1);
    assert.deepEqual(machine.disk.names(`${DIR}/t`), ["x"]);
    assert.deepEqual(machine.disk.bytes(`${DIR}/t/x/empty`), new Uint8Array(0));
    machine.storage.files.prepare();
    assert.equal(machine.files.count("open"), 1, "it is there already");
  });

  it("a wrong number of bytes is a broken invariant", () => {
    const torrent = new TestTorrent(64, [["a", 100]]);
    const { storage } = simulate(torrent);
    assert.throws(() => storage.data.writePiece(1, new Uint8Array(64)), InvariantError);
    assert.throws(() => storage.data.readInto(1, 30, new Uint8Array(16)), InvariantError);
  });
});

describe("TorrentStorage faults", () => {
  const torrent = new TestTorrent(100, [["t/a", 250], ["t/b", 250]]);
  const A = `${DIR}/t/a`, B = `${DIR}/t/b`;

  it("a full disk stops the write with the file's name; with free space it continues there", async () => {
    const large = new TestTorrent(8192, [["t/a", 40_000]]);
    const machine = simulate(large);
    machine.storage.files.prepare();
    machine.disk.capacity = 20_000;
    const full = fileErrorWith("disk-full", A, "the disk is full");
    assert.throws(() => {
      for (const piece of large.pieces) machine.storage.data.writePiece(piece, large.piece(piece));
    }, full);
    assert.ok(machine.world.faults("disk-full") > 0);
    machine.disk.capacity = Infinity;
    const there = await check(machine, large);
    assert.deepEqual(there.slice(0, 2), [true, true]);
    assert.equal(there.every((ok) => ok), false);
    for (const piece of large.pieces) {
      if (!there[piece]) machine.storage.data.writePiece(piece, large.piece(piece));
    }
    assertComplete(machine, large);
  });

  for (
    const [errno, code] of [
      ["EACCES", "permission"],
      ["EROFS", "read-only"],
      ["EIO", "io"],
    ] as const
  ) {
    it(`${errno} on opening and on writing says which file`, () => {
      for (const operation of ["open", "write"] as const) {
        const machine = simulate(torrent);
        machine.storage.files.prepare();
        machine.disk.failOn({ path: B, errno, on: [operation] });
        machine.storage.data.writePiece(0, torrent.piece(0));
        assert.throws(
          () => machine.storage.data.writePiece(2, torrent.piece(2)),
          fileErrorWith(code, B),
        );
        assert.equal(machine.world.faults(`disk-${errno}`), 1);
      }
    });
  }

  it("a file that vanished while it is open stops the next write to it", () => {
    const machine = simulate(torrent);
    machine.storage.files.prepare();
    machine.storage.data.writePiece(0, torrent.piece(0));
    machine.disk.removeEntry(A);
    assert.throws(
      () => machine.storage.data.writePiece(1, torrent.piece(1)),
      fileErrorWith("not-found", A, "was removed during the download"),
    );
  });

  it("a file that vanished after it was closed is not silently created again", () => {
    const machine = simulate(torrent, { openFiles: 1 });
    machine.storage.files.prepare();
    machine.storage.data.writePiece(0, torrent.piece(0));
    machine.storage.data.writePiece(4, torrent.piece(4));
    machine.disk.removeEntry(A);
    assert.throws(
      () => machine.storage.data.writePiece(1, torrent.piece(1)),
      fileErrorWith("not-found", A, "was removed during the download"),
    );
    assert.equal(machine.disk.bytes(A), null);
  });

  it("a file that was replaced by another one stops the next write", () => {
    for (const openFiles of [1, 2]) {
      const machine = simulate(torrent, { openFiles });
      machine.storage.files.prepare();
      machine.storage.data.writePiece(0, torrent.piece(0));
      machine.storage.data.writePiece(4, torrent.piece(4));
      machine.disk.put(A, new Uint8Array(250));
      assert.throws(
        () => machine.storage.data.writePiece(1, torrent.piece(1)),
        fileErrorWith("changed", A, "replaced"),
      );
    }
  });

  it("after a check found it missing and prepare, a vanished file is downloaded again", async () => {
    const machine = simulate(torrent);
    writeAll(machine, torrent);
    machine.disk.removeEntry(A);
    machine.disk.removeEntry(B);
    machine.disk.removeEntry(`${DIR}/t`);
    assert.deepEqual(machine.storage.seen.changedFiles(), [0, 1]);
    assert.deepEqual(await check(machine, torrent), [false, false, false, false, false]);
    machine.storage.files.prepare();
    for (const piece of torrent.pieces) {
      machine.storage.data.writePiece(piece, torrent.piece(piece));
    }
    assertComplete(machine, torrent);
    assert.deepEqual(machine.storage.seen.changedFiles(), []);
  });

  it("reading missing data names the fault: missing file, missing folder, short file", () => {
    const machine = simulate(torrent);
    const into = new Uint8Array(10);
    assert.throws(() => machine.storage.data.readInto(0, 0, into), fileErrorWith("not-found", A));
    machine.storage.files.prepare();
    assert.throws(() => machine.storage.data.readInto(0, 0, into), fileErrorWith("not-found", A));
    machine.storage.data.writePiece(0, torrent.piece(0));
    machine.storage.data.readInto(0, 90, into);
    assert.throws(
      () => machine.storage.data.readInto(1, 0, into),
      fileErrorWith("changed", A, "shorter"),
    );
  });

  it("a symlink in place of a file is neither read nor written nor checked", async () => {
    const machine = simulate(torrent);
    const secret = new Uint8Array(300).fill(7);
    machine.disk.put("/secret", secret);
    machine.disk.makeFolders(`${DIR}/t`);
    machine.disk.plantLink(B, "/secret");
    machine.storage.files.prepare();
    const into = new Uint8Array(10);
    assert.throws(() => machine.storage.data.readInto(3, 0, into), fileErrorWith("symlink", B));
    assert.throws(
      () => machine.storage.data.writePiece(3, torrent.piece(3)),
      fileErrorWith("symlink", B),
    );
    await assert.rejects(check(machine, torrent), fileErrorWith("symlink", B));
    assert.throws(() => machine.storage.seen.changedFiles(), fileErrorWith("symlink", B));
    assert.deepEqual(machine.disk.bytes("/secret"), secret);
  });

  it("a folder in place of a file is refused by name", async () => {
    const machine = simulate(torrent);
    machine.disk.makeFolders(A);
    machine.storage.files.prepare();
    await assert.rejects(check(machine, torrent), fileErrorWith("is-directory", A));
    assert.throws(
      () => machine.storage.data.writePiece(0, torrent.piece(0)),
      fileErrorWith("is-directory", A),
    );
  });

  it("a closed storage neither reads nor writes", () => {
    const machine = simulate(torrent);
    writeAll(machine, torrent);
    machine.storage.close();
    assert.throws(
      () => machine.storage.data.readInto(0, 0, new Uint8Array(1)),
      fileErrorWith("io", A),
    );
    assert.throws(
      () => machine.storage.data.writePiece(0, torrent.piece(0)),
      fileErrorWith("io", A),
    );
    assert.equal(machine.disk.openHandles, 0);
  });
});

describe("TorrentStorage changedFiles", () => {
  const torrent = new TestTorrent(100, [["t/a", 250], ["t/b", 250], ["t/empty", 0]]);
  const A = `${DIR}/t/a`, B = `${DIR}/t/b`;

  async function complete(openFiles = 128): Promise<Machine> {
    const machine = simulate(torrent, { openFiles });
    await check(machine, torrent);
    writeAll(machine, torrent);
    await later(machine.world);
    assert.deepEqual(machine.storage.seen.changedFiles(), []);
    return machine;
  }

  /** Somebody else writes one byte, and nothing but the file's time tells. */
  function disturb(machine: Machine, path: string): void {
    const handle = machine.node.files.open(path, "write");
    handle.writeAt(new Uint8Array([0]), 5);
    handle.close();
  }

  it("names files that others changed, cut, lengthened, replaced or removed", async () => {
    const acts: ((machine: Machine) => void)[] = [
      (machine) => disturb(machine, B),
      (machine) => machine.node.files.open(B, "write").truncate(249),
      (machine) => machine.node.files.open(B, "write").writeAt(new Uint8Array(1), 250),
      (machine) => machine.disk.put(B, torrent.file(1)),
      (machine) => machine.disk.removeEntry(B),
    ];
    for (const act of acts) {
      const machine = await complete();
      act(machine);
      assert.deepEqual(machine.storage.seen.changedFiles(), [1], String(act));
    }
  });

  it("still reports a file that we wrote to after another program did", async () => {
    for (const openFiles of [1, 128]) {
      const machine = simulate(torrent, { openFiles });
      await check(machine, torrent);
      machine.storage.files.prepare();
      for (const piece of [0, 1, 2, 3]) {
        machine.storage.data.writePiece(piece, torrent.piece(piece));
      }
      await later(machine.world);
      disturb(machine, B);
      await later(machine.world);
      if (openFiles === 128) machine.storage.files.prepare(); // lets go of the open files
      machine.storage.data.writePiece(0, torrent.piece(0));
      machine.storage.data.writePiece(4, torrent.piece(4));
      assert.deepEqual(machine.storage.seen.changedFiles(), [1]);
      await check(machine, torrent);
      assert.deepEqual(machine.storage.seen.changedFiles(), [], "until it was checked");
    }
  });

  it("while a file stays open, others' changes are seen from one MiB to the next", async () => {
    const large = new TestTorrent(1 << 20, [["movie", 4 << 20]]);
    const machine = simulate(large);
    machine.storage.files.prepare();
    machine.storage.data.writePiece(0, large.piece(0));
    await later(machine.world);
    disturb(machine, `${DIR}/movie`);
    await later(machine.world);
    for (const piece of [1, 2, 3]) machine.storage.data.writePiece(piece, large.piece(piece));
    assert.deepEqual(machine.storage.seen.changedFiles(), [0]);
  });

  it("a check of all of a file's pieces clears its name, of some of them not", async () => {
    const machine = await complete();
    disturb(machine, A);
    await check(machine, torrent, [0, 1]);
    assert.deepEqual(machine.storage.seen.changedFiles(), [0]);
    await check(machine, torrent, [0, 1, 2]);
    assert.deepEqual(machine.storage.seen.changedFiles(), []);
  });

  it("a change in the middle of a check is not taken for checked", async () => {
    const machine = await complete();
    const checking = check(machine, torrent);
    disturb(machine, B);
    await checking;
    assert.deepEqual(machine.storage.seen.changedFiles(), [1]);
  });

  it("names a file that was replaced by one of the same size and time", async () => {
    const machine = simulate(torrent);
    machine.disk.put(A, torrent.file(0));
    machine.disk.put(B, torrent.file(1));
    await check(machine, torrent);
    machine.disk.put(B, new Uint8Array(250));
    assert.equal(machine.node.files.stat(B)!.mtimeMs, machine.node.files.stat(A)!.mtimeMs);
    assert.deepEqual(machine.storage.seen.changedFiles(), [1]);
  });

  it("files that were neither written nor checked pass if their size is right", () => {
    const machine = simulate(torrent);
    machine.disk.put(A, torrent.file(0));
    machine.disk.put(B, torrent.file(1).subarray(1));
    assert.deepEqual(machine.storage.seen.changedFiles(), [1]);
  });
});

describe("TorrentStorage finish", () => {
  const torrent = new TestTorrent(100, [["t/a", 250], ["t/empty", 0], ["t/b", 50]]);
  const A = `${DIR}/t/a`;

  const signal = new AbortController().signal;

  it("cuts zeros off files that are too long and makes empty ones that vanished", async () => {
    const machine = simulate(torrent);
    writeAll(machine, torrent);
    const longer = new Uint8Array(300);
    longer.set(torrent.file(0));
    machine.disk.put(A, longer);
    machine.disk.removeEntry(`${DIR}/t/b`);
    machine.disk.put(`${DIR}/t/b`, torrent.file(2));
    assert.deepEqual(await check(machine, torrent), [true, true, true]);
    assert.equal(await machine.world.wait(machine.storage.files.finish(signal)), true);
    assertComplete(machine, torrent);
    assert.deepEqual(machine.storage.seen.changedFiles(), []);
    machine.disk.removeEntry(`${DIR}/t/empty`);
    assert.equal(await machine.world.wait(machine.storage.files.finish(signal)), false);
    assertComplete(machine, torrent);
  });

  for (const [name, place] of [["a file", A], ["an empty file", `${DIR}/t/empty`]] as const) {
    it(`keeps foreign bytes after the end of ${name}`, async () => {
      const machine = simulate(torrent);
      writeAll(machine, torrent);
      const longer = new Uint8Array(300).fill(9);
      longer.set(torrent.file(0));
      machine.disk.put(place, longer);
      await check(machine, torrent);
      await assert.rejects(machine.world.wait(machine.storage.files.finish(signal)), {
        code: "foreign",
      });
      assert.deepEqual(machine.disk.bytes(place), longer);
    });
  }

  it("does not overwrite a file that appeared after the check", async () => {
    const machine = simulate(torrent), theirs = new Uint8Array(300).fill(9);
    await check(machine, torrent);
    machine.storage.files.prepare();
    machine.disk.put(A, theirs);
    assert.throws(() => machine.storage.data.writePiece(0, torrent.piece(0)), { code: "exists" });
    assert.deepEqual(machine.disk.bytes(A), theirs);
  });

  it("truncates a longer file when it takes the file over, not before", async () => {
    const machine = simulate(torrent);
    machine.disk.put(A, new Uint8Array(300));
    machine.storage.files.prepare();
    assert.equal(machine.disk.bytes(A)!.length, 300);
    await machine.world.wait(machine.storage.files.takeOver(0, { writes: true }));
    assert.equal(machine.disk.bytes(A)!.length, 250);
  });
});

describe("TorrentStorage on a quick disk", () => {
  it("makes writes that had to wait for their turn at once, so that the queue ends", async () => {
    const torrent = new TestTorrent(100, [["t/a", 250], ["t/b", 50]]);
    const machine = simulate(torrent), { storage, files } = machine;
    storage.files.prepare();
    const busy = storage.files.setWanted([true, true]);
    const storing = torrent.pieces.map((piece) =>
      storage.data.writePiece(piece, torrent.piece(piece))
    );
    assert.ok(storing.every((each) => each instanceof Promise), "they wait");
    await machine.world.wait(Promise.all([busy, ...storing]));
    assert.equal(files.count("writeAt"), 4, "one a piece and file");
    assert.equal(files.count("writeAsync"), 0);
    assertComplete(machine, torrent);
  });
});

describe("TorrentStorage sync", () => {
  const torrent = new TestTorrent(100, [["t/a", 100], ["t/b", 100], ["t/c", 100]]);

  it("syncs everything that was written, including closed files, once", async () => {
    const machine = simulate(torrent, { openFiles: 1 });
    writeAll(machine, torrent);
    await machine.world.wait(machine.storage.data.sync());
    assert.equal(machine.files.count("sync"), 3);
    await machine.world.wait(machine.storage.data.sync());
    assert.equal(machine.files.count("sync"), 3);
    machine.disk.crash();
    assertComplete(machine, torrent);
    machine.storage.data.writePiece(1, torrent.piece(1));
    await machine.world.wait(machine.storage.data.sync());
    assert.equal(machine.files.count("sync"), 4);
  });

  it("reports a file that could not be synced, and tries it again the next time", async () => {
    const machine = simulate(torrent);
    writeAll(machine, torrent);
    machine.disk.failOn({ path: `${DIR}/t/b`, errno: "EIO", on: ["sync"], times: 1 });
    await assert.rejects(
      machine.world.wait(machine.storage.data.sync()),
      fileErrorWith("io", `${DIR}/t/b`),
    );
    await machine.world.wait(machine.storage.data.sync());
    assert.equal(machine.files.log.filter((line) => line === `sync ${DIR}/t/b`).length, 2);
  });
});

describe("TorrentStorage and two callers at once", () => {
  const torrent = new TestTorrent(1000, [["t/a", 3000]]);

  it("a sync waits for one that is under way: a power cut then loses nothing", async () => {
    const machine = simulate(torrent), { world, disk, storage } = machine;
    storage.data.writePiece(0, torrent.piece(0));
    await world.wait(storage.data.sync()); // its name, too
    disk.syncDelayMs = 1000;
    storage.data.writePiece(1, torrent.piece(1));
    void storage.data.sync();
    await world.wait(storage.data.sync());
    const before = disk.bytes(`${DIR}/t/a`);
    for (let cuts = 0; cuts < 20; cuts++) {
      disk.crash();
      assert.deepEqual(disk.bytes(`${DIR}/t/a`), before);
    }
  });

  it("a sync that waits for one that fails fails, too", async () => {
    const { world, disk, storage } = simulate(torrent);
    disk.syncDelayMs = 1000;
    storage.data.writePiece(0, torrent.piece(0));
    disk.failOn({ path: `${DIR}/t/a`, errno: "EIO", on: ["sync"], times: 1 });
    const both = Promise.allSettled([storage.data.sync(), storage.data.sync()]);
    const outcomes = (await world.wait(both)).map(({ status }) => status);
    assert.deepEqual(outcomes, ["rejected", "rejected"]);
  });
});

describe("TorrentStorage.files.takeOver", () => {
  const torrent = new TestTorrent(1000, [["t/a", 3000]]);

  it("refuses a file that took the name after the check", async () => {
    const machine = simulate(torrent), { world, disk, storage, files } = machine;
    disk.put(`${DIR}/t/a`, torrent.bytes);
    assert.deepEqual(await check(machine, torrent), [true, true, true]);
    files.rename(`${DIR}/t/a`, `${DIR}/old`);
    disk.put(`${DIR}/t/a`, new Uint8Array(3000).fill(7));
    for (const writes of [true, false]) {
      await assert.rejects(world.wait(storage.files.takeOver(0, { writes })), { code: "changed" });
    }
    assert.throws(() => storage.files.finishFile(0), { code: "changed" });
    assert.equal(storage.files.owned().size, 0);
  });
});
