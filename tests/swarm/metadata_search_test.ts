import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { encodePex } from "../../src/wire/ut_pex.ts";
import { encodeMetadataRequest } from "../../src/wire/ut_metadata.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { HAVE_ALL, UNCHOKE } from "../../src/wire/peer_wire.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { SendBuffers } from "../../src/swarm/peer/link.ts";
import { ConnectionSlots } from "../../src/peers/connection_slots.ts";
import type { PeerPool } from "../../src/peers/peer_pool.ts";
import { TorrentPeers } from "../../src/torrent/peers.ts";
import { PEER_SOURCE, PEER_STATE } from "../../src/peers/pool_peer.ts";
import type { PeerPoolConfig } from "../../src/peers/pool_types.ts";
import { newThrottles } from "../../src/swarm/rate_limits.ts";
import type { Swarm } from "../../src/swarm/swarm.ts";
import { TrackerManager } from "../../src/tracker/tracker_manager.ts";
import { dialPeer } from "../../src/transport/dial.ts";
import { HandshakeReader } from "../../src/transport/handshake_reader.ts";
import { sha1 } from "../harness/hasher.ts";
import { MetadataPeer, type MetadataScript } from "../harness/metadata_peer.ts";

const PIECE = 16384;
const METADATA = new Prng("metadata").fill(new Uint8Array(6 * PIECE + 99));
const INFO_HASH = sha1(METADATA);
const PEX = EXTENSION_IDS.get("ut_pex")!;

/** A magnet's peers on a node of their own, and what they told. */
class Finder {
  readonly node: SimNode;
  readonly peers: TorrentPeers;
  readonly swarm: Swarm;
  readonly pool: PeerPool;
  found: Uint8Array | null = null;
  readonly nodes: string[] = [];
  readonly own: string[] = [];

  constructor(
    readonly world: SimWorld,
    options: { pool?: Partial<PeerPoolConfig>; pex?: boolean; dhtPort?: number } = {},
  ) {
    const node = this.node = world.node("10.0.0.9");
    const { clock, random, hasher } = node, { pex = true, dhtPort = 0 } = options;
    const identity = {
      infoHash: INFO_HASH,
      peerId: node.random.fill(new Uint8Array(20)),
      trackerKey: 1,
      listenPort: () => 6881,
      clientName: "shoal test",
    };
    const swarm = { uploadSlots: 4, superSeed: false };
    const limits = { down: Infinity, up: Infinity }, { pool = {} } = options;
    this.peers = new TorrentPeers(identity, {
      tiers: [],
      trackers: undefined,
      pool,
      swarm,
      limits,
      peerLimits: limits,
    }, {
      clock,
      random,
      hasher,
      dial: (to, ours, events) => dialPeer(node, to, ours, events),
      buffers: new SendBuffers(),
      throttles: newThrottles(),
      slots: new ConnectionSlots(),
      trackers: () =>
        new TrackerManager(
          { ...node, clock, random, http: node.http, lookup: (host) => node.net.lookup(host) },
          {
            ...identity,
            totals: () => ({ uploaded: 0, downloaded: 0, left: 1 }),
            key: 1,
            numWant: () => 0,
            needsPeers: () => false,
            isPartialSeed: () => false,
          },
          [],
          { onPeers() {}, onAnnounce() {} },
        ),
      extensions: { pex, dhtPort: () => dhtPort },
      outside: {
        dhtNode: (address, port) => this.nodes.push(`${address}:${port}`),
        ownAddress: (address, from) => this.own.push(`${address} from ${from}`),
      },
      tell() {},
    });
    this.peers.found.then((bytes) => this.found = bytes, (error) => {
      throw error;
    });
    this.swarm = this.peers.swarm;
    this.pool = this.peers.pool;
  }

