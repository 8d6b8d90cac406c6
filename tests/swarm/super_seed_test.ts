import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Bitfield } from "../../src/util/bitfield.ts";
import { SuperSeed, type SuperSeedPeer } from "../../src/swarm/super_seed.ts";

const PIECES = 6;

class Peer implements SuperSeedPeer {
  readonly have = new Bitfield(PIECES);
  readonly shown: number[] = [];
  announce(piece: number): void {
    this.shown.push(piece);
  }
}

function scene(count: number) {
  const seed = new SuperSeed<Peer>(PIECES), peers = Array.from({ length: count }, () => new Peer());
  const holders = (piece: number) => peers.filter((peer) => peer.have.has(piece)).length;
  return { seed, peers, update: (now = 0) => seed.update(peers, holders, now) };
}

describe("SuperSeed (BEP 16)", () => {
  it("shows each peer one piece, each another one", () => {
    const { peers, update } = scene(3);
    update();
    update();
    assert.deepEqual(peers.map(({ shown }) => shown), [[0], [1], [2]]);
  });

  it("shows the next only when the piece was seen at another peer", () => {
    const { peers, update } = scene(3);
    const [a, b] = peers as [Peer, Peer];
    update();
    a.have.set(0);
    update(1000);
    assert.deepEqual(a.shown, [0]);
    b.have.set(0);
    update(2000);
    assert.deepEqual(a.shown, [0, 3]);
    assert.deepEqual(b.shown, [1]);
  });

  it("serves a lonely peer, and one whose pieces no other peer takes", () => {
    const single = scene(1);
    for (let piece = 0; piece < PIECES - 1; piece++) {
      single.update();
      assert.equal(single.peers[0]!.shown.at(-1), piece);
      single.peers[0]!.have.set(piece);
    }
    const { peers, update } = scene(2);
    update(0);
    peers[0]!.have.set(0);
    update(29_000);
    assert.equal(peers[0]!.shown.length, 1);
    update(31_000);
    assert.equal(peers[0]!.shown.length, 2);
  });

  it("becomes an ordinary seed when the others have a whole copy", () => {
    const { seed, peers, update } = scene(2);
    update();
    for (let piece = 0; piece < PIECES; piece++) peers[piece % 2]!.have.set(piece);
    update();
    assert.equal(seed.over, true);
    for (const { have, shown } of peers) {
      for (let piece = 0; piece < PIECES; piece++) {
        assert.ok(have.has(piece) || shown.includes(piece), `piece ${piece} is known`);
      }
    }
  });
});
