import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { PeerStore } from "../../src/dht/peer_store.ts";
import { BloomFilter } from "../../src/dht/bloom.ts";
import { toHex } from "../../src/util/bytes.ts";
import { HandRandom } from "../harness/random.ts";

const MINUTE = 60_000;
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const hash = (n: number) => sha1(new Uint8Array([n >> 8, n]));
const peer = (n: number, port = 6881) => ({ address: `10.0.${n >> 8}.${n & 255}`, port });
const ALL = { family: 4, noSeed: false, limit: 1000 } as const;
const store = (limits = {}) => new PeerStore(new HandRandom("peers"), sha1, limits);
const addresses = (peers: { address: string }[]) => peers.map((one) => one.address).sort();

describe("PeerStore", () => {
  it("returns the announced peers, by torrent and family", () => {
    const peers = store();
    peers.announce(hash(1), peer(1), false, 0);
    peers.announce(hash(1), { address: "2001:db8::1", port: 5 }, false, 0);
    peers.announce(hash(2), peer(2), false, 0);
    assert.deepEqual(peers.peersOf(hash(1), ALL, 0), [peer(1)]);
    assert.deepEqual(peers.peersOf(hash(1), { ...ALL, family: 6 }, 0), [
      { address: "2001:db8::1", port: 5 },
    ]);
    assert.deepEqual(peers.peersOf(hash(3), ALL, 0), []);
    assert.deepEqual([peers.torrentCount, peers.peerCount], [2, 3]);
  });

  it("an address has one place per torrent: the last port and role count", () => {
    const peers = store();
    for (let port = 1000; port < 1100; port++) peers.announce(hash(1), peer(1, port), true, 0);
    peers.announce(hash(1), peer(1, 7777), false, 0);
    assert.deepEqual(peers.peersOf(hash(1), { ...ALL, noSeed: true }, 0), [peer(1, 7777)]);
    assert.equal(peers.peerCount, 1);
  });

  it("noSeed leaves seeds out (BEP 33)", () => {
    const peers = store();
    peers.announce(hash(1), peer(1), true, 0);
    peers.announce(hash(1), peer(2), false, 0);
    assert.deepEqual(peers.peersOf(hash(1), { ...ALL, noSeed: true }, 0), [peer(2)]);
    assert.equal(peers.peersOf(hash(1), ALL, 0).length, 2);
  });

  it("a peer is forgotten 45 minutes after its last announce, its torrent with the last peer", () => {
    const peers = store();
    peers.announce(hash(1), peer(1), false, 0);
    peers.announce(hash(1), peer(2), false, 0);
    peers.announce(hash(1), peer(1), false, 30 * MINUTE);
    assert.equal(peers.peersOf(hash(1), ALL, 45 * MINUTE - 1).length, 2);
    assert.deepEqual(peers.peersOf(hash(1), ALL, 45 * MINUTE), [peer(1)]);
    peers.expire(75 * MINUTE);
    assert.deepEqual([peers.torrentCount, peers.peerCount], [0, 0]);
  });

  it("peersOf is a random choice without repetition, and every peer's turn comes", () => {
    const peers = store(), seen = new Set<string>();
    for (let n = 0; n < 100; n++) peers.announce(hash(1), peer(n), false, 0);
    for (let i = 0; i < 100; i++) {
      const chosen = addresses(peers.peersOf(hash(1), { ...ALL, limit: 10 }, 0));
      assert.equal(new Set(chosen).size, 10);
      for (const address of chosen) seen.add(address);
    }
    assert.equal(seen.size, 100);
    assert.deepEqual(peers.peersOf(hash(1), { ...ALL, limit: 0 }, 0), []);
    assert.equal(peers.peersOf(hash(1), ALL, 0).length, 100, "choosing loses nobody");
  });

  it("over 500 peers of a torrent, the oldest announce is dropped", () => {
    const peers = store({ maxPeers: 5 });
    for (let n = 1; n <= 5; n++) peers.announce(hash(1), peer(n), false, n);
    peers.announce(hash(1), peer(1), false, 6);
    peers.announce(hash(1), peer(6), false, 7);
    assert.deepEqual(
      addresses(peers.peersOf(hash(1), ALL, 7)),
      addresses([1, 3, 4, 5, 6].map((n) => peer(n))),
    );
  });

  it("a flood of made-up torrents pushes out itself, not the torrents that have peers", () => {
    const peers = store({ maxTorrents: 20 });
    for (let n = 0; n < 5; n++) {
      peers.announce(hash(n), peer(1), false, 0);
      peers.announce(hash(n), peer(2), false, 0);
    }
    for (let n = 100; n < 1100; n++) {
      peers.announce(hash(n), peer(3), false, 1);
      assert.ok(peers.torrentCount <= 20);
    }
    for (let n = 0; n < 5; n++) assert.equal(peers.peersOf(hash(n), ALL, 1).length, 2);
    assert.equal(peers.peersOf(hash(1099), ALL, 1).length, 1, "the newest is in");
  });

  it("a full store first drops expired peers", () => {
    const peers = store({ maxTorrents: 2 });
    peers.announce(hash(1), peer(1), false, 0);
    peers.announce(hash(1), peer(2), false, 0);
    peers.announce(hash(2), peer(1), false, 44 * MINUTE);
    peers.announce(hash(3), peer(1), false, 46 * MINUTE);
    const known = [1, 2, 3].map((n) => peers.peersOf(hash(n), ALL, 46 * MINUTE).length);
    assert.deepEqual(known, [0, 1, 1]);
  });

  it("scrape has seeds and others in two filters, null for an unknown torrent (BEP 33)", () => {
    const peers = store();
    for (let n = 0; n < 40; n++) peers.announce(hash(1), peer(n), n % 4 === 0, 0);
    const { seeds, peers: rest } = peers.scrape(hash(1), 0)!;
    assert.ok(Math.abs(new BloomFilter(seeds).estimate() - 10) < 2);
    assert.ok(Math.abs(new BloomFilter(rest).estimate() - 30) < 3);
    assert.equal(peers.scrape(hash(2), 0), null);
    assert.equal(peers.scrape(hash(1), 45 * MINUTE), null);
  });

  it("sampleInfoHashes are known ones, no more than asked for, without repetition", () => {
    const peers = store(), known = new Set<string>();
    for (let n = 0; n < 50; n++) {
      peers.announce(hash(n), peer(1), false, 0);
      known.add(toHex(hash(n)));
    }
    const sample = peers.sampleInfoHashes(20).map(toHex);
    assert.equal(new Set(sample).size, 20);
    assert.ok(sample.every((one) => known.has(one)));
    assert.equal(peers.sampleInfoHashes(99).length, 50);
  });
});
