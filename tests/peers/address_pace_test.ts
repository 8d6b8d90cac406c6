/** Nobody can have us dial a thousand ports of somebody else's machine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConnectionSlots } from "../../src/peers/connection_slots.ts";
import { PEER_SOURCE } from "../../src/peers/pool_peer.ts";
import { add, DrivenPool, haveCompany, makePool, MINUTE, NotingDialer } from "./pool_harness.ts";

const { TRACKER } = PEER_SOURCE, VICTIM = "192.0.2.7";

function ports(count: number, address = VICTIM, from = 1000) {
  return Array.from({ length: count }, (_, i) => ({ address, port: from + i }));
}

describe("PeerPool, told a thousand ports of one address", () => {
  it("dials four of them a minute, and other addresses at once", () => {
    const { pool, dialer } = makePool();
    pool.connectToPeers(0);
    pool.addPeers([...ports(998), { address: "192.0.2.8", port: 6881 }], TRACKER, 0);
    assert.equal(dialer.dialled.filter(({ address }) => address === VICTIM).length, 4);
    assert.ok(dialer.dialled.some(({ address }) => address === "192.0.2.8"));
    for (const peer of [...dialer.dialled]) pool.connectionClosed(peer, 0, { error: true });
    const first = new Set(dialer.take());
    haveCompany(pool);
    for (let now = 250; now < MINUTE; now += 250) pool.tick(now);
    assert.deepEqual(dialer.take(), [], "no other port");
    pool.tick(MINUTE);
    const next = dialer.take();
    assert.equal(next.length, 4);
    assert.ok(next.every((endpoint) => !first.has(endpoint)), "the next ones");
  });

  it("counts over all torrents of a client", () => {
    const slots = new ConnectionSlots(), dialer = new NotingDialer();
    for (let torrent = 0; torrent < 3; torrent++) {
      const pool = new DrivenPool({}, dialer, slots);
      pool.connectToPeers(0);
      pool.addPeers(ports(10, VICTIM, 1000 + 10 * torrent), TRACKER, 0);
    }
    assert.equal(dialer.dialled.length, 4);
  });

  it("lets torrents that share a peer all dial its one port", () => {
    const slots = new ConnectionSlots(), dialer = new NotingDialer();
    for (let torrent = 0; torrent < 10; torrent++) {
      const pool = new DrivenPool({}, dialer, slots);
      pool.connectToPeers(0);
      add(pool, VICTIM);
    }
    assert.equal(dialer.dialled.length, 10);
  });

  it("takes no notice on loopback, where many peers share an address", () => {
    const { pool, dialer } = makePool();
    pool.connectToPeers(0);
    pool.addPeers(ports(20, "127.0.0.1"), TRACKER, 0);
    assert.equal(dialer.dialled.length, 20);
  });

  it("is not kept from a port that it dialled before", () => {
    const { pool, dialer } = makePool({ minReconnectTimeMs: 10_000 });
    pool.addPeers(ports(6), TRACKER, 0);
    haveCompany(pool);
    pool.connectToPeers(0);
    const [first] = dialer.dialled, [one] = dialer.take();
    pool.connectionClosed(first!, 0, { error: false });
    pool.tick(10_000);
    assert.deepEqual(dialer.take(), [one]);
  });
});
