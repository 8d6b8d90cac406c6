import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BLOCK_LENGTH } from "../../../src/metainfo/layout.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { WorkBudget } from "../../../src/swarm/peer/work_budget.ts";
import { ProtocolError } from "../../../src/util/errors.ts";
import { SessionBench } from "../../harness/session_bench.ts";
import { Workshop } from "../../harness/workshop.ts";

/** Many pieces, tiny ones: what counts here is their number. */
const PIECES = 1 << 18, PIECE_LENGTH = 4;
/** What one peer may make us do in a moment, however it goes about it. */
const MOST_STEPS = 11_000_000;
const MOST_BYTES = 4 << 20;

let many: Workshop;

function bench(): SessionBench {
  many ??= new Workshop({
    length: PIECES * PIECE_LENGTH,
    pieceLength: PIECE_LENGTH,
    budgetBytes: 1280 * PIECE_LENGTH,
  });
  const one = new SessionBench(many);
  one.shop.check = () => {};
  return one;
}

function lost(voice: wire.WireEncoder, piece: number): void {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, piece);
  voice.extended(7, payload);
}

/** The code of what is thrown when the peer says it once more. */
function flood(one: SessionBench, say: (voice: wire.WireEncoder, i: number) => void) {
  const before = one.shop.manager.ledger.work.steps;
  let bytes = 0, code: string | null = null;
  for (let i = 0; code === null && bytes < 4 * MOST_BYTES; i++) {
    try {
      one.hears((voice) => {
        for (let j = 0; j < 50; j++) say(voice, 50 * i + j);
        bytes += voice.length;
      });
    } catch (error) {
      assert.ok(error instanceof ProtocolError, String(error));
      code = error.code;
    }
    one.session.settle(one.now);
    one.session.out.clear();
  }
  const steps = one.shop.manager.ledger.work.steps - before;
  one.session.close();
  one.shop.manager.peerLeft(one.session.source);
  return { code, bytes, steps };
}

type Say = (voice: wire.WireEncoder, i: number) => void;

const KINDS: Record<string, Say> = {
  "HAVE_ALL and a piece taken back, in turn": (voice) => {
    voice.signal(wire.HAVE_ALL);
    lost(voice, 0);
  },
  "a piece that it has and has not, in turn": (voice) => {
    voice.number(wire.HAVE, 5);
    lost(voice, 5);
  },
  "UNCHOKE and CHOKE": (voice) => {
    voice.signal(wire.UNCHOKE);
    voice.signal(wire.CHOKE);
  },
  "INTERESTED and NOT_INTERESTED": (voice) => {
    voice.signal(wire.INTERESTED);
    voice.signal(wire.NOT_INTERESTED);
  },
  "HAVE of one piece": (voice) => voice.number(wire.HAVE, 7),
  "keep-alives": (voice) => voice.keepAlive(),
  "ports": (voice, i) => voice.port(1 + i % 60_000),
  "allowed pieces": (voice, i) => voice.number(wire.ALLOWED_FAST, i % PIECES),
  "suggested pieces": (voice, i) => voice.number(wire.SUGGEST, i % PIECES),
  "cancels": (voice) => voice.block(wire.CANCEL, 0, 0, PIECE_LENGTH),
  "refusals of what was never asked": (voice, i) =>
    voice.block(wire.REJECT, i % PIECES, 0, PIECE_LENGTH),
  "extension handshakes": (voice) => voice.extended(0, new TextEncoder().encode("d1:md1:ai1eee")),
  "messages of unknown kinds": (voice) => voice.append(Uint8Array.of(0, 0, 0, 5, 99, 1, 2, 3, 4)),
};

