import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EXTENSION_IDS } from "../../../src/wire/extension.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { NO_BOOK, NO_LAYOUT } from "../../../src/swarm/peer/early_pieces.ts";
import { PeerSession } from "../../../src/swarm/peer/session.ts";
import { WireRecorder } from "../../harness/wire_recorder.ts";
import { Workshop } from "../../harness/workshop.ts";

/** A session that begins without its torrent, of eight pieces. */
class Early {
  readonly shop = new Workshop();
  readonly session: PeerSession;
  readonly #voice = new wire.WireEncoder();

  constructor() {
    const events = { changed() {}, interestChanged() {}, extensionHandshake() {} };
    const peerId = new Uint8Array(20);
    this.session = new PeerSession(NO_LAYOUT, NO_BOOK, events, {
      slot: 0,
      key: 1,
      peerId,
      connectedAt: 0,
      fast: true,
      extensions: true,
    });
    this.session.open({ messages: new Map() });
  }

  hears(say: (voice: wire.WireEncoder) => void): this {
    this.#voice.clear();
    say(this.#voice);
    const chunk = this.#voice.bytes.slice();
    this.session.receive(chunk, 0);
    chunk.fill(0xdb);
    return this;
  }

  /** The torrent becomes known. */
  attach(): this {
    this.session.attach(this.shop.data.layout, this.shop.manager);
    this.shop.manager.peerJoined(this.session.source);
    this.session.recall(false);
    this.shop.check();
    return this;
  }

  get has(): number[] {
    const pieces: number[] = [];
    this.session.source.have.forEachSet((piece) => pieces.push(piece));
    return pieces;
  }

  /** What we said since the last time. */
  said() {
    const recorder = new WireRecorder();
    new wire.WireDecoder(recorder, 1).push(this.session.out.bytes.slice());
    this.session.out.clear();
    return recorder.messages;
  }
}

describe("a session of an unknown torrent", () => {
  it("says that it has nothing, and is neither interested nor a seed", () => {
    const early = new Early();
    assert.deepEqual(early.said()[0], { kind: "signal", id: wire.HAVE_NONE });
    early.hears((voice) => voice.signal(wire.UNCHOKE));
    early.session.settle(0);
    assert.deepEqual(early.said(), []);
    assert.equal(early.session.taker.isDone, false);
  });

  it("keeps a bitfield, HAVEs and don't-haves until the torrent is known", () => {
    const early = new Early().hears((voice) => {
      voice.bitfield(Uint8Array.of(0b1010_0000));
      voice.number(wire.HAVE, 5);
      voice.number(wire.HAVE, 7);
      voice.extended(EXTENSION_IDS.get("lt_donthave")!, Uint8Array.of(0, 0, 0, 2));
      voice.extended(EXTENSION_IDS.get("lt_donthave")!, Uint8Array.of(0, 0, 0, 7));
    });
    assert.deepEqual(early.attach().has, [0, 5]);
    early.hears((voice) => voice.number(wire.HAVE, 1));
    assert.deepEqual(early.has, [0, 1, 5]);
  });

  it("sends requests at once to a seed that unchoked us before", () => {
    const early = new Early().hears((voice) => {
      voice.signal(wire.HAVE_ALL);
      voice.signal(wire.UNCHOKE);
    }).attach();
    early.said();
    early.session.settle(0);
    const [first, second] = early.said();
    assert.deepEqual(first, { kind: "signal", id: wire.INTERESTED });
    assert.equal(second!.kind, "block");
    assert.equal(early.session.source.have.full, true);
  });

  it("takes a bitfield that was half here when the torrent became known", () => {
    const early = new Early();
    early.session.receive(Uint8Array.of(0, 0, 0, 2, 5), 0);
    early.attach();
    early.session.receive(Uint8Array.of(0b1100_0000), 0);
    assert.deepEqual(early.has, [0, 1]);
  });

  it("disconnects a peer that announced pieces outside this torrent", () => {
    const cases: [string, (voice: wire.WireEncoder) => void][] = [
      ["bad-bitfield", (voice) => voice.bitfield(new Uint8Array(2))],
      ["bad-bitfield", (voice) => voice.bitfield(new Uint8Array(262_144))],
      ["bad-piece", (voice) => voice.number(wire.HAVE, 8)],
    ];
    for (const [code, say] of cases) {
      const early = new Early().hears(say);
      assert.throws(() => early.attach(), { code });
      early.session.close();
      early.shop.manager.peerLeft(early.session.source);
      early.shop.manager.checkInvariants();
    }
  });

  it("bounds what it keeps, and disconnects a peer that exceeds it", () => {
    const endless: [string, (voice: wire.WireEncoder, i: number) => void][] = [
      ["costly", (voice, i) => voice.number(wire.HAVE, i % 2_000_000)],
      ["costly", (voice) => voice.bitfield(new Uint8Array(262_144).fill(255))],
      ["nonsense", (voice, i) => voice.block(wire.REQUEST, i, 0, 16_384)],
    ];
    for (const [code, say] of endless) {
      const early = new Early();
      let said = 0;
      assert.throws(
        () => {
          for (; said < 3_000_000; said++) early.hears((voice) => say(voice, said));
        },
        { code },
        `${code} after ${said}`,
      );
      assert.ok(early.session.out.length < 10_000, "little is answered");
    }
    const early = new Early();
    const tooLong = () => early.session.receive(Uint8Array.of(0, 4, 0, 2, 5), 0);
    assert.throws(tooLong, { code: "bad-length" });
    assert.throws(() => new Early().hears((voice) => voice.number(wire.HAVE, 2 ** 21)), {
      code: "bad-piece",
    });
    const late = new Early().hears((voice) => voice.signal(wire.HAVE_ALL));
    assert.throws(() => late.hears((voice) => voice.signal(wire.HAVE_NONE)), {
      code: "late-have-none",
    });
  });

  it("refuses requests while it has no pieces", () => {
    const early = new Early();
    early.said();
    early.hears((voice) => voice.block(wire.REQUEST, 0, 0, 16_384));
    assert.deepEqual(early.said().map(({ kind }) => kind), ["block"]);
    assert.equal(early.session.taker.upload.length, 0);
  });
});
