import { describe, it } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Bitfield } from "../../src/util/bitfield.ts";
import { PiecePicker } from "../../src/pieces/piece_picker.ts";
import { HandRandom } from "../harness/random.ts";

function bits(length: number, pieces: Iterable<number>): Bitfield {
  const field = new Bitfield(length);
  for (const piece of pieces) field.set(piece);
  return field;
}

function full(length: number): Bitfield {
  const field = new Bitfield(length);
  field.setAll();
  return field;
}

/** The picker with all of `count` pieces in it. */
function filled(count: number, seed = 1): PiecePicker {
  const picker = new PiecePicker(count, new HandRandom(seed));
  for (let piece = 0; piece < count; piece++) picker.insert(piece);
  return picker;
}

/** What `make` makes, and how often it has written into an Int32Array of its own. */
function countingWrites<T>(make: () => T): { made: T; steps: () => number } {
  const Real = globalThis.Int32Array;
  let steps = 0;
  const counted = (length: number) =>
    new Proxy(new Real(length), {
      get(array, key) {
        const value = Reflect.get(array, key);
        return typeof value === "function" ? value.bind(array) : value;
      },
      set: (array, key, value) => {
        steps++;
        return Reflect.set(array, key, value);
      },
    });
  globalThis.Int32Array = function (length: number) {
    return counted(length);
  } as unknown as typeof Int32Array;
  try {
    return { made: make(), steps: () => steps };
  } finally {
    globalThis.Int32Array = Real;
  }
}

/** The same books, kept in the plainest way. */
class Model {
  readonly pickable = new Set<number>();
  readonly availability: number[];
  constructor(count: number) {
    this.availability = new Array(count).fill(0);
  }
  among(has: Bitfield): number[] {
    return [...this.pickable].filter((piece) => has.has(piece)).sort((a, b) => a - b);
  }
  rarest(has: Bitfield): number[] {
    const among = this.among(has);
    const least = Math.min(...among.map((piece) => this.availability[piece]!));
    return among.filter((piece) => this.availability[piece] === least);
  }
}

/** Every question that can be asked of the picker has an answer that the model agrees with. */
function agree(picker: PiecePicker, model: Model, has: Bitfield): void {
  assert.equal(picker.length, model.pickable.size);
  const among = model.among(has), rarest = model.rarest(has);
  const or = (pieces: number[]) => pieces.length === 0 ? [-1] : pieces;
  for (const count of [among.length, model.availability.length]) {
    if (among.length === 0 && count > 0) continue;
    const answer = picker.rarest(has, count);
    assert.ok(or(rarest).includes(answer), `rarest: ${answer} of ${rarest}`);
  }
  assert.ok(or(among).includes(picker.anyOf(has)));
  assert.equal(picker.first(has), or(among)[0]);
}

const COUNT = 40;
type Step = [action: number, piece: number];

function apply(picker: PiecePicker, model: Model, [action, piece]: Step): void {
  switch (action) {
    case 0:
      picker.insert(piece);
      model.pickable.add(piece);
      break;
    case 1:
      picker.remove(piece);
      model.pickable.delete(piece);
      break;
    case 2:
      picker.increase(piece);
      model.availability[piece]!++;
      break;
    case 3:
      picker.decrease(piece);
      model.availability[piece]!--;
      break;
    default: {
      // A whole bitfield comes or goes: every third piece from this one on.
      const by = action === 4 ? 1 : -1, pieces: number[] = [];
      for (let at = piece; at < COUNT; at += 3) pieces.push(at);
      picker.shift((visit) => pieces.forEach(visit), pieces.length, by);
      for (const one of pieces) model.availability[one]! += by;
    }
  }
}

