/** Attempts race: addresses that do not answer keep nobody waiting, and none is given up for good. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { ConnectionSlots } from "../../src/peers/connection_slots.ts";
import { PEER_SOURCE, PEER_STATE } from "../../src/peers/pool_peer.ts";
import { add, DrivenPool, haveCompany, makePool, manyPeers, NotingDialer } from "./pool_harness.ts";

const { TRACKER } = PEER_SOURCE;

describe("PeerPool, with addresses that do not answer", () => {
  it("begins others a quarter of a second later while no peer is connected", () => {
    const { pool, dialer } = makePool();
    pool.addPeers(manyPeers(90), TRACKER, 0);
    pool.connectToPeers(0);
    const begun = [0, 249, 250, 400, 500, 750, 1000].map((now) => {
      pool.tick(now);
      return dialer.dialled.length;
    });
    assert.deepEqual(begun, [25, 25, 50, 50, 75, 90, 90]);
    assert.deepEqual(dialer.hungUp, []);
  });

  it("waits longer for slow ones while a peer is connected", () => {
    const { pool, dialer } = makePool();
    pool.addPeers(manyPeers(60), TRACKER, 0);
    haveCompany(pool);
    pool.connectToPeers(0);
    const begun = [0, 1499, 1500, 2999, 3000].map((now) => {
      pool.tick(now);
      return dialer.dialled.length;
    });
    assert.deepEqual(begun, [24, 24, 48, 48, 60]);
  });

  it("ends the slowest beyond 100 attempts, and gives these more time later", () => {
    const { pool, dialer } = makePool({ maxPeerlistSize: 2000 });
    pool.addPeers(manyPeers(110), TRACKER, 0);
    pool.connectToPeers(0);
    for (let now = 0; now < 1500; now += 250) pool.tick(now);
    assert.equal(dialer.dialled.length, 100);
    pool.tick(1500);
    assert.equal(dialer.dialled.length, 110);
    assert.deepEqual(dialer.hungUp, dialer.dialled.slice(0, 10));
    const [early] = dialer.hungUp;
    assert.deepEqual(
      [early!.dials.failCount, early!.dials.slow],
      [0, true],
      "nothing is held against it",
    );
    for (const peer of dialer.dialled) {
      if (peer !== early) pool.connectionClosed(peer, 5000, { error: true });
    }
    pool.tick(6500);
    assert.equal(early!.state, PEER_STATE.CONNECTING);
    pool.addPeers(manyPeers(400).slice(110), TRACKER, 6500);
    for (let now = 6500; now < 16_000; now += 250) pool.tick(now);
    assert.ok(dialer.hungUp.length > 100, "others had to end");
    assert.equal(early!.state, PEER_STATE.CONNECTING, "this one has all its time");
  });

  it("never ends an answered one, and uses round trips of answered ones as its measure", () => {
    const { pool, dialer } = makePool({ maxHalfOpen: 2 });
    pool.addPeers(manyPeers(10), TRACKER, 0);
    pool.connectToPeers(0);
    pool.known!.attempts.answered(dialer.dialled[0]!, 800);
    pool.tick(3199);
    assert.deepEqual(dialer.hungUp, [], "four round trips are not over");
    pool.tick(3200);
    assert.deepEqual(dialer.hungUp, [dialer.dialled[1]]);
    pool.tick(60_000);
    assert.equal(dialer.dialled[0]!.state, PEER_STATE.CONNECTING);
  });

  it("ends all attempts when the last place is taken", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 2 });
    pool.addPeers(manyPeers(6), TRACKER, 0);
    pool.connectToPeers(0);
    pool.tick(300);
    assert.equal(dialer.dialled.length, 4);
    pool.connected(dialer.dialled[3]!, 400);
    pool.connected(dialer.dialled[0]!, 400);
    assert.deepEqual(pool.stats().connecting, 0);
    assert.deepEqual(dialer.hungUp, [dialer.dialled[1], dialer.dialled[2]]);
  });

  it("a client begins no more than 50 in any second, whatever its torrents want", () => {
    const slots = new ConnectionSlots(1000, 50), begun: number[] = [];
    let now = 0;
    const pools = [1, 2, 3].map((n) => {
      const dialer = new NotingDialer();
      dialer.dial = () => begun.push(now);
      const pool = new DrivenPool({}, dialer, slots);
      pool.addPeers(manyPeers(100).map((p) => ({ ...p, port: 6881 + n })), TRACKER, 0);
      pool.connectToPeers(0);
      return pool;
    });
    for (now = 0; now < 10_000; now += 100) for (const pool of pools) pool.tick(now);
    assert.equal(begun.length, 300, "all had their turn");
    begun.forEach((at, i) => assert.ok(i < 50 || at - begun[i - 50]! >= 1000));
  });

  it("known peers are dialled before slow ones", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 1, maxHalfOpen: 1 });
    const slow = add(pool, "192.0.2.17"), other = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    pool.tick(1500);
    assert.deepEqual(dialer.hungUp, [slow]);
    assert.deepEqual(dialer.dialled, [slow, other]);
    pool.tick(60_000);
    assert.deepEqual(dialer.hungUp, [slow], "a slow one is no reason to end another");
  });

  it("waits before it dials back a peer whose own connection broke", () => {
    const { pool, dialer } = makePool();
    pool.connectToPeers(0);
    const visitor = pool.incoming("192.0.2.7", 50_000, 0)!;
    pool.listensOn(visitor, 6881, 0);
    pool.connectionClosed(visitor, 1000, { error: true });
    pool.tick(5999);
    assert.deepEqual(dialer.take(), []);
    pool.tick(6000);
    assert.deepEqual(dialer.take(), ["192.0.2.7:6881"]);
  });
});
