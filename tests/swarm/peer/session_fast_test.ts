import { describe, it } from "node:test";
import assert from "node:assert/strict";
import type { RateMeter } from "../../../src/util/rate_meter.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { blocksOf, SessionBench } from "../../harness/session_bench.ts";
import { Workshop } from "../../harness/workshop.ts";

const BLOCK = 16384;

/** A session that chokes a peer which told that it has nothing, and lets it have pieces 1 and 2. */
function choked(fast = true): SessionBench {
  const one = new SessionBench(new Workshop(), { fast, extensions: false });
  for (let piece = 0; piece < 8; piece++) one.shop.manager.states.markHave(piece);
  one.session.info.allowedFast = () => [1, 2];
  if (fast) one.hearsSignal(wire.HAVE_NONE);
  return one;
}

/** A session that lacks everything, of a peer that has all and chokes us. */
function starving(sequential = true, options = {}): SessionBench {
  const shop = new Workshop({ sequential, ...options });
  const one = new SessionBench(shop, { extensions: false });
  return one.hearsSignal(wire.HAVE_ALL);
}

const request = (piece: number, block: number) => (voice: wire.WireEncoder) =>
  voice.block(wire.REQUEST, piece, block * BLOCK, BLOCK);

/** At this rate for a second, in bytes. */
function uploads(meter: RateMeter, rate: number, now: number): void {
  meter.sample(now - 1000);
  meter.add(rate);
  meter.sample(now);
}

describe("PeerSession: uploads while it chokes (BEP 6)", () => {
  it("announces the allowed pieces to a peer with few pieces, and to no other", () => {
    assert.deepEqual(
      choked().said().filter(({ kind }) => kind === "number").map((m) => ({ ...m })),
      [1, 2].map((value) => ({ kind: "number", id: wire.ALLOWED_FAST, value })),
    );
    const rich = new SessionBench(new Workshop(), { extensions: false });
    rich.session.info.allowedFast = () => [1, 2];
    rich.hearsSignal(wire.HAVE_ALL);
    assert.deepEqual(rich.said(), []);
  });

  it("serves requests for allowed pieces, and rejects all others", () => {
    const one = choked();
    one.said();
    one.hears(request(1, 0)).hears(request(3, 0));
    assert.equal(one.session.taker.upload.length, 1);
    assert.deepEqual(blocksOf(one.said(), wire.REJECT).map(({ piece }) => piece), [3]);
    assert.equal(one.session.isInOrder, true);
  });

  it("serves each block three times at most", () => {
    const one = choked();
    one.said();
    for (let i = 0; i < 20; i++) one.hears(request(1, i % 4));
    assert.equal(one.session.taker.upload.length, 12);
    assert.equal(blocksOf(one.said(), wire.REJECT).length, 8);
  });

  it("sends the rest of the piece that is under way after a choke, and rejects the others", () => {
    const one = choked();
    one.session.taker.setChoking(false, one.now);
    one.said();
    for (const block of [0, 1, 2]) one.hears(request(3, block));
    one.hears(request(4, 0));
    one.session.taker.upload.skip(1);
    uploads(one.session.taker.up, 100_000, one.now);
    one.session.taker.setChoking(true, one.now);
    assert.deepEqual(blocksOf(one.said(), wire.REJECT).map(({ piece }) => piece), [4]);
    assert.equal(one.session.taker.upload.length, 2);
    assert.equal(one.session.isInOrder, true);
    one.hears(request(3, 3));
    assert.equal(one.session.taker.upload.length, 2, "nothing more of it");
  });

  it("rejects the rest of a piece, too, if it would take long", () => {
    const one = choked();
    one.session.taker.setChoking(false, one.now);
    for (const block of [0, 1, 2]) one.hears(request(3, block));
    one.session.taker.upload.skip(1);
    uploads(one.session.taker.up, 4000, one.now);
    one.session.taker.setChoking(true, one.now);
    assert.equal(one.session.taker.upload.length, 0);
  });

  it("remembers until a choke which suggestions were not followed", () => {
    const one = choked(), { suggested } = one.session.taker.upload;
    one.session.taker.setChoking(false, one.now);
    for (const piece of [3, 4, 5]) suggested.add(piece);
    one.hears(request(3, 0)).hears((voice) => voice.number(wire.HAVE, 4));
    assert.deepEqual([...suggested], [5]);
    one.session.taker.setChoking(true, one.now);
    assert.equal(suggested.size, 0);
  });

  it("keeps queued requests for allowed pieces when it chokes, and rejects the rest", () => {
    const one = choked();
    one.session.taker.setChoking(false, one.now);
    one.said();
    one.hears(request(1, 0)).hears(request(3, 0)).hears(request(2, 1));
    one.session.taker.setChoking(true, one.now);
    const said = one.said();
    assert.deepEqual(said[0], { kind: "signal", id: wire.CHOKE });
    assert.deepEqual(blocksOf(said, wire.REJECT).map(({ piece }) => piece), [3]);
    assert.equal(one.session.taker.upload.length, 2);
  });
});

