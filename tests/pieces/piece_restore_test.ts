import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HAVE, MISSING, OPEN } from "../../src/pieces/piece_manager.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { Workshop } from "../harness/workshop.ts";

const BLOCK = 16384;

function blocks(count: number, ...set: number[]): Bitfield {
  const field = new Bitfield(count);
  for (const block of set) field.set(block);
  return field;
}

/** Reads from the torrent's right bytes, or fails. */
function reader(shop: Workshop, piece: number) {
  return (begin: number, into: Uint8Array) => {
    const at = piece * shop.data.layout.pieceLength + begin;
    into.set(shop.data.content.subarray(at, at + into.length));
  };
}

describe("PieceManager.restore", () => {
  it("asks for the other blocks only, and the piece is whole", () => {
    const shop = new Workshop();
    assert.equal(shop.manager.restore(2, blocks(4, 0, 3), reader(shop, 2)), true);
    assert.equal(shop.manager.states.of(2), OPEN);
    shop.check();
    const seed = shop.peer();
    const asked = [seed.ask()!, seed.ask()!];
    assert.deepEqual(asked.map(({ piece, block }) => [piece, block]), [[2, 1], [2, 2]]);
    for (const id of asked) {
      seed.begins(id, shop.right(id));
      seed.ends();
    }
    shop.hasher.finishAll();
    assert.equal(shop.manager.states.of(2), HAVE);
    shop.check();
  });

  it("hashes a piece at once of which everything was there", () => {
    for (const hashing of ["running", "submit"] as const) {
      const shop = new Workshop({ hashing });
      shop.manager.restore(0, blocks(4, 0, 1, 2, 3), reader(shop, 0));
      shop.hasher.finishAll();
      assert.equal(shop.manager.states.of(0), HAVE);
      shop.check();
    }
  });

  it("detects wrong blocks, and blames no connected peer", () => {
    const shop = new Workshop();
    const seed = shop.peer();
    shop.manager.restore(0, blocks(4, 0), (_begin, into) => into.fill(7));
    for (let id = seed.ask(); id?.piece === 0; id = seed.ask()) {
      seed.begins(id, shop.right(id));
      seed.ends();
    }
    seed.dropsRequests();
    shop.hasher.finishAll();
    assert.equal(shop.failed.length, 1);
    assert.notEqual(shop.manager.states.of(0), HAVE);
    assert.equal(shop.guilty.includes(seed.key), false);
    shop.check();
  });

  it("takes up nothing when the disk cannot be read", () => {
    const shop = new Workshop();
    const failing = (begin: number) => {
      if (begin > 0) throw new Error("read error");
    };
    assert.throws(() => shop.manager.restore(1, blocks(4, 0, 1), failing), /read error/);
    assert.equal(shop.manager.states.of(1), MISSING);
    shop.check();
  });

  it("restores no finished piece, and no more than memory allows", () => {
    const shop = new Workshop({ budgetBytes: 2 * 4 * BLOCK });
    shop.manager.states.markHave(0);
    const one = blocks(4, 1);
    assert.equal(shop.manager.restore(0, one, reader(shop, 0)), false);
    assert.equal(shop.manager.restore(1, one, reader(shop, 1)), true);
    assert.equal(shop.manager.restore(2, one, reader(shop, 2)), true);
    assert.equal(shop.manager.restore(3, one, reader(shop, 3)), false);
    assert.equal(shop.manager.states.of(3), MISSING);
    shop.check();
  });
});
