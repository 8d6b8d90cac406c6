import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromLatin1, toLatin1 } from "../../../src/util/bytes.ts";
import { ProtocolError } from "../../../src/util/errors.ts";
import { decodeExtensionHandshake } from "../../../src/wire/extension.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import {
  blocksOf,
  SessionBench,
  type SessionOptions,
  signalsOf,
} from "../../harness/session_bench.ts";
import { Workshop, type WorkshopOptions } from "../../harness/workshop.ts";

const BLOCK = 16384;
const OURS = { messages: new Map<string, number>() };

function bench(options: SessionOptions = {}, shop: WorkshopOptions = {}): SessionBench {
  return new SessionBench(new Workshop({ sequential: true, ...shop }), options);
}

/** The code of the ProtocolError that `act` throws; undefined when it throws nothing. */
function refusal(act: () => void): string | undefined {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, `${error}`);
    return error.code;
  }
  return undefined;
}

/** Our bitfield's bytes with these of 8 pieces. */
const bits = (...pieces: number[]) =>
  Uint8Array.of(pieces.reduce((byte, piece) => byte | (0x80 >> piece), 0));

describe("PeerSession: the opening", () => {
  it("first sends have-all, have-none or a bitfield to a fast peer", () => {
    const none = bench({ extensions: false });
    none.session.open(OURS);
    assert.deepEqual(none.said(), [{ kind: "signal", id: wire.HAVE_NONE }]);
    const some = bench({ extensions: false });
    some.shop.manager.states.markHave(1);
    some.session.open(OURS);
    assert.deepEqual(some.said(), [{ kind: "bitfield", bytes: [...bits(1)] }]);
    const all = bench({ extensions: false });
    for (let piece = 0; piece < 8; piece++) all.shop.manager.states.markHave(piece);
    all.session.open(OURS);
    assert.deepEqual(all.said(), [{ kind: "signal", id: wire.HAVE_ALL }]);
  });

  it("sends a bitfield or nothing to a peer without the fast extension", () => {
    const none = bench({ fast: false, extensions: false });
    none.session.open(OURS);
    assert.deepEqual(none.said(), []);
    const all = bench({ fast: false, extensions: false });
    for (let piece = 0; piece < 8; piece++) all.shop.manager.states.markHave(piece);
    all.session.open(OURS);
    assert.deepEqual(all.said(), [{ kind: "bitfield", bytes: [0xff] }]);
  });

  it("sends its extension handshake, with its limits, to a peer that supports it", () => {
    const one = bench({ fast: false });
    one.session.open({ messages: new Map(), client: "shoal", reqq: 500 });
    const [message] = one.said();
    assert.equal(message?.kind === "extended" && message.id, 0);
    const payload = message?.kind === "extended" ? Uint8Array.from(message.payload) : null;
    assert.deepEqual(decodeExtensionHandshake(payload!), {
      messages: new Map([["lt_donthave", 7]]),
      client: "shoal",
      reqq: 500,
    });
  });

  it("announces a piece that we got", () => {
    const one = bench();
    one.session.taker.announce(5);
    assert.deepEqual(one.said(), [{ kind: "number", id: wire.HAVE, value: 5 }]);
  });
});

