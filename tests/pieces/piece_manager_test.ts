import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { HASHING, HAVE, MISSING, OPEN, STORING } from "../../src/pieces/piece_manager.ts";
import { RANDOM_FIRST } from "../../src/pieces/piece_picker.ts";
import { arraysMadeBy } from "../harness/allocations.ts";
import type { BlockId, HandPeer } from "../harness/hand_peer.ts";
import { Workshop } from "../harness/workshop.ts";

const BLOCK = 16384;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const pieceOf = ({ piece }: BlockId) => piece;

/** The peer sends all that it was asked for, rightly. */
function sendAll(shop: Workshop, peer: HandPeer): void {
  while (peer.asked.length > 0) peer.sends(peer.asked[0]!, shop.right(peer.asked[0]!));
}

/** Peers are asked in turn until nobody can be asked for more; returns what each was asked for. */
function askInTurn(peers: HandPeer[]): BlockId[][] {
  const asked: BlockId[][] = peers.map(() => []);
  for (let more = true; more;) {
    more = false;
    peers.forEach((peer, i) => {
      const id = peer.ask();
      if (id === null) return;
      asked[i]!.push(id);
      more = true;
    });
  }
  return asked;
}

describe("PieceManager: a download", () => {
  for (const hashing of ["running", "submit"] as const) {
    for (const sequential of [false, true]) {
      const how = `${hashing}${sequential ? ", sequential" : ""}`;

      it(`gets everything from one seed, exactly right (${how})`, () => {
        const shop = new Workshop({ hashing, sequential });
        const seed = shop.peer();
        shop.downloadAll(seed);
        shop.assertComplete();
        assert.deepEqual([...shop.verified].sort((a, b) => a - b), range(0, 8));
        assert.equal(shop.manager.ledger.wastedBytes, 0);
        assert.deepEqual([seed.wanted, seed.pickable], [0, 0]);
      });

      it(`hashes pieces of many blocks in any order (${how})`, () => {
        const shop = new Workshop({
          hashing,
          sequential,
          pieceLength: 40 * BLOCK,
          length: 100 * BLOCK - 5,
        });
        const seed = shop.peer();
        seed.askMany();
        for (let i = 0; seed.asked.length > 0; i++) {
          const id = seed.asked[(i * 7919) % seed.asked.length]!;
          seed.sends(id, shop.right(id));
          shop.check();
        }
        shop.hasher.finishAll();
        shop.assertComplete();
        assert.equal(shop.hasher.started, hashing === "running" ? 3 : 0);
      });
    }
  }

  it("asks for the blocks of a piece in order, each once", () => {
    const shop = new Workshop({ sequential: true });
    const asked = shop.peer().askMany();
    const expected = range(0, 8).flatMap((piece) =>
      range(0, shop.data.layout.blocksIn(piece)).map((block) => ({ piece, block }))
    );
    assert.deepEqual(asked, expected);
  });

  it("asks a peer for nothing that it does not have, or that we have", () => {
    const shop = new Workshop();
    shop.manager.states.markHave(3);
    const peer = shop.peer([1, 3, 5]);
    assert.equal(peer.wanted, 2);
    assert.deepEqual(new Set(peer.askMany().map(pieceOf)), new Set([1, 5]));
    assert.equal(shop.peer([]).ask(), null);
  });

  it("takes the first few pieces at random, then the rarest", () => {
    const firsts = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const shop = new Workshop({ seed });
      for (let i = 0; i < 5; i++) shop.peer([0, 1, 2, 3, 4, 5]);
      const order = [...new Set(shop.peer().askMany().map(pieceOf))];
      firsts.add(order[0]!);
      const early = order.slice(0, RANDOM_FIRST), rest = order.slice(RANDOM_FIRST);
      const rare = [6, 7].filter((piece) => !early.includes(piece));
      assert.deepEqual(rest.slice(0, rare.length).sort(), rare, `seed ${seed}: ${order}`);
    }
    assert.ok(firsts.size >= 5, `${[...firsts]}`);
  });

  it("assigns separate pieces to several peers while there are enough, then shares the last", () => {
    const shop = new Workshop({ length: 3 * 4 * BLOCK });
    const peers = [shop.peer(), shop.peer(), shop.peer(), shop.peer()];
    const asked = askInTurn(peers);
    const pieces = asked.map((ids) => new Set(ids.map(pieceOf)));
    assert.equal(new Set(asked.slice(0, 3).map((ids) => ids[0]!.piece)).size, 3);
    assert.ok(pieces[3]!.size > 0, "the fourth helps with another's");
    const ids = asked.flat().map(({ piece, block }) => `${piece}/${block}`);
    assert.equal(new Set(ids).size, 12);
    assert.equal(ids.length, 12, "nothing is asked for twice");
    shop.check();
  });

  it("finishes abandoned pieces before it begins new ones", () => {
    const shop = new Workshop();
    const first = shop.peer(), [begun] = first.askMany(4);
    first.sends(begun!, shop.right(begun!));
    first.dropsRequests();
    const second = shop.peer();
    assert.deepEqual(second.askMany(3).map(pieceOf), Array(3).fill(begun!.piece));
    assert.notEqual(second.ask()!.piece, begun!.piece);
  });

  it("forgets a piece without blocks and without a peer", () => {
    const shop = new Workshop();
    const peer = shop.peer(), { piece } = peer.ask()!;
    assert.equal(shop.manager.states.of(piece), OPEN);
    peer.dropsRequests();
    assert.equal(shop.manager.states.of(piece), MISSING);
    assert.equal(shop.manager.openPieces.size, 0);
    shop.check();
  });

  it("limits the pieces that a peer works on at a time", () => {
    for (const piecesPerPeer of [1, 2, 5]) {
      const shop = new Workshop({ piecesPerPeer });
      const peer = shop.peer();
      for (let i = 0; i < 40 && !shop.manager.complete; i++) {
        peer.askMany();
        assert.ok(peer.piecesWorkedOn.size <= piecesPerPeer);
        if (i === 0) assert.equal(peer.piecesWorkedOn.size, piecesPerPeer);
        const id = peer.asked[0]!;
        peer.sends(id, shop.right(id));
        shop.check();
      }
      shop.assertComplete();
    }
  });

  it("stays within its memory: one piece at least, two if one fits", () => {
    for (const [budgetBytes, most] of [[0, 1], [4 * BLOCK, 2], [15 * BLOCK, 3]] as const) {
      const shop = new Workshop({ budgetBytes });
      const peers = [shop.peer(), shop.peer()];
      assert.equal(shop.manager.budgetBlocks, 4 * most);
      while (!shop.manager.complete) {
        askInTurn(peers);
        assert.equal(new Set(peers.flatMap((p) => [...p.piecesWorkedOn])).size <= most, true);
        peers.forEach((peer) => sendAll(shop, peer));
        shop.check();
      }
      shop.assertComplete();
    }
  });

  it("never assigns a buffer twice and allocates none per block", () => {
    const shop = new Workshop({ pieceLength: 32 * BLOCK, length: 64 * BLOCK });
    const peer = shop.peer(), ids = peer.askMany(32), bytes = ids.map((id) => shop.right(id));
    const made = arraysMadeBy(() => {
      ids.slice(0, 31).forEach((id, i) => peer.sends(id, bytes[i]!));
    });
    assert.deepEqual(made, []);
  });

  it("counts how rare a piece is over all connected peers, including seeds", () => {
    const shop = new Workshop();
    const seed = shop.peer(), some = shop.peer([2, 3]), more = shop.peer([]);
    more.gains(3);
    assert.deepEqual([0, 2, 3].map((piece) => shop.manager.holders.availabilityOf(piece)), [
      1,
      2,
      3,
    ]);
    seed.loses(3);
    assert.deepEqual([0, 2, 3].map((piece) => shop.manager.holders.availabilityOf(piece)), [
      1,
      2,
      2,
    ]);
    some.loses(2);
    assert.equal(shop.manager.holders.availabilityOf(2), 1);
    seed.leaves();
    some.leaves();
    assert.deepEqual([0, 2, 3].map((piece) => shop.manager.holders.availabilityOf(piece)), [
      0,
      0,
      1,
    ]);
    shop.check();
  });

  it("asks a peer no more for a piece that it lost", () => {
    const shop = new Workshop({ sequential: true });
    const peer = shop.peer([0, 1]);
    assert.equal(peer.ask()!.piece, 0);
    peer.loses(0);
    shop.check();
    assert.deepEqual(new Set(peer.askMany().map(pieceOf)), new Set([1]));
  });

  it("counts pieces found on the disk, and downloads lost ones again", () => {
    const shop = new Workshop();
    shop.manager.states.markHave(0);
    shop.manager.states.markHave(0);
    const seed = shop.peer();
    shop.manager.states.markHave(7);
    shop.check();
    assert.equal(shop.manager.states.haveBytes, 4 * BLOCK + BLOCK * 3 / 2);
    assert.equal(seed.wanted, 6);
    assert.deepEqual(shop.verified, [], "without an event");
    const { version } = shop.manager.states;
    shop.manager.states.markMissing(0);
    shop.manager.states.markMissing(0);
    shop.manager.states.markMissing(7);
    assert.notEqual(shop.manager.states.version, version);
    shop.check();
    shop.downloadAll(seed);
    shop.assertComplete();
    assert.equal(shop.manager.states.of(0), HAVE);
  });
});

