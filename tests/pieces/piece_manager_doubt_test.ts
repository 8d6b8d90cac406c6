import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MISSING } from "../../src/pieces/piece_manager.ts";
import type { BlockId, HandPeer } from "../harness/hand_peer.ts";
import { Workshop, type WorkshopOptions } from "../harness/workshop.ts";

const BLOCK = 16384;

/** The peer sends all that it was asked for, wrong where `wrong` says so. */
function sendAll(shop: Workshop, peer: HandPeer, wrong: (id: BlockId) => number = () => 0): void {
  while (peer.asked.length > 0) {
    const id = peer.asked[0]!, how = wrong(id);
    peer.sends(id, how === 0 ? shop.right(id) : shop.wrong(id, how));
    shop.check();
  }
  shop.hasher.finishAll();
}

/** One piece of four blocks; a and b sent two each, and the second block, of a, was wrong. */
function failedOnce(options: WorkshopOptions = {}) {
  const shop = new Workshop({ length: 4 * BLOCK, ...options });
  const a = shop.peer(), b = shop.peer();
  a.askMany(2);
  b.askMany(2);
  sendAll(shop, a, ({ block }) => block === 1 ? 1 : 0);
  sendAll(shop, b);
  assert.equal(shop.failed.length, 1);
  return { shop, a, b };
}

