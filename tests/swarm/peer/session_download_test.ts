import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { ProtocolError } from "../../../src/util/errors.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { cutAtRandom, cutEvery } from "../../harness/cuts.ts";
import { blocksOf, SessionBench, type SessionOptions } from "../../harness/session_bench.ts";
import { Workshop, type WorkshopOptions } from "../../harness/workshop.ts";

const BLOCK = 16384;

function bench(options: SessionOptions = {}, shop: WorkshopOptions = {}): SessionBench {
  return new SessionBench(new Workshop({ sequential: true, ...shop }), options);
}

/** Two sessions of the same torrent. */
function twoOf(shop: WorkshopOptions = {}, options: SessionOptions = {}) {
  const a = bench(options, shop);
  return { shop: a.shop, a, b: new SessionBench(a.shop, { ...options, slot: 1 }) };
}

/** The bytes of a piece message. */
function pieceMessage(one: SessionBench, piece: number, block: number): Uint8Array {
  const encoder = new wire.WireEncoder(), bytes = one.shop.right({ piece, block });
  encoder.piece(piece, block * BLOCK, bytes.length).set(bytes);
  return encoder.bytes.slice();
}

function refusal(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
  return undefined;
}

describe("PeerSession: asking", () => {
  it("asks for nothing while choked, and for a window full once it may", () => {
    const one = bench().hearsSignal(wire.HAVE_ALL);
    assert.deepEqual(one.asks(), []);
    one.hearsSignal(wire.UNCHOKE);
    assert.equal(one.asks().length, 8);
    assert.deepEqual(one.settles(), [], "not twice");
  });

  it("asks for nothing of a peer that has nothing for us", () => {
    const one = bench().hearsSignal(wire.HAVE_NONE).hearsSignal(wire.UNCHOKE);
    assert.deepEqual(one.settles(), []);
  });

  it("downloads everything, whatever the cuts, and asks for each block once", () => {
    for (const fast of [true, false]) {
      for (const cut of [1000, 16397, 40_000, "random"] as const) {
        const one = bench({ fast }).hearsSeed(), asked: string[] = [];
        for (let ids = one.asks(); ids.length > 0; ids = one.asks()) {
          asked.push(...ids.map(({ piece, block }) => `${piece}/${block}`));
          const encoder = new wire.WireEncoder();
          for (const { piece, block } of ids) encoder.append(pieceMessage(one, piece, block));
          const chunks = cut === "random"
            ? cutAtRandom(encoder.bytes, asked.length, 9000)
            : cutEvery(encoder.bytes, cut);
          for (const chunk of chunks) one.receives(chunk);
        }
        one.shop.assertComplete();
        assert.equal(asked.length, 30);
        assert.equal(new Set(asked).size, 30);
        assert.equal(one.shop.manager.ledger.wastedBytes, 0);
        assert.equal(one.session.source.down.total, one.shop.data.content.length);
        assert.equal(one.session.source.window.outstanding, 0);
      }
    }
  });

  it("asks in bulk: not before a quarter of the window is free", () => {
    const one = bench().hearsSeed();
    one.session.source.window.setShare(Infinity, false, null, 8);
    const ids = one.asks();
    one.hearsBlocks(ids.slice(0, 1));
    assert.deepEqual(one.asks(), []);
    one.hearsBlocks(ids.slice(1, 2));
    assert.equal(one.asks().length, 2);
  });

  it("releases its blocks to others when it is choked, and continues after an unchoke", () => {
    for (const fast of [true, false]) {
      const { shop, a, b } = twoOf({}, { fast });
      a.hearsSeed();
      b.hearsSeed();
      const ids = a.asks();
      a.hearsBlocks(ids.slice(0, 2)).hearsSignal(wire.CHOKE);
      assert.equal(a.session.source.window.outstanding, 0);
      assert.deepEqual(a.settles(), []);
      const others = b.asks();
      assert.deepEqual(others.slice(0, 6), ids.slice(2));
      if (fast) {
        a.hears((voice) => {
          for (const id of ids.slice(2)) {
            voice.block(wire.REJECT, id.piece, id.block * BLOCK, BLOCK);
          }
        });
      }
      a.hearsSignal(wire.UNCHOKE);
      const more = a.asks();
      assert.ok(more.length > 0);
      assert.ok(
        more.every((id) => !others.some((o) => o.piece === id.piece && o.block === id.block)),
      );
      for (let mine = more, theirs = others; mine.length + theirs.length > 0;) {
        a.hearsBlocks(mine);
        b.hearsBlocks(theirs);
        mine = a.asks();
        theirs = b.asks();
      }
      shop.assertComplete();
    }
  });

  it("uses blocks that a peer sends after it choked us", () => {
    const one = bench().hearsSeed(), ids = one.asks();
    one.hearsSignal(wire.CHOKE).hearsBlocks(ids);
    assert.deepEqual(one.shop.verified, [0, 1]);
    assert.equal(one.shop.manager.ledger.wastedBytes, 0);
  });

  it("requests a rejected block from another peer", () => {
    const { a, b } = twoOf();
    a.hearsSeed();
    b.hearsSeed();
    const ids = a.asks(), { piece, block } = ids[2]!;
    const reject = (voice: wire.WireEncoder) =>
      voice.block(wire.REJECT, piece, block * BLOCK, BLOCK);
    a.hears(reject);
    assert.deepEqual(b.asks()[0], ids[2]);
    a.hears(reject); // of a request that is not there: no harm
  });

  it("ends a connection that rejects nonsense without end", () => {
    const one = bench().hearsSeed();
    const end = refusal(() => {
      for (let i = 0; i < 1000; i++) one.hears((voice) => voice.block(wire.REJECT, 99, 1, 2));
    });
    assert.equal(end, "nonsense");
  });

  it("releases everything when the connection ends, even in the middle of a block", () => {
    for (const sent of [0, 13, 5000]) {
      const { shop, a, b } = twoOf({ length: 4 * BLOCK });
      a.hearsSeed();
      const ids = a.asks();
      if (sent > 0) a.receives(pieceMessage(a, ids[0]!.piece, ids[0]!.block).slice(0, sent));
      a.close();
      b.hearsSeed().hearsBlocks(b.asks());
      shop.assertComplete();
    }
  });

  it("repeats requests in the end-game, and cancels blocks that arrived from others", () => {
    const { shop, a, b } = twoOf({ length: 4 * BLOCK });
    a.hearsSeed();
    const ids = a.asks();
    assert.equal(ids.length, 4);
    b.hearsSeed();
    assert.deepEqual(b.asks(), ids.slice(0, 1), "one at a time while it is not quick");
    assert.equal(b.session.source.isIdle, true);
    b.hearsBlocks(ids.slice(0, 1));
    assert.deepEqual(blocksOf(a.said(), wire.CANCEL), ids.slice(0, 1));
    a.hearsBlocks(ids.slice(1));
    shop.assertComplete();
  });

  it("says that it is hungry when blocks became free since it found nothing", () => {
    const { a, b } = twoOf({ length: 4 * BLOCK });
    a.hearsSeed();
    a.asks();
    b.hearsSeed();
    b.asks();
    assert.deepEqual([b.session.source.isIdle, b.session.source.isHungry], [true, false]);
    a.hearsSignal(wire.CHOKE);
    assert.equal(b.session.source.isHungry, true);
    assert.equal(b.asks().length, 3);
    assert.equal(b.session.source.isHungry, false);
  });
});

