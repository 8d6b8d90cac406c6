/** Connections that fill a seed's places without any use, in the simulator. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BLOCK_LENGTH as BLOCK } from "../../src/protocol/layout.ts";
import * as wire from "../../src/protocol/peer_wire.ts";
import type { SimNode } from "../../src/platform/sim/sim_node.ts";
import { type Participant, SimSwarm } from "../swarm/sim_swarm.ts";
import { Attacker, handshakeFor } from "./attacker.ts";

const TIMEOUT = { timeout: 60_000 };
const PIECES = 64;

interface Scene {
  swarm: SimSwarm;
  victim: Participant;
}

async function newScene(seedNumber: number, upBytesPerSec = 2 << 20): Promise<Scene> {
  const swarm = new SimSwarm(seedNumber);
  swarm.checkEvery = 10;
  await swarm.prepare([PIECES * 4 * BLOCK], 4 * BLOCK);
  const victim = await swarm.seed("10.0.1.1", { link: { upBytesPerSec } });
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
  it("keeps the last one, and whoever else is there", TIMEOUT, async () => {
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
