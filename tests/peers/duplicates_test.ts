import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { add, makePool } from "./pool_harness.ts";

describe("PeerPool incoming, a second time", () => {
  it("keeps the newest of incoming connections with one address and peer id, and counts no breach", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 2 });
    const [id, otherId] = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)];
    const other = pool.incoming("192.0.2.1", 50000, 0, otherId)!;
    const visits = Array.from({ length: 8 }, (_, i) => {
      const visitor = pool.incoming("192.0.2.1", 40000 + i, i, id.slice());
      assert.ok(visitor, "it takes the place of the one before, although all are taken");
      return visitor;
    });
    const last = visits.pop()!;
    assert.deepEqual(dialer.hungUp, visits);
    assert.deepEqual([...pool.connectedPeers()], [other, last]);
    assert.equal(pool.stats().banned, 0);
    assert.ok(visits.every(({ dials }) => dials.failCount === 0));
  });

  it("takes neither another address nor no peer id for the same peer", () => {
    const { pool, dialer } = makePool();
    const id = new Uint8Array(20).fill(1);
    for (const [i, address] of ["192.0.2.1", "192.0.2.2", "2001:db8::1"].entries()) {
      assert.ok(pool.incoming(address, 40000 + i, 0, id));
    }
    for (const port of [1000, 1001]) assert.ok(pool.incoming("192.0.2.3", port, 0, null));
    assert.deepEqual(dialer.hungUp, []);
  });

  it("replaces one that dials from where it listens, too", () => {
    const { pool, dialer } = makePool();
    const id = new Uint8Array(20).fill(1);
    const first = pool.incoming("192.0.2.1", 40000, 0, id)!;
    pool.listensOn(first, 6881, 0);
    assert.equal(pool.incoming("192.0.2.1", 6881, 1, id), first, "one entry, a new connection");
    assert.deepEqual(dialer.hungUp, [first]);
    assert.equal(pool.stats().connected, 1);
  });

  it("a connection that we dialled is compared by listening port", () => {
    for (const [own, stays] of [[6000, false], [9000, true]] as const) {
      const { pool, dialer } = makePool();
      pool.own.set(null, own);
      const id = new Uint8Array(20).fill(1);
      const dialled = add(pool, "192.0.2.1");
      pool.connectToPeers(0);
      pool.connected(dialled, 0, id);
      const visitor = pool.incoming("192.0.2.1", 40000, 0, id)!;
      assert.deepEqual(dialer.hungUp, []);
      assert.equal(pool.listensOn(visitor, 6881, 0), stays);
      assert.deepEqual(dialer.hungUp, [stays ? dialled : visitor]);
    }
  });
});