describe("PeerSession: unrequested blocks", () => {
  it("drops and counts them, and ends the connection after too many", () => {
    const one = bench().hearsSeed(), [id] = one.asks();
    one.hearsBlocks([{ piece: 3, block: 1 }]);
    assert.equal(one.shop.manager.ledger.wastedBytes, BLOCK);
    one.hearsBlocks([id!]).hearsBlocks([id!]);
    assert.equal(one.shop.manager.ledger.wastedBytes, 2 * BLOCK);
    assert.equal(one.session.source.down.total, 3 * BLOCK);
    let count = 0;
    const end = refusal(() => {
      for (; count < 1000; count++) one.hearsBlocks([{ piece: 3, block: 1 }]);
    });
    assert.equal(end, "nonsense");
    assert.ok(count >= 100 && count <= 400, `${count}`);
  });

  it("refuses invalid blocks", () => {
    const wrong: [piece: number, begin: number, length: number][] = [
      [8, 0, BLOCK],
      [0xffffffff, 0, BLOCK],
      [0, 5, BLOCK],
      [0, 4 * BLOCK, BLOCK],
      [0, 0xffffc000, BLOCK],
      [0, 0, BLOCK - 1],
      [7, BLOCK, BLOCK],
    ];
    for (const [piece, begin, length] of wrong) {
      const one = bench().hearsSeed();
      one.asks();
      const say = () => one.hears((voice) => voice.piece(piece, begin, length));
      assert.equal(refusal(say), "bad-block", `${piece} ${begin} ${length}`);
      one.close(); // and leaves nothing behind
      assert.equal(one.shop.manager.openPieces.size, 0);
    }
  });
});

