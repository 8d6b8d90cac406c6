import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MISSING, OPEN } from "../../src/pieces/piece_manager.ts";
import type { HandPeer } from "../harness/hand_peer.ts";
import { Workshop } from "../harness/workshop.ts";

const BLOCK = 16384;

/** The peer sends all that it was asked for, rightly. */
function sendAll(shop: Workshop, peer: HandPeer): void {
  while (peer.asked.length > 0) peer.sends(peer.asked[0]!, shop.right(peer.asked[0]!));
}

describe("PieceManager: two peers and one block", () => {
  /** Two peers of which each has the same block under way, outside and inside of the end-game. */
  function rivals() {
    const shop = new Workshop({ length: BLOCK + 100, pieceLength: 4 * BLOCK, sequential: true });
    const a = shop.peer(), b = shop.peer();
    a.askMany();
    const id = b.askDuplicate()!;
    assert.deepEqual(id, { piece: 0, block: 0 });
    return { shop, a, b, id };
  }

  it("accepts the first whole one of two partial deliveries, whoever began, and drops the other", () => {
    for (const [first, second] of [["a", "b"], ["b", "a"]] as const) {
      const { shop, id, ...peers } = rivals();
      peers.a.begins(id, shop.right(id));
      peers.a.sendsHalf();
      peers.b.begins(id, shop.right(id));
      peers.b.sendsHalf();
      shop.check();
      assert.equal(peers[first].ends(), true);
      shop.check();
      assert.equal(peers[second].ends(), false);
      sendAll(shop, peers.a);
      shop.assertComplete();
      assert.equal(shop.manager.ledger.wastedBytes, BLOCK);
    }
  });

  it("discards every byte of the slower one, whose bytes are wrong", () => {
    for (const winner of ["a", "b"] as const) {
      const { shop, id, ...peers } = rivals();
      const loser = winner === "a" ? peers.b : peers.a;
      const wrong = shop.right(id).map((byte) => byte ^ 0xff);
      peers.a.begins(id, winner === "a" ? shop.right(id) : wrong);
      peers.b.begins(id, winner === "b" ? shop.right(id) : wrong);
      peers.a.sendsHalf();
      peers.b.sendsHalf();
      assert.equal(peers[winner].ends(), true);
      assert.equal(loser.ends(), false);
      sendAll(shop, peers.a);
      shop.assertComplete();
      assert.deepEqual(shop.guilty, []);
    }
  });

  it("continues if either peer leaves in the middle of the block", () => {
    for (const leaver of ["a", "b"] as const) {
      const { shop, id, ...peers } = rivals();
      const stayer = leaver === "a" ? peers.b : peers.a;
      peers.a.begins(id, shop.right(id));
      peers.b.begins(id, shop.right(id));
      peers.a.sendsHalf();
      peers.b.sendsHalf();
      peers[leaver].leaves();
      shop.check();
      const third = shop.peer(); // takes over the slot
      assert.equal(third.slot, peers[leaver].slot);
      assert.equal(stayer.ends(), true);
      shop.check();
      shop.downloadAll(third);
      sendAll(shop, stayer);
      shop.assertComplete();
    }
  });

  it("requests a block from others again if its sender left in the middle of it", () => {
    const shop = new Workshop({ length: BLOCK });
    const a = shop.peer(), id = a.ask()!;
    a.begins(id, shop.right(id));
    a.sendsHalf();
    a.leaves();
    shop.check();
    assert.equal(shop.manager.states.of(0), MISSING);
    shop.downloadAll(shop.peer());
    shop.assertComplete();
  });
});

describe("PieceManager: the end-game", () => {
  it("asks for nothing twice before it", () => {
    const shop = new Workshop();
    const a = shop.peer(), b = shop.peer();
    a.askMany(4);
    assert.equal(shop.manager.blocks.inEndGame, false);
    assert.equal(b.askDuplicate(), null);
  });

  it("asks at most three peers for one block, none of them twice", () => {
    const shop = new Workshop({ length: BLOCK });
    const peers = [shop.peer(), shop.peer(), shop.peer(), shop.peer()];
    assert.notEqual(peers[0]!.ask(), null);
    assert.equal(shop.manager.blocks.inEndGame, true);
    assert.deepEqual(peers.map((peer) => peer.askDuplicate() !== null), [false, true, true, false]);
    assert.equal(peers[1]!.askDuplicate(), null);
    shop.check();
  });

  it("asks for the block that was requested least", () => {
    const shop = new Workshop({ length: 7 * BLOCK, pieceLength: 4 * BLOCK });
    const a = shop.peer(), others = [shop.peer(), shop.peer(), shop.peer(), shop.peer()];
    a.askMany();
    const asked = [0, 1].flatMap(() => others.map((peer) => peer.askDuplicate()!));
    const times = new Map<string, number>();
    for (const { piece, block } of asked) {
      const key = `${piece}:${block}`;
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    assert.deepEqual([...times.values()].sort(), [1, 1, 1, 1, 1, 1, 2]);
    shop.check();
  });

  it("cancels the other requests when the block arrives", () => {
    const shop = new Workshop({ length: 2 * BLOCK });
    const a = shop.peer(), b = shop.peer(), c = shop.peer();
    a.askMany();
    const id = b.askDuplicate()!;
    assert.deepEqual([c.askDuplicate(), c.askDuplicate()], [{ piece: 0, block: 1 }, id]);
    c.begins(id, shop.right(id));
    b.sends(id, shop.right(id));
    assert.deepEqual([a.cancelled, b.cancelled, c.cancelled], [[id], [], []]);
    assert.equal(c.incoming!.asked, false, "what arrives already is not cancelled by a message");
    assert.equal(c.ends(), false);
    shop.check();
    sendAll(shop, a);
    shop.assertComplete();
  });

  it("keeps a peer's request when another's for the same block fails", () => {
    const shop = new Workshop({ length: BLOCK });
    const a = shop.peer(), b = shop.peer(), id = a.ask()!;
    b.askDuplicate();
    a.rejects(id);
    shop.check();
    assert.equal(shop.manager.states.of(0), OPEN);
    b.sends(id, shop.right(id));
    shop.assertComplete();
  });

  it("limits each peer's number of pieces there too", () => {
    const shop = new Workshop({ length: 8 * BLOCK, piecesPerPeer: 1, sequential: true });
    const a = shop.peer(), b = shop.peer();
    a.askMany();
    b.askMany();
    assert.equal(shop.manager.blocks.inEndGame, true);
    while (b.askDuplicate() !== null);
    assert.deepEqual([...b.piecesWorkedOn], [1]);
    shop.check();
  });
});
