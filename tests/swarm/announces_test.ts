/** What trackers get to see of a torrent, and what a torrent makes of its trackers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { sha1 } from "../harness/hasher.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { SimSwarm, torrentOf } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const MINUTE = 60_000;
const GOOD = "http://10.0.0.1/announce";

async function newSwarm(seed: number, size = 400 * KIB): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([size], 16 * KIB);
  return swarm;
}

interface Announce {
  event: string;
  peerId: string;
  key: string;
  numWant: string;
}

/** A node's announces over HTTP from now on. */
function announcesOf({ http }: SimNode): Announce[] {
  const announces: Announce[] = [], request = http.request.bind(http);
  http.request = (asked) => {
    const arg = (name: string) => new RegExp(`[?&]${name}=([^&]*)`).exec(asked.url)?.[1] ?? "";
    const [peerId, numWant] = [arg("peer_id"), arg("numwant")];
    announces.push({ event: arg("event"), peerId, key: arg("key"), numWant });
    return request(asked);
  };
  return announces;
}

/** No connection reaches `hidden`, as behind a NAT. */
function cannotDial({ net }: SimNode, hidden: string): { tried: number } {
  const connect = net.connect.bind(net), count = { tried: 0 };
  net.connect = (to) => {
    if (to.address !== hidden) return connect(to);
    count.tried++;
    return connect({ ...to, address: "10.99.99.99" });
  };
  return count;
}

describe("a seed", () => {
  it(
    "a seed that cannot be dialled uploads everything to a leech within five seconds",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(1);
      const leech = await swarm.leech("10.0.2.1");
      cannotDial(leech.node, "10.0.1.1");
      await swarm.world.runFor(5000);
      const node = swarm.world.node("10.0.1.1"), announces = announcesOf(node);
      swarm.plant(node);
      const start = swarm.world.now;
      await swarm.join(node, { trustFiles: true, ...FOREVER });
      await swarm.untilDone([leech], 5000);
      swarm.assertHasAll(leech);
      assert.ok(swarm.world.now - start <= 5000);
      assert.deepEqual(announces.map(({ event, numWant }) => [event, numWant]), [[
        "started",
        "100",
      ]]);
      await swarm.close();
    },
  );

  it("requests no peers while its places are taken, and when it leaves", TIMEOUT, async () => {
    const swarm = await newSwarm(2, 8192 * KIB);
    const node = swarm.world.node("10.0.1.1"), announces = announcesOf(node);
    swarm.plant(node);
    const seed = await swarm.join(node, { trustFiles: true, maxPeers: 1, ...FOREVER });
    await swarm.world.runFor(500);
    await swarm.leech("10.0.2.1", {}, { limits: { down: 4 * KIB }, ...FOREVER });
    await swarm.world.runFor(31 * MINUTE);
    assert.equal(seed.torrent.status().peers.connected, 1);
    await swarm.close();
    assert.deepEqual(announces.map(({ event }) => event).slice(0, 2), ["started", ""]);
    assert.deepEqual(announces[1]!.numWant, "0");
    assert.deepEqual([announces.at(-1)!.event, announces.at(-1)!.numWant], ["stopped", "0"]);
  });
});

describe("fourteen trackers that stay silent", () => {
  /** URLs of trackers that take what is sent, and answer nothing. */
  async function silent(swarm: SimSwarm, scheme: "udp" | "http"): Promise<string[]> {
    const urls: string[] = [];
    for (let i = 0; i < 14; i++) {
      const node = swarm.world.node(`10.0.9.${i + 1}`);
      await swarm.world.wait(node.net.listen({ port: 80 }, (socket) => {
        socket.attach({ onData: () => {}, onEnd: () => {} });
      }));
      await swarm.world.wait(node.datagrams.bind({ port: 80, family: 4 }, () => {}));
      urls.push(`${scheme}://10.0.9.${i + 1}:80/announce`);
    }
    return urls;
  }

  for (const scheme of ["udp", "http"] as const) {
    for (const form of ["a magnet link", "tiers", "one tier"]) {
      it(`before a good one cost ten seconds at most: ${scheme}, ${form}`, TIMEOUT, async () => {
        const swarm = await newSwarm(3);
        await swarm.seed("10.0.1.1");
        const urls = [...await silent(swarm, scheme), GOOD];
        const { torrent } = swarm, meta = parseTorrent(torrent.bytes, sha1);
        const magnet = formatMagnet({ infoHash: meta.infoHash, trackers: urls });
        const tiers = form === "tiers" ? urls.map((url) => [url]) : [urls];
        const listed = torrentOf(torrent.files, torrent.pieceLength, undefined, tiers).bytes;
        const source = form === "a magnet link" ? magnet : listed;
        const leech = await swarm.join(swarm.world.node("10.0.2.1"), {}, {}, source);
        await swarm.untilDone([leech], 10_500);
        swarm.assertHasAll(leech);
        await swarm.close();
      });
    }
  }
});

describe("a tracker that refuses", () => {
  it("is not asked for as long as it demands, even after pauses", TIMEOUT, async () => {
    const swarm = await newSwarm(4), { world } = swarm, asked: number[] = [];
    const tracker = world.node("10.0.9.1"), start = world.now;
    const refusal = "d14:failure reason8:too soon8:intervali1800e12:min intervali900ee";
    await world.wait(tracker.http.serve({ port: 80, address: "10.0.9.1" }, () => {
      asked.push(Math.round((world.now - start) / MINUTE));
      return new Response(refusal);
    }));
    const tiers = [["http://10.0.9.1/announce"]];
    const { torrent } = swarm, { files, pieceLength } = torrent;
    torrent.bytes = torrentOf(files, pieceLength, undefined, tiers).bytes;
    const leech = await swarm.join(world.node("10.0.2.1"));
    for (let minute = 0; minute < 40; minute += 5) {
      await world.runFor(4 * MINUTE);
      await world.wait(leech.torrent.pause());
      await world.runFor(MINUTE);
      leech.torrent.start();
    }
    assert.deepEqual(asked, [0, 15, 30]);
    await swarm.close();
  });
});

describe("the identity of a torrent", () => {
  it("is one over pauses and a restart, as long as trackers remember it", TIMEOUT, async () => {
    const swarm = await newSwarm(5), { world } = swarm;
    const node = world.node("10.0.1.1"), announces = announcesOf(node);
    swarm.plant(node);
    const options = { port: 6881, stateDir: "/state" };
    const add = { trustFiles: true, ...FOREVER };
    const { client, torrent } = await swarm.join(node, add, options);
    await world.runFor(MINUTE);
    await world.wait(torrent.pause());
    torrent.start();
    await world.runFor(MINUTE);
    await world.wait(client.close());
    swarm.all.length = 0;

    for (const [pauseMs, isSame] of [[30 * MINUTE, true], [3 * 60 * MINUTE, false]] as const) {
      await world.runFor(pauseMs);
      const before = announces.at(-1)!, from = announces.length;
      const again = await world.wait(Client.open(node, options));
      await world.wait(again.restore());
      await world.runFor(MINUTE);
      await world.wait(again.close());
      const later = announces.slice(from);
      assert.deepEqual(later.map(({ event }) => event), ["started", "stopped"]);
      for (const { peerId, key } of later) {
        assert.equal(peerId === before.peerId && key === before.key, isSame);
        assert.equal(peerId === before.peerId || key === before.key, isSame);
      }
    }
    const first = announces.slice(0, 4);
    assert.deepEqual(first.map(({ event }) => event), ["started", "stopped", "started", "stopped"]);
    assert.equal(new Set(first.map(({ peerId, key }) => peerId + key)).size, 1);
  });
});
