import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "../harness/prng.ts";

function draws(prng: Prng, count: number): number[] {
  return Array.from({ length: count }, () => prng.uint32());
}

describe("Prng", () => {
  it("returns the same numbers for the same seed on every runtime", () => {
    assert.deepEqual(draws(new Prng(1), 4), GOLDEN);
    assert.deepEqual(draws(new Prng("1"), 4), GOLDEN);
  });

  it("returns different numbers for different seeds", () => {
    const firsts = new Set(Array.from({ length: 2000 }, (_, seed) => new Prng(seed).uint32()));
    assert.equal(firsts.size, 2000);
  });

  it("spreads its bits evenly", () => {
    const prng = new Prng("even");
    const ones = new Array<number>(32).fill(0);
    const count = 20_000;
    for (let i = 0; i < count; i++) {
      const word = prng.uint32();
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (word >>> bit) & 1;
    }
    for (const each of ones) assert.ok(Math.abs(each / count - 0.5) < 0.02, `${each}`);
  });

  it("below stays in range and reaches everything", () => {
    const prng = new Prng(3);
    for (const limit of [1, 2, 7, 1000, 2 ** 31 + 1, 2 ** 32]) {
      for (let i = 0; i < 200; i++) {
        const value = prng.below(limit);
        assert.ok(Number.isInteger(value) && value >= 0 && value < limit);
      }
    }
    assert.equal(new Set(Array.from({ length: 200 }, () => prng.below(7))).size, 7);
  });

  it("unit and chance follow their probability and draw nothing when the answer is known", () => {
    const prng = new Prng(4);
    let hits = 0;
    for (let i = 0; i < 10_000; i++) if (prng.chance(0.3)) hits++;
    assert.ok(Math.abs(hits - 3000) < 200, `${hits}`);
    const [a, b] = [new Prng(5), new Prng(5)];
    assert.deepEqual([a.chance(0), a.chance(1), a.chance(-1), a.chance(2)], [
      false,
      true,
      false,
      true,
    ]);
    assert.equal(a.uint32(), b.uint32());
    for (let i = 0; i < 1000; i++) assert.ok(prng.unit() >= 0 && prng.unit() < 1);
  });

  it("fork depends on the seed and the label, not on earlier draws", () => {
    const [a, b] = [new Prng(6), new Prng(6)];
    a.uint32();
    assert.deepEqual(draws(a.fork("x"), 3), draws(b.fork("x"), 3));
    assert.notDeepEqual(draws(b.fork("x"), 3), draws(b.fork("y"), 3));
    assert.notDeepEqual(draws(b.fork("x"), 3), draws(new Prng(7).fork("x"), 3));
    assert.notDeepEqual(draws(b.fork("x").fork("y"), 3), draws(b.fork("y").fork("x"), 3));
  });

  it("shuffle keeps every item and changes the order", () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = new Prng(8).shuffle([...items]);
    assert.notDeepEqual(shuffled, items);
    assert.deepEqual([...shuffled].sort((a, b) => a - b), items);
  });

  it("pick takes one of the items and refuses an empty list", () => {
    const prng = new Prng(9);
    const seen = new Set(Array.from({ length: 100 }, () => prng.pick(["a", "b", "c"])));
    assert.equal(seen.size, 3);
    assert.throws(() => prng.pick([]), RangeError);
  });

  it("fill fills any length and nothing more", () => {
    const whole = new Prng(10).fill(new Uint8Array(64));
    assert.ok(new Set(whole).size > 40);
    const buffer = new Uint8Array(16);
    new Prng(10).fill(buffer.subarray(3, 10));
    assert.deepEqual(buffer.subarray(3, 10), whole.subarray(0, 7));
    assert.ok([...buffer.subarray(0, 3), ...buffer.subarray(10)].every((byte) => byte === 0));
  });
});

const GOLDEN = [1322085210, 3448142222, 3302272250, 76698490];