describe("PieceManager: requests that fail", () => {
  it("assigns a released block to the next peer", () => {
    const shop = new Workshop({ sequential: true });
    const first = shop.peer(), second = shop.peer();
    first.askMany(4);
    first.rejects({ piece: 0, block: 2 });
    shop.check();
    assert.deepEqual(second.ask(), { piece: 0, block: 2 });
  });

  it("uses a late block if it is still missing, and cancels the other requests for it", () => {
    const shop = new Workshop({ sequential: true });
    const slow = shop.peer(), quick = shop.peer();
    const [id] = slow.askMany(2);
    slow.dropsRequests();
    assert.deepEqual(quick.ask(), id);
    assert.equal(slow.sends(id!, shop.right(id!)), true);
    assert.deepEqual(quick.cancelled, [id]);
    assert.deepEqual(quick.asked, []);
    shop.check();
    assert.equal(quick.sends(id!, shop.right(id!)), false);
    assert.equal(shop.manager.ledger.wastedBytes, BLOCK);
    shop.downloadAll(quick);
    shop.assertComplete();
  });

  it("drops a block of a finished piece, and of one that memory has no room for", () => {
    const shop = new Workshop({ sequential: true, budgetBytes: 0 });
    const peer = shop.peer();
    peer.askMany(4);
    sendAll(shop, peer);
    peer.ask();
    for (const id of [{ piece: 0, block: 1 }, { piece: 5, block: 0 }]) {
      assert.equal(peer.sends(id, shop.right(id)), false);
    }
    assert.equal(shop.manager.ledger.wastedBytes, 2 * BLOCK);
    shop.check();
  });

  it("begins a piece again for the late block of a peer that gave all of it up", () => {
    const shop = new Workshop({ sequential: true });
    const peer = shop.peer(), ids = peer.askMany(4);
    peer.dropsRequests();
    assert.equal(shop.manager.states.of(0), MISSING);
    for (const id of ids) {
      assert.equal(peer.sends(id, shop.right(id)), true);
      shop.check();
    }
    assert.deepEqual(shop.verified, [0]);
    assert.equal(shop.manager.ledger.wastedBytes, 0);
  });

  it("keeps a piece open only while a block of it still arrives", () => {
    const shop = new Workshop({ sequential: true });
    const peer = shop.peer(), [id] = peer.askMany(1) as [BlockId];
    peer.begins(id, shop.right(id));
    peer.sendsHalf();
    peer.becomesSnubbed();
    shop.check();
    assert.equal(shop.manager.states.of(0), OPEN);
    assert.deepEqual(shop.peer().ask(), id, "others are asked meanwhile");
    shop.peers[1]!.leaves();
    peer.leaves();
    assert.equal(shop.manager.states.of(0), MISSING);
    shop.check();
  });

  it("a snubbed peer never delays a piece", () => {
    const shop = new Workshop({ length: 4 * BLOCK });
    const slow = shop.peer(), quick = shop.peer();
    slow.askMany(2);
    slow.begins(slow.asked[0]!, shop.right(slow.asked[0]!));
    slow.sendsHalf();
    quick.askMany();
    sendAll(shop, quick);
    assert.equal(shop.manager.complete, false);
    slow.becomesSnubbed();
    shop.check();
    quick.askMany();
    sendAll(shop, quick);
    shop.assertComplete();
    assert.equal(slow.ends(), false, "what it was sending is not needed any more");
    assert.deepEqual(shop.guilty, []);
  });

  it("changes its version when blocks or pieces become free", () => {
    const shop = new Workshop({ hashing: "submit" });
    const peer = shop.peer();
    const changes = (act: () => void): boolean => {
      const { version } = shop.manager.states;
      act();
      return shop.manager.states.version !== version;
    };
    assert.equal(changes(() => peer.askMany(4)), false);
    assert.equal(changes(() => peer.rejects(peer.asked[3]!)), true);
    assert.equal(changes(() => peer.askMany(1)), false);
    assert.equal(changes(() => sendAll(shop, peer)), false);
    assert.equal(changes(() => shop.hasher.finish()), true, "its memory is free");
    assert.equal(changes(() => peer.askMany()), true, "the end-game began");
  });

  it("restarts a piece that no peer can finish if it blocks one that can be finished", () => {
    const shop = new Workshop({ budgetBytes: 0 });
    const gone = shop.peer([0]), other = shop.peer([1]);
    const id = gone.ask()!;
    gone.sends(id, shop.right(id));
    gone.ask();
    assert.equal(other.ask(), null, "somebody works on it");
    gone.leaves();
    const wasted = shop.manager.ledger.wastedBytes;
    assert.equal(other.ask()!.piece, 1);
    assert.equal(shop.manager.states.of(0), MISSING);
    assert.equal(shop.manager.ledger.wastedBytes, wasted + BLOCK);
    shop.check();
    sendAll(shop, other);
    const seed = shop.peer();
    shop.downloadAll(seed);
    shop.downloadAll(other);
    shop.downloadAll(seed);
    shop.assertComplete();
  });
});

