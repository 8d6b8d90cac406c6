import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Bitfield, firstBit, popcount } from "../../src/util/bitfield.ts";

describe("Bitfield", () => {
  it("starts empty, and bit 0 is the high bit of byte 0 (BEP 3)", () => {
    const field = new Bitfield(9);
    assert.equal(field.bytes.length, 2);
    assert.equal(field.count, 0);
    field.set(0);
    field.set(8);
    assert.deepEqual(field.bytes, new Uint8Array([0x80, 0x80]));
  });

  it("set and clear report a change, and update the count", () => {
    const field = new Bitfield(10);
    assert.equal(field.set(3), true);
    assert.equal(field.set(3), false);
    assert.deepEqual([field.has(3), field.has(2), field.count], [true, false, 1]);
    assert.equal(field.clear(3), true);
    assert.equal(field.clear(3), false);
    assert.deepEqual([field.has(3), field.count], [false, 0]);
  });

  it("setAll leaves the spare bits zero; full and clearAll", () => {
    for (const length of [1, 7, 8, 9, 16, 17]) {
      const field = new Bitfield(length);
      assert.equal(field.full, false);
      field.setAll();
      assert.deepEqual([field.full, field.count], [true, length]);
      assert.ok(Bitfield.fromBytes(field.bytes, length), "no spare bit is set");
      field.clear(length - 1);
      assert.equal(field.full, false);
      field.clearAll();
      assert.deepEqual([field.count, field.has(0)], [0, false]);
    }
  });

  it("of no bits is full and has no bytes", () => {
    const field = new Bitfield(0);
    field.setAll();
    assert.deepEqual([field.bytes.length, field.count, field.full], [0, 0, true]);
    assert.ok(Bitfield.fromBytes(new Uint8Array(), 0));
  });

  it("fromBytes copies and counts", () => {
    const bytes = new Uint8Array([0b10100000, 0b10000000]);
    const field = Bitfield.fromBytes(bytes, 9)!;
    bytes[0] = 0;
    assert.deepEqual([field.count, field.has(0), field.has(1), field.has(2)], [
      3,
      true,
      false,
      true,
    ]);
    assert.equal(field.has(8), true);
  });

  it("fromBytes refuses a wrong length and any spare bit", () => {
    assert.equal(Bitfield.fromBytes(new Uint8Array(1), 9), null);
    assert.equal(Bitfield.fromBytes(new Uint8Array(3), 9), null);
    assert.equal(Bitfield.fromBytes(new Uint8Array(1), 0), null);
    for (let bit = 0; bit < 7; bit++) {
      assert.equal(Bitfield.fromBytes(new Uint8Array([0xff, 1 << bit]), 9), null);
    }
    assert.ok(Bitfield.fromBytes(new Uint8Array([0xff, 0x80]), 9));
  });

  it("replace makes it equal to another one, including the count, without sharing", () => {
    const from = Bitfield.fromBytes(new Uint8Array([0xf0, 0x80]), 9)!, to = new Bitfield(9);
    to.set(7);
    to.replace(from);
    from.clear(0);
    assert.deepEqual([to.count, to.has(0), to.has(7), to.has(8)], [5, true, false, true]);
  });

  it("behaves as a set of numbers", { timeout: 30_000 }, () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(99)), { maxLength: 300 });
    fc.assert(
      fc.property(steps, (changes) => {
        const field = new Bitfield(100), model = new Set<number>();
        for (const [add, bit] of changes) {
          assert.equal(add ? field.set(bit) : field.clear(bit), add !== model.has(bit));
          if (add) model.add(bit);
          else model.delete(bit);
        }
        assert.equal(field.count, model.size);
        for (let i = 0; i < 100; i++) assert.equal(field.has(i), model.has(i));
        assert.equal(Bitfield.fromBytes(field.bytes, 100)!.count, model.size);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it("lacksAnyOf: whether another has a bit that this one lacks", () => {
    const a = new Bitfield(11), b = new Bitfield(11);
    assert.equal(a.lacksAnyOf(b), false);
    b.set(10);
    assert.equal(a.lacksAnyOf(b), true);
    assert.equal(b.lacksAnyOf(a), false);
    a.setAll();
    assert.equal(a.lacksAnyOf(b), false);
  });
});

describe("Bitfield, four bytes at a time", () => {
  const subset = fc.uniqueArray(fc.nat(99));
  const fieldOf = (bits: readonly number[]) => {
    const field = new Bitfield(100);
    for (const bit of bits) field.set(bit);
    return field;
  };

  it("visits set and clear bits, in order", () => {
    fc.assert(
      fc.property(subset, (bits) => {
        const field = fieldOf(bits), set: number[] = [], clear: number[] = [];
        field.forEachSet((i) => set.push(i));
        field.forEachClear((i) => clear.push(i));
        assert.deepEqual(set, [...bits].sort((a, b) => a - b));
        assert.deepEqual(clear, [...Array(100).keys()].filter((i) => !bits.includes(i)));
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it("merge adds the other's bits and reports each new bit once", () => {
    fc.assert(
      fc.property(subset, subset, (mine, theirs) => {
        const field = fieldOf(mine), other = fieldOf(theirs), added: number[] = [];
        field.merge(other, (i) => added.push(i));
        assert.deepEqual(added, theirs.filter((i) => !mine.includes(i)).sort((a, b) => a - b));
        assert.equal(field.count, new Set([...mine, ...theirs]).size);
        assert.equal(field.lacksAnyOf(other), false);
      }),
      { seed: 3, numRuns: 100 },
    );
  });

  it("firstBit finds each bit of a word", () => {
    for (let bit = 0; bit < 32; bit++) {
      const field = new Bitfield(32);
      field.set(bit);
      assert.equal(firstBit(field.words[0]!), bit);
      assert.equal(field.words[0]! | 0, 1 << (bit ^ 7));
    }
  });
});

describe("popcount", () => {
  it("counts the bits of every byte", () => {
    for (let byte = 0; byte < 256; byte++) {
      assert.equal(popcount(byte), byte.toString(2).replaceAll("0", "").length);
    }
  });
});