describe("PeerSession: the peer's pieces", () => {
  it("accepts a bitfield, have-all, have-none or nothing, and HAVEs after them", () => {
    const field = bench({ fast: false }).hears((voice) => voice.bitfield(bits(1, 3)));
    field.hears((voice) => voice.number(wire.HAVE, 4));
    assert.deepEqual([...field.session.source.have.bytes], [...bits(1, 3, 4)]);
    assert.equal(field.session.source.wanted, 3);
    const all = bench().hearsSignal(wire.HAVE_ALL);
    assert.equal(all.session.source.have.full, true);
    assert.equal(all.session.source.countsWhole, true);
    const none = bench().hearsSignal(wire.HAVE_NONE).hears((voice) => voice.number(wire.HAVE, 0));
    assert.equal(none.session.source.have.count, 1);
    const nothing = bench({ fast: false }).hears((voice) => voice.number(wire.HAVE, 0));
    assert.equal(nothing.session.source.wanted, 1);
  });

  it("accepts HAVEs before the bitfield", () => {
    const one = bench({ fast: false });
    one.hears((voice) => voice.number(wire.HAVE, 2));
    one.hears((voice) => voice.number(wire.HAVE, 2));
    one.hears((voice) => voice.bitfield(bits(2, 5)));
    assert.deepEqual([...one.session.source.have.bytes], [...bits(2, 5)]);
    assert.equal(one.session.source.wanted, 2);
    assert.equal(one.shop.manager.holders.availabilityOf(2), 1);
  });

  it("takes later bitfields and have-all, which aria2 sends in place of many HAVEs", () => {
    const one = bench().hearsSignal(wire.HAVE_NONE);
    one.hears((voice) => voice.bitfield(bits(1)));
    one.hears((voice) => voice.bitfield(bits(2, 5)));
    assert.deepEqual(
      [...one.session.source.have.bytes],
      [...bits(1, 2, 5)],
      "nothing is taken back",
    );
    assert.equal(one.session.source.wanted, 3);
    one.hears((voice) => voice.signal(wire.HAVE_ALL));
    assert.equal(one.session.source.have.full, true);
    for (let piece = 0; piece < 8; piece++) {
      assert.equal(one.shop.manager.holders.availabilityOf(piece), 1);
    }
  });

  it("disconnects a peer that repeats the same HAVEs", () => {
    for (const id of [wire.HAVE_ALL, 0]) {
      const one = bench();
      const tell = (voice: wire.WireEncoder) => id ? voice.signal(id) : voice.bitfield(bits(1));
      one.hears(tell);
      for (let i = 0; i < 300; i++) assert.equal(refusal(() => one.hears(tell)), undefined);
      assert.equal(refusal(() => one.hears(tell)), "nonsense");
    }
  });

  it("refuses have-none after other announcements", () => {
    const says: ((voice: wire.WireEncoder) => void)[] = [
      (voice) => voice.bitfield(bits(1)),
      (voice) => voice.signal(wire.HAVE_ALL),
      (voice) => voice.signal(wire.HAVE_NONE),
    ];
    for (const first of says) {
      const one = bench().hears(first);
      assert.equal(refusal(() => one.hearsSignal(wire.HAVE_NONE)), "late-have-none");
    }
  });

  it("refuses a bitfield of another length or with bits beyond the last piece", () => {
    const five = { length: 5 * 4 * BLOCK };
    assert.equal(refusal(() => bench({}, five).hears((v) => v.bitfield(bits(5)))), "bad-bitfield");
    const long = (voice: wire.WireEncoder) => voice.bitfield(Uint8Array.of(0, 0));
    assert.equal(refusal(() => bench().hears(long)), "bad-length");
  });

  it("refuses fast messages of a peer that did not negotiate them", () => {
    const says: ((voice: wire.WireEncoder) => void)[] = [
      (voice) => voice.signal(wire.HAVE_ALL),
      (voice) => voice.signal(wire.HAVE_NONE),
      (voice) => voice.number(wire.SUGGEST, 1),
      (voice) => voice.number(wire.ALLOWED_FAST, 1),
      (voice) => voice.block(wire.REJECT, 0, 0, BLOCK),
    ];
    for (const say of says) {
      assert.equal(refusal(() => bench({ fast: false }).hears(say)), "not-negotiated");
      assert.equal(refusal(() => bench().hears(say)), undefined);
    }
  });

  it("refuses pieces that do not exist", () => {
    for (const id of [wire.HAVE, wire.SUGGEST, wire.ALLOWED_FAST]) {
      for (const piece of [8, 0xffffffff]) {
        assert.equal(refusal(() => bench().hears((voice) => voice.number(id, piece))), "bad-piece");
      }
    }
  });

  it("tolerates PORT, suggestions, keep-alives and unknown messages", () => {
    const one = bench();
    one.receives(Uint8Array.of(0, 0, 0, 3, wire.PORT, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2, 99, 1));
    one.hears((voice) => voice.number(wire.SUGGEST, 1));
    one.hears((voice) => voice.number(wire.ALLOWED_FAST, 7));
    assert.equal(one.session.source.have.count, 0);
    assert.deepEqual(one.settles(), []);
  });

  it("takes back a piece that the peer lost (BEP 54)", () => {
    const one = bench().hearsSignal(wire.HAVE_ALL);
    one.hears((voice) => voice.extended(7, Uint8Array.of(0, 0, 0, 3)));
    assert.equal(one.session.source.have.has(3), false);
    assert.equal(one.session.source.wanted, 7);
    assert.equal(one.shop.manager.holders.availabilityOf(3), 0);
    assert.equal(one.shop.manager.holders.availabilityOf(4), 1);
    one.hears((voice) => voice.extended(7, Uint8Array.of(0, 0, 0, 3)));
    one.hears((voice) => voice.extended(7, Uint8Array.of(0, 0, 0, 99)));
    assert.equal(one.session.source.have.count, 7);
    one.hears((voice) => voice.number(wire.HAVE, 3));
    assert.equal(one.session.source.wanted, 8);
    const short = () => one.hears((voice) => voice.extended(7, Uint8Array.of(3)));
    assert.equal(refusal(short), "bad-length");
  });
});

