import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FileSpan, HashAlgorithm } from "../../src/platform/types.ts";
import { hashPieces } from "../../src/storage/hash_lanes.ts";

/** Answers when the test says so; the digest is the piece's number. */
class SlowHasher {
  readonly concurrency = 2;
  readonly waiting: { piece: number; done: () => void; fail: (error: Error) => void }[] = [];

  hashFiles(_: HashAlgorithm, [span]: readonly FileSpan[]): Promise<Uint8Array | null> {
    const piece = span!.offset;
    return new Promise((resolve, reject) => {
      this.waiting.push({ piece, done: () => resolve(Uint8Array.of(piece)), fail: reject });
    });
  }
}

const MIB = 1024 * 1024;
const spans = (piece: number): FileSpan[] => [{ path: "/x", offset: piece, length: MIB }];

async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe("hashPieces", () => {
  it("keeps two jobs each in progress and takes no piece before its turn", async () => {
    const hasher = new SlowHasher(), taken: number[] = [];
    let drawn = 0;
    function* pieces() {
      for (; drawn < 10; drawn++) yield drawn;
    }
    const all = hashPieces(hasher, "sha1", pieces(), spans, (piece, digest) => {
      assert.deepEqual(digest, Uint8Array.of(piece));
      taken.push(piece);
    });
    await turn();
    assert.equal(hasher.waiting.length, 4);
    assert.equal(drawn, 3, "the generator stands at the fourth");
    hasher.waiting[2]!.done();
    await turn();
    assert.deepEqual([taken, hasher.waiting.length], [[2], 5]);
    for (let i = 0; i < 10; i++) {
      hasher.waiting[i]!.done();
      await turn();
    }
    await all;
    assert.deepEqual(taken.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("queues more small pieces, up to 512 KiB each", async () => {
    const hasher = new SlowHasher(), pieces = Array.from({ length: 100 }, (_, piece) => piece);
    const small = (piece: number) => [
      { path: "/x", offset: piece, length: 15_000 },
      { path: null, offset: 0, length: 1384 },
    ];
    let taken = 0;
    const all = hashPieces(hasher, "sha1", pieces, small, () => taken++);
    await turn();
    assert.equal(hasher.waiting.length, 64);
    hasher.waiting[0]!.done();
    await turn();
    assert.equal(hasher.waiting.length, 65);
    for (let i = 0; i < 100; i++) {
      hasher.waiting[i]!.done();
      await turn();
    }
    await all;
    assert.equal(taken, 100);
  });

  it("resolves if there is nothing to do", async () => {
    await hashPieces(new SlowHasher(), "sha1", [], spans, () => assert.fail("nothing to take"));
  });

  it("resolves at once when aborted and takes nothing more", async () => {
    const hasher = new SlowHasher(), controller = new AbortController(), taken: number[] = [];
    const { signal } = controller;
    const all = hashPieces(hasher, "sha1", [1, 2, 3], spans, (piece) => taken.push(piece), signal);
    await turn();
    hasher.waiting[0]!.done();
    await turn();
    controller.abort();
    await all;
    for (const { done } of hasher.waiting) done();
    await turn();
    assert.deepEqual(taken, [1]);
    await hashPieces(hasher, "sha1", [7], spans, (piece) => taken.push(piece), signal);
    assert.deepEqual([taken, hasher.waiting.length], [[1], 3], "nor starts with one");
  });

  it("rejects with the first failure and takes no more pieces", async () => {
    const hasher = new SlowHasher(), taken: number[] = [];
    const all = hashPieces(hasher, "sha1", [1, 2, 3, 4, 5, 6], spans, (piece) => taken.push(piece));
    await turn();
    hasher.waiting[1]!.fail(new Error("disk"));
    await assert.rejects(all, /disk/);
    for (const { done } of hasher.waiting) done();
    await turn();
    assert.deepEqual([taken, hasher.waiting.length], [[], 4]);

    const bad = new SlowHasher();
    const refused = hashPieces(bad, "sha1", [1], spans, () => {
      throw new Error("refused");
    });
    await turn();
    bad.waiting[0]!.done();
    await assert.rejects(refused, /refused/);

    function* broken() {
      yield 1;
      throw new Error("no more");
    }
    const idle = new SlowHasher();
    await assert.rejects(hashPieces(idle, "sha1", broken(), spans, () => {}), /no more/);
    const lost = () => {
      throw new Error("no spans");
    };
    await assert.rejects(hashPieces(idle, "sha1", [1], lost, () => {}), /no spans/);
  });
});
