/** Connections that fill a seed's places without any use, in the simulator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AddOptions } from "../../src/client/types.ts";
import { BLOCK_LENGTH as BLOCK } from "../../src/metainfo/layout.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";
import { Attacker, handshakeFor } from "./attacker.ts";

const TIMEOUT = { timeout: 60_000 };
const PIECES = 64;

interface Scene {
  swarm: SimSwarm;
  victim: Participant;
}

async function newScene(
  seedNumber: number,
  upBytesPerSec = 2 << 20,
  add: Partial<AddOptions> = {},
): Promise<Scene> {
  const swarm = new SimSwarm(seedNumber);
  swarm.checkEvery = 10;
  await swarm.prepare([PIECES * 4 * BLOCK], 4 * BLOCK);
  const victim = await swarm.seed("10.0.1.1", { link: { upBytesPerSec } }, add);
  return { swarm, victim };
}

function connected({ victim }: Scene): number {
  return victim.torrent.snapshot().peers.connected;
}

/** From this node a connection that has nothing, wants all, and asks for nothing. */
async function idler(
  { swarm, victim }: Scene,
  node: SimNode,
  id = swarm.world.dice.fill(new Uint8Array(20)),
): Promise<Attacker> {
  const attacker = new Attacker(node, victim, PIECES);
  await swarm.world.runFor(50);
  attacker.say(handshakeFor(victim, id));
  attacker.speak((out) => {
    out.signal(wire.HAVE_NONE);
    out.signal(wire.INTERESTED);
  });
  await swarm.world.runFor(50);
  return attacker;
}

describe("a seed and many connections of one peer", () => {
  it("keeps the last one, and all other peers", TIMEOUT, async () => {
    const scene = await newScene(60), { swarm } = scene;
    const other = await idler(scene, swarm.world.node("10.0.9.1"));
    const node = swarm.world.node("10.0.9.2"), id = new Uint8Array(20).fill(7);
    const visits: Attacker[] = [];
    for (let i = 0; i < 8; i++) visits.push(await idler(scene, node, id));
    assert.ok(visits.every(({ greeted }) => greeted), "each was taken in");
    const last = visits.pop()!;
    assert.deepEqual(visits.map(({ ended }) => ended), visits.map(() => true));
    assert.equal(last.ended || other.ended, false);
    assert.equal(connected(scene), 2);
    assert.equal(scene.victim.torrent.snapshot().peers.banned, 0);
    await swarm.close();
  });
});

/** Lets time pass; the attackers keep their connections alive. Returns how many are left. */
async function hold({ swarm }: Scene, attackers: readonly Attacker[], ms: number): Promise<number> {
  for (let passed = 0; passed < ms; passed += 30_000) {
    await swarm.world.runFor(Math.min(30_000, ms - passed));
    for (const attacker of attackers) attacker.speak((out) => out.keepAlive());
  }
  await swarm.world.runFor(100);
  return attackers.filter(({ ended }) => !ended).length;
}

