import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionSlots } from "../../src/peers/connection_slots.ts";
import { add, DrivenPool, NotingDialer } from "./pool_harness.ts";

function pools(limit: number, count: number) {
  const slots = new ConnectionSlots(limit);
  return {
    slots,
    pools: Array.from({ length: count }, () => {
      const dialer = new NotingDialer();
      const pool = new DrivenPool({ maxActiveConnections: 100, maxHalfOpen: 100 }, dialer, slots);
      pool.connectToPeers(0);
      return { pool, dialer };
    }),
  };
}

describe("ConnectionSlots", () => {
  it("bound the connections of all pools together, attempts included", () => {
    const { slots, pools: [a, b] } = pools(3, 2);
    for (let i = 1; i <= 5; i++) add(a!.pool, `10.0.0.${i}`);
    assert.equal(a!.pool.active, 3);
    assert.equal(slots.isFull, true);
    assert.equal(b!.pool.active, 0);
  });

  it("are free for the next request when a connection ends", () => {
    const { slots, pools: [a, b] } = pools(2, 2);
    const first = add(a!.pool, "10.0.0.1");
    const other = add(a!.pool, "10.0.0.2");
    a!.pool.connected(first, 0);
    a!.pool.connectionClosed(other, 0, { error: true });
    assert.equal(slots.taken, 1);
    add(b!.pool, "10.0.1.1");
    assert.equal(b!.pool.active, 1);
    a!.pool.stop(0);
    b!.pool.stop(0);
    assert.equal(slots.taken, 0);
  });

  it("are handed from the torrent with most to one that has none", () => {
    const { pools: [a, b] } = pools(4, 2);
    for (let i = 1; i <= 6; i++) add(a!.pool, `10.0.0.${i}`);
    add(b!.pool, "10.0.1.1");
    assert.equal(a!.pool.active, 3);
    assert.equal(a!.dialer.hungUp.length, 1);
    assert.equal(b!.pool.active, 1);
    // It has one now: for its second it waits.
    add(b!.pool, "10.0.1.2");
    assert.equal(b!.pool.active, 1);
  });

  it("are taken from a torrent at rest before all others, beyond an even share", () => {
    const { slots, pools: [a, b, c] } = pools(4, 3);
    for (let i = 1; i <= 2; i++) a!.pool.connected(add(a!.pool, `10.0.0.${i}`), 0);
    for (let i = 1; i <= 2; i++) b!.pool.connected(add(b!.pool, `10.0.1.${i}`), 0);
    a!.pool.stop(0, true);
    assert.equal(a!.pool.active, 2, "nobody needs its slots yet");
    assert.notEqual(b!.pool.incoming("10.0.1.3", 1000, 0), null);
    add(c!.pool, "10.0.2.1");
    assert.deepEqual([a, b, c].map((one) => one!.pool.active), [0, 3, 1]);
    assert.equal(slots.taken, 4);
    a!.pool.connectToPeers(0);
    assert.equal(slots.hasResting, false);
  });

  it("are assigned to dialled peers, up to an even share", () => {
    const { pools: [a, b] } = pools(4, 2);
    for (let i = 1; i <= 4; i++) a!.pool.connected(add(a!.pool, `10.0.0.${i}`), 0);
    assert.notEqual(b!.pool.incoming("10.0.1.1", 1000, 0), null);
    assert.notEqual(b!.pool.incoming("10.0.1.2", 1000, 0), null);
    assert.equal(b!.pool.incoming("10.0.1.3", 1000, 0), null);
    assert.equal(a!.pool.active, 2);
    assert.equal(b!.pool.isFull, true);
  });

  it("are taken from a torrent's own attempt by a peer that dials it", () => {
    const { slots, pools: [a] } = pools(2, 1);
    a!.pool.connected(add(a!.pool, "10.0.0.1"), 0);
    add(a!.pool, "10.0.0.2");
    assert.equal(slots.isFull, true);
    assert.notEqual(a!.pool.incoming("10.0.0.9", 1000, 0), null);
    assert.equal(a!.pool.stats().connecting, 0);
    assert.equal(slots.taken, 2);
  });
});
