import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../../harness/prng.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import { cutAtRandom, cutEvery } from "../../harness/cuts.ts";
import { signalsOf } from "../../harness/session_bench.ts";
import { SessionWire } from "../../harness/session_wire.ts";
import { Workshop, type WorkshopOptions } from "../../harness/workshop.ts";

const BLOCK = 16384;

/** A torrent of which these pieces are here already. */
function having(pieces: Iterable<number> | "all", options: WorkshopOptions = {}): Workshop {
  const shop = new Workshop(options);
  const all = Array.from({ length: shop.data.layout.pieceCount }, (_, piece) => piece);
  for (const piece of pieces === "all" ? all : pieces) {
    shop.manager.states.markHave(piece);
    const { layout } = shop.data;
    shop.stored.set(shop.data.bytes(piece, 0, layout.lengthOf(piece)), piece * layout.pieceLength);
  }
  return shop;
}

function unchokeBoth({ a, b }: SessionWire): void {
  a.session.taker.setChoking(false, a.now);
  b.session.taker.setChoking(false, b.now);
}

describe("Two PeerSessions back to back", () => {
  it("move a whole torrent, each block once, whatever the extensions and the cuts", () => {
    const cuts = {
      whole: (bytes: Uint8Array) => [bytes],
      "64 KiB": (bytes: Uint8Array) => cutEvery(bytes, 65_536),
      random: (bytes: Uint8Array) => cutAtRandom(bytes, bytes.length, 5000),
    };
    for (const fast of [true, false]) {
      for (const extensions of [true, false]) {
        for (const [name, cut] of Object.entries(cuts)) {
          for (const hashing of ["running", "submit"] as const) {
            const seed = having("all"), leech = new Workshop({ hashing });
            const pair = new SessionWire(seed, leech, { fast, extensions }, cut);
            pair.run();
            assert.equal(pair.blocks, 0, "nothing moves while choked");
            unchokeBoth(pair);
            pair.run();
            leech.hasher.finishAll();
            pair.run();
            leech.assertComplete();
            assert.equal(pair.blocks, 30, `${name}, fast ${fast}`);
            assert.equal(leech.manager.ledger.wastedBytes, 0);
            const interest = signalsOf(pair.saidByB).filter((id) =>
              id === wire.INTERESTED || id === wire.NOT_INTERESTED
            );
            assert.deepEqual(interest, [wire.INTERESTED, wire.NOT_INTERESTED]);
            assert.equal(signalsOf(pair.saidByA).includes(wire.INTERESTED), false);
            assert.equal(pair.a.session.taker.peerInterested, false);
            assert.equal(pair.a.session.taker.up.total, 0, "counted by the link");
          }
        }
      }
    }
  });

  it("two with half of the pieces each exchange the other half", () => {
    for (const fast of [true, false]) {
      const one = having([0, 2, 4, 6]), other = having([1, 3, 5, 7]);
      const pair = new SessionWire(one, other, { fast });
      unchokeBoth(pair);
      pair.run();
      one.assertComplete();
      other.assertComplete();
      assert.equal(pair.blocks, 30);
      assert.equal(pair.a.session.source.have.full && pair.b.session.source.have.full, true);
    }
  });

  it("continue after a choke in the middle, and request nothing while it lasts", () => {
    for (const fast of [true, false]) {
      const options = { length: 120 * BLOCK };
      const seed = having("all", options), leech = new Workshop(options);
      const pair = new SessionWire(seed, leech, { fast }, (bytes) => cutEvery(bytes, 10_000));
      unchokeBoth(pair);
      let chokes = 0;
      for (let i = 0; pair.step(5) && i < 1000; i++) {
        if (i % 3 !== 2) continue;
        pair.a.session.taker.setChoking(true, pair.a.now);
        pair.run();
        assert.equal(pair.b.session.source.outstanding, 0);
        if (!leech.manager.complete) chokes++;
        pair.a.session.taker.setChoking(false, pair.a.now);
      }
      leech.assertComplete();
      assert.ok(chokes >= 3, `${chokes}`);
      assert.equal(leech.manager.ledger.wastedBytes, 0);
    }
  });

  it("continue in a new connection after the first broke in the middle", () => {
    const seed = having("all"), leech = new Workshop();
    let broken = 0;
    for (let steps = 3; !leech.manager.complete; steps++) {
      const pair = new SessionWire(seed, leech, {}, (bytes) => cutEvery(bytes, 3000));
      unchokeBoth(pair);
      for (let i = 0; i < steps; i++) pair.step(9);
      pair.breaks();
      broken++;
      leech.check();
      assert.equal(
        [...Array(8).keys()].every((piece) => leech.manager.holders.availabilityOf(piece) === 0),
        true,
      );
      assert.ok(broken < 200, "it does not get on");
    }
    leech.assertComplete();
    assert.ok(broken > 3, `${broken}`);
  });

  it("three complete from the pieces that they have together, through chokes, breaks and pauses", () => {
    let breaks = 0, pauses = 0;
    for (let seed = 0; seed < 25; seed++) {
      const dice = new Prng(seed);
      const pieceLength = BLOCK * dice.pick([1, 2, 5]);
      const options = { pieceLength, length: 9 * pieceLength - 7 };
      const parts: number[][] = [[], [], []];
      for (let piece = 0; piece < 9; piece++) dice.pick(parts).push(piece);
      const shops = parts.map((part) => having(part, options));
      const cut = (bytes: Uint8Array) => cutAtRandom(bytes, seed, 20_000);
      const fast = dice.chance(0.5);
      const between: [number, number][] = [[0, 1], [0, 2], [1, 2]];
      // Each side's slot for another is the other's number; pieces are told to all.
      const wires = new Map<string, SessionWire>();
      const connect = (from: number, to: number) => {
        const key = `${from}-${to}`;
        const pair = new SessionWire(shops[from]!, shops[to]!, { slot: from + to, fast }, cut);
        wires.set(key, pair);
        unchokeBoth(pair);
      };
      for (const [from, to] of between) connect(from, to);
      for (let step = 0; step < 120; step++) {
        const [from, to] = dice.pick(between), pair = wires.get(`${from}-${to}`)!;
        const side = dice.pick([pair.a, pair.b]);
        const action = dice.below(20);
        if (action === 0) {
          pair.breaks();
          connect(from, to);
          breaks++;
        } else if (action === 1) {
          side.session.taker.setChoking(!side.session.taker.choking, side.now);
        } else if (action === 2) {
          for (const one of [pair.a, pair.b]) one.pass(20_000);
          pauses++;
        } else pair.step(1 + dice.below(6));
      }
      for (const pair of wires.values()) unchokeBoth(pair);
      for (let round = 0; round < 300 && shops.some((shop) => !shop.manager.complete); round++) {
        for (const pair of wires.values()) {
          pair.step();
          for (const one of [pair.a, pair.b]) one.pass(500);
        }
      }
      for (const shop of shops) {
        shop.assertComplete();
        assert.deepEqual(shop.guilty, [], `seed ${seed}`);
        assert.deepEqual(shop.failed, []);
      }
    }
    assert.ok(breaks > 50 && pauses > 50);
  });
});