describe("PeerSession: the work that a peer may cause", () => {
  for (const [kind, say] of Object.entries(KINDS)) {
    it(`disconnects a peer that repeats ${kind}, in a torrent of many pieces`, () => {
      const one = bench();
      const { code, bytes, steps } = flood(one, say);
      assert.ok(code !== null, `it may say ${bytes} bytes`);
      assert.match(code, /^costly$|^nonsense$/);
      assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
      assert.ok(steps <= MOST_STEPS, `${steps} steps`);
    });
  }

  it("disconnects a peer that offers few pieces and refuses, again and again", () => {
    const one = bench();
    one.hears((voice) => {
      for (let piece = 0; piece < 1000; piece++) voice.number(wire.HAVE, piece * 200);
    });
    let rounds = 0, code = "";
    for (; code === "" && rounds < 10_000; rounds++) {
      try {
        one.hearsSignal(wire.UNCHOKE);
        one.session.settle(one.now);
        assert.ok(one.session.source.outstanding > 0, "it was asked");
        one.hearsSignal(wire.CHOKE);
      } catch (error) {
        code = (error as ProtocolError).code;
      }
      one.session.out.clear();
    }
    assert.equal(code, "costly");
    one.session.close();
    one.shop.manager.peerLeft(one.session.source);
  });

  it("takes a step or two for HAVE_ALL, a HAVE, and a piece taken back", () => {
    const one = bench(), { work } = one.shop.manager.ledger;
    const steps = (say: (voice: wire.WireEncoder) => void) => {
      const before = work.steps;
      one.hears(say);
      return work.steps - before;
    };
    assert.ok(steps((voice) => voice.signal(wire.HAVE_ALL)) <= PIECES / 256);
    assert.ok(steps((voice) => lost(voice, 9)) <= 2);
    assert.ok(steps((voice) => voice.number(wire.HAVE, 9)) <= 2);
    assert.equal(one.session.source.wanted, PIECES);
    assert.equal(one.shop.manager.holders.availabilityOf(9), 1);
    one.shop.manager.checkInvariants();
    one.shop.manager.peerLeft(one.session.source);
    assert.equal(one.shop.manager.holders.availabilityOf(9), 0);
  });

  it("tolerates a peer that announces all its pieces as it gets them, and requests as many", () => {
    const one = bench();
    one.session.taker.setChoking(false, one.now);
    one.hears((voice) => voice.bitfield(new Uint8Array(PIECES / 8)));
    for (let piece = 0; piece < PIECES; piece += 64) {
      one.now += 10;
      one.hears((voice) => {
        for (let i = 0; i < 64; i++) voice.number(wire.HAVE, piece + i);
      });
      one.session.settle(one.now);
      one.session.out.clear();
    }
    assert.equal(one.session.source.have.full, true);
    one.session.close();
    one.shop.manager.peerLeft(one.session.source);
  });

  it("tolerates a peer that sends useful blocks, whatever else it sends", () => {
    const one = new SessionBench(
      new Workshop({ length: 256 * BLOCK_LENGTH, pieceLength: BLOCK_LENGTH }),
    );
    one.hearsSeed();
    for (let blocks = 0; blocks < 256;) {
      const asked = one.settles().flatMap((said) =>
        said.kind === "block" && said.id === wire.REQUEST ? [said] : []
      );
      assert.ok(asked.length > 0);
      blocks += asked.length;
      one.hearsBlocks(asked.map(({ piece, begin }) => ({ piece, block: begin / BLOCK_LENGTH })));
      for (let i = 0; i < 100; i++) one.hears((voice) => voice.keepAlive());
    }
    one.shop.assertComplete();
  });
});

describe("WorkBudget", () => {
  it("is refilled by time and by our uploads, up to a bound", () => {
    const budget = new WorkBudget(100, 0);
    budget.spend(101);
    assert.throws(() => budget.check(), { code: "costly" });
    budget.refill(1, 0);
    budget.check();
    const before = budget.left;
    budget.refill(1, 128_000);
    assert.equal(budget.left, before + 1000);
    budget.refill(1e9, 128_000);
    const most = budget.left;
    budget.delivered(1 << 30);
    assert.equal(budget.left, most);
  });

  it("a newcomer may send the largest bitfield", () => {
    const pieces = 1 << 21;
    for (const left of [WorkBudget.atFirst(pieces), WorkBudget.least(pieces)]) {
      const budget = new WorkBudget(left, 0);
      budget.received(pieces / 8 + 5);
      budget.spend(2 * pieces);
      budget.check();
    }
  });
});
