/** What the pool does beyond its plan: whom it refuses, forgets, lets in and keeps. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { noteSeed, noteTransfer } from "../../src/peers/conduct.ts";
import { goodPeersOf } from "../../src/peers/kept_peers.ts";
import { PEER_SOURCE, PEER_STATE, type PoolPeer, sourceNames } from "../../src/peers/pool_peer.ts";
import {
  add,
  DrivenPool,
  endpointOf,
  failPiece,
  haveCompany,
  makePool,
  manyPeers,
  MINUTE,
} from "./pool_harness.ts";

const { TRACKER, DHT, INCOMING, LSD, MANUAL, PEX, RESUME } = PEER_SOURCE;

describe("PeerPool addPeer refuses", () => {
  const bad: [string, number][] = [
    ["0.0.0.0", 6881],
    ["::", 6881],
    ["fe80::1", 6881],
    ["224.0.0.1", 6881],
    ["255.255.255.255", 6881],
    ["ff02::1", 6881],
    ["example.org", 6881],
    ["192.0.2.1", 0],
    ["192.0.2.1", 1],
    ["192.0.2.1", 65536],
    ["192.0.2.1", 80.5],
    ["192.0.2.1", NaN],
  ];
  for (const [address, port] of bad) {
    it(`${address} port ${port}`, () => {
      const { pool } = makePool();
      assert.equal(pool.addPeer(address, port, TRACKER, 0), null);
      assert.equal(pool.stats().total, 0);
    });
  }

  it("our own endpoint, once it is known, but not others at our address", () => {
    const { pool } = makePool();
    pool.own.set("198.51.100.1", 6881);
    assert.equal(pool.addPeer("198.51.100.1", 6881, TRACKER, 0), null);
    assert.ok(pool.addPeer("198.51.100.1", 6882, TRACKER, 0));
  });
});

describe("PeerPool sources", () => {
  it("are kept as flags with names", () => {
    const { pool } = makePool();
    const peer = pool.addPeer("192.0.2.1", 6881, DHT, 0)!;
    pool.addPeer("192.0.2.1", 6881, PEX, 0);
    assert.deepEqual(sourceNames(peer.sources), ["dht", "pex"]);
    const all = Object.values(PEER_SOURCE).reduce<number>((a, b) => a | b, 0);
    assert.deepEqual(
      sourceNames(all),
      ["tracker", "dht", "pex", "lsd", "incoming", "manual", "resume"],
    );
  });

  it("a tracker's second mention takes back one failure, another source's does not", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    haveCompany(pool);
    pool.connectionClosed(peer, 0, { error: true });
    assert.equal(pool.nextDeadline(), 2 * MINUTE);
    pool.addPeer("192.0.2.1", 6881, PEX, 0);
    assert.equal(peer.dials.failCount, 1);
    pool.addPeer("192.0.2.1", 6881, TRACKER, 0);
    assert.equal(peer.dials.failCount, 0);
    assert.equal(pool.nextDeadline(), MINUTE, "its back-off is shorter now");
  });
});

describe("PeerPool with a full list", () => {
  it("forgets peers known only from a resume file first", () => {
    const { pool } = makePool({ maxPeerlistSize: 2 });
    pool.addPeer("192.0.2.17", 6881, RESUME, 0);
    pool.addPeer("192.0.2.1", 6881, TRACKER, 0);
    assert.ok(pool.addPeer("192.0.2.0", 6881, TRACKER, 0));
    assert.equal(pool.findPeer("192.0.2.17", 6881), undefined);
  });

  it("never forgets an active peer, and refuses newcomers if all are active", () => {
    const { pool, dialer } = makePool({ maxPeerlistSize: 2 });
    pool.connectToPeers(0);
    pool.addPeers(manyPeers(2), TRACKER, 0);
    assert.equal(dialer.dialled.length, 2);
    assert.equal(pool.addPeer("192.0.2.17", 6881, TRACKER, 0), null);
    assert.equal(pool.stats().connecting, 2);
  });

  it("an incoming peer displaces an idle one whatever its rank", () => {
    const { pool } = makePool({ maxPeerlistSize: 2 });
    const seed = add(pool, "192.0.2.17");
    add(pool, "192.0.2.2");
    noteSeed(pool.known!, seed, true);
    const visitor = pool.incoming("192.0.2.0", 40000, 0);
    assert.ok(visitor !== null);
    assert.equal(pool.stats().total, 2);
    assert.equal(pool.findPeer("192.0.2.17", 6881), seed);
  });

  it("remembers bans on at most half of it, and forgets those of ports before those of addresses", () => {
    const { pool } = makePool({ maxPeerlistSize: 8 });
    const offender = add(pool, "192.0.2.1");
    pool.ban(offender, 0, "sent garbage");
    for (let i = 0; i < 10; i++) {
      pool.ban(add(pool, `10.0.0.${i}`), 0, "broke the protocol", "endpoint");
    }
    assert.deepEqual([pool.stats().banned, pool.stats().total], [4, 4]);
    assert.equal(pool.findPeer("192.0.2.1", 6881), offender);
    assert.equal(pool.findPeer("10.0.0.6", 6881), undefined);
    assert.ok(pool.findPeer("10.0.0.7", 6881));
  });

  it("forgets dead addresses first", () => {
    const { pool } = makePool({ maxPeerlistSize: 4, maxFailcount: 1 });
    pool.connectToPeers(0);
    const dead = manyPeers(4).map(({ address }) => add(pool, address));
    for (const peer of dead) pool.connectionClosed(peer, 0, { error: true });
    pool.stop(0);
    for (let i = 1; i <= 3; i++) add(pool, `192.0.2.${i}`);
    assert.deepEqual([pool.stats().total, pool.stats().dead], [4, 1]);
  });
});

describe("PeerPool shares of a source", () => {
  const shares = [[DHT, 50], [PEX, 50], [LSD, 25]] as const;
  for (const [source, most] of shares) {
    it(`limit ${sourceNames(source)} to ${most} % of the list`, () => {
      const { pool } = makePool({ maxPeerlistSize: 100 });
      assert.equal(pool.addPeers(manyPeers(80), source, 0), most);
      assert.equal(pool.stats().total, most);
      add(pool, "192.0.2.1");
      assert.equal(pool.stats().total, most + 1);
      assert.equal(pool.addPeers([{ address: "192.0.2.0", port: 1024 }], source, 0), 0);
    });
  }

  it("do not apply to peers that another source also names", () => {
    for (const source of [TRACKER, INCOMING, MANUAL, RESUME, DHT | MANUAL]) {
      const { pool } = makePool({ maxPeerlistSize: 100 });
      assert.equal(pool.addPeers(manyPeers(80), source, 0), 80);
      pool.addPeers(manyPeers(80), DHT, 0);
      assert.equal(pool.stats().total, 80);
    }
  });

  it("stay with the source that named a peer first", () => {
    const { pool } = makePool({ maxPeerlistSize: 8 });
    pool.addPeers(manyPeers(4), DHT, 0);
    pool.addPeers(manyPeers(4), PEX, 0);
    assert.equal(pool.addPeers([{ address: "192.0.2.1", port: 6881 }], PEX, 0), 1);
    assert.equal(pool.addPeer("192.0.2.0", 6881, DHT, 0), null);
  });

  it("that are full drop failed peers, and keep connected ones", () => {
    const { pool } = makePool({ maxPeerlistSize: 4 });
    pool.connectToPeers(0);
    const [good, bad] = ["192.0.2.1", "192.0.2.2"].map((address) => {
      return pool.addPeer(address, 6881, DHT, 0)!;
    });
    pool.connected(good!, 0);
    assert.equal(pool.addPeer("192.0.2.3", 6881, DHT, 0), null);
    pool.connectionClosed(bad!, 0, { error: true });
    assert.ok(pool.addPeer("192.0.2.3", 6881, DHT, 0));
    assert.equal(pool.findPeer("192.0.2.2", 6881), undefined);
    assert.equal(pool.findPeer("192.0.2.1", 6881), good);
  });

  it("do not count the banned", () => {
    const { pool } = makePool({ maxPeerlistSize: 8 });
    for (const { address, port } of manyPeers(4)) {
      pool.ban(pool.addPeer(address, port, DHT, 0)!, 0, "sent garbage");
    }
    assert.equal(pool.stats().banned, 4);
    const others = [1, 2, 3, 4].map((i) => ({ address: `192.0.2.${i}`, port: 6881 }));
    assert.equal(pool.addPeers(others, DHT, 0), 4);
    assert.deepEqual([pool.stats().total, pool.stats().banned], [8, 4]);
  });
});

describe("PeerPool incoming", () => {
  it("accepts a stranger as connected, but does not dial it", () => {
    const { pool } = makePool();
    const peer = pool.incoming("192.0.2.1", 40000, 7)!;
    assert.equal(peer.state, PEER_STATE.CONNECTED);
    assert.equal(peer.incoming, true);
    assert.equal(peer.connectable, false);
    assert.equal(peer.sources, INCOMING);
    pool.connectionClosed(peer, 8, { error: false });
    assert.equal(pool.stats().total, 0, "where it dialled from is of no use later");
  });

  it("is refused at the limit, unless one of our own attempts can yield", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 2 });
    const first = add(pool, "192.0.2.17"), second = add(pool, "192.0.2.2");
    pool.connectToPeers(0);
    assert.deepEqual(dialer.dialled, [first, second]);
    pool.connected(second, 0);
    assert.ok(pool.incoming("192.0.2.50", 40000, 0));
    assert.deepEqual(dialer.hungUp, [first]);
    assert.equal(first.dials.failCount, 0);
    assert.equal(first.state, PEER_STATE.DISCONNECTED);
    assert.equal(pool.incoming("192.0.2.51", 40000, 0), null);
    assert.equal(pool.stats().connected, 2);
  });

  it("refuses every peer at a banned address, on any port", () => {
    const { pool } = makePool();
    pool.ban(pool.incoming("192.0.2.1", 40000, 0)!, 0, "sent garbage");
    assert.equal(pool.incoming("192.0.2.1", 40001, 0), null);
    assert.equal(pool.addPeer("192.0.2.1", 6881, TRACKER, 0), null);
    assert.ok(pool.incoming("192.0.2.2", 40001, 0));
  });

  it("on loopback a ban covers one end point only, since all local peers share the address", () => {
    const { pool } = makePool();
    pool.ban(add(pool, "127.0.0.1", 7001), 0, "sent garbage");
    assert.equal(pool.addPeer("127.0.0.1", 7001, TRACKER, 0), null);
    assert.ok(pool.addPeer("127.0.0.1", 7002, TRACKER, 0));
    const visitor = pool.incoming("127.0.0.1", 40000, 0)!;
    assert.equal(pool.listensOn(visitor, 7001, 0), false, "until it says who it is");
  });

  it("an endpoint ban does not speak against its address", () => {
    const { pool } = makePool();
    pool.ban(add(pool, "192.0.2.1"), 0, "ourselves", "endpoint");
    assert.equal(pool.addPeer("192.0.2.1", 6881, TRACKER, 0), null);
    assert.ok(pool.incoming("192.0.2.1", 40000, 0));
  });

  it("bans a peer that has already left and was forgotten", () => {
    const { pool } = makePool();
    const peer = pool.incoming("192.0.2.1", 40000, 0)!;
    pool.connectionClosed(peer, 0, { error: false });
    failPiece(pool, peer, 1, true);
    assert.equal(pool.stats().banned, 1);
    assert.equal(pool.incoming("192.0.2.1", 40001, 2), null);
  });
});

describe("PeerPool listensOn", () => {
  it("files the peer where it can be dialled", () => {
    const { pool, dialer } = makePool();
    const peer = pool.incoming("192.0.2.1", 40000, 0)!;
    assert.equal(pool.listensOn(peer, 6881, 0), true);
    assert.equal(endpointOf(peer), "192.0.2.1:6881");
    assert.equal(pool.findPeer("192.0.2.1", 40000), undefined);
    assert.equal(pool.addPeer("192.0.2.1", 6881, TRACKER, 0), peer);
    pool.connectionClosed(peer, 0, { error: false });
    pool.connectToPeers(MINUTE);
    assert.deepEqual(dialer.dialled, [peer]);
  });

  it("uses the known data about it", () => {
    const { pool } = makePool();
    const known = add(pool, "192.0.2.1");
    noteTransfer(pool.known!, known, 500, 20);
    const peer = pool.incoming("192.0.2.1", 40000, 0)!;
    assert.equal(pool.listensOn(peer, 6881, 0), true);
    assert.equal(pool.stats().total, 1);
    assert.equal(peer.conduct.downloaded, 500);
    assert.equal(peer.sources, TRACKER | INCOMING);
  });

  it("keeps the newer of two incoming connections of one peer: the first one must be dead", () => {
    const { pool, dialer } = makePool();
    pool.own.set(null, 9000);
    const first = pool.incoming("192.0.2.1", 40000, 0)!;
    pool.listensOn(first, 6881, 0);
    const second = pool.incoming("192.0.2.1", 40001, 0)!;
    assert.equal(pool.listensOn(second, 6881, 0), true);
    assert.deepEqual(dialer.hungUp, [first]);
    assert.equal(pool.stats().connected, 1);
    assert.equal(pool.findPeer("192.0.2.1", 6881), second);
  });

  it("gives up our attempt to dial a peer that has connected to us", () => {
    const { pool, dialer } = makePool();
    const dialled = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    const visitor = pool.incoming("192.0.2.1", 40000, 0)!;
    assert.equal(pool.listensOn(visitor, 6881, 0), true);
    assert.deepEqual(dialer.hungUp, [dialled]);
    assert.deepEqual(pool.stats(), {
      total: 1,
      candidates: 0,
      connecting: 0,
      connected: 1,
      dead: 0,
      banned: 0,
    });
  });

  it("two pools that dialled each other keep the same one of two connections", () => {
    const ids = [new Uint8Array(20).fill(1), new Uint8Array(20).fill(2)] as const;
    for (const [portA, portB] of [[7000, 8000], [8000, 7000], [7000, 7000]] as const) {
      const kept = (own: number, ownId: Uint8Array, other: number, otherId: Uint8Array) => {
        const { pool } = makePool({ peerId: ownId });
        pool.own.set(null, own);
        const dialled = add(pool, "192.0.2.1", other);
        pool.connectToPeers(0);
        pool.connected(dialled, 0, otherId);
        const visitor = pool.incoming("192.0.2.1", 40000, 0, otherId)!;
        return pool.listensOn(visitor, other, 0) ? "theirs" : "ours";
      };
      const a = kept(portA, ids[0], portB, ids[1]), b = kept(portB, ids[1], portA, ids[0]);
      assert.notEqual(a, b, `ports ${portA} and ${portB}`);
    }
  });

  it("at one endpoint the simultaneous dial is settled before the second handshake", () => {
    for (const [own, answer] of [[7000, false], [9000, true]] as const) {
      const { pool, dialer } = makePool();
      pool.own.set(null, own);
      const peer = add(pool, "192.0.2.1", 8000);
      pool.connectToPeers(0);
      assert.equal(pool.incoming("192.0.2.1", 8000, 0) !== null, answer);
      assert.equal(dialer.hungUp.length, answer ? 1 : 0);
      assert.equal(peer.state, answer ? PEER_STATE.CONNECTED : PEER_STATE.CONNECTING);
    }
  });
});

describe("PeerPool and BEP 40", () => {
  it("ranks by canonical priority once our own address is known, per family", async () => {
    const { pool } = makePool({ crc32c: await createCrc32c() });
    const peer = add(pool, "98.76.54.32"), six = add(pool, "2001:db8::20");
    assert.equal(peer.rank, (32 * 7) % 20);
    pool.own.set("123.213.32.10", 6881);
    assert.equal(peer.rank, Math.floor(0xec2d7224 / 2 ** 32 * 20));
    assert.equal(six.rank, (32 * 7) % 20, "no IPv6 address of ours is known");
    assert.equal(add(pool, "123.213.32.234").rank, Math.floor(0x99568189 / 2 ** 32 * 20));
  });
});

describe("PeerPool while running", () => {
  it("forgiveFailures allows dead addresses one more attempt, but not offenders", () => {
    const { pool, dialer } = makePool({ maxFailcount: 2, minReconnectTimeMs: 1000 });
    const dead = add(pool, "192.0.2.1"), offender = add(pool, "192.0.2.2");
    pool.ban(offender, 0, "sent garbage");
    pool.connectToPeers(0);
    haveCompany(pool);
    pool.connectionClosed(dead, 0, { error: true });
    pool.tick(10_000);
    pool.connectionClosed(dead, 10_000, { error: true });
    assert.equal(pool.stats().dead, 1);
    dialer.take();
    assert.equal(pool.known!.forgiveFailures(), 1);
    pool.tick(60_000);
    assert.deepEqual(dialer.take(), ["192.0.2.1:6881"]);
    assert.equal(pool.stats().banned, 1);
    pool.connectionClosed(dead, 70_000, { error: true });
    assert.equal(pool.stats().dead, 1);
  });

  it("setMaxActive ends attempts first, then the lowest ranked connections", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 3 });
    const peers = ["192.0.2.17", "192.0.2.2", "192.0.2.1"].map((address) => add(pool, address));
    pool.connectToPeers(0);
    pool.connected(peers[0]!, 0);
    pool.connected(peers[1]!, 0);
    pool.setMaxActive(1, 0);
    assert.deepEqual(dialer.hungUp, [peers[2], peers[1]]);
    assert.deepEqual([...pool.connectedPeers()], [peers[0]]);
  });

  it("a dialler that fails within the call does not stop or overfill the pool", () => {
    const dialled: PoolPeer[] = [];
    const pool: DrivenPool = new DrivenPool({ maxActiveConnections: 4, maxHalfOpen: 2 }, {
      dial(peer) {
        dialled.push(peer);
        if (dialled.length % 2 === 1) pool.connectionClosed(peer, 0, { error: true });
        else pool.connected(peer, 0);
        assert.ok(pool.stats().connected <= 4);
      },
      hangUp() {},
    });
    pool.addPeers(manyPeers(20), TRACKER, 0);
    pool.connectToPeers(0);
    assert.equal(pool.stats().connected, 4);
    assert.equal(dialled.length, 8);
  });

  it("20,000 attempts that fail within the call do not overflow the stack", () => {
    let dialled = 0;
    const pool: DrivenPool = new DrivenPool({ maxPeerlistSize: 20_000 }, {
      dial(peer) {
        dialled++;
        pool.connectionClosed(peer, 0, { error: true });
      },
      hangUp() {},
    });
    pool.addPeers(manyPeers(20_000), TRACKER, 0);
    pool.connectToPeers(0);
    assert.equal(dialled, 20_000);
  });

  it("knownGood returns the peers that answered, best first, without banned and unreachable ones", () => {
    const { pool } = makePool();
    const [a, b, c, d] = [1, 2, 3, 4].map((i) => add(pool, `192.0.2.${i}`)) as [
      PoolPeer,
      PoolPeer,
      PoolPeer,
      PoolPeer,
    ];
    pool.connectToPeers(0);
    for (const peer of [a, b, c]) pool.connected(peer, 0);
    pool.incoming("192.0.2.9", 40000, 0);
    noteTransfer(pool.known!, b, 100, 0);
    pool.ban(c, 0, "test");
    pool.connectionClosed(d, 0, { error: true });
    assert.deepEqual(goodPeersOf(pool.known!, 10), [b, a]);
    assert.deepEqual(goodPeersOf(pool.known!, 1), [b]);
  });

  it("knownGood keeps those of an earlier run until they are reached or found dead", () => {
    const { pool } = makePool({ maxFailcount: 1 });
    const at = (i: number) => ({ address: `192.0.2.${i}`, port: 6881 });
    pool.addPeers([at(1), at(2)], PEER_SOURCE.RESUME, 0);
    const met = add(pool, "192.0.2.3");
    pool.connectToPeers(0);
    pool.connected(met, 0);
    const good = () => goodPeersOf(pool.known!, 10).map(({ address }) => address);
    assert.deepEqual(good().slice(0, 1), [met.address], "who was met in this run comes first");
    assert.deepEqual(good().sort(), [1, 2, 3].map((i) => `192.0.2.${i}`));
    pool.connectionClosed(pool.findPeer("192.0.2.1", 6881)!, 0, { error: true });
    assert.deepEqual(good(), ["192.0.2.3", "192.0.2.2"]);
  });

  it("reports about a forgotten peer do not restore it", () => {
    const { pool } = makePool({ maxPeerlistSize: 1 });
    const gone = add(pool, "192.0.2.0");
    const better = add(pool, "192.0.2.17");
    noteTransfer(pool.known!, gone, 100, 100);
    noteSeed(pool.known!, gone, true);
    failPiece(pool, gone, 0);
    pool.connectionClosed(gone, 0, { error: true });
    assert.deepEqual(pool.candidates(), [better]);
    assert.equal(pool.stats().total, 1);
  });
});