describe("PeerSession: a peer that asks on and on while choked", () => {
  /** A session that served the peer `got` blocks and has choked it since; its CHOKE is written. */
  function chokedAgain(fast: boolean, got = 0): SessionBench {
    const one = choked(fast);
    one.session.taker.setChoking(false, one.now);
    one.session.taker.up.add(got * BLOCK);
    one.now += 10_000;
    one.session.taker.setChoking(true, one.now);
    one.session.taker.written(one.now, one.now + 100);
    one.said();
    return one;
  }

  /** How many requests it makes of `most`, a hundred a second, before its connection ends. */
  function asks(one: SessionBench, most: number, piece = 3): number {
    for (let count = 0; count < most; count++) {
      one.now += 10;
      try {
        one.hears(request(piece, 0));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "asks-choked");
        return count;
      }
    }
    return most;
  }

  it("is gone two seconds and a few dozen requests later, with and without BEP 6", () => {
    for (const fast of [true, false]) assert.equal(asks(chokedAgain(fast), 1000), 210 + 50);
  });

  it("may have been overtaken: whatever it asks within two seconds counts for nothing", () => {
    const one = chokedAgain(true);
    for (let i = 0; i < 2000; i++) one.hears(request(3, i % 4));
    assert.equal(asks(one, 200), 200);
  });

  it("lasts while our CHOKE waits behind other bytes, but not for ever", () => {
    const one = choked();
    one.session.taker.setChoking(false, one.now);
    one.now += 1000;
    const before = one.session.taker.unchokedAt;
    one.session.taker.setChoking(true, one.now);
    one.session.taker.written(before, one.now);
    assert.equal(asks(one, 6000), 6000);
    assert.ok(asks(one, 1000) < 300, "a minute was enough");
  });

  it("asks for each block that was still under way to it, and stays", () => {
    const one = chokedAgain(true, 150);
    one.now += 5000;
    assert.equal(asks(one, 200), 200);
    assert.equal(asks(one, 200), 0);
  });

  it("restarts with every UNCHOKE, and includes allowed pieces at any time", () => {
    const one = choked();
    one.now += 60_000;
    assert.equal(asks(one, 12, 1), 12);
    assert.equal(one.session.taker.upload.length, 12);
    for (let turn = 0; turn < 20; turn++) {
      assert.equal(asks(one, 49), 49, "before it has ever been unchoked, too");
      one.session.taker.setChoking(false, one.now);
      one.session.taker.setChoking(true, one.now + 1);
      one.session.taker.written(one.now + 1, one.now + 1);
      one.now += 10_000;
    }
  });
});

