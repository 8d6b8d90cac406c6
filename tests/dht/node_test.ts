import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DhtStats, PeersResult } from "../../src/dht/node_types.ts";
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { type DhtItem, itemTarget, signItem } from "../../src/dht/dht_item.ts";
import { matchesAddress } from "../../src/dht/dht_id.ts";
import { decodeKrpc, encodeQuery, encodeResponse } from "../../src/dht/krpc.ts";
import { fromLatin1, toHex } from "../../src/util/bytes.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { ed25519, sha1 } from "./answering.ts";
import { CLIENT, SimDht, type SimDhtOptions, type SimNode } from "./sim_dht.ts";

const TORRENT = sha1(fromLatin1("a torrent"));
const NOBODY = new Uint8Array(0);

/** A network that has come to rest, in which nothing is lost. */
async function network(nodes: number, options: Partial<SimDhtOptions> = {}): Promise<SimDht> {
  const net = await SimDht.create({ nodes, loss: 0, seed: `net of ${nodes}`, ...options });
  net.joinAll(2, 20_000);
  return net;
}

/** What a handler gets, in virtual time. */
function outcome<T>(net: SimDht, by: SimNode, start: (done: (result: T) => void) => void): T {
  const results: T[] = [];
  start((result) => results.push(result));
  net.wake(by);
  net.run(60_000, () => results.length > 0);
  assert.equal(results.length, 1);
  return results[0]!;
}

function announce(net: SimDht, by: SimNode, seed = false): PeersResult {
  return outcome(net, by, (onDone) =>
    by.node.announce(
      TORRENT,
      { port: by.at.port, seed },
      { onPeers() {}, onDone },
      net.now,
    ));
}

function put(net: SimDht, by: SimNode, item: DhtItem, cas: bigint | null = null): number {
  return outcome(net, by, (onDone) => void by.node.putItem(item, cas, onDone, net.now));
}

function get(net: SimDht, by: SimNode, target: Uint8Array, salt: Uint8Array = NOBODY): DhtItem[] {
  const items: DhtItem[] = [];
  outcome<void>(net, by, (done) => {
    const handlers = { onItem: (item: DhtItem) => void items.push(item), onDone: () => done() };
    by.node.getItem(target, salt, handlers, net.now);
  });
  return items;
}

function statsOf(one: SimNode): DhtStats {
  return one.node.stats();
}

