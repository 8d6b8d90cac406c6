import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PieceOrder } from "../../src/pieces/piece_order.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { HandRandom } from "../harness/random.ts";

const COUNT = 30;

function filled(sequential = false): PieceOrder {
  const order = new PieceOrder(COUNT, new HandRandom(3), sequential);
  for (let piece = 0; piece < COUNT; piece++) order.insert(piece);
  return order;
}

/** Takes everything out, in the order in which it is given. */
function drain(order: PieceOrder, has: Bitfield, anyWill = false): number[] {
  const given: number[] = [];
  for (let piece = order.next(has, COUNT, anyWill); piece >= 0;) {
    given.push(piece);
    order.remove(piece);
    piece = order.next(has, COUNT, anyWill);
  }
  return given;
}

function all(): Bitfield {
  const field = new Bitfield(COUNT);
  field.setAll();
  return field;
}

const inOrder = Array.from({ length: COUNT }, (_, piece) => piece);

describe("PieceOrder", () => {
  it("knows which piece may be next: one of the best level that is not taken in order", () => {
    const order = filled();
    assert.equal(order.isInTurn(29), true);
    order.setLevels([{ sequential: false }, { sequential: false }], (piece) => piece < 2 ? 0 : 1);
    assert.equal(order.isInTurn(1), true);
    assert.equal(order.isInTurn(29), false);
    order.remove(0);
    order.remove(1);
    assert.equal(order.isInTurn(29), true);
    assert.equal(filled(true).isInTurn(0), false);
  });

  it("without levels returns the rarest first, or pieces in order", () => {
    const order = filled();
    for (const piece of inOrder) if (piece !== 17) order.increase(piece);
    assert.equal(order.next(all(), COUNT, false), 17);
    assert.deepEqual(drain(filled(true), all()), inOrder);
  });

  it("returns better levels first, each in its own order", () => {
    const order = filled();
    // The best level in order, then the third of the pieces that is rarest first, then the rest.
    const level = (piece: number) => piece % 3 === 1 ? 0 : piece % 3 === 2 ? 1 : 2;
    for (const piece of inOrder) if (piece !== 20) order.increase(piece);
    const levels = [{ sequential: true }, { sequential: false }, { sequential: true }];
    order.setLevels(levels, level);
    const given = drain(order, all());
    const third = COUNT / 3;
    assert.deepEqual(given.slice(0, third), inOrder.filter((piece) => level(piece) === 0));
    assert.equal(given[third], 20);
    assert.deepEqual(
      new Set(given.slice(third, 2 * third)),
      new Set(inOrder.filter((piece) => level(piece) === 1)),
    );
    assert.deepEqual(given.slice(2 * third), inOrder.filter((piece) => level(piece) === 2));
  });

  it("takes a peer's first pieces at random, but of the best level that it has", () => {
    const order = filled();
    order.setLevels([{ sequential: false }, { sequential: false }], (p) => p < 10 ? 0 : 1);
    for (let i = 0; i < 50; i++) assert.ok(order.next(all(), COUNT, true) < 10);
    const has = new Bitfield(COUNT);
    has.set(25);
    assert.equal(order.next(has, 1, true), 25);
  });

  it("keeps available pieces and their rarity when the levels change", () => {
    const order = filled();
    order.remove(4);
    for (let i = 0; i < 3; i++) order.increase(7);
    order.setLevels([{ sequential: true }, { sequential: true }], (p) => p === 9 ? 0 : 1);
    assert.equal(order.length, COUNT - 1);
    assert.equal(order.isPickable(4), false);
    assert.equal(order.availabilityOf(7), 3);
    order.decrease(7);
    order.insert(4);
    assert.equal(order.availabilityOf(7), 2);
    assert.deepEqual(drain(order, all()), [9, ...inOrder.filter((piece) => piece !== 9)]);
    assert.equal(order.length, 0);
  });

  it("leaves out refused pieces", () => {
    const order = filled();
    order.setLevels([{ sequential: true }, { sequential: true }], (p) => p < 3 ? 0 : 1);
    assert.ok([1, 2].includes(order.nextBut(all(), (piece) => piece === 0)));
    assert.ok(order.nextBut(all(), (piece) => piece < 3) >= 3);
    assert.equal(order.nextBut(all(), () => true), -1);
  });
});