  async start(...addresses: string[]): Promise<void> {
    await this.world.wait(this.node.net.listen({ port: 6881 }, (socket, info) => {
      new HandshakeReader(socket, this.node.clock, 10_000, {
        handshake: (reader, theirs) => {
          if (this.peers.online) {
            this.swarm.accept(reader.connection(theirs, info, this.swarm.handshake));
          } else reader.close();
        },
        failed: () => {},
      });
    }));
    this.peers.addPeers(addresses.map((address) => ({ address, port: 6881 })), PEER_SOURCE.TRACKER);
    this.peers.start();
    const tick = () => {
      this.peers.tick(this.node.clock.now());
      this.node.clock.after(250, tick);
    };
    tick();
  }

  /** Until the metadata is found; the books are checked after every event. */
  async run(limitMs = 600_000): Promise<void> {
    await this.world.run(() => {
      this.swarm.checkInvariants();
      return this.found !== null;
    }, limitMs);
    assert.deepEqual(this.found, METADATA);
  }

  /** Whether that peer is connected, under the port where it listens. */
  has(address: string, port = 6881): boolean {
    return this.pool.known?.list.find(address, port)?.state === PEER_STATE.CONNECTED;
  }
}

async function peer(world: SimWorld, address: string, script: MetadataScript) {
  const made = new MetadataPeer(world.node(address), script);
  await world.wait(made.listen());
  return made;
}

const wrong = METADATA.map((byte) => byte ^ 1);