describe("PieceManager: hashing elsewhere", () => {
  it("counts a piece as verified only after its hash", () => {
    const shop = new Workshop({ hashing: "submit", sequential: true });
    const peer = shop.peer();
    peer.askMany(4);
    sendAll(shop, peer);
    assert.equal(shop.manager.states.of(0), HASHING);
    assert.ok(shop.manager.hashingShare > 0);
    assert.equal(shop.manager.have.has(0), false);
    shop.check();
    shop.hasher.finish();
    assert.equal(shop.manager.states.of(0), HAVE);
    assert.deepEqual([shop.verified, shop.settled, shop.manager.hashingShare], [[0], 1, 0]);
  });

  it("takes nothing more into a piece that is being hashed", () => {
    const shop = new Workshop({ hashing: "submit", length: 2 * BLOCK });
    const a = shop.peer(), b = shop.peer();
    a.askMany();
    const id = b.askDuplicate()!;
    b.begins(id, shop.right(id));
    b.sendsHalf();
    sendAll(shop, a);
    assert.equal(b.ends(), false);
    assert.equal(b.sends({ piece: 0, block: 1 }, shop.right({ piece: 0, block: 1 })), false);
    assert.equal(b.askDuplicate(), null);
    shop.check();
    shop.hasher.finishAll();
    shop.assertComplete();
  });

  it("keeps hashing pieces within its memory", () => {
    const shop = new Workshop({ hashing: "submit", budgetBytes: 0 });
    const peer = shop.peer();
    peer.askMany();
    sendAll(shop, peer);
    assert.equal(peer.ask(), null);
    shop.hasher.finish();
    assert.notEqual(peer.ask(), null);
    shop.check();
  });

  it("downloads a piece again if its hash was lost", () => {
    const shop = new Workshop({ hashing: "submit" });
    const peer = shop.peer();
    peer.askMany(4);
    sendAll(shop, peer);
    assert.equal(shop.hasher.lose(), true);
    shop.check();
    assert.equal(shop.manager.openPieces.size, 0);
    assert.equal(shop.settled, 1);
    shop.downloadAll(peer);
    shop.assertComplete();
    assert.deepEqual(shop.failed, []);
  });

  it("ignores results after close", () => {
    const shop = new Workshop({ hashing: "submit" });
    const peer = shop.peer();
    peer.askMany(8);
    sendAll(shop, peer);
    peer.leaves();
    shop.manager.close();
    shop.hasher.finish();
    shop.hasher.lose();
    assert.deepEqual([shop.verified, shop.settled, shop.manager.states.haveBytes], [[], 0, 0]);
  });
});