describe("a seed whose places are all occupied by peers that request nothing", () => {
  it("makes room at once if they share one address", TIMEOUT, async () => {
    const scene = await newScene(61), { swarm } = scene;
    const node = swarm.world.node("10.0.9.1"), attackers: Attacker[] = [];
    for (let i = 0; i < 25; i++) attackers.push(await idler(scene, node));
    assert.equal(await hold(scene, attackers, 15_000), 25);
    assert.equal(connected(scene), 25, "they have every place");
    const leeches = [await swarm.leech("10.0.2.1"), await swarm.leech("10.0.2.2")];
    const served = () => leeches.every(({ torrent }) => torrent.snapshot().downloaded > 0);
    await swarm.run(served, 1000);
    await swarm.untilDone(leeches, 120_000);
    for (const leech of leeches) swarm.assertHasAll(leech);
    assert.ok(await hold(scene, attackers, 1000) < 25);
    await swarm.close();
  });

  it(
    "makes room as soon as each has let a turn pass, whatever their addresses",
    TIMEOUT,
    async () => {
      const scene = await newScene(62), { swarm } = scene;
      const attackers: Attacker[] = [];
      // The last byte gives 19 of 19 as priority to them and 0 to who comes.
      for (let i = 0; i < 25; i++) {
        attackers.push(await idler(scene, swarm.world.node(`10.1.${i}.17`)));
      }
      assert.equal(await hold(scene, attackers, 180_000), 25);
      assert.equal(connected(scene), 25, "they have every place");
      const leech = await swarm.leech("10.0.2.20");
      await swarm.untilDone([leech], 10_000);
      swarm.assertHasAll(leech);
      assert.equal(await hold(scene, attackers, 1000), 24);
      await swarm.close();
    },
  );

  it("makes room within seconds while it also serves a peer", TIMEOUT, async () => {
    const scene = await newScene(66), { swarm, victim } = scene;
    const served = await swarm.leech("10.0.2.1", { link: { downBytesPerSec: 20 * 1024 } });
    await swarm.run(() => served.torrent.snapshot().downloaded > 0, 20_000);
    const attackers: Attacker[] = [];
    for (let i = 0; i < 24; i++) {
      attackers.push(await idler(scene, swarm.world.node(`10.1.${i}.17`)));
    }
    assert.equal(await hold(scene, attackers, 28_000), 24);
    assert.equal(connected(scene), 25, "they have every other place");
    assert.ok(victim.torrent.snapshot().upRate >= 1024, "a leech is served");
    const newcomer = await idler(scene, swarm.world.node("10.0.2.20"));
    assert.ok(newcomer.greeted);
    assert.equal(await hold(scene, attackers, 1000), 23);
    await swarm.close();
  });

  it("has one at a downloader with a full pool, too", TIMEOUT, async () => {
    const swarm = new SimSwarm(63);
    swarm.checkEvery = 10;
    await swarm.prepare([PIECES * 4 * BLOCK], 4 * BLOCK);
    const slow = { link: { upBytesPerSec: 20 * 1024 } };
    const seed = await swarm.seed("10.0.1.2", slow);
    const victim = await swarm.leech("10.0.1.1", {}, { maxPeers: 10 });
    const scene = { swarm, victim }, attackers: Attacker[] = [];
    await swarm.run(() => connected(scene) === 1);
    for (let i = 0; i < 9; i++) {
      attackers.push(await idler(scene, swarm.world.node(`10.1.${i}.17`)));
    }
    assert.equal(await hold(scene, attackers, 120_000), 9);
    assert.equal(connected(scene), 10);
    assert.notEqual(victim.torrent.snapshot().state, "seeding");
    const leech = await swarm.leech("10.0.2.20");
    await swarm.run(() => leech.torrent.snapshot().peers.connected === 2, 30_000);
    const peers = victim.torrent.snapshot().peerList.map(({ address }) => address);
    assert.ok(peers.includes("10.0.2.20") && peers.includes(seed.node.address));
    await swarm.close();
  });

  it(
    "a downloader full of silent seeds makes room for a seed that it can dial",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(65);
      swarm.checkEvery = 10;
      await swarm.prepare([PIECES * 4 * BLOCK], 4 * BLOCK);
      const victim = await swarm.leech("10.0.1.1", {}, { maxPeers: 10 });
      const scene = { swarm, victim }, attackers: Attacker[] = [];
      for (let i = 0; i < 10; i++) {
        const attacker = new Attacker(swarm.world.node(`10.1.${i}.17`), victim, PIECES);
        await swarm.world.runFor(50);
        attacker.say(handshakeFor(victim, swarm.world.dice.fill(new Uint8Array(20))));
        attacker.speak((out) => {
          out.signal(wire.HAVE_ALL);
          // Half of them let themselves be asked.
          if (i % 2 === 0) out.signal(wire.UNCHOKE);
        });
        attackers.push(attacker);
      }
      await hold(scene, attackers, 5000);
      assert.equal(connected(scene), 10, "they have every place");
      // It reaches nobody by itself: the victim hears of it from the tracker, and has to dial.
      const node = swarm.world.node("10.0.1.2"), connect = node.net.connect.bind(node.net);
      node.net.connect = (to) => connect(to.port === 6881 ? { ...to, address: "10.0.99.99" } : to);
      swarm.plant(node);
      await swarm.join(node, { trustFiles: true, seedGoal: { kind: "forever" } });
      await hold(scene, attackers, 40_000);
      assert.ok(victim.torrent.snapshot().downloaded > 0, "it was dialled and gives");
      for (let minutes = 0; minutes < 40; minutes++) {
        if (victim.torrent.snapshot().state === "done") break;
        await hold(scene, attackers, 60_000);
      }
      swarm.assertHasAll(victim);
      await swarm.close();
    },
  );

  it("does not throw out honest leeches for waiting", TIMEOUT, async () => {
    const scene = await newScene(64, 20 * 1024, { maxPeers: 12, uploadSlots: 1 });
    const { swarm, victim } = scene, waits: Attacker[] = [];
    // 19 of 19 as priority; three of them share an address.
    const shared = swarm.world.node("10.2.0.17");
    for (let i = 0; i < 12; i++) {
      waits.push(await idler(scene, i < 3 ? shared : swarm.world.node(`10.2.${i}.17`)));
    }
    const asked = new Map(waits.map((leech) => [leech, 0]));
    let refused = 0, longest = 0;
    for (let second = 0; second < 300; second++) {
      await swarm.world.runFor(1000);
      for (const leech of waits) {
        if (leech.choked || asked.get(leech)! > leech.blocks + leech.rejects) continue;
        leech.speak((out) => {
          for (let block = 0; block < 4; block++) {
            out.block(wire.REQUEST, second % PIECES, block * BLOCK, BLOCK);
          }
        });
        asked.set(leech, asked.get(leech)! + 4);
      }
      if (second % 30 === 0) { for (const leech of waits) leech.speak((out) => out.keepAlive()); }
      if (second === 100) longest = waits.filter(({ blocks }) => blocks === 0).length;
      if (second % 10 !== 9) continue;
      const newcomer = await idler(scene, swarm.world.node(`10.3.${(second - 9) / 10}.20`));
      if (!newcomer.greeted) refused++;
    }
    assert.ok(longest >= 4, `${longest} waited for 100 s for their first turn`);
    assert.equal(refused, 30, "every newcomer was refused");
    assert.deepEqual(waits.filter(({ ended }) => ended), []);
    assert.equal(victim.torrent.snapshot().peers.connected, 12);
    assert.ok(waits.every(({ blocks }) => blocks > 0), "all had their turn");
    await swarm.close();
  });
});