describe("PiecePicker", () => {
  it("agrees with a naive model after every step", () => {
    const step = fc.tuple(fc.constantFrom(0, 0, 1, 2, 2, 2, 3, 3, 4, 5), fc.nat(COUNT - 1));
    const subset = fc.uniqueArray(fc.nat(COUNT - 1));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), subset, fc.nat(), (steps, pieces, seed) => {
        const picker = new PiecePicker(COUNT, new HandRandom(seed)), model = new Model(COUNT);
        const has = bits(COUNT, pieces), all = full(COUNT);
        for (const one of steps) {
          apply(picker, model, one as Step);
          agree(picker, model, has);
          agree(picker, model, all);
        }
        for (let piece = 0; piece < COUNT; piece++) {
          assert.equal(picker.isPickable(piece), model.pickable.has(piece));
          assert.equal(picker.availabilityOf(piece), model.availability[piece]);
        }
      }),
      { numRuns: 150, seed: 5 },
    );
  });

  it("returns all pieces from the rarest to the most common", () => {
    const picker = filled(200);
    for (let piece = 0; piece < 200; piece++) {
      for (let i = 0; i < (piece * 7) % 13; i++) picker.increase(piece);
    }
    const all = full(200), given: number[] = [];
    for (let piece = picker.rarest(all, 200); piece >= 0; piece = picker.rarest(all, 200)) {
      given.push(picker.availabilityOf(piece));
      picker.remove(piece);
    }
    assert.equal(given.length, 200);
    assert.deepEqual(given, [...given].sort((a, b) => a - b));
  });

  it("breaks ties by the seed: the same seed has the same order, another a different one", () => {
    const order = (seed: number) => {
      const picker = filled(50, seed), all = full(50), given: number[] = [];
      for (let i = 0; i < 50; i++) {
        given.push(picker.rarest(all, 50));
        picker.remove(given[i]!);
      }
      assert.equal(new Set(given).size, 50);
      return given.join();
    };
    assert.equal(order(1), order(1));
    assert.equal(new Set([1, 2, 3, 4, 5].map(order)).size, 5);
  });

  it("returns each of equally rare pieces about as often, even if they became equal later", () => {
    const counts = new Array(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      const picker = filled(20, seed), all = full(20);
      for (let piece = 0; piece < 20; piece++) picker.increase(piece);
      for (let piece = 0; piece < 10; piece++) picker.decrease(piece);
      counts[picker.rarest(all, 20)]++;
    }
    for (const count of counts) assert.ok(count > 140 && count < 260, `${counts}`);
  });

  it("answers the same for a peer with few of many pieces, by the shorter way", () => {
    const picker = filled(2000, 3), model = new Model(2000);
    for (let piece = 0; piece < 2000; piece++) {
      model.pickable.add(piece);
      for (let i = 0; i < piece % 5; i++) apply(picker, model, [2, piece]);
    }
    const has = bits(2000, [4, 9, 14, 503, 1001, 1996, 1991]);
    const seen = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const few = picker.rarest(has, 7), walked = picker.rarest(has, 2000);
      assert.ok(model.rarest(has).includes(few) && model.rarest(has).includes(walked));
      seen.add(few);
    }
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [1001, 1991, 1996],
      "ties at random here too",
    );
    for (const piece of [1001, 1996, 1991]) apply(picker, model, [1, piece]);
    assert.equal(picker.rarest(has, 4), 503);
  });

  it("anyOf eventually returns every piece that the peer has, and no other", () => {
    const picker = filled(30), has = bits(30, [3, 4, 5, 17, 29]), seen = new Set<number>();
    picker.remove(4);
    for (let i = 0; i < 500; i++) seen.add(picker.anyOf(has));
    assert.deepEqual([...seen].sort((a, b) => a - b), [3, 5, 17, 29]);
  });

  it("first returns pieces in order, including returned ones", () => {
    const picker = filled(100), all = full(100);
    for (let piece = 0; piece < 60; piece++) {
      assert.equal(picker.first(all), piece);
      picker.remove(piece);
    }
    picker.insert(7);
    assert.equal(picker.first(all), 7);
    assert.equal(picker.first(bits(100, [3, 63, 80])), 63);
    picker.remove(7);
    assert.equal(picker.first(all), 60);
  });

  it("does nothing when a piece is inserted or removed twice", () => {
    const picker = filled(5);
    picker.insert(2);
    assert.equal(picker.length, 5);
    picker.remove(2);
    picker.remove(2);
    assert.equal(picker.length, 4);
  });

  it("returns -1 if there is nothing to pick", () => {
    const picker = filled(9), none = new Bitfield(9);
    assert.deepEqual([picker.rarest(none, 0), picker.first(none), picker.anyOf(none)], [
      -1,
      -1,
      -1,
    ]);
    for (let piece = 0; piece < 9; piece++) picker.remove(piece);
    const all = full(9);
    assert.deepEqual([picker.rarest(all, 9), picker.first(all), picker.anyOf(all)], [-1, -1, -1]);
  });

  it("moves a piece in as many steps, however many pieces there are", () => {
    const stepsWith = (count: number) => {
      const { made: picker, steps } = countingWrites(() => filled(count));
      for (let piece = 0; piece < count; piece += 2) picker.increase(piece);
      const before = steps();
      for (let i = 0; i < 1000; i++) {
        picker.increase(i);
        picker.decrease(i);
      }
      return steps() - before;
    };
    const small = stepsWith(2000);
    assert.ok(small >= 4000, "moves are counted");
    assert.ok(stepsWith(50_000) <= 1.1 * small, `${small} steps with 2,000 pieces`);
  });

  it("looks at no more than a few thousand pieces for a choice, and a few more bits", () => {
    const count = 200_000,
      work = { steps: 0 },
      picker = new PiecePicker(count, new HandRandom(1), work);
    for (let piece = 0; piece < count; piece++) picker.insert(piece);
    // A peer that has the most common ones alone, all of which stand at the end of the order.
    const common = bits(count, Array.from({ length: count / 2 }, (_, i) => 2 * i));
    picker.shift((visit) => common.forEachSet(visit), common.count, 1);
    for (const has of [common, bits(count, [count - 1]), bits(count, [])]) {
      for (
        const choose of [
          () => picker.rarest(has, has.count),
          () => picker.rarest(has, count),
          () => picker.anyOf(has),
          () => picker.first(has),
        ]
      ) {
        const before = work.steps, piece = choose();
        assert.ok(piece < 0 ? has.count === 0 : has.has(piece));
        assert.ok(work.steps - before <= 4096 + 512 + count / 256, `${work.steps - before} steps`);
      }
    }
  });

  it("sorts no more often than choices pay for, and still chooses", () => {
    const count = 50_000, picker = new PiecePicker(count, new HandRandom(1)), all = full(count);
    for (let piece = 0; piece < count; piece++) picker.insert(piece);
    const half = bits(count, Array.from({ length: count / 2 }, (_, i) => 2 * i));
    let common = 0;
    for (let i = 0; i < 100; i++) {
      picker.shift((visit) => half.forEachSet(visit), half.count, 1);
      const piece = picker.rarest(all, count);
      assert.ok(picker.isPickable(piece));
      if (half.has(piece)) common++;
      picker.remove(piece);
      picker.insert(piece);
      picker.shift((visit) => half.forEachSet(visit), half.count, -1);
    }
    assert.ok(common > 0, "the order was an older one at times");
    picker.shift((visit) => half.forEachSet(visit), half.count, 1);
    for (let i = 0; i < count / 256 + 1; i++) picker.rarest(all, count);
    assert.equal(half.has(picker.rarest(all, count)), false, "later it is right again");
  });
});
