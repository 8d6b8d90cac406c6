import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { partFileName } from "../../src/storage/part_file.ts";
import { checkPieces } from "../../src/storage/checker.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import type { SimDisk } from "../harness/sim/disk.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { DIR, fileErrorWith, TestTorrent } from "./storage_harness.ts";
import { INFO_HASH } from "./resume_life.ts";

/** Pieces of 100 bytes: a has 0-2, b 2-3, c 3 (all of it), d 3-5. */
const torrent = new TestTorrent(100, [["t/a", 250], ["t/b", 80], ["t/c", 20], ["t/d", 240]]);
const PARTS = `${DIR}/${partFileName(INFO_HASH)}`;
const [A, B, C, D] = ["a", "b", "c", "d"].map((name) => `${DIR}/t/${name}`);

let nodes = 0;

function machine(wanted: boolean[], world = new SimWorld(1), disk?: SimDisk) {
  const node = world.node(`10.0.0.${++nodes}`, disk ? { disk } : {});
  const storage = new TorrentStorage(
    node.files,
    new HandlePool(node.files, 3),
    DIR,
    torrent.entries,
    torrent.layout,
    { infoHash: INFO_HASH, wanted },
  );
  storage.files.prepare();
  return { world, node, disk: node.disk, storage };
}

type Machine = ReturnType<typeof machine>;

async function good({ world, node, storage }: Machine): Promise<number[]> {
  const found: number[] = [];
  await world.wait(checkPieces(node.hasher, storage.seen, torrent.pieces, torrent.verifier, {
    piece: (piece, ok) => ok && found.push(piece),
  }));
  return found.sort((a, b) => a - b);
}

function read(storage: TorrentStorage, piece: number): Uint8Array {
  const bytes = new Uint8Array(torrent.layout.lengthOf(piece));
  storage.data.readInto(piece, 0, bytes);
  return bytes;
}

function store(storage: TorrentStorage, ...pieces: number[]): void {
  for (const piece of pieces) storage.data.writePiece(piece, torrent.piece(piece));
}

describe("TorrentStorage with unwanted files", () => {
  it("never creates unwanted files, and returns their parts of wanted pieces", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 0, 1, 2, 3, 4, 5);
    assert.deepEqual(m.disk.names(`${DIR}/t`), ["a", "d"]);
    assert.notEqual(m.disk.bytes(PARTS), null);
    for (const piece of torrent.pieces) {
      assert.deepEqual(read(m.storage, piece), torrent.piece(piece));
    }
    const into = new Uint8Array(30);
    await m.world.wait(m.storage.data.readAsync(2, 60, into));
    assert.deepEqual(into, torrent.piece(2).slice(60, 90));
    assert.deepEqual(await good(m), torrent.pieces);
    assert.deepEqual(m.storage.seen.changedFiles(), []);
  });

  it("finds the bytes again after a restart, except those of a damaged slot", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 0, 1, 2, 3, 4, 5);
    m.storage.close();
    const again = machine([true, false, false, true], m.world, m.disk);
    assert.deepEqual(await good(again), torrent.pieces);
    m.disk.corrupt(PARTS, 41); // in the head of the first slot: piece 2
    const third = machine([true, false, false, true], m.world, m.disk);
    assert.deepEqual([third.storage.seen.hasPart(2), third.storage.seen.hasPart(3)], [false, true]);
    assert.deepEqual(await good(third), [0, 1, 3, 4, 5]);
    store(third.storage, 2);
    assert.deepEqual(await good(third), torrent.pieces);
  });

  it("another torrent's part file under the name is not believed", () => {
    const m = machine([true, false, false, true]);
    m.disk.put(PARTS, new Uint8Array(5000).fill(7));
    const again = machine([true, false, false, true], m.world, m.disk);
    assert.ok(torrent.pieces.every((piece) => !again.storage.seen.hasPart(piece)));
    store(again.storage, 2);
    assert.deepEqual(read(again.storage, 2), torrent.piece(2));
  });

  it("a piece entirely in unwanted files is whole in the part file", async () => {
    const m = machine([false, false, false, false]);
    store(m.storage, 0, 1, 4);
    assert.deepEqual(m.disk.names(DIR), [partFileName(INFO_HASH)]);
    assert.deepEqual(await good(m), [0, 1, 4]);
  });

  it("no part file stays where nothing needs one", () => {
    const m = machine([true, true, true, true]);
    store(m.storage, ...torrent.pieces);
    assert.equal(m.disk.bytes(PARTS), null);
  });
});