describe("PeerSession: slow peers", () => {
  it("releases the blocks of a silent peer to others, and uses its late ones", () => {
    const { shop, a, b } = twoOf({ length: 5 * BLOCK });
    a.hearsSeed();
    const ids = a.asks();
    a.pass(15_000);
    assert.equal(a.session.source.snubbed, false);
    a.pass(500);
    assert.equal(a.session.source.snubbed, true);
    assert.equal(a.session.source.window.outstanding, 0);
    assert.deepEqual(a.settles(), []);
    b.hearsSeed();
    assert.deepEqual(b.asks().slice(0, 5), ids);
    a.hearsBlocks(ids.slice(4));
    assert.equal(a.session.source.snubbed, false);
    b.said();
    b.hearsBlocks(ids.slice(0, 4));
    shop.assertComplete();
    assert.equal(shop.manager.ledger.wastedBytes, 0);
  });

  it("takes from a peer even the block that it stopped sending half-way", () => {
    const { shop, a, b } = twoOf({ length: BLOCK });
    a.hearsSeed();
    const [id] = a.asks();
    const message = pieceMessage(a, 0, 0);
    a.receives(message.slice(0, 9000));
    assert.equal(a.session.source.window.outstanding, 0);
    a.pass(20_000);
    assert.equal(a.session.source.snubbed, true);
    b.hearsSeed();
    assert.deepEqual(b.asks(), [id]);
    b.hearsBlocks([id!]);
    shop.assertComplete();
    const rest = pieceMessage(a, 0, 0).slice(9000);
    a.receives(rest);
    assert.equal(shop.manager.ledger.wastedBytes, BLOCK);
    assert.equal(a.session.source.snubbed, false);
  });

  it("a snubbed peer holds no blocks, and gets only a request that tests it", () => {
    const { shop, a, b } = twoOf({ length: 2 * BLOCK });
    a.hearsSeed();
    a.asks();
    a.pass(20_000);
    assert.deepEqual(a.settles(), []);
    a.pass(60_000);
    const probes = a.asks();
    assert.equal(probes.length, 1);
    assert.equal(a.session.source.window.outstanding, 0);
    assert.equal(shop.manager.openPieces.size, 0, "nothing waits for it");
    a.pass(30_000);
    assert.deepEqual(a.settles(), [], "not again so soon");
    b.hearsSeed();
    assert.deepEqual(b.asks().length, 2);
    a.hearsBlocks(probes);
    assert.equal(a.session.source.snubbed, false);
    b.said();
    shop.check();
  });

  it("does not request blocks from a snubbed peer that others were asked for", () => {
    const { a, b } = twoOf({ length: 2 * BLOCK });
    a.hearsSeed();
    a.asks();
    a.pass(80_000);
    b.hearsSeed();
    assert.equal(b.asks().length, 2);
    assert.deepEqual(a.settles(), []);
    assert.equal(a.session.source.outstanding, 0);
  });

  it("ignores a block whose piece was given up and begun again meanwhile", () => {
    const { shop, a, b } = twoOf({ length: 8 * BLOCK, budgetBytes: 0 });
    a.hears((voice) => voice.bitfield(Uint8Array.of(0x80))).hearsSignal(wire.UNCHOKE);
    b.hears((voice) => voice.bitfield(Uint8Array.of(0x40))).hearsSignal(wire.UNCHOKE);
    const [first, second] = a.asks(), message = pieceMessage(a, 0, 1);
    a.hearsBlocks([first!]);
    assert.deepEqual(second, { piece: 0, block: 1 });
    a.receives(message.slice(0, 9000));
    a.pass(20_000);
    b.hearsBlocks(b.asks()); // needs the room of piece 0
    assert.deepEqual(shop.verified, [1]);
    const c = new SessionBench(shop, { slot: 2 }).hearsSeed();
    const again = c.asks();
    assert.equal(again.length, 4);
    a.receives(pieceMessage(a, 0, 1).slice(9000));
    c.said();
    c.hearsBlocks(again);
    shop.assertComplete();
    assert.deepEqual(shop.failed, []);
  });

  it("forgives a snubbed peer that unchokes us again", () => {
    const one = bench({ fast: false }).hearsSeed();
    one.asks();
    one.pass(20_000);
    assert.equal(one.session.source.snubbed, true);
    one.hearsSignal(wire.CHOKE).hearsSignal(wire.UNCHOKE);
    assert.equal(one.asks().length, 8);
  });

  it("requests a skipped block from another peer", () => {
    const { shop, a, b } = twoOf({ length: 16 * 64 * BLOCK, pieceLength: 16 * BLOCK });
    a.hearsSeed();
    const [lost, ...queue] = a.asks();
    for (let i = 0; i < 300; i++) {
      a.hearsBlocks(queue.splice(0, 1));
      queue.push(...a.asks());
      if (i % 20 === 0) a.pass(500);
    }
    assert.equal(a.session.source.snubbed, false);
    assert.equal(a.session.source.hasAsked(lost!.piece, lost!.block), false);
    const again = [...queue, ...(b.hearsSeed(), b.asks())];
    const was = again.some((id) => id.piece === lost!.piece && id.block === lost!.block) ||
      shop.manager.have.has(lost!.piece);
    assert.equal(was, true);
  });

  it("reports on a second tick that the window has space", () => {
    const one = bench().hearsSeed();
    const before = one.changes;
    one.pass(500);
    assert.ok(one.changes > before);
  });
});
