/** One peer that has an IPv4 and an IPv6 address: one connection, and its other address is left alone. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PEER_STATE } from "../../src/peers/pool_peer.ts";
import { add, makePool, manyPeers, MINUTE } from "./pool_harness.ts";
import { PEER_SOURCE } from "../../src/peers/pool_peer.ts";

const ID = new Uint8Array(20).fill(5), OTHER = new Uint8Array(20).fill(6);
const OURS = new Uint8Array(20).fill(9);
const V4 = "192.0.2.7", V6 = "2001:db8::7";

/** Dialled under both addresses; connected under the first. */
function metAtV4(config = {}) {
  const { pool, dialer } = makePool(config);
  const v4 = add(pool, V4), v6 = add(pool, V6);
  pool.connectToPeers(0);
  pool.connected(v4, 0, ID);
  dialer.hungUp.length = dialer.dialled.length = 0;
  return { pool, dialer, v4, v6 };
}

describe("PeerPool and a peer with two addresses", () => {
  it("ends the second connection that it dialled, and remembers whose address that is", () => {
    const { pool, dialer, v4, v6 } = metAtV4();
    pool.connected(v6, 1, ID);
    assert.deepEqual(dialer.hungUp, [v6]);
    for (let now = 0; now < 60 * MINUTE; now += 10_000) pool.tick(now);
    assert.deepEqual(dialer.take(), [], "it is not dialled again and again");
    pool.connectionClosed(v4, 61 * MINUTE, { error: false });
    assert.deepEqual(dialer.take(), ["2001:db8::7:6881"], "both may be dialled now");
  });

  it("gives up the attempt at one address once the other is connected", () => {
    const { pool, dialer, v4, v6 } = metAtV4();
    pool.connected(v6, 1, ID);
    pool.connectionClosed(v4, 2, { error: true });
    pool.tick(2 * MINUTE);
    const under = [v4, v6].filter(({ state }) => state === PEER_STATE.CONNECTING);
    assert.equal(under.length, 2);
    dialer.hungUp.length = 0;
    pool.connected(v6, 2 * MINUTE, ID);
    assert.deepEqual(dialer.hungUp, [v4]);
  });

  it("of two that dialled each other keeps the same one on both sides", () => {
    for (const weKeepOurs of [true, false]) {
      const { pool, dialer, v4 } = metAtV4({ peerId: weKeepOurs ? new Uint8Array(20) : OURS });
      pool.own.set(null, 6881);
      const came = pool.incoming(V6, 50_000, 1, ID)!;
      assert.equal(pool.listensOn(came, 6881, 1), !weKeepOurs);
      assert.deepEqual(dialer.hungUp.filter(({ peerId }) => peerId !== null), [
        weKeepOurs ? came : v4,
      ]);
    }
  });

  it("leaves it to the one who dialled twice", () => {
    const { pool, dialer } = makePool();
    for (const address of [V4, V6]) {
      pool.listensOn(pool.incoming(address, 50_000, 0, ID)!, 6881, 0);
    }
    assert.deepEqual(dialer.hungUp, []);
  });

  it("needs the same port beside the id, which anybody can borrow", () => {
    const { pool, dialer } = makePool();
    const v4 = add(pool, V4, 6881), v6 = add(pool, V6, 7000);
    pool.connectToPeers(0);
    pool.connected(v4, 0, ID);
    pool.connected(v6, 0, ID);
    assert.deepEqual(dialer.hungUp, []);
  });

  it("sees when the address is another's", () => {
    const { pool, dialer, v4, v6 } = metAtV4();
    pool.connected(v6, 1, ID);
    pool.connectionClosed(v4, 2, { error: false });
    pool.tick(2 * MINUTE);
    pool.connected(v4, 2 * MINUTE, OTHER);
    dialer.hungUp.length = 0;
    pool.connected(v6, 2 * MINUTE, ID);
    assert.deepEqual(dialer.hungUp, []);
  });

  it("dials IPv4 and IPv6 in turn while nobody is connected", () => {
    const { pool, dialer } = makePool({ maxHalfOpen: 10, maxPending: 10 });
    const v6 = Array.from({ length: 20 }, (_, i) => ({ address: `2001:db8::${i}`, port: 6881 }));
    pool.addPeers([...manyPeers(20), ...v6], PEER_SOURCE.TRACKER, 0);
    pool.connectToPeers(0);
    const families = dialer.dialled.map(({ bytes }) => bytes.length);
    assert.equal(families.length, 10);
    families.forEach((family, i) => assert.equal(family, families[i % 2]));
    assert.notEqual(families[0], families[1]);
  });
});