describe("PeerSession: interest", () => {
  it("is announced exactly when it changes", () => {
    const one = bench({ fast: false });
    assert.deepEqual(one.settles(), []);
    one.hears((voice) => voice.number(wire.HAVE, 0));
    assert.deepEqual(signalsOf(one.settles()), [wire.INTERESTED]);
    one.hears((voice) => voice.number(wire.HAVE, 1));
    assert.deepEqual(one.settles(), []);
    one.hearsSignal(wire.UNCHOKE);
    one.hearsBlocks(one.asks());
    assert.deepEqual(one.shop.verified, [0, 1]);
    assert.deepEqual(signalsOf(one.settles()), [wire.NOT_INTERESTED]);
    assert.deepEqual(one.settles(), []);
    one.shop.manager.states.markMissing(0);
    assert.deepEqual(signalsOf(one.settles()), [wire.INTERESTED]);
  });

  it("the peer's is noted, and that it changed", () => {
    const one = bench().hearsSignal(wire.INTERESTED);
    assert.equal(one.session.taker.peerInterested, true);
    one.hearsSignal(wire.NOT_INTERESTED);
    assert.equal(one.session.taker.peerInterested, false);
    assert.equal(one.interestChanges, 2);
  });
});

describe("PeerSession: extensions", () => {
  const handshake = (text: string) => (voice: wire.WireEncoder) =>
    voice.extended(0, fromLatin1(text));

  it("takes the peer's handshake to heart: reqq, client, upload only", () => {
    const one = bench().hearsSignal(wire.HAVE_ALL);
    one.hears(handshake("d1:v3:abc4:reqqi3e11:upload_onlyi1ee"));
    assert.equal(one.session.extension.client, "abc");
    assert.equal(one.session.taker.isDone, true);
    assert.deepEqual(one.handshakes.map(({ reqq }) => reqq), [3]);
    one.hearsSignal(wire.UNCHOKE);
    assert.equal(one.asks().length, 3);
  });

  it("accepts a peer's renewed wish for pieces (BEP 21), announced or shown", () => {
    const one = bench().hears(handshake("d11:upload_onlyi1ee"));
    one.shop.manager.states.markHave(3);
    assert.deepEqual([one.session.taker.isDone, one.session.taker.needsUs], [true, false]);
    one.hearsSignal(wire.INTERESTED);
    assert.deepEqual([one.session.taker.isDone, one.session.taker.needsUs], [true, true]);
    one.hears((voice) => voice.number(wire.HAVE, 3));
    assert.equal(one.session.taker.needsUs, false, "it has all that we have");
    one.hears(handshake("d1:v3:abce"));
    assert.equal(one.session.taker.isDone, true);
    one.hears(handshake("d11:upload_onlyi0ee"));
    assert.equal(one.session.taker.isDone, false);
  });

  it("refuses messages that were not negotiated or offered, and invalid handshakes", () => {
    const plain = () => bench({ extensions: false }).hears(handshake("de"));
    assert.equal(refusal(plain), "not-negotiated");
    const unknown = () => bench().hears((voice) => voice.extended(3, fromLatin1("de")));
    assert.equal(refusal(unknown), "bad-extension");
    assert.notEqual(refusal(() => bench().hears(handshake("d1:pe"))), undefined);
    assert.notEqual(refusal(() => bench().hears(handshake(""))), undefined);
  });

  it("keeps none of the borrowed bytes", () => {
    const one = bench();
    one.hears(handshake("d1:v4:nice6:yourip4:\x01\x02\x03\x04e"));
    assert.equal(one.handshakes[0]!.client, "nice");
    assert.equal(one.handshakes[0]!.yourAddress, "1.2.3.4");
    assert.equal(toLatin1(fromLatin1(one.session.extension.client!)), "nice");
  });
});

