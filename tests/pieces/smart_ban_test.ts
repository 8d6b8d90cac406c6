import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Prng } from "../harness/prng.ts";
import { MAX_ATTEMPTS, SmartBan } from "../../src/pieces/smart_ban.ts";

const BLOCK = 16384;
const A = 11, B = 22, C = 33;
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

/** The right bytes of a piece of three blocks, the last one short. */
const GOOD = new Prng(1).fill(new Uint8Array(2 * BLOCK + 100));

/** `GOOD` with one byte wrong in each of these blocks; `how` makes it wrong in one way or another. */
function poisoned(blocks: number[], how = 1): Uint8Array {
  const bytes = GOOD.slice();
  for (const block of blocks) bytes[block * BLOCK + 7]! ^= how;
  return bytes;
}

const senders = (...keys: number[]) => Int32Array.from(keys);
const sorted = (keys: Set<number>) => [...keys].sort((a, b) => a - b);

describe("SmartBan", () => {
  it("convicts the only sender of a failed piece at once", () => {
    const ban = new SmartBan(sha1);
    assert.deepEqual(sorted(ban.failed(0, poisoned([1]), senders(A, A, A))), [A]);
  });

  it("convicts no peer while either may be guilty, and the liar alone when the piece passes", () => {
    const ban = new SmartBan(sha1);
    assert.deepEqual(sorted(ban.failed(0, poisoned([1]), senders(A, B, A))), []);
    assert.deepEqual(sorted(ban.passed(0, GOOD)), [B]);
  });

  it("names all liars of all attempts when the piece passes, the last short block included", () => {
    const ban = new SmartBan(sha1);
    ban.failed(0, poisoned([2]), senders(A, B, C));
    ban.failed(0, poisoned([0]), senders(A, B, C));
    assert.deepEqual(sorted(ban.passed(0, GOOD)), [A, C]);
  });

  it("convicts a peer that sent two versions of a block before the piece ever passes", () => {
    const ban = new SmartBan(sha1);
    assert.deepEqual(sorted(ban.failed(0, poisoned([1], 1), senders(A, B, C))), []);
    assert.deepEqual(sorted(ban.failed(0, poisoned([1], 2), senders(A, B, C))), [B]);
  });

  it("does not blame a peer for another's version of the same block", () => {
    const ban = new SmartBan(sha1);
    ban.failed(0, poisoned([1]), senders(A, B, A));
    assert.deepEqual(sorted(ban.failed(0, poisoned([0]), senders(C, A, C))), []);
    assert.deepEqual(sorted(ban.passed(0, GOOD)), [B, C]);
  });

  it("forgets a piece that passed", () => {
    const ban = new SmartBan(sha1);
    ban.failed(4, poisoned([1]), senders(A, B, A));
    assert.equal(ban.hasFailed(4), true);
    assert.equal(ban.hasFailed(5), false);
    ban.passed(4, GOOD);
    assert.equal(ban.hasFailed(4), false);
    assert.equal(ban.isSuspect(4, A), false);
    assert.deepEqual(sorted(ban.passed(4, poisoned([0, 1, 2]))), []);
  });

  it("suspects all senders, and sets each aside after three attempts, per piece", () => {
    const ban = new SmartBan(sha1);
    assert.equal(MAX_ATTEMPTS, 3);
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(ban.isSetAside(0, A), false, `before attempt ${attempt}`);
      ban.failed(0, poisoned([1]), senders(A, A, attempt === 2 ? C : B));
    }
    assert.equal(ban.isSetAside(0, A), true);
    assert.equal(ban.isSetAside(0, B), false);
    assert.equal(ban.isSetAside(1, A), false);
    assert.deepEqual([A, B, C, 44].map((key) => ban.isSuspect(0, key)), [true, true, true, false]);
    assert.equal(ban.isSuspect(1, A), false);
  });

  it("hashes nothing of pieces that never failed", () => {
    let hashed = 0;
    const ban = new SmartBan((bytes) => {
      hashed++;
      return sha1(bytes);
    });
    ban.passed(0, GOOD);
    assert.equal(hashed, 0);
    ban.failed(0, poisoned([1]), senders(A, A, A));
    assert.equal(hashed, 0, "one sender needs no digests");
    ban.failed(0, poisoned([1]), senders(A, B, A));
    assert.equal(hashed, 3);
  });

  it("bounds the cost of liars: pieces and attempts", () => {
    const ban = new SmartBan(sha1);
    for (let piece = 0; piece < 300; piece++) ban.failed(piece, poisoned([1]), senders(A, B, A));
    assert.equal(ban.hasFailed(0), false);
    assert.equal(ban.hasFailed(299), true);
    let kept = 0;
    for (let piece = 0; piece < 300; piece++) if (ban.hasFailed(piece)) kept++;
    assert.equal(kept, 256);
    for (let i = 0; i < 20; i++) ban.failed(299, poisoned([0]), senders(100 + i, 200 + i, 300 + i));
    const named = sorted(ban.passed(299, GOOD));
    assert.ok(named.includes(B), "the first attempts are the ones that count");
    assert.ok(named.length <= 4, `${named}`);
  });

  it("counts failed attempts only of the last senders of a piece", () => {
    const ban = new SmartBan(sha1);
    for (let key = 1; key <= 300; key++) ban.failed(0, poisoned([1]), senders(key, key, key));
    assert.equal(ban.isSuspect(0, 44), false);
    assert.equal(ban.isSuspect(0, 45), true, "256 of 300 are left");
  });

  it("convicts exactly the liars in random histories", () => {
    let named = 0;
    for (let seed = 0; seed < 200; seed++) {
      const dice = new Prng(seed), ban = new SmartBan(sha1), lied = new Set<number>();
      const early = new Set<number>();
      for (let attempt = 0; attempt < 4; attempt++) {
        const keys = [0, 1, 2].map(() => 1 + dice.below(4));
        const wrong = [0, 1, 2].filter((block) => dice.chance(keys[block]! / 8));
        if (wrong.length === 0) wrong.push(0);
        for (const block of wrong) lied.add(keys[block]!);
        const how = 1 + dice.below(2);
        for (const key of ban.failed(0, poisoned(wrong, how), senders(...keys))) early.add(key);
      }
      for (const key of early) assert.ok(lied.has(key), `seed ${seed}: ${key} is innocent`);
      const all = sorted(new Set([...early, ...ban.passed(0, GOOD)]));
      assert.deepEqual(all, sorted(lied), `seed ${seed}`);
      named += all.length;
    }
    assert.ok(named > 200);
  });
});
