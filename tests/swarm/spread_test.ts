import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Spread, type SpreadPeer } from "../../src/swarm/spread.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { HandRandom } from "../harness/random.ts";

const PIECES = 12, BLOCKS = 4;

class Peer implements SpreadPeer {
  readonly have = new Bitfield(PIECES);
  readonly info = { fast: true as boolean };
  readonly suggested = new Set<number>();
  readonly upload = { length: 0, suggested: this.suggested };
  readonly told: number[] = [];
  readonly out = { number: (_id: number, piece: number) => void this.told.push(piece) };
  choking = false;
  peerInterested = true;
  unchokedAt = 0;

  /** Requests all that was suggested, and gives the pieces. */
  requestsAll(): number[] {
    const pieces = [...this.suggested];
    this.suggested.clear();
    return pieces;
  }

  gets(...pieces: number[]): void {
    for (const piece of pieces) this.have.set(piece);
  }
}

function scene(count: number) {
  const peers = Array.from({ length: count }, () => new Peer());
  const holders = (piece: number) => peers.filter(({ have }) => have.has(piece)).length;
  const layout = { pieceCount: PIECES, blocksIn: () => BLOCKS };
  const spread = new Spread<Peer>(layout, new HandRandom(1), holders);
  const choke = (peer: Peer, dropped: number[] = []) => {
    peer.choking = true;
    spread.choked(peer, dropped.map((piece) => ({ piece })));
    peer.suggested.clear();
  };
  return { peers, spread, choke };
}

/** All of them, each once. */
function unlike(pieces: number[], count: number): void {
  assert.equal(pieces.length, count);
  assert.equal(new Set(pieces).size, count, `${pieces} are all different`);
}

describe("Spread", () => {
  it("suggests to each peer other pieces, as many as it may request at once", () => {
    const { peers, spread } = scene(3);
    for (const peer of peers) spread.feed(peer, 0);
    unlike(peers.flatMap(({ told }) => told), 9);
    peers[0]!.requestsAll();
    peers[0]!.upload.length = 12;
    spread.feed(peers[0]!, 10);
    unlike(peers.flatMap(({ suggested }) => [...suggested]), 9);
  });

  it("suggests nothing to a peer that is choked, not interested or without BEP 6", () => {
    const { peers: [choked, bored, old], spread } = scene(3);
    old!.info.fast = false;
    spread.feed(old!, 0);
    assert.deepEqual(old!.told, []);
    choked!.choking = true;
    bored!.peerInterested = false;
    spread.feed(choked!, 0);
    spread.feed(bored!, 0);
    assert.equal(choked!.suggested.size + bored!.suggested.size, 0);
  });

  it("suggests to nobody what a peer requests by itself", () => {
    const { peers: [one, other], spread } = scene(2);
    for (const piece of [0, 1, 2, 3, 4, 5, 6, 7, 8]) spread.strayed(one!, piece);
    spread.feed(other!, 0);
    assert.deepEqual([...other!.suggested].sort(), [10, 11, 9]);
  });

  it("after a choke others get the pieces of which nothing was sent", () => {
    const { peers: [one, other], spread, choke } = scene(2);
    spread.feed(one!, 0);
    const [sent, begun, queued] = one!.requestsAll() as [number, number, number];
    choke(one!, [begun, begun, queued, queued, queued, queued]);
    spread.feed(other!, 100);
    assert.ok(other!.suggested.has(queued));
    assert.ok(!other!.suggested.has(sent), "what was sent is under way");
    assert.ok(!other!.suggested.has(begun), "a part would be sent twice");
    one!.choking = false;
    spread.feed(one!, 1000);
    assert.equal([...one!.suggested][0], begun, "the rest is for the peer that has a part");
  });

  it("others get the pieces of a peer that left", () => {
    const { peers: [gone, other], spread } = scene(2);
    for (let piece = 0; piece < PIECES; piece++) spread.strayed(gone!, piece);
    spread.feed(other!, 0);
    assert.equal(other!.suggested.size, 0);
    spread.forget(gone!);
    spread.feed(other!, 1);
    assert.equal(other!.suggested.size, 3);
  });

  it("a peer got enough for one turn with two pieces, not before half a second", () => {
    const { peers: [peer], spread } = scene(1);
    assert.equal(spread.feed(peer!, 0), false);
    const [a, b] = peer!.requestsAll();
    peer!.gets(a!);
    assert.equal(spread.feed(peer!, 600), false);
    peer!.gets(b!);
    assert.equal(spread.feed(peer!, 400), false);
    assert.equal(spread.feed(peer!, 600), true);
  });

  it("is over when every piece has been seen at some peer, until one is gone again", () => {
    const { peers: [one, other], spread } = scene(2);
    for (let piece = 0; piece < PIECES; piece++) one!.gets(piece);
    other!.gets(0);
    spread.feed(other!, 0);
    assert.equal(other!.suggested.size, 0);
    one!.have.clearAll();
    spread.feed(other!, 5000);
    assert.equal(other!.suggested.size, 0, "it does not look all the time");
    spread.feed(other!, 10_001);
    assert.equal(other!.suggested.size, 3);
  });

  it("leaves alone a peer that does not follow suggestions", () => {
    const { peers: [deaf, other], spread } = scene(2);
    spread.feed(deaf!, 0);
    for (let i = 0; i < 32; i++) spread.strayed(deaf!, i % 2);
    deaf!.suggested.clear();
    spread.feed(deaf!, 1);
    assert.equal(deaf!.suggested.size, 0);
    spread.feed(other!, 2);
    assert.equal(other!.suggested.size, 3);
  });
});