describe("TorrentStorage.setWanted", () => {
  it("moves the bytes into the file, and removes the part file with its last use", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 2, 3);
    await m.world.wait(m.storage.files.setWanted([true, true, false, true]));
    assert.deepEqual(m.disk.bytes(B!), torrent.file(1));
    assert.equal(m.disk.bytes(C!), null);
    assert.notEqual(m.disk.bytes(PARTS), null);
    assert.deepEqual(await good(m), [2, 3]);
    await m.world.wait(m.storage.files.setWanted([true, true, true, true]));
    assert.deepEqual(m.disk.bytes(C!), torrent.file(2));
    assert.equal(m.disk.bytes(PARTS), null);
    assert.deepEqual(await good(m), [2, 3]);
    store(m.storage, 0, 1, 4, 5);
    assert.deepEqual([A, D].map((path) => m.disk.bytes(path!)), [torrent.file(0), torrent.file(3)]);
    assert.deepEqual(m.disk.names(DIR), ["t"]);
  });

  it("an existing file stays in use when it becomes unwanted", async () => {
    const m = machine([true, true, true, true]);
    store(m.storage, 2);
    await m.world.wait(m.storage.files.setWanted([true, false, true, true]));
    store(m.storage, 3);
    assert.equal(m.disk.bytes(PARTS), null);
    assert.deepEqual(m.disk.bytes(B!), torrent.file(1));
    assert.deepEqual(await good(m), [2, 3]);
  });

  it("a piece that is stored in the middle of the move arrives in the file too", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 2);
    const moving = m.storage.files.setWanted([true, true, true, true]);
    await m.world.runFor(2);
    assert.equal(m.disk.bytes(B!), null, "it is in the middle of it");
    const storing = m.storage.data.writePiece(3, torrent.piece(3));
    assert.ok(storing, "the piece has to wait");
    await m.world.wait(Promise.all([moving, storing]));
    assert.deepEqual(m.disk.bytes(B!), torrent.file(1));
    assert.deepEqual(await good(m), [2, 3]);
  });

  it("a full disk in the middle of a move keeps everything readable, and it can be repeated", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 2, 3);
    m.disk.capacity = m.disk.used;
    await assert.rejects(
      m.world.wait(m.storage.files.setWanted([true, true, true, true])),
      fileErrorWith("disk-full", `${PARTS}.tmp`),
    );
    assert.ok(m.world.faults("disk-full") > 0);
    assert.deepEqual(await good(m), [2, 3]);
    m.disk.capacity = Infinity;
    await m.world.wait(m.storage.files.setWanted([true, true, true, true]));
    assert.deepEqual(m.disk.names(`${DIR}/t`), ["a", "b", "c", "d"]);
    assert.deepEqual(await good(m), [2, 3]);
  });

  it("wanted files of which an earlier run left bytes in the part file get them", async () => {
    const m = machine([true, false, false, true]);
    store(m.storage, 2, 3);
    m.storage.close();
    const all = [true, true, true, true];
    const again = machine(all, m.world, m.disk);
    assert.deepEqual(await good(again), [2, 3]);
    await again.world.wait(again.storage.files.setWanted(all));
    assert.deepEqual([B, C].map((path) => m.disk.bytes(path!)), [torrent.file(1), torrent.file(2)]);
    assert.equal(m.disk.bytes(PARTS), null);
  });
});