describe("the search for metadata", () => {
  it("gets the metadata from one peer and stays connected", async () => {
    const world = new SimWorld(1), finder = new Finder(world);
    const seed = await peer(world, "10.0.0.1", { metadata: METADATA });
    await finder.start("10.0.0.1");
    await finder.run();
    assert.equal(seed.requests, 7);
    assert.ok(finder.has("10.0.0.1"));
    assert.deepEqual(finder.own, ["8.7.6.5 from 10.0.0.1"]);
    assert.equal(seed.connections[0]!.theirs!.client, "shoal test");
    assert.equal(seed.connections[0]!.theirs!.yourAddress, "10.0.0.1");
    await world.runFor(1000);
    assert.equal(seed.connections.length, 1);
    assert.equal(seed.connections[0]!.ended, false);
  });

  it("gets it from several at once", async () => {
    const world = new SimWorld(2), finder = new Finder(world);
    const seeds = [];
    for (const i of [1, 2, 3]) {
      seeds.push(await peer(world, `10.0.0.${i}`, { metadata: METADATA }));
    }
    await peer(world, "10.0.0.4", { metadata: null });
    await finder.start("10.0.0.4", "10.0.0.1", "10.0.0.2", "10.0.0.3");
    await finder.run();
    const asked = seeds.filter(({ requests }) => requests > 0).length;
    assert.ok(asked >= 2, `${asked}`);
    assert.equal(finder.swarm.size, 4);
  });

  it("gets it from a peer that dialled us, and learns where that one listens", async () => {
    const world = new SimWorld(3), finder = new Finder(world);
    await finder.start();
    const seed = new MetadataPeer(world.node("10.0.0.1"), {
      metadata: METADATA,
      listenPort: 7777,
    });
    seed.dial({ address: "10.0.0.9", port: 6881 }, INFO_HASH);
    await finder.run();
    assert.ok(finder.has("10.0.0.1", 7777));
  });

  it("keeps what peers announce of their pieces, and uses their PORT messages", async () => {
    const world = new SimWorld(4), finder = new Finder(world, { dhtPort: 5555 });
    const seed = await peer(world, "10.0.0.1", {
      metadata: METADATA,
      dht: true,
      hello: (out) => {
        out.bitfield(new Uint8Array(1000).fill(255));
        out.signal(HAVE_ALL);
        out.signal(UNCHOKE);
        out.number(4, 99);
        out.port(4444);
      },
    });
    await finder.start("10.0.0.1");
    await finder.run();
    assert.deepEqual(finder.nodes, ["10.0.0.1:4444"]);
    assert.equal(seed.requests, 7);
  });

  it("dials peers from peer exchange, and none if that is off", async () => {
    for (const pex of [true, false]) {
      const world = new SimWorld(5), finder = new Finder(world, { pex });
      const told = encodePex({
        added: [{ address: "10.0.0.2", port: 6881, flags: 0 }],
        dropped: [],
      });
      await peer(world, "10.0.0.1", {
        metadata: null,
        hello: (out) => pex && out.extended(PEX, told),
      });
      const seed = await peer(world, "10.0.0.2", { metadata: METADATA });
      await finder.start("10.0.0.1");
      if (pex) {
        await finder.run();
        assert.equal(finder.pool.known!.list.find("10.0.0.2", 6881)!.sources, PEER_SOURCE.PEX);
      } else {
        await world.runFor(20_000);
        assert.equal(seed.connections.length, 0);
      }
    }
  });

  it("bans peers that sent wrong metadata, and completes with the one honest peer", async () => {
    const world = new SimWorld(6), finder = new Finder(world);
    const liar = await peer(world, "10.0.0.1", { metadata: wrong });
    const other = await peer(world, "10.0.0.2", { metadata: wrong.subarray(5) });
    const stalls = await peer(world, "10.0.0.3", { metadata: METADATA, manner: "stalls" });
    const rejects = await peer(world, "10.0.0.4", { metadata: METADATA, manner: "rejects" });
    const giant = await peer(world, "10.0.0.5", { metadata: METADATA, size: 30 * 1024 * 1024 });
    await peer(world, "10.0.0.6", { metadata: METADATA });
    await finder.start(...[1, 2, 3, 4, 5, 6].map((i) => `10.0.0.${i}`));
    await finder.run();
    for (const each of [liar, other, stalls, rejects, giant]) assert.ok(each.requests > 0);
    for (const address of ["10.0.0.1", "10.0.0.5"]) {
      assert.equal(finder.pool.known!.list.find(address, 6881)!.state, PEER_STATE.BANNED, address);
    }
    for (const address of ["10.0.0.3", "10.0.0.4", "10.0.0.6"]) {
      assert.notEqual(
        finder.pool.known!.list.find(address, 6881)!.state,
        PEER_STATE.BANNED,
        address,
      );
    }
    assert.ok(finder.has("10.0.0.6") && !finder.has("10.0.0.1"));
  });

  it("makes room for others if all its slots are occupied by silent peers", async () => {
    const world = new SimWorld(7);
    const finder = new Finder(world, { pool: { maxActiveConnections: 3 } });
    const idle = [];
    for (const i of [1, 2, 3, 4, 5]) {
      const script: MetadataScript = i % 2 === 0
        ? { metadata: null }
        : { metadata: METADATA, manner: "stalls" };
      idle.push(await peer(world, `10.0.0.${i}`, script));
    }
    await finder.start(...[1, 2, 3, 4, 5].map((i) => `10.0.0.${i}`));
    await world.runFor(10_000);
    assert.equal(finder.swarm.size, 3);
    await peer(world, "10.0.0.6", { metadata: METADATA });
    finder.pool.addPeers(
      [{ address: "10.0.0.6", port: 6881 }],
      PEER_SOURCE.DHT,
      finder.node.clock.now(),
    );
    await finder.run(400_000);
  });

  for (const manner of ["stalls", "rejects"] as const) {
    it(`takes seconds when all slots go to peers of which each ${manner}`, async () => {
      const world = new SimWorld(12), finder = new Finder(world);
      const useless = [], addresses = [];
      for (let i = 1; i <= 30; i++) {
        addresses.push(`10.0.1.${i}`);
        useless.push(await peer(world, addresses.at(-1)!, { metadata: METADATA, manner }));
      }
      await peer(world, "10.0.0.1", { metadata: METADATA });
      await finder.start(...addresses);
      await world.runFor(1000);
      assert.ok(finder.pool.isFull);
      finder.pool.addPeers(
        [{ address: "10.0.0.1", port: 6881 }],
        PEER_SOURCE.DHT,
        finder.node.clock.now(),
      );
      await finder.run(15_000);
      assert.ok(useless.filter(({ requests }) => requests > 0).length > 20);
      assert.ok(useless.some(({ connections }) => connections.some(({ ended }) => !ended)));
    });
  }

  it("ends connections that break the protocol, and continues with others", async () => {
    const metadata = EXTENSION_IDS.get("ut_metadata")!;
    const evil: NonNullable<MetadataScript["hello"]>[] = [
      (out) => out.extended(metadata, fromLatin1("d8:msg_typei1e5:piecei0e10:total_sizei5ee")),
      (out) => out.extended(metadata, new Uint8Array(0)),
      (out) =>
        out.extended(metadata, fromLatin1("d8:msg_typei1e5:piecei-1e10:total_sizei5eexxxxx")),
      (out) => out.extended(PEX, fromLatin1("d5:added3:abce")),
      (out) => out.extended(99, fromLatin1("de")),
      (out) => out.extended(0, fromLatin1("d-3:")),
      (out) => out.piece(0, 0, 100),
      (out) => out.append(Uint8Array.of(255, 255, 255, 255, 20)),
      (out) => {
        for (let i = 0; i < 120; i++) out.extended(metadata, encodeMetadataRequest(i));
      },
      (out) => {
        for (let i = 0; i < 10; i++) out.extended(PEX, fromLatin1("de"));
      },
      (out) => {
        const data = fromLatin1("d8:msg_typei1e5:piecei0e10:total_sizei1eex");
        for (let i = 0; i < 150; i++) out.extended(metadata, data);
      },
      (out) => {
        for (let i = 0; i < 200_000; i++) out.keepAlive();
      },
      (out) => {
        for (let i = 0; i < 1500; i++) out.extended(0, fromLatin1("d1:md11:ut_metadatai7eee"));
      },
    ];
    const world = new SimWorld(8), finder = new Finder(world);
    const peers = [];
    for (const [i, hello] of evil.entries()) {
      peers.push(await peer(world, `10.0.1.${i + 1}`, { metadata: null, hello }));
    }
    await finder.start(...evil.map((_, i) => `10.0.1.${i + 1}`));
    await world.runFor(5000);
    for (const [i, each] of peers.entries()) {
      assert.ok(each.connections.length > 0 && each.connections[0]!.ended, `evil ${i}`);
    }
    assert.equal(finder.swarm.size, 0);
    await peer(world, "10.0.0.1", { metadata: METADATA });
    finder.pool.addPeers(
      [{ address: "10.0.0.1", port: 6881 }],
      PEER_SOURCE.TRACKER,
      finder.node.clock.now(),
    );
    await finder.run();
  });

  it("keeps a peer without the extension protocol until another can connect", async () => {
    const world = new SimWorld(9), finder = new Finder(world);
    const plain = await peer(world, "10.0.0.1", { metadata: null, extensions: false });
    await finder.start("10.0.0.1");
    await world.runFor(60_000);
    assert.equal(plain.connections.length, 1);
    assert.ok(finder.has("10.0.0.1"));
    finder.pool.setMaxActive(1, finder.node.clock.now());
    await peer(world, "10.0.0.2", { metadata: METADATA });
    finder.pool.addPeers(
      [{ address: "10.0.0.2", port: 6881 }],
      PEER_SOURCE.TRACKER,
      finder.node.clock.now(),
    );
    await finder.run();
    assert.ok(plain.connections[0]!.ended);
  });

  it("continues when peers disappear and return", async () => {
    const world = new SimWorld(10), finder = new Finder(world);
    const node = world.node("10.0.0.1", { link: { latencyMs: 400 } });
    const seed = new MetadataPeer(node, { metadata: METADATA });
    await world.wait(seed.listen());
    await finder.start("10.0.0.1");
    await world.run(() => seed.requests > 1);
    node.resetConnections();
    await finder.run();
    assert.ok(seed.connections.length >= 2);
  });

  it("ends everything when it is closed before it is done", async () => {
    const world = new SimWorld(11), finder = new Finder(world);
    const seed = await peer(world, "10.0.0.1", { metadata: METADATA, manner: "stalls" });
    await finder.start("10.0.0.1", "10.0.0.77");
    await world.run(() => seed.requests > 0);
    const stopped = finder.peers.stop(1000);
    seed.dial({ address: "10.0.0.9", port: 6881 }, INFO_HASH);
    await world.runFor(20_000);
    assert.equal(finder.node.openSockets, 0);
    assert.equal(finder.found, null);
    await world.wait(stopped);
  });
});
