/** The tests that the peer pool plan (seed 001) names, phases 1 to 4, each under its name. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "../../src/peers/pool_peer.ts";
import { PeerPool } from "../../src/peers/peer_pool.ts";
import { noteGoodPiece, noteSeed, noteTransfer } from "../../src/peers/conduct.ts";
import {
  add,
  endpointOf,
  failPiece,
  haveCompany,
  makePool,
  manyPeers,
  MINUTE,
} from "./pool_harness.ts";

const { TRACKER, PEX } = PEER_SOURCE;
const REFUSED = { error: true };

describe("PeerPool phase 1: storage and discovery", () => {
  it("create_and_free: a new pool is empty, and stop leaves no active peer", () => {
    const { pool, dialer } = makePool();
    assert.deepEqual(pool.stats(), {
      total: 0,
      candidates: 0,
      connecting: 0,
      connected: 0,
      dead: 0,
      banned: 0,
    });
    assert.equal(pool.nextDeadline(), Infinity);
    pool.addPeers(manyPeers(5), TRACKER, 0);
    pool.connectToPeers(0);
    assert.equal(dialer.dialled.length, 5);
    pool.connected(dialer.dialled[0]!, 0);
    pool.stop(1);
    assert.equal(dialer.hungUp.length, 5);
    pool.tick(100 * MINUTE);
    assert.equal(dialer.dialled.length, 5, "nobody is dialled after stop");
  });

  it("add_single_peer: the peer is known, with its source, and a candidate", () => {
    const { pool } = makePool();
    const peer = pool.addPeer("192.0.2.7", 6881, TRACKER, 0)!;
    assert.equal(endpointOf(peer), "192.0.2.7:6881");
    assert.equal(peer.state, PEER_STATE.CANDIDATE);
    assert.equal(peer.sources, TRACKER);
    assert.equal(peer.peerId, null);
    const six = pool.addPeer("2001:db8::7", 6881, PEX, 0)!;
    assert.equal(endpointOf(six), "2001:db8::7:6881");
    assert.equal(pool.stats().total, 2);
  });

  it("add_duplicate_peer: the same address and port, however written, is one peer", () => {
    const { pool } = makePool();
    const peer = add(pool, "2001:db8::7");
    assert.equal(pool.addPeer("2001:DB8:0:0::7", 6881, PEX, 0), peer);
    assert.equal(peer.sources, TRACKER | PEX);
    const four = add(pool, "192.0.2.7");
    assert.equal(pool.addPeer("::ffff:192.0.2.7", 6881, TRACKER, 0), four);
    assert.equal(pool.stats().total, 2);
    assert.notEqual(add(pool, "192.0.2.7", 6882), four);
    assert.equal(pool.stats().total, 3);
  });

  it("add_peers_from_tracker: a batch is added, duplicates counted once, slots filled", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 2 });
    const list = [...manyPeers(4), ...manyPeers(2), { address: "no address", port: 1 }];
    assert.equal(pool.addPeers(list, TRACKER, 0), 4);
    assert.equal(pool.addPeers(manyPeers(5), TRACKER, 0), 1);
    assert.equal(pool.stats().total, 5);
    assert.equal(dialer.dialled.length, 0, "not before connectToPeers");
    pool.connectToPeers(0);
    assert.equal(dialer.take().length, 2);
    pool.setMaxActive(4, 0);
    assert.equal(dialer.take().length, 2);
    pool.setMaxActive(10, 0);
    dialer.take();
    assert.equal(pool.addPeers(manyPeers(7), TRACKER, 0), 2);
    assert.equal(dialer.take().length, 2, "by itself from then on");
  });

  it("find_peer: by any spelling of the address, and undefined for strangers", () => {
    const { pool } = makePool();
    const peer = add(pool, "2001:db8::7");
    assert.equal(pool.findPeer("2001:0db8::0007", 6881), peer);
    assert.equal(pool.findPeer("2001:db8::7", 6882), undefined);
    assert.equal(pool.findPeer("2001:db8::8", 6881), undefined);
    assert.equal(pool.findPeer("not an address", 6881), undefined);
  });

  it("peer_limit_enforcement: 1000 peers at most, the lowest ranked go first", () => {
    const { pool } = makePool();
    assert.equal(pool.addPeers(manyPeers(1000), TRACKER, 0), 1000);
    const low = pool.candidates().at(-1)!;
    // 10.9.9.17 has a spread of 19, above all that end in 0.
    const better = pool.addPeer("10.9.9.17", 6881, TRACKER, 0);
    assert.ok(better !== null && better.rank > low.rank);
    assert.equal(pool.stats().total, 1000);
    assert.equal(pool.findPeer(low.address, low.port), undefined);
    assert.equal(pool.addPeer("10.9.9.0", 6881, TRACKER, 0), null, "not better than any");
    assert.equal(pool.addPeers(manyPeers(3000), TRACKER, 0) <= 1000, true);
    assert.equal(pool.stats().total, 1000);
    assert.equal(pool.stats().candidates, 1000);
  });

  it("statistics: total, candidates, connecting, connected and banned are counted", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 3 });
    pool.addPeers(manyPeers(10), TRACKER, 0);
    pool.connectToPeers(0);
    const [first, second] = dialer.dialled as [PoolPeer, PoolPeer];
    pool.connected(first, 0);
    assert.deepEqual(pool.stats(), {
      total: 10,
      candidates: 7,
      connecting: 2,
      connected: 1,
      dead: 0,
      banned: 0,
    });
    pool.ban(second, 0, "test");
    assert.deepEqual(pool.stats(), {
      total: 10,
      candidates: 6,
      connecting: 2,
      connected: 1,
      dead: 0,
      banned: 1,
    });
    assert.deepEqual([...pool.connectedPeers()], [first]);
  });
});

describe("PeerPool phase 2: ranking and candidates", () => {
  it("peer_rank_calculation: every term of the formula counts as planned", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.13");
    const base = (13 * 7) % 20;
    assert.equal(peer.rank, base);
    noteTransfer(pool.known!, peer, 1, 0);
    assert.equal(peer.rank, base + 100);
    noteSeed(pool.known!, peer, true);
    assert.equal(peer.rank, base + 150);
    failPiece(pool, peer, 0);
    assert.equal(peer.rank, base + 120);
    pool.connectToPeers(0);
    pool.connectionClosed(peer, 0, { error: true });
    assert.equal(peer.rank, base + 100);
    const six = add(pool, "2001:db8::0d");
    assert.equal(six.rank, base, "the last byte of an IPv6 address counts");
  });

  it("candidate_cache_sorting: by rank, then by the time known", () => {
    const { pool } = makePool();
    const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.22", "192.0.2.17", "192.0.2.0"];
    for (const address of addresses) add(pool, address);
    assert.deepEqual(pool.candidates().map((peer) => peer.address), [
      "192.0.2.17",
      "192.0.2.2",
      "192.0.2.22",
      "192.0.2.1",
      "192.0.2.0",
    ]);
    noteSeed(pool.known!, pool.findPeer("192.0.2.0", 6881)!, true);
    assert.equal(pool.candidates()[0]!.address, "192.0.2.0");
  });

  it("candidate_cache_sorting: equal ranks by fewer failures, then least recently connected", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 2, minReconnectTimeMs: 10 });
    const early = add(pool, "192.0.2.1"), late = add(pool, "192.0.2.21");
    pool.connectToPeers(0);
    pool.connected(early, 0);
    pool.connected(late, 0);
    pool.connectionClosed(late, 5, { error: false });
    pool.connectionClosed(early, 6, { error: false });
    dialer.take();
    pool.setMaxActive(0, 100);
    assert.equal(early.rank, late.rank);
    assert.deepEqual(pool.candidates(), [late, early]);
    // 192.0.2.3 starts one point above 192.0.2.0 and 20 below once it has failed.
    const failed = add(pool, "192.0.2.3");
    failed.dials.failCount = 1;
    noteSeed(pool.known!, failed, false);
    const plain = add(pool, "192.0.2.0");
    plain.spread = failed.rank;
    noteSeed(pool.known!, plain, false);
    assert.equal(plain.rank, failed.rank);
    assert.deepEqual(pool.candidates().slice(-2), [plain, failed]);
  });

  it("pick_best_candidate: the highest rank, and null if there is no candidate", () => {
    const { pool } = makePool();
    assert.equal(pool.known?.cache.best(), undefined);
    add(pool, "192.0.2.1");
    const best = add(pool, "192.0.2.17");
    add(pool, "192.0.2.2");
    assert.equal(pool.known?.cache.best(), best);
  });

  it("seed_priority: a seed comes before others while we download, and is left out afterwards", () => {
    const { pool } = makePool();
    add(pool, "192.0.2.17");
    const seed = add(pool, "192.0.2.0");
    noteSeed(pool.known!, seed, true);
    assert.equal(pool.known?.cache.best(), seed);
    pool.setFinished(true);
    assert.equal(pool.stats().candidates, 1);
    assert.notEqual(pool.known?.cache.best(), seed);
    assert.equal(seed.state, PEER_STATE.DISCOVERED);
    pool.setFinished(false);
    pool.tick(0);
    assert.equal(pool.known?.cache.best(), seed);
  });

  it("failure_penalty: 20 per failed connection ranks a peer behind the others", () => {
    const { pool } = makePool({ minReconnectTimeMs: 0, maxActiveConnections: 1 });
    const shaky = add(pool, "192.0.2.17"), other = add(pool, "192.0.2.0");
    pool.connectToPeers(0);
    assert.equal(shaky.state, PEER_STATE.CONNECTING);
    pool.connectionClosed(shaky, 0, { error: true });
    assert.equal(shaky.rank, -1);
    assert.equal(other.state, PEER_STATE.CONNECTING, "the other one is next");
  });
});

describe("PeerPool phase 3: connections", () => {
  it("connect_to_best_peer: the highest ranked candidate is dialled first", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 1 });
    add(pool, "192.0.2.1");
    add(pool, "192.0.2.17");
    pool.connectToPeers(0);
    assert.deepEqual(dialer.take(), ["192.0.2.17:6881"]);
  });

  it("connection_success: the peer is connected, with its id and the time", () => {
    const { pool, dialer } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(5);
    assert.equal(peer.state, PEER_STATE.CONNECTING);
    const peerId = new Uint8Array(20).fill(7);
    pool.connected(peer, 8, peerId);
    assert.equal(peer.state, PEER_STATE.CONNECTED);
    assert.equal(peer.peerId, peerId);
    assert.equal(peer.lastConnected, 8);
    assert.equal(peer.incoming, false);
    pool.connected(peer, 9);
    assert.equal(pool.stats().connected, 1, "a second report changes nothing");
    assert.equal(dialer.dialled.length, 1);
  });

  it("connection_failure: it counts, the peer backs off, and another takes its slot", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 1 });
    const bad = add(pool, "192.0.2.17"), next = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    pool.connectionClosed(bad, 100, { error: true });
    assert.equal(bad.dials.failCount, 1);
    assert.equal(bad.state, PEER_STATE.DISCONNECTED);
    assert.equal(bad.lastConnected, 100);
    assert.deepEqual(dialer.dialled, [bad, next]);
    pool.connectionClosed(bad, 101, { error: true });
    assert.equal(bad.dials.failCount, 1, "a connection ends once");
  });

  it("auto_retry_after_failure: again after (failures + 1) minutes, not before", () => {
    const { pool, dialer } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    haveCompany(pool);
    dialer.take();
    pool.connectionClosed(peer, 1000, { error: true });
    assert.equal(pool.nextDeadline(), 1000 + 2 * MINUTE);
    pool.tick(1000 + 2 * MINUTE - 1);
    assert.deepEqual(dialer.take(), []);
    pool.tick(1000 + 2 * MINUTE);
    assert.deepEqual(dialer.take(), ["192.0.2.1:6881"]);
    pool.connectionClosed(peer, 200_000, { error: true });
    assert.equal(pool.nextDeadline(), 200_000 + 3 * MINUTE);
  });

  it("auto_retry_after_failure: an orderly end costs one minute", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    pool.connected(peer, 0);
    pool.connectionClosed(peer, 500, { error: false });
    assert.equal(peer.dials.failCount, 0);
    assert.equal(pool.nextDeadline(), 500 + MINUTE);
  });

  it("a dead address, after three failures, is not dialled while any peer is connected", () => {
    const { pool, dialer } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    const company = haveCompany(pool);
    let now = 0;
    for (let failure = 0; failure < 3; failure++) {
      assert.equal(peer.state, PEER_STATE.CONNECTING);
      pool.connectionClosed(peer, now, { error: true });
      now += 10 * MINUTE;
      pool.tick(now);
    }
    assert.deepEqual([pool.stats().dead, pool.stats().banned], [1, 0]);
    pool.tick(now + 1000 * MINUTE);
    assert.equal(dialer.dialled.length, 3);
    assert.equal(pool.nextDeadline(), Infinity);
    pool.connectionClosed(company, now + 1000 * MINUTE, { error: false });
    assert.equal(dialer.dialled.length, 4, "it is better than nobody");
    pool.connected(peer, now + 1000 * MINUTE);
    noteTransfer(pool.known!, peer, 1, 0);
    assert.deepEqual([pool.stats().dead, peer.dials.failCount], [0, 0]);
  });

  it("while no peer is connected, failed addresses are dialled after 5, 10, 20, 29, 29 s", () => {
    const { pool, dialer } = makePool();
    const peer = add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    let now = 0;
    for (const wait of [5, 10, 20, 29, 29]) {
      assert.equal(peer.state, PEER_STATE.CONNECTING);
      dialer.take();
      pool.connectionClosed(peer, now, { error: true });
      assert.equal(pool.nextDeadline(), now + wait * 1000);
      pool.tick(now += wait * 1000 - 1);
      assert.deepEqual(dialer.take(), []);
      pool.tick(++now);
    }
    assert.equal(peer.state, PEER_STATE.CONNECTING);
  });

  it("of a thousand dead addresses eight a second are repeated, once we have all none", () => {
    const { pool, dialer } = makePool({ maxFailcount: 1 });
    pool.addPeers(manyPeers(1000), TRACKER, 0);
    pool.connectToPeers(0);
    const refuseAll = (now: number) => {
      let count = 0;
      for (let peer = dialer.dialled.shift(); peer; peer = dialer.dialled.shift()) {
        pool.connectionClosed(peer, now, REFUSED);
        count++;
      }
      return count;
    };
    refuseAll(0);
    assert.equal(pool.stats().dead, 1000);
    let tried = 0;
    for (let now = 5000; now <= 15_000; now += 500) {
      pool.tick(now);
      tried += refuseAll(now);
    }
    assert.ok(tried >= 80 && tried <= 96, `${tried}`);
    pool.setFinished(true);
    pool.tick(1000 * MINUTE);
    assert.deepEqual(dialer.take(), []);
  });

  it("fill_connection_slots: 25 at most, refilled as they end", () => {
    const { pool, dialer } = makePool();
    pool.addPeers(manyPeers(100), TRACKER, 0);
    pool.connectToPeers(0);
    assert.equal(dialer.dialled.length, 25);
    for (let i = 0; i < dialer.dialled.length; i++) pool.connected(dialer.dialled[i]!, 0);
    assert.equal(pool.stats().connected, 25);
    assert.equal(dialer.dialled.length, 25);
    pool.connectionClosed(dialer.dialled[3]!, 1, { error: false });
    assert.equal(dialer.dialled.length, 26, "a loss is replaced at once");
    assert.equal(new Set(dialer.dialled).size, 26, "by somebody else");
  });

  it("a connected peer is disconnected, replaced, and kept for later", () => {
    const { pool, dialer } = makePool({ maxActiveConnections: 1 });
    const first = add(pool, "192.0.2.17");
    add(pool, "192.0.2.1");
    pool.connectToPeers(0);
    pool.connected(first, 0);
    pool.giveUpOne(0);
    pool.tick(0);
    assert.deepEqual(dialer.hungUp, [first]);
    assert.equal(first.state, PEER_STATE.DISCONNECTED);
    assert.equal(first.dials.failCount, 0);
    assert.deepEqual(dialer.take(), ["192.0.2.17:6881", "192.0.2.1:6881"]);
  });

  it("callbacks: a ban is reported once, with the state up to date", () => {
    const news: string[] = [];
    const pool = new PeerPool({}, undefined, (peer, reason) => {
      news.push(`banned ${peer.address} ${reason} ${peer.state} ${pool.stats().banned}`);
    });
    const peer = add(pool, "192.0.2.17");
    pool.connectToPeers(0);
    assert.equal(pool.next(0), peer);
    pool.connected(peer, 0);
    pool.ban(peer, 2, "sent garbage");
    pool.ban(peer, 3, "sent garbage");
    assert.deepEqual(news, [`banned 192.0.2.17 sent garbage ${PEER_STATE.BANNED} 1`]);
  });

  it("next: no peer before it starts, each peer once, and disconnected peers are reported", () => {
    const pool = new PeerPool({ maxActiveConnections: 2 });
    const [a, b] = [add(pool, "192.0.2.2"), add(pool, "192.0.2.1")];
    add(pool, "192.0.2.0");
    assert.equal(pool.next(0), null, "it does not run");
    pool.connectToPeers(0);
    assert.deepEqual([pool.next(0), pool.next(0), pool.next(0)], [a, b, null]);
    let ended = 0;
    a.end = () => ended++;
    pool.connected(a, 0);
    pool.stop(1);
    assert.equal(ended, 1);
    a.hangUp();
    assert.equal(ended, 1, "what is over is not kept");
    assert.equal(pool.next(MINUTE), null);
  });
});

describe("PeerPool phase 4: statistics and quality", () => {
  it("update_download_stats: bytes add up over connections", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    noteTransfer(pool.known!, peer, 16384, 0);
    noteTransfer(pool.known!, peer, 5 * 2 ** 32, 0);
    assert.equal(peer.conduct.downloaded, 16384 + 5 * 2 ** 32);
    assert.equal(peer.conduct.uploaded, 0);
  });

  it("update_upload_stats: bytes add up and do not change the rank", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    const rank = peer.rank;
    noteTransfer(pool.known!, peer, 0, 100);
    noteTransfer(pool.known!, peer, 0, 50);
    assert.equal(peer.conduct.uploaded, 150);
    assert.equal(peer.rank, rank);
  });

  it("hash_failure_penalty: 30 a piece, ban at the fourth in a row, pardon by good pieces", () => {
    const { pool, dialer } = makePool();
    const peer = add(pool, "192.0.2.1"), mixed = add(pool, "192.0.2.2");
    pool.connectToPeers(0);
    pool.connected(peer, 0);
    pool.connected(mixed, 0);
    const rank = peer.rank;
    failPiece(pool, peer, 0);
    assert.equal(peer.rank, rank - 30);
    assert.equal(peer.conduct.hashFails, 1);
    for (let piece = 0; piece < 2; piece++) failPiece(pool, peer, 0);
    assert.equal(peer.state, PEER_STATE.CONNECTED);
    failPiece(pool, peer, 0);
    assert.equal(peer.state, PEER_STATE.BANNED);
    assert.equal(peer.banReason, "hash-failures");
    assert.deepEqual(dialer.hungUp, [peer]);
    for (let round = 0; round < 20; round++) {
      failPiece(pool, mixed, 0);
      noteGoodPiece(mixed);
      noteGoodPiece(mixed);
    }
    assert.equal(mixed.state, PEER_STATE.CONNECTED, "as many good pieces keep an innocent");
  });

  it("hash_failure_penalty: a peer that sent all of a bad piece is banned at once", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    failPiece(pool, peer, 0, true);
    assert.equal(peer.state, PEER_STATE.BANNED);
    assert.equal(pool.stats().candidates, 0);
  });

  it("seed_boost: 50, once", () => {
    const { pool } = makePool();
    const peer = add(pool, "192.0.2.1");
    const rank = peer.rank;
    noteSeed(pool.known!, peer, true);
    noteSeed(pool.known!, peer, true);
    assert.equal(peer.rank, rank + 50);
  });

  it("rank_improves_with_good_performance: data lifts the rank and wipes out failures", () => {
    const { pool } = makePool({ minReconnectTimeMs: 0 });
    const peer = add(pool, "192.0.2.1");
    const rank = peer.rank;
    pool.connectToPeers(0);
    pool.connectionClosed(peer, 0, { error: true });
    assert.equal(peer.rank, rank - 20);
    pool.connected(peer, 1);
    noteTransfer(pool.known!, peer, 16384, 0);
    assert.equal(peer.rank, rank + 100);
    assert.equal(peer.dials.failCount, 0);
  });
});
