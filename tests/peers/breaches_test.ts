/** Who breaks the protocol again is banned, and nobody who only shares its address or went silent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NetError, ProtocolError } from "../../src/util/errors.ts";
import { bansOf } from "../../src/peers/kept_peers.ts";
import { breachOf } from "../../src/peers/breaches.ts";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "../../src/peers/pool_peer.ts";
import { add, type DrivenPool, makePool, MINUTE } from "./pool_harness.ts";

const PUBLIC = "192.0.2.1",
  LOCAL = ["127.0.0.1", "192.168.1.2", "10.0.0.2", "100.64.0.2", "fd00::2"];
const BREACH = "A message of type 7 cannot be 9 bytes long";
const BROKE = { error: true, breach: BREACH };

/** A pool that dials, and what it told of bans. */
function dialling() {
  const { pool, bans: told } = makePool({ maxFailcount: 10 });
  pool.connectToPeers(0);
  return { pool, told };
}

/** Lets the pool dial, has the peer connected, and ends that with a breach. */
function breakAsDialled(pool: DrivenPool, peer: PoolPeer, now: number): void {
  pool.tick(now);
  pool.connected(peer, now);
  assert.equal(peer.state, PEER_STATE.CONNECTED);
  pool.connectionClosed(peer, now, BROKE);
}

/** Somebody dials in and breaks the protocol; false when it was not let in. */
function breakIn(pool: DrivenPool, address: string, port: number, now: number, says = 0): boolean {
  const peer = pool.incoming(address, port, now);
  if (peer === null) return false;
  if (says > 0 && !pool.listensOn(peer, says, now)) return false;
  pool.connectionClosed(peer, now, BROKE);
  return true;
}

describe("breachOf", () => {
  it("takes a broken rule for one, and says which", () => {
    assert.equal(breachOf(new ProtocolError("bad-length", BREACH)), BREACH);
    assert.equal(breachOf(new ProtocolError("flood", "Too many")), "Too many");
  });

  it("takes nothing else for one", () => {
    assert.equal(breachOf(null), null);
    assert.equal(breachOf(new NetError("reset", "The connection was reset")), null);
    assert.equal(breachOf(new Error("a bug of ours")), null);
    for (const code of ["silent", "self", "wrong-torrent", "early", "bad-handshake"]) {
      assert.equal(breachOf(new ProtocolError(code, "not its fault")), null, code);
    }
  });
});

describe("PeerPool and a peer that it dials", () => {
  it("bans its end point at the second breach, for a reason that a person understands", () => {
    const { pool, told } = dialling();
    const peer = add(pool, PUBLIC);
    breakAsDialled(pool, peer, 0);
    assert.equal(pool.stats().banned, 0, "once is forgiven");
    breakAsDialled(pool, peer, 10 * MINUTE);
    const reason = `broke the protocol: ${BREACH}`;
    assert.deepEqual(told, [reason]);
    assert.deepEqual(bansOf(pool.known!), [{ address: PUBLIC, port: 6881, reason }]);
    assert.notEqual(
      pool.incoming(PUBLIC, 40000, 11 * MINUTE),
      null,
      "others of its address may come",
    );
  });

  it("does not count failures and orderly ends", () => {
    const { pool, told } = dialling();
    const peer = add(pool, PUBLIC);
    breakAsDialled(pool, peer, 0);
    for (let i = 1; i < 9; i++) {
      pool.tick(i * 60 * MINUTE);
      pool.connected(peer, i * 60 * MINUTE);
      pool.connectionClosed(peer, i * 60 * MINUTE, { error: i % 2 === 0, breach: null });
    }
    assert.deepEqual(told, []);
  });

  it("refuses it from another port as soon as it is identified", () => {
    const { pool } = dialling();
    const peer = add(pool, PUBLIC);
    breakAsDialled(pool, peer, 0);
    breakAsDialled(pool, peer, 10 * MINUTE);
    const visitor = pool.incoming(PUBLIC, 40000, 11 * MINUTE)!;
    assert.equal(pool.listensOn(visitor, 6881, 11 * MINUTE), false);
    assert.equal(pool.addPeer(PUBLIC, 6881, PEER_SOURCE.TRACKER, 11 * MINUTE), null);
    assert.equal(pool.stats().banned, 1);
  });
});

describe("PeerPool and incoming peers", () => {
  it("bans a public address at the fourth breach within ten minutes", () => {
    const { pool, told } = dialling();
    for (let i = 0; i < 4; i++) {
      assert.equal(told.length, 0);
      assert.ok(breakIn(pool, PUBLIC, 40000 + i, 3 * i * MINUTE));
    }
    assert.deepEqual(told, [`broke the protocol: ${BREACH}`]);
    assert.equal(pool.incoming(PUBLIC, 50000, 10 * MINUTE), null);
    assert.notEqual(pool.incoming("192.0.2.2", 50000, 10 * MINUTE), null);
  });

  it("tolerates breaches that are far apart", () => {
    const { pool, told } = dialling();
    for (let i = 0; i < 20; i++) assert.ok(breakIn(pool, PUBLIC, 40000 + i, 4 * i * MINUTE));
    assert.deepEqual(told, []);
  });

  it("never bans a local address as a whole", () => {
    const { pool, told } = dialling();
    for (const address of LOCAL) {
      for (let i = 0; i < 20; i++) assert.ok(breakIn(pool, address, 40000 + i, i));
    }
    assert.deepEqual(told, []);
  });

  it("bans the end point of one that said where it listens, at a local address, too", () => {
    for (const address of [PUBLIC, ...LOCAL]) {
      const { pool, told } = dialling();
      assert.ok(breakIn(pool, address, 40000, 0, 6881));
      assert.ok(breakIn(pool, address, 40001, 1, 6881));
      assert.deepEqual(bansOf(pool.known!).map(({ port }) => port), [6881], address);
      assert.equal(breakIn(pool, address, 40002, 2, 6881), false, "it is known again");
      assert.notEqual(pool.incoming(address, 40003, 3), null, "others are welcome");
      assert.equal(told.length, 1);
    }
  });

  it("cannot be fooled by another listening port each time", () => {
    const { pool } = dialling();
    for (let i = 0; i < 4; i++) assert.ok(breakIn(pool, PUBLIC, 40000 + i, i, 7000 + i));
    assert.equal(pool.incoming(PUBLIC, 50000, 5), null);
  });

  it("remembers the latest 256 addresses", () => {
    const { pool, told } = dialling();
    const crowd = Array.from({ length: 257 }, (_, i) => `45.0.${i >> 8}.${i & 255}`);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++) breakIn(pool, crowd[256]!, 40000 + i, round);
      // The crowd pushes it out before it can be banned.
      for (const address of crowd.slice(0, 256)) breakIn(pool, address, 40000, round);
    }
    assert.deepEqual(told, []);
    for (let i = 0; i < 4; i++) breakIn(pool, crowd[256]!, 40000 + i, 3);
    assert.equal(told.length, 1);
  });
});