describe("PeerSession: downloads while it is choked (BEP 6)", () => {
  it("asks for pieces that the peer allows, and for nothing else", () => {
    const one = starving();
    assert.deepEqual(blocksOf(one.settles(), wire.REQUEST), []);
    one.hears((voice) => voice.number(wire.ALLOWED_FAST, 5));
    const asked = blocksOf(one.settles(), wire.REQUEST);
    assert.deepEqual(asked.map(({ piece }) => piece), [5, 5, 5, 5]);
    assert.deepEqual(blocksOf(one.settles(), wire.REQUEST), [], "once each");
    one.hearsBlocks([0, 1, 2, 3].map((block) => ({ piece: 5, block })));
    assert.deepEqual(one.shop.verified, [5]);
  });

  it("does not repeat a request that the peer rejects", () => {
    const one = starving();
    one.hears((voice) => voice.number(wire.ALLOWED_FAST, 5));
    assert.equal(blocksOf(one.settles(), wire.REQUEST).length, 4);
    one.hears((voice) => {
      for (let block = 0; block < 4; block++) voice.block(wire.REJECT, 5, block * BLOCK, BLOCK);
    });
    assert.deepEqual(blocksOf(one.settles(), wire.REQUEST), []);
    assert.equal(one.session.source.window.outstanding, 0);
  });

  it("continues allowed pieces during a choke, and releases the others", () => {
    const one = starving();
    one.hears((voice) => voice.number(wire.ALLOWED_FAST, 0));
    one.hearsSignal(wire.UNCHOKE);
    assert.ok(blocksOf(one.settles(), wire.REQUEST).length > 4);
    one.hearsSignal(wire.CHOKE);
    assert.equal(one.session.source.window.outstanding, 4);
    assert.deepEqual(blocksOf(one.settles(), wire.REQUEST), []);
  });

  it("prefers a suggestion to its own choice, and ignores one for a piece that it has", () => {
    const one = starving(false);
    one.shop.manager.states.markHave(3);
    one.hears((voice) => {
      voice.number(wire.SUGGEST, 3);
      voice.number(wire.SUGGEST, 6);
    });
    one.hearsSignal(wire.UNCHOKE);
    const asked = blocksOf(one.settles(), wire.REQUEST).map(({ piece }) => piece);
    assert.deepEqual(asked.slice(0, 4), [6, 6, 6, 6]);
    assert.ok(asked.length > 4 && !asked.includes(3), `${asked}`);
  });

  it("does not follow suggestions where the user wants the pieces in order", () => {
    const one = starving();
    one.hears((voice) => voice.number(wire.SUGGEST, 6));
    one.hearsSignal(wire.UNCHOKE);
    const asked = blocksOf(one.settles(), wire.REQUEST).map(({ piece }) => piece);
    assert.deepEqual(asked.slice(0, 5), [0, 0, 0, 0, 1]);
  });

  it("follows no suggestion from before a choke", () => {
    const one = starving(false, { length: 400 * BLOCK });
    one.hearsSignal(wire.UNCHOKE).settles();
    one.hears((voice) => voice.number(wire.SUGGEST, 6));
    one.hearsSignal(wire.CHOKE).hearsSignal(wire.UNCHOKE);
    const asked = blocksOf(one.settles(), wire.REQUEST).map(({ piece }) => piece);
    assert.ok(!asked.includes(6), `${asked}`);
  });

  it("keeps a bounded number of suggestions, however many arrive", () => {
    const one = new SessionBench(new Workshop({ length: 4000 * BLOCK, pieceLength: BLOCK }));
    one.hearsSignal(wire.HAVE_ALL);
    one.hears((voice) => {
      for (let piece = 0; piece < 4000; piece++) voice.number(wire.ALLOWED_FAST, piece);
    });
    let asked = 0;
    for (let more = 1; more > 0; asked += more) {
      const ids = blocksOf(one.settles(), wire.REQUEST);
      more = ids.length;
      one.hears((voice) => {
        for (const id of ids) {
          voice.piece(id.piece, 0, BLOCK).set(one.shop.right(id));
        }
      });
    }
    assert.equal(asked, 32);
  });
});