describe("DhtNode", () => {
  it("joins by one node and gets to know the network", async () => {
    const net = await network(40);
    for (const one of net.nodes) {
      const { overlays, exceptions, malformed, unsolicited } = statsOf(one);
      assert.ok(overlays[0]!.nodes >= 20, `${one.index} knows ${overlays[0]!.nodes}`);
      assert.deepEqual([exceptions, malformed, unsolicited], [0, 0, 0]);
    }
  });

  it("finds the peer that another node announced, without duplicates", async () => {
    const net = await network(40);
    assert.equal(announce(net, net.nodes[3]!).stored, 8);
    const { peers, result } = net.find(net.nodes[30]!, TORRENT);
    assert.deepEqual(peers, [net.nodes[3]!.at]);
    assert.equal(result.peers, 1);
    assert.equal(net.find(net.nodes[31]!, sha1(TORRENT)).peers.length, 0);
  });

  it("two nodes alone find each other's peers, both ways", async () => {
    const net = await network(2);
    for (const [from, to] of [[0, 1], [1, 0]] as const) {
      const torrent = sha1(Uint8Array.of(from));
      const by = net.nodes[from]!;
      const handlers = { onPeers() {}, onDone() {} };
      by.node.announce(torrent, { port: 7000, impliedPort: false }, handlers, net.now);
      net.wake(by);
      net.run(3000);
      assert.deepEqual(net.find(net.nodes[to]!, torrent).peers, [
        { address: by.at.address, port: 7000 },
      ]);
    }
  });

  it("scrape() counts seeds and other peers", async () => {
    const net = await network(40);
    for (let n = 0; n < 12; n++) announce(net, net.nodes[n]!, n < 5);
    const by = net.nodes[20]!;
    const result = outcome<{ seeds: number; peers: number; answers: number }>(
      net,
      by,
      (done) => void by.node.scrape(TORRENT, done, net.now),
    );
    assert.ok(Math.abs(result.seeds - 5) <= 1, `${result.seeds} seeds`);
    assert.ok(Math.abs(result.peers - 7) <= 1, `${result.peers} peers`);
    assert.ok(result.answers >= 8);
  });

  it("stores and finds an immutable item", async () => {
    const net = await network(40);
    const item = { value: fromLatin1("11:hello world"), signed: null };
    assert.ok(put(net, net.nodes[1]!, item) >= 8);
    assert.deepEqual(get(net, net.nodes[25]!, itemTarget(sha1, item)), [item]);
    assert.deepEqual(get(net, net.nodes[25]!, sha1(NOBODY)), []);
  });

  it("finds the newest of a mutable item; an older one and a wrong cas are not stored", async () => {
    const net = await network(40);
    const seed = sha1(fromLatin1("seed")).slice(0, 20);
    const key = new Uint8Array(32);
    key.set(seed);
    const salt = fromLatin1("salt");
    const version = (seq: bigint) =>
      signItem(ed25519, key, { value: fromLatin1(`i${seq}e`), seq, salt });
    const target = itemTarget(sha1, version(1n));
    const writer = net.nodes[2]!;
    assert.ok(put(net, writer, version(1n)) >= 8);
    assert.ok(put(net, writer, version(3n), 1n) >= 8);
    assert.equal(put(net, writer, version(2n)), 0);
    assert.equal(put(net, writer, version(4n), 1n), 0);
    assert.equal(get(net, net.nodes[33]!, target, salt).at(-1)!.signed!.seq, 3n);
    assert.deepEqual(get(net, net.nodes[33]!, target), [], "the salt is part of its name");
  });

  it("sampleInfohashes() returns the samples of others", async () => {
    const net = await network(30);
    announce(net, net.nodes[1]!);
    const seen = new Set<string>(), by = net.nodes[9]!;
    outcome<void>(net, by, (done) =>
      void by.node.sampleInfohashes(TORRENT, {
        onSamples: ({ infoHashes }) => infoHashes.forEach((hash) => seen.add(toHex(hash))),
        onDone: () => done(),
      }, net.now));
    assert.deepEqual([...seen], [toHex(TORRENT)]);
  });

  it("ping() returns id and client, or null for silence", async () => {
    const net = await network(2);
    const [a, b] = net.nodes as [SimNode, SimNode];
    type Result = { id: Uint8Array; client: Uint8Array | null; rttMs: number } | null;
    const pong = outcome<Result>(net, a, (done) => a.node.ping(b.at, done, net.now));
    assert.deepEqual([pong!.id, pong!.client], [b.node.id(4), CLIENT]);
    assert.ok(pong!.rttMs >= 20 && pong!.rttMs <= 240);
    const nobody = { address: "9.9.9.9", port: 6881 };
    assert.equal(outcome<Result>(net, a, (done) => a.node.ping(nobody, done, net.now)), null);
    const other = { address: "2001:db8::1", port: 6881 };
    assert.equal(outcome<Result>(net, a, (done) => a.node.ping(other, done, net.now)), null);
  });

  it("a read-only node finds peers, answers no query and is in no table", async () => {
    const net = await network(20);
    announce(net, net.nodes[1]!);
    const silent = net.addNode({ readOnly: true });
    silent.node.addBootstrap(net.nodes[0]!.at);
    net.tickAll(60_000, 500);
    assert.equal(net.find(silent, TORRENT).peers.length, 1);
    const { overlays, received, queriesSent, queriesReceived } = statsOf(silent);
    assert.ok(overlays[0]!.nodes > 10);
    assert.ok(queriesSent > 20 && received <= queriesSent);
    assert.equal(queriesReceived, 0);
  });

  it("starts again from the nodes of an earlier run", async () => {
    const net = await network(30);
    const before = net.nodes[7]!;
    const state = before.node.state();
    assert.ok(state.nodes.length >= 15);
    before.alive = false;
    const after = net.addNode({ state });
    assert.deepEqual(after.node.id(4), before.node.id(4));
    net.tickAll(10_000, 200);
    assert.ok(statsOf(after).overlays[0]!.nodes >= 15);
  });

  it("learns of nodes from PORT messages, and pings each once", async () => {
    const net = await network(2);
    const stranger = net.addNode();
    for (let n = 0; n < 50; n++) net.nodes[0]!.node.addNode(stranger.at);
    net.nodes[0]!.node.addNode({ address: "127.0.0.1", port: 0 });
    net.tickAll(10_000, 200);
    assert.ok(statsOf(net.nodes[0]!).overlays[0]!.nodes >= 2);
    assert.ok(statsOf(stranger).queriesReceived < 20);
  });

  it("survives the loss of all nodes, and recovers through its bootstrap node", async () => {
    const net = await network(10);
    const [root, ...others] = net.nodes as [SimNode, ...SimNode[]];
    const one = others.pop()!;
    for (const node of net.nodes) if (node !== one) node.alive = false;
    one.node.addBootstrap(root.at);
    net.tickAll(3 * 3_600_000, 20_000);
    assert.equal(net.find(one, TORRENT).peers.length, 0);
    assert.equal(statsOf(one).overlays[0]!.nodes, 0);
    root.alive = true;
    net.tickAll(300_000, 1000);
    assert.ok(statsOf(one).overlays[0]!.nodes >= 1);
  });

  it("takes an id that BEP 42 allows once several networks agree on its address", async () => {
    const crc32c = await createCrc32c();
    const changes: string[] = [];
    const net = await network(30);
    const id = sha1(fromLatin1("not allowed anywhere"));
    const one = net.addNode({ state: { ids: { 4: id, 6: null }, nodes: [] } }, (address) => {
      changes.push(address);
    });
    assert.equal(matchesAddress(crc32c, id, one.at.address), false);
    one.node.addBootstrap(net.nodes[0]!.at);
    net.tickAll(20_000, 200);
    assert.deepEqual(changes, [one.at.address]);
    assert.equal(matchesAddress(crc32c, one.node.id(4)!, one.at.address), true);
    const { address, nodes } = statsOf(one).overlays[0]!;
    assert.equal(address, one.at.address);
    assert.ok(nodes >= 15, `it still knows ${nodes} nodes`);
    for (const other of net.nodes) {
      if (other !== one) assert.equal(statsOf(other).exceptions, 0);
    }
  });

  it("counts an exception of a handler and continues", async () => {
    const net = await network(20);
    announce(net, net.nodes[1]!);
    const by = net.nodes[5]!;
    let done = 0;
    by.node.getPeers(TORRENT, {
      onPeers: () => {
        throw new Error("of the test");
      },
      onDone: () => {
        done++;
        throw new Error("another");
      },
    }, net.now);
    net.wake(by);
    net.run(10_000, () => done > 0);
    assert.equal(done, 1);
    assert.equal(statsOf(by).exceptions, 2);
    assert.match(String(statsOf(by).lastException), /another/);
    assert.equal(net.find(by, TORRENT).peers.length, 1);
  });

  it("counts invalid messages and unrequested answers", async () => {
    const net = await network(2);
    const [a, b] = net.nodes as [SimNode, SimNode];
    a.node.receive(fromLatin1("d1:q4:pinge"), b.at, net.now);
    a.node.receive(NOBODY, b.at, net.now);
    const answer = encodeResponse({ t: Uint8Array.of(1, 2), id: b.node.id(4)! });
    a.node.receive(answer, b.at, net.now);
    const { malformed, unsolicited, exceptions } = statsOf(a);
    assert.deepEqual([malformed, unsolicited, exceptions], [2, 1, 0]);
  });

  it("cancel() ends a search with its results so far, and stores nothing", async () => {
    const net = await network(30);
    const by = net.nodes[4]!;
    const results: PeersResult[] = [];
    const handlers = { onPeers() {}, onDone: (result: PeersResult) => void results.push(result) };
    const operation = by.node.announce(TORRENT, { port: 7000 }, handlers, net.now);
    operation.cancel(net.now);
    operation.cancel(net.now);
    assert.equal(results.length, 1);
    assert.deepEqual([results[0]!.stored, results[0]!.peers], [0, 0]);
    net.run(10_000);
    assert.equal(net.nodes.reduce((sum, one) => sum + statsOf(one).stored.peers, 0), 0);
  });

  it("a search without a node to ask ends after half a minute", async () => {
    const net = await network(1);
    const since = net.now;
    const { peers } = net.find(net.nodes[0]!, TORRENT);
    assert.deepEqual(peers, []);
    assert.ok(net.now - since >= 30_000 && net.now - since < 31_000);
  });

  it("a flood from one address is refused and does not slow others", async () => {
    const net = await network(3, { node: { limits: {} } });
    const [target, asker] = net.nodes as [SimNode, SimNode];
    const flooder: PeerAddress = { address: "77.7.7.7", port: 7777 };
    const id = sha1(fromLatin1("flooder"));
    const before = statsOf(target).sent;
    for (let n = 0; n < 5000; n++) {
      const t = Uint8Array.of(n >> 8, n);
      const head = { kind: "query", t, id, readOnly: false, client: null } as const;
      target.node.receive(encodeQuery({ ...head, method: "ping" }), flooder, net.now);
    }
    assert.ok(statsOf(target).sent - before <= 60, `${statsOf(target).sent - before} answers`);
    const pong = outcome(net, asker, (done) => asker.node.ping(target.at, done, net.now));
    assert.notEqual(pong, null);
  });

  it("two nodes with a contact over IPv6 learn the IPv6 network from those over IPv4 (BEP 32)", async () => {
    const net = await SimDht.create({ nodes: 20, loss: 0, seed: "two families", both: true });
    net.nodes[1]!.node.addBootstrap(net.nodes[0]!.at6);
    net.joinAll(2, 60_000);
    for (const { node } of net.nodes) {
      const [four, six] = node.stats().overlays;
      assert.ok(four!.nodes >= 8, `${four!.nodes} over IPv4`);
      assert.ok(six!.nodes >= 8, `${six!.nodes} over IPv6`);
    }
    const by = net.nodes[3]!;
    announce(net, by);
    const { peers } = net.find(net.nodes[15]!, TORRENT);
    assert.deepEqual(
      peers.map((peer) => peer.address).sort(),
      [by.at.address, by.at6.address].sort(),
    );
  });

  it("sends queries that others read as they are meant", async () => {
    const net = await network(2);
    const seen: string[] = [];
    net.watch = (bytes) => {
      const message = decodeKrpc(bytes);
      if (message.kind === "query") seen.push(message.method);
    };
    announce(net, net.nodes[0]!);
    assert.deepEqual(seen, ["get_peers", "announce_peer"]);
  });
});
