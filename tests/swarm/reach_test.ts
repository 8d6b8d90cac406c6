/** How soon a peer is reached among addresses that do not answer, and when it comes late. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { compactPeer, type PeerAddress } from "../../src/util/compact_address.ts";
import { concatBytes } from "../../src/util/bytes.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { makeSimTorrent, type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const TRACKER = "10.0.0.1", SEED = "10.0.1.1", LEECH = "10.0.2.1";

/** The address is dead, and nothing shows it: packets vanish. */
function silentPeers(count: number): PeerAddress[] {
  return Array.from({ length: count }, (_, i) => ({
    address: `10.77.${i >> 7}.${1 + (i & 127)}`,
    port: 6881,
  }));
}

/** A swarm whose tracker gives the same peers to everybody, once an hour. */
async function swarmOf(
  seed: number,
  peers: PeerAddress[],
  peers6: PeerAddress[] = [],
): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed), node = swarm.world.node(TRACKER);
  const [v4, v6] = [peers, peers6].map((list) => concatBytes(...list.map(compactPeer)));
  const body = encode({ interval: 3600, peers: v4!, peers6: v6! });
  const answer = () => new Response(new Uint8Array(body));
  await swarm.world.wait(node.http.serve({ port: 80, address: TRACKER }, answer));
  swarm.torrent = makeSimTorrent(
    swarm.world,
    [300 * KIB, 50 * KIB],
    16 * KIB,
    `http://${TRACKER}/announce`,
  );
  return swarm;
}

/** When a node dialled whom. */
function dialsOf(swarm: SimSwarm, node: SimNode): { at: number; to: string }[] {
  const dials: { at: number; to: string }[] = [], connect = node.net.connect.bind(node.net);
  node.net.connect = (to) => {
    if (to.port === 6881) dials.push({ at: swarm.world.now, to: to.address });
    return connect(to);
  };
  return dials;
}

async function untilConnected(swarm: SimSwarm, { torrent }: Participant): Promise<void> {
  await swarm.run(() => torrent.snapshot().peers.connected > 0, 600_000);
}

describe("a leech", () => {
  for (const seed of [1, 2, 3]) {
    it(`reaches a peer behind 150 silent addresses in 5 s, seed ${seed}`, TIMEOUT, async () => {
      const silent = silentPeers(150);
      const swarm = await swarmOf(seed, [...silent, { address: SEED, port: 6881 }]);
      await swarm.seed(SEED);
      const node = swarm.world.node(LEECH), dials = dialsOf(swarm, node);
      const began = swarm.world.now, leech = await swarm.join(node);
      await untilConnected(swarm, leech);
      assert.ok(swarm.world.now - began < 5000, `${swarm.world.now - began} ms`);
      dials.forEach(({ at }, i) =>
        assert.ok(i < 50 || at - dials[i - 50]!.at >= 1000, "50 a second")
      );
      await swarm.untilDone([leech]);
      assert.equal(new Set(dials.map(({ to }) => to)).size, dials.length, "none twice");
      await swarm.close();
    });
  }

  it(
    "reaches a peer behind 999 ports of one address, and dials four of them a minute",
    TIMEOUT,
    async () => {
      const victim = "10.77.0.1";
      const ports = Array.from({ length: 999 }, (_, i) => ({ address: victim, port: 1000 + i }));
      const swarm = await swarmOf(5, [...ports, { address: SEED, port: 6881 }]);
      await swarm.seed(SEED);
      const node = swarm.world.node(LEECH), began = swarm.world.now;
      const dialled: { at: number; port: number }[] = [], connect = node.net.connect.bind(node.net);
      node.net.connect = (to) => {
        if (to.address === victim) dialled.push({ at: swarm.world.now, port: to.port });
        return connect(to);
      };
      const leech = await swarm.join(node, { seedGoal: { kind: "forever" } });
      await untilConnected(swarm, leech);
      assert.ok(swarm.world.now - began < 5000, `${swarm.world.now - began} ms`);
      await swarm.world.runFor(300_000);
      const different = new Set(dialled.map(({ port }) => port)).size;
      assert.ok(different > 4 && different <= 4 * 6, `${different} ports in five minutes`);
      dialled.forEach(({ at }) => {
        const now = dialled.filter((dial) => dial.at > at - 60_000 && dial.at <= at);
        assert.ok(new Set(now.map(({ port }) => port)).size <= 4, "four a minute");
      });
      await swarm.close();
    },
  );

  it("has one connection to a peer with an IPv4 and an IPv6 address", TIMEOUT, async () => {
    const seed6 = "2001:db8::1", port = 6881;
    const swarm = await swarmOf(6, [{ address: SEED, port }], [{ address: seed6, port }]);
    await swarm.seed(SEED, { also: [seed6] });
    const node = swarm.world.node(LEECH, { also: ["2001:db8::2"] }), dials = dialsOf(swarm, node);
    const leech = await swarm.join(node, { limits: { down: 300, up: Infinity } });
    await swarm.run(() => dials.length === 2, 60_000);
    await swarm.world.runFor(600_000);
    assert.equal(leech.torrent.snapshot().peers.connected, 1);
    assert.equal(dials.length, 2, "each address once");
    await swarm.close();
  });

  it(
    "reaches the last of 1,000 silent addresses, without ever going too fast",
    TIMEOUT,
    async () => {
      const swarm = await swarmOf(4, silentPeers(999));
      const node = swarm.world.node(LEECH), dials = dialsOf(swarm, node);
      swarm.checkEvery = 100;
      await swarm.join(node);
      await swarm.run(() => new Set(dials.map(({ to }) => to)).size === 999, 40_000);
      await swarm.world.runFor(120_000);
      dials.forEach(({ at }, i) =>
        assert.ok(i < 50 || at - dials[i - 50]!.at >= 1000, "50 a second")
      );
      const last = new Map<string, number>();
      for (const { at, to } of dials) {
        assert.ok(at - (last.get(to) ?? -Infinity) >= 5000, "nobody twice within its back-off");
        last.set(to, at);
      }
      await swarm.close();
    },
  );

  for (const late of [8, 33, 100, 400]) {
    it(
      `finds in 30 s a peer that comes up after ${late} s without announcing itself`,
      TIMEOUT,
      async () => {
        const swarm = await swarmOf(late, [{ address: SEED, port: 6881 }, ...silentPeers(30)]);
        const node = swarm.world.node(LEECH), began = swarm.world.now;
        const leech = await swarm.join(node);
        swarm.checkEvery = 10;
        await swarm.world.run(began + late * 1000);
        const up = swarm.world.node(SEED);
        swarm.plant(up);
        await swarm.join(up, { trustFiles: true, seedGoal: { kind: "forever" } });
        const from = swarm.world.now;
        await untilConnected(swarm, leech);
        assert.ok(swarm.world.now - from < 31_000, `${swarm.world.now - from} ms`);
        await swarm.untilDone([leech]);
        await swarm.close();
      },
    );
  }
});