describe("PeerSession: serving", () => {
  /** A session of a torrent of which we have pieces 0 and 7 (7 is one and a half blocks long). */
  function serving(options: SessionOptions = {}, choking = false): SessionBench {
    const one = bench(options);
    one.shop.manager.states.markHave(0);
    one.shop.manager.states.markHave(7);
    if (!choking) one.session.taker.setChoking(false, one.now);
    one.said();
    return one;
  }
  const request = (piece: number, begin: number, length: number) => (voice: wire.WireEncoder) =>
    voice.block(wire.REQUEST, piece, begin, length);

  it("queues requests for blocks that we have, in their order", () => {
    const one = serving();
    one.hears(request(0, 3 * BLOCK, BLOCK)).hears(request(7, BLOCK, BLOCK / 2));
    one.hears(request(0, 5, 7));
    assert.deepEqual(one.session.taker.upload.next(), {
      piece: 0,
      begin: 3 * BLOCK,
      length: BLOCK,
    });
    assert.deepEqual(one.session.taker.upload.next(), {
      piece: 7,
      begin: BLOCK,
      length: BLOCK / 2,
    });
    assert.deepEqual(one.session.taker.upload.next(), { piece: 0, begin: 5, length: 7 });
    assert.deepEqual(one.said(), []);
  });

  it("refuses invalid requests, and ends the connection after too many", () => {
    const wrong: [number, number, number][] = [
      [8, 0, BLOCK],
      [0xffffffff, 0, BLOCK],
      [1, 0, BLOCK], // we do not have it
      [0, 4 * BLOCK, BLOCK],
      [0, 3 * BLOCK + 1, BLOCK],
      [0, 0xffffffff, BLOCK],
      [0, 0, BLOCK + 1],
      [0, 0, 0],
      [0, 0, 0xffffffff],
      [7, BLOCK, BLOCK],
    ];
    for (const fast of [true, false]) {
      for (const [piece, begin, length] of wrong) {
        const one = serving({ fast }).hears(request(piece, begin, length));
        assert.equal(one.session.taker.upload.length, 0);
        const reject = { kind: "block", id: wire.REJECT, piece, begin, length };
        assert.deepEqual(one.said(), fast ? [reject] : []);
      }
      const one = serving({ fast });
      let count = 0;
      const end = refusal(() => {
        for (; count < 1000; count++) one.hears(request(1, 0, BLOCK));
      });
      assert.equal(end, "nonsense");
      assert.ok(count >= 100 && count <= 500, `${count}`);
    }
  });

  it("rejects requests while the peer is choked, or ignores them without the fast extension", () => {
    const fast = serving({}, true).hears(request(0, 0, BLOCK));
    assert.deepEqual(blocksOf(fast.said(), wire.REJECT), [{ piece: 0, block: 0 }]);
    const plain = serving({ fast: false }, true).hears(request(0, 0, BLOCK));
    assert.deepEqual(plain.said(), []);
    assert.equal(fast.session.taker.upload.length + plain.session.taker.upload.length, 0);
  });

  it("rejects queued requests when it chokes the peer", () => {
    for (const fast of [true, false]) {
      const one = serving({ fast }).hears(request(0, 0, BLOCK)).hears(request(0, BLOCK, BLOCK));
      one.session.taker.setChoking(true, one.now + 5);
      const said = one.said();
      assert.deepEqual(signalsOf(said), [wire.CHOKE]);
      const rejected = blocksOf(said, wire.REJECT);
      assert.deepEqual(rejected, fast ? [{ piece: 0, block: 0 }, { piece: 0, block: 1 }] : []);
      assert.equal(one.session.taker.upload.length, 0);
      assert.equal(one.session.taker.unchokedAt, one.now + 5);
      one.session.taker.setChoking(true, one.now + 9);
      assert.deepEqual(one.said(), []);
      one.session.taker.setChoking(false, one.now + 10);
      assert.deepEqual(signalsOf(one.said()), [wire.UNCHOKE]);
    }
  });

  it("answers a cancel: rejected when it still waited, nothing when it was sent or never made", () => {
    const cancel = (voice: wire.WireEncoder) => voice.block(wire.CANCEL, 0, BLOCK, BLOCK);
    for (const fast of [true, false]) {
      const one = serving({ fast }).hears(request(0, 0, BLOCK)).hears(request(0, BLOCK, BLOCK));
      one.hears(cancel);
      assert.deepEqual(blocksOf(one.said(), wire.REJECT), fast ? [{ piece: 0, block: 1 }] : []);
      assert.equal(one.session.taker.upload.length, 1);
      one.hears(cancel);
      assert.deepEqual(one.said(), []);
    }
  });

  it("knows that a peer let its turn pass, until it downloads something", () => {
    const one = serving(), { session } = one;
    const wastes = (after: number) => session.taker.wastesTurns(one.now + after, true);
    assert.deepEqual([wastes(0), wastes(4999), wastes(5000)], [false, false, true]);
    session.taker.setChoking(true, one.now += 1900);
    assert.equal(wastes(60_000), false, "the turn was too short, and waiting wastes nothing");
    session.taker.setChoking(false, one.now += 60_000);
    session.taker.setChoking(true, one.now += 10_000);
    assert.equal(wastes(0), true);
    session.taker.setChoking(false, one.now += 60_000);
    assert.equal(wastes(0), true, "before it uses the next one");
    one.hears(request(0, 0, BLOCK));
    assert.equal(wastes(10_000), false, "it waits for us");
    session.taker.upload.skip(1);
    session.taker.up.add(BLOCK);
    assert.equal(wastes(10_000), false);
    session.taker.setChoking(true, one.now += 20_000);
    assert.equal(wastes(60_000), false);
  });

  it("queues no more than it promised, and rejects the rest", () => {
    const one = serving();
    for (let i = 0; i < 600; i++) one.hears(request(0, (i % 4) * BLOCK, BLOCK));
    assert.equal(one.session.taker.upload.length, 500);
    assert.equal(blocksOf(one.said(), wire.REJECT).length, 100);
  });

  it("ends the connection of a peer that floods us with requests and reads no answer", () => {
    for (const choking of [true, false]) {
      const one = serving();
      one.session.taker.setChoking(choking, one.now);
      let count = 0;
      const end = refusal(() => {
        for (; count < 100_000; count += 100) {
          one.hears((voice) => {
            for (let i = 0; i < 100; i++) voice.block(wire.REQUEST, 0, 0, BLOCK);
          });
        }
      });
      assert.equal(end, "flood");
      assert.ok(one.session.out.length < 400_000, `${one.session.out.length} bytes were kept`);
      assert.ok(count > 2000, `${count} are not a flood yet`);
    }
  });

  it("keeps the connection of a peer that reads the answers", () => {
    const one = serving();
    one.session.taker.setChoking(true, one.now);
    one.said();
    for (let i = 0; i < 300; i++) {
      one.hears((voice) => {
        for (let i = 0; i < 100; i++) voice.block(wire.REQUEST, 0, 0, BLOCK);
      });
      assert.equal(one.said().length, 100);
    }
  });
});
