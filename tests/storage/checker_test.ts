import { describe, it } from "node:test";
import assert from "node:assert/strict";
import type { FileSpan, HashAlgorithm } from "../../src/platform/types.ts";
import { checkPieces } from "../../src/storage/checker.ts";
import { check, DIR, fileErrorWith, simulate, TestTorrent } from "./storage_harness.ts";

const torrent = new TestTorrent(100, [["t/a", 250], ["t/empty", 0], [null, 50], ["t/b", 450]]);
const A = `${DIR}/t/a`, B = `${DIR}/t/b`;

/** A hasher that only counts, and answers when it is told to. */
class WaitingHasher {
  readonly concurrency = 2;
  readonly jobs: { spans: readonly FileSpan[]; answer(digest: Uint8Array | null): void }[] = [];

  hashFiles(_: HashAlgorithm, spans: readonly FileSpan[]): Promise<Uint8Array | null> {
    return new Promise((answer) => this.jobs.push({ spans, answer }));
  }
}

/** A turn of the event loop: everything that was due has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function written() {
  const machine = simulate(torrent);
  machine.disk.put(A, torrent.file(0));
  machine.disk.put(B, torrent.file(3));
  return machine;
}

describe("checkPieces", () => {
  it("reports each piece once, in numbers and with progress", async () => {
    const machine = written();
    machine.disk.corrupt(B, 120);
    const seen: [number, boolean][] = [], progress: [number, number][] = [];
    const result = await machine.world.wait(checkPieces(
      machine.node.hasher,
      machine.storage.seen,
      [6, 0, 4, 3],
      torrent.verifier,
      {
        piece: (piece, ok) => seen.push([piece, ok]),
        progress: (done, total) => progress.push([done, total]),
      },
    ));
    assert.deepEqual(result, { good: 3, bad: 1 });
    assert.deepEqual(seen.sort(), [[0, true], [3, true], [4, false], [6, true]]);
    assert.deepEqual(progress, [[1, 4], [2, 4], [3, 4], [4, 4]]);
  });

  it("an empty folder costs one look per file and no hashing", async () => {
    const large = new TestTorrent(16, [["t/a", 16000], ["t/b", 16000]]);
    const machine = simulate(large);
    machine.storage.files.prepare();
    machine.files.log.length = 0;
    const hasher = new WaitingHasher();
    let bad = 0;
    await checkPieces(hasher, machine.storage.seen, large.pieces, large.verifier, {
      piece: (_, ok) => bad += ok ? 0 : 1,
    });
    assert.equal(bad, 2000);
    assert.equal(hasher.jobs.length, 0);
    assert.deepEqual(machine.files.log, [`stat ${DIR}/t/a`, `stat ${DIR}/t/b`]);
  });

  it("hashes no piece that extends beyond the end of a file", async () => {
    const machine = simulate(torrent);
    machine.disk.put(A, torrent.file(0).subarray(0, 249));
    machine.disk.put(B, torrent.file(3).subarray(0, 350));
    const hasher = new WaitingHasher();
    const checking = checkPieces(
      hasher,
      machine.storage.seen,
      torrent.pieces,
      torrent.verifier,
      { piece() {} },
    );
    // Piece 2 is the end of a and a pad, piece 7 the end of b.
    const answered: number[] = [];
    for (let job = 0; job < hasher.jobs.length; job++) {
      const { spans, answer } = hasher.jobs[job]!;
      const piece = (spans[0]!.path === A ? 0 : 3) + spans[0]!.offset / 100;
      answered.push(piece);
      answer(torrent.hash(piece));
      await turn();
    }
    assert.deepEqual(answered, [0, 1, 3, 4, 5]);
    assert.deepEqual(await checking, { good: 5, bad: 3 });
  });

  it("an abort ends it at once, and later results are not reported", async () => {
    const machine = written();
    const hasher = new WaitingHasher();
    const abort = new AbortController();
    const seen: number[] = [];
    const checking = checkPieces(
      hasher,
      machine.storage.seen,
      torrent.pieces,
      torrent.verifier,
      { piece: (piece) => seen.push(piece) },
      abort.signal,
    );
    hasher.jobs[0]!.answer(torrent.hash(0));
    await turn();
    abort.abort();
    assert.deepEqual(await checking, { good: 1, bad: 0 });
    hasher.jobs[1]!.answer(torrent.hash(1));
    await turn();
    assert.deepEqual(seen, [0]);
    assert.equal(hasher.jobs.length, 8);
    assert.deepEqual(
      await checkPieces(hasher, machine.storage.seen, [0], torrent.verifier, {
        piece: (piece) => seen.push(piece),
      }, abort.signal),
      { good: 0, bad: 0 },
    );
    assert.deepEqual(seen, [0]);
  });

  it("a read error rejects with the file's name and stops the rest", async () => {
    const machine = written();
    machine.disk.failOn({ path: B, errno: "EIO", on: ["read"], times: 1 });
    await assert.rejects(check(machine, torrent), fileErrorWith("io", B));
    assert.equal(machine.world.faults("disk-EIO"), 1);
    assert.deepEqual(await check(machine, torrent), torrent.pieces.map(() => true));
  });

  it("an error of the listener is rethrown", async () => {
    const machine = written();
    await assert.rejects(
      machine.world.wait(checkPieces(
        machine.node.hasher,
        machine.storage.seen,
        torrent.pieces,
        torrent.verifier,
        {
          piece() {
            throw new Error("no more");
          },
        },
      )),
      /no more/,
    );
  });

  it("nothing to check resolves", async () => {
    const machine = simulate(torrent);
    assert.deepEqual(
      await checkPieces(machine.node.hasher, machine.storage.seen, [], torrent.verifier, {
        piece: () => assert.fail("there is no piece"),
      }),
      { good: 0, bad: 0 },
    );
  });

  it("an aborted check vouches for no file", async () => {
    const machine = written();
    await check(machine, torrent);
    await machine.world.runFor(10);
    machine.node.files.open(A, "write").writeAt(new Uint8Array(1), 0);
    const abort = new AbortController();
    const checking = checkPieces(
      machine.node.hasher,
      machine.storage.seen,
      torrent.pieces,
      torrent.verifier,
      { piece: (piece) => piece === 7 && abort.abort() },
      abort.signal,
    );
    await machine.world.wait(checking);
    assert.deepEqual(machine.storage.seen.changedFiles(), [0]);
  });
});