describe("PieceManager: a piece that fails its hash", () => {
  for (const hashing of ["running", "submit"] as const) {
    it(`is downloaded again, and the only sender is guilty at once (${hashing})`, () => {
      const shop = new Workshop({ hashing, pieceLength: 20 * BLOCK, length: 60 * BLOCK });
      const liar = shop.peer(), [{ piece }] = liar.askMany(20) as [BlockId];
      sendAll(shop, liar, ({ block }) => block === 13 ? 1 : 0);
      assert.deepEqual(shop.failed, [{ piece, contributors: [liar.key] }]);
      assert.deepEqual(shop.guilty, [liar.key]);
      assert.equal(shop.manager.states.of(piece), MISSING);
      assert.equal(shop.manager.ledger.failed, 1);
      assert.equal(shop.manager.ledger.wastedBytes, 20 * BLOCK);
      liar.leaves();
      shop.downloadAll(shop.peer());
      shop.assertComplete();
      assert.deepEqual(shop.guilty, [liar.key]);
    });
  }

  it("blames no peer while either may be guilty, and the liar when an innocent one delivers it", () => {
    const { shop, a, b } = failedOnce();
    assert.deepEqual(shop.failed, [{ piece: 0, contributors: [a.key, b.key] }]);
    assert.deepEqual(shop.guilty, []);
    shop.downloadAll(b);
    shop.assertComplete();
    assert.deepEqual(shop.guilty, [a.key]);
  });

  it("is then requested from one peer only", () => {
    const { shop, a, b } = failedOnce({ length: 12 * BLOCK, sequential: true });
    assert.equal(b.ask()!.piece, 0);
    const c = shop.peer();
    assert.ok([...a.askMany(2), ...c.askMany(2)].every(({ piece }) => piece !== 0));
    assert.deepEqual(b.askMany(3).map(({ piece }) => piece), [0, 0, 0]);
    shop.check();
  });

  it("convicts the liar at once if it was the only sender", () => {
    const { shop, a, b } = failedOnce();
    a.askMany();
    assert.equal(b.ask(), null);
    sendAll(shop, a, ({ block }) => block === 1 ? 1 : 0);
    assert.deepEqual(shop.guilty, [a.key]);
    a.leaves();
    shop.downloadAll(b);
    shop.assertComplete();
    assert.deepEqual(new Set(shop.guilty), new Set([a.key]));
  });

  it("accepts no late blocks of earlier senders", () => {
    const { shop, a, b } = failedOnce();
    b.askMany();
    const id = { piece: 0, block: 0 };
    assert.equal(a.sends(id, shop.wrong(id)), false);
    a.begins(id, shop.wrong(id));
    a.sendsHalf();
    sendAll(shop, b);
    assert.equal(a.ends(), false);
    shop.assertComplete();
    assert.deepEqual(shop.guilty, [a.key]);
  });

  it("takes no block of a suspect that began to arrive before the piece was begun again", () => {
    const shop = new Workshop({ length: 2 * BLOCK });
    const a = shop.peer(), b = shop.peer();
    const first = b.ask()!, second = a.ask()!;
    assert.deepEqual(a.askDuplicate(), first);
    b.begins(first, shop.right(first));
    a.sends(second, shop.wrong(second));
    a.begins(first, shop.wrong(first)); // beside the piece: b writes into it
    a.sendsHalf();
    b.ends();
    assert.deepEqual(shop.failed.map(({ contributors }) => contributors), [[b.key, a.key]]);
    b.askMany();
    assert.equal(a.ends(), false);
    shop.check();
    sendAll(shop, b);
    shop.assertComplete();
    assert.deepEqual(shop.guilty, [a.key]);
  });

  it("is restarted by another peer when its own gives it up, never mixed", () => {
    for (const giveUp of ["leaves", "dropsRequests", "becomesSnubbed"] as const) {
      const { shop, a, b } = failedOnce();
      a.askMany(3);
      const id = a.asked[0]!;
      a.sends(id, shop.wrong(id));
      a[giveUp]();
      shop.check();
      assert.equal(b.askMany().length, 4, "all four blocks, also the one that was here");
      sendAll(shop, b);
      shop.assertComplete();
      assert.deepEqual(shop.guilty, [a.key], giveUp);
    }
  });

  it("is restarted in the end-game too, by a peer that never failed it", () => {
    const { shop, a } = failedOnce();
    a.askMany(3);
    const id = a.asked[0]!;
    a.sends(id, shop.wrong(id));
    a.leaves();
    const c = shop.peer();
    assert.equal(c.askMany().length, 4);
    sendAll(shop, c);
    shop.assertComplete();
    assert.deepEqual(shop.failed.length, 1);
  });

  it("waits for its peer while others have something else to do", () => {
    const { shop, a, b } = failedOnce({ length: 12 * BLOCK, sequential: true });
    a.askMany(3);
    const id = a.asked[0]!;
    a.sends(id, shop.right(id));
    a.dropsRequests();
    assert.deepEqual(new Set(b.askMany(8).map(({ piece }) => piece)), new Set([1, 2]));
    assert.equal(a.askMany().length, 3, "and keeps what it sent");
    shop.check();
  });

  it("is shared in the end-game with a peer that never failed it, so that no slow peer delays it", () => {
    const { shop, a, b } = failedOnce();
    b.ask();
    const c = shop.peer();
    assert.equal(a.ask(), null);
    assert.equal(a.askDuplicate(), null);
    assert.equal(c.askMany().length, 3);
    sendAll(shop, c);
    assert.notEqual(c.askDuplicate(), null);
    sendAll(shop, c);
    shop.assertComplete();
    assert.deepEqual(shop.guilty, [a.key]);
  });

  it("is not asked of a peer again that failed it three times", () => {
    const shop = new Workshop({ length: 4 * BLOCK });
    const liar = shop.peer(), other = shop.peer();
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal(liar.askMany().length, 4, `attempt ${attempt}`);
      sendAll(shop, liar, () => 1);
    }
    assert.equal(liar.ask(), null);
    assert.equal(liar.askDuplicate(), null);
    assert.equal(shop.failed.length, 3);
    shop.downloadAll(other);
    shop.assertComplete();
  });

  it("leaves a peer with all other pieces that it can have, however few", () => {
    for (const sequential of [true, false]) {
      const shop = new Workshop({ length: 60 * BLOCK, pieceLength: BLOCK, sequential });
      const holder = shop.peer([17, 58]);
      assert.equal(holder.askMany().length, 2);
      const liar = shop.peer();
      for (let i = 0; i < 500 && liar.ask() !== null; i++) sendAll(shop, liar, () => 1);
      assert.equal(shop.failed.length, 3 * 58);
      holder.leaves();
      assert.deepEqual(new Set(liar.askMany().map(({ piece }) => piece)), new Set([17, 58]));
      sendAll(shop, liar);
      assert.equal(shop.verified.length, 2);
    }
  });
});
