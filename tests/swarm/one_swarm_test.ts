/** A magnet's torrent has one peer id, one announce and one connection to a peer, from add to remove. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { encodePex } from "../../src/wire/ut_pex.ts";
import { EXTENSION_IDS } from "../../src/wire/extension.ts";
import { HAVE_NONE } from "../../src/wire/peer_wire.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { MetadataPeer } from "../harness/metadata_peer.ts";
import { sha1 } from "../harness/hasher.ts";
import { NetError } from "../../src/util/errors.ts";
import { type Participant, SimSwarm, type SimTorrent } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const TRACKER = "http://10.0.0.1/announce";

async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB], 16 * KIB);
  return swarm;
}

const metaOf = ({ torrent }: SimSwarm) => parseTorrent(torrent.bytes, sha1);

function linkTo(swarm: SimSwarm, more: Partial<Parameters<typeof formatMagnet>[0]>): string {
  return formatMagnet({ infoHash: metaOf(swarm).infoHash, ...more });
}

/** What a node asks of trackers, and whom it dials. */
function listenTo(node: SimNode) {
  const announces: { event: string; peerId: string }[] = [], dials: string[] = [];
  const { http, net } = node, request = http.request.bind(http), connect = net.connect.bind(net);
  http.request = (asked) => {
    const { searchParams } = new URL(asked.url.replace(/peer_id=[^&]*/, "peer_id="));
    const peerId = /peer_id=([^&]*)/.exec(asked.url)?.[1] ?? "";
    announces.push({ event: searchParams.get("event") ?? "", peerId });
    return request(asked);
  };
  net.connect = (to) => {
    if (to.port === 6881) dials.push(to.address);
    return connect(to);
  };
  return { announces, dials };
}

/** When something happened to a participant first, by the world's clock. */
function timesOf(swarm: SimSwarm, { torrent }: Participant): Map<string, number> {
  const times = new Map<string, number>();
  void (async () => {
    for await (const { type } of torrent.events()) {
      if (!times.has(type)) times.set(type, swarm.world.now);
    }
  })();
  return times;
}

function privately(torrent: SimTorrent): void {
  const text = Buffer.from(torrent.bytes).toString("latin1");
  torrent.bytes = new Uint8Array(Buffer.from(text.replace(/ee$/, "7:privatei1eee"), "latin1"));
}

describe("a magnet's swarm", () => {
  it("announces once, under one id, and dials each peer once", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    await swarm.seed("10.0.1.1");
    await swarm.seed("10.0.1.2");
    const node = swarm.world.node("10.0.2.1"), { announces, dials } = listenTo(node);
    const leech = await swarm.join(node, {}, {}, linkTo(swarm, { trackers: [TRACKER] }));
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    await swarm.world.wait(leech.torrent.ended);
    assert.deepEqual(announces.map(({ event }) => event), ["started", "completed", "stopped"]);
    assert.equal(new Set(announces.map(({ peerId }) => peerId)).size, 1);
    assert.deepEqual(dials.toSorted(), ["10.0.1.1", "10.0.1.2"]);
    await swarm.close();
  });

  it("keeps the connection of a seed that it cannot dial", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    const node = swarm.world.node("10.0.2.1"), { dials } = listenTo(node);
    const leech = await swarm.join(node, {}, {}, linkTo(swarm, {}));
    const times = timesOf(swarm, leech);
    await swarm.world.runFor(1000);
    swarm.torrent.bytes = withoutTracker(swarm.torrent.bytes);
    await swarm.seed("10.0.1.1", {}, { peers: ["10.0.2.1:6881"] });
    await swarm.untilDone([leech]);
    await swarm.world.runFor(0);
    assert.deepEqual(dials, []);
    const wait = times.get("done")! - times.get("added")!;
    assert.ok(wait <= 3000, `${wait} ms from the metadata to the end`);
    await swarm.close();
  });

  it("counts pieces that a peer announced before there was metadata", TIMEOUT, async () => {
    const swarm = await newSwarm(3), { infoBytes } = metaOf(swarm);
    const talker = new MetadataPeer(swarm.world.node("10.0.1.1"), {
      metadata: infoBytes,
      hello: (out) => {
        out.signal(HAVE_NONE);
        for (let piece = 0; piece < 20; piece++) out.number(4, piece);
      },
    });
    await swarm.world.wait(talker.listen());
    const link = linkTo(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] });
    const leech = await swarm.join(swarm.world.node("10.0.2.1"), {}, {}, link);
    await swarm.run(() => leech.torrent.snapshot().peerList[0]?.interested === true);
    const { progress } = leech.torrent.snapshot().peerList[0]!;
    assert.equal(progress, 20 / metaOf(swarm).layout.pieceCount);
    assert.equal(talker.connections.length, 1);
    await swarm.close();
  });

  it(
    "of a private torrent forgets peers from peer exchange, and asks for no more",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(4);
      privately(swarm.torrent);
      const { infoBytes } = metaOf(swarm), told = { address: "10.0.1.9", port: 6881, flags: 0 };
      const pex = encodePex({ added: [told], dropped: [] });
      const talker = new MetadataPeer(swarm.world.node("10.0.1.1"), {
        metadata: infoBytes,
        hello: (out) => out.extended(EXTENSION_IDS.get("ut_pex")!, pex),
      });
      await swarm.world.wait(talker.listen());
      const other = new MetadataPeer(swarm.world.node("10.0.1.9"), { metadata: infoBytes });
      await swarm.world.wait(other.listen());
      const link = linkTo(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] });
      const leech = await swarm.join(swarm.world.node("10.0.2.1"), {}, {}, link);
      await swarm.run(() => leech.torrent.snapshot().state === "downloading");
      await swarm.world.runFor(60_000);
      const { peers, peerList } = leech.torrent.snapshot();
      assert.deepEqual(peerList.map(({ address }) => address), ["10.0.1.1"]);
      assert.equal(peers.known, 1);
      assert.equal(talker.connections.length, 1, "the one who was named stays");
      assert.ok(other.connections.every(({ ended }) => ended));
      const [connection] = talker.connections;
      assert.equal(connection!.theirs!.messages.get("ut_pex"), 0, "it was taken back");
      await swarm.close();
    },
  );

  it("keeps its peers and its id during a pause", TIMEOUT, async () => {
    const swarm = await newSwarm(5);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
    const node = swarm.world.node("10.0.2.1"), { announces } = listenTo(node);
    const link = linkTo(swarm, { trackers: [TRACKER] });
    const leech = await swarm.join(node, FOREVER, {}, link);
    await swarm.run(() => leech.torrent.snapshot().have > 100 * KIB);
    await swarm.world.wait(leech.torrent.pause());
    assert.equal(leech.torrent.snapshot().peers.known, 1);
    node.http.request = () => Promise.reject(new NetError("refused", "The tracker is gone"));
    leech.torrent.start();
    const resumed = swarm.world.now;
    await swarm.untilDone([leech]);
    assert.ok(swarm.world.now - resumed < 15_000, `${swarm.world.now - resumed} ms`);
    assert.equal(new Set(announces.map(({ peerId }) => peerId)).size, 1);
    await swarm.close();
  });
});

function withoutTracker(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  return new Uint8Array(
    Buffer.from(text.replace(/^d8:announce\d+:.*?4:info/, "d4:info"), "latin1"),
  );
}