describe("PieceManager: storing", () => {
  it("makes a piece missing again that could not be written, and says why", () => {
    for (const hashing of ["running", "submit"] as const) {
      const shop = new Workshop({ hashing, sequential: true });
      const peer = shop.peer(), error = new Error("disk full");
      shop.storeError = error;
      peer.askMany(4);
      sendAll(shop, peer);
      shop.hasher.finishAll();
      assert.deepEqual(shop.storeErrors, [error]);
      assert.equal(shop.manager.states.of(0), MISSING);
      assert.deepEqual(shop.verified, []);
      shop.check();
      shop.downloadAll(peer);
      shop.assertComplete();
    }
  });

  it("counts a piece as had only when the disk has taken it", () => {
    for (const hashing of ["running", "submit"] as const) {
      const shop = new Workshop({ hashing, storing: "later", sequential: true });
      const peer = shop.peer();
      peer.askMany(4);
      sendAll(shop, peer);
      shop.hasher.finishAll();
      const { settled } = shop;
      assert.equal(shop.manager.states.of(0), STORING);
      assert.deepEqual([shop.verified, shop.manager.states.haveBytes, peer.wanted], [[], 0, 8]);
      assert.ok(shop.manager.storingShare > 0);
      assert.equal(shop.manager.hashingShare, 0);
      assert.ok(peer.askMany(1)[0]!.piece > 0, "it is not asked for again");
      shop.check();
      assert.equal(shop.finishStore(), true);
      assert.equal(shop.manager.states.of(0), HAVE);
      assert.deepEqual([shop.verified, shop.settled - settled], [[0], 1]);
      assert.equal(shop.manager.storingShare, 0);
      shop.check();
      shop.downloadAll(peer);
      shop.assertComplete();
    }
  });

  it("requests nothing while the disk occupies all the memory for open pieces", () => {
    const shop = new Workshop({ storing: "later", budgetBytes: 0 });
    const peer = shop.peer();
    peer.askMany(4);
    sendAll(shop, peer);
    assert.equal(shop.manager.storingShare, 1);
    assert.deepEqual(peer.askMany(1), []);
    shop.finishStore();
    assert.equal(peer.askMany(1).length, 1);
    shop.check();
  });

  it("makes a piece missing again that the disk refused later", () => {
    const shop = new Workshop({ storing: "later", sequential: true });
    const peer = shop.peer(), error = new Error("disk full");
    peer.askMany(4);
    sendAll(shop, peer);
    assert.deepEqual(shop.storeErrors, []);
    shop.storeError = error;
    shop.finishStore();
    assert.deepEqual([shop.storeErrors, shop.settled], [[error], 1]);
    assert.equal(shop.manager.states.of(0), MISSING);
    shop.check();
    shop.downloadAll(peer);
    shop.assertComplete();
  });

  it("counts pieces stored after close, and reports none", () => {
    const shop = new Workshop({ storing: "later", sequential: true });
    const peer = shop.peer();
    peer.askMany(4);
    sendAll(shop, peer);
    peer.leaves();
    shop.manager.close();
    shop.finishStore();
    assert.equal(shop.manager.states.of(0), HAVE);
    assert.deepEqual([shop.verified, shop.settled], [[], 0]);
    shop.check();
  });
});
