/** A swarm's announces in the simulator: lossy links, a tracker that dies and comes back, by seed. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SimWorld } from "../harness/sim/world.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { serveUdpTracker } from "../harness/local_udp_tracker.ts";
import type { SwarmStore } from "../../src/tracker/swarm_store.ts";
import { SwarmMember } from "./swarm_member.ts";

const MEMBERS = 8;
const MINUTE = 60_000;
const LOSSY = { datagramLost: 0.1, datagramDuplicated: 0.1, datagramReordered: 0.1 };
const OTHERS = new Array(MEMBERS).fill(MEMBERS - 1);

/** Half of the members announce over UDP, half over HTTP; to one tracker, on a lossy network. */
class Swarm {
  readonly world: SimWorld;
  readonly members: SwarmMember[];
  #server: ReturnType<SimWorld["node"]> | null = null;

  constructor(seed: number) {
    this.world = new SimWorld(seed);
    this.world.name("tracker.test", "10.0.0.1");
    this.members = Array.from({ length: MEMBERS }, (_, i) => {
      const node = this.world.node(`10.0.1.${i + 1}`, { link: LOSSY });
      const url = i % 2 === 0 ? "udp://tracker.test:80/announce" : "http://tracker.test/announce";
      const member = new SwarmMember(node, [[url]], { port: 7000 + i });
      this.world.at(this.world.dice.below(MINUTE), () => member.manager.start());
      return member;
    });
  }

  async startTracker(): Promise<SwarmStore> {
    const server = this.world.node("10.0.0.1", { link: LOSSY });
    this.#server = server;
    const on = { port: 80, address: "10.0.0.1", intervalSeconds: 600 };
    const { swarms } = await this.world.wait(serveTracker(server, on));
    await this.world.wait(serveUdpTracker(server, { ...on, swarms }));
    return swarms;
  }

  killTracker(): void {
    this.#server!.kill();
  }

  /** How many others each member has heard of. Its own address counts for nothing. */
  known(): number[] {
    return this.members.map(({ peers }, i) =>
      [...peers].filter((peer) => peer !== `10.0.1.${i + 1}:${7000 + i}`).length
    );
  }

  async stop(): Promise<void> {
    const all = Promise.all(this.members.map(({ manager }) => manager.stop(60_000)));
    await this.world.wait(all);
  }
}

/** Everybody meets, the tracker dies for half an hour, everybody meets again. */
async function play(seed: number): Promise<Swarm> {
  const swarm = new Swarm(seed);
  await swarm.startTracker();
  await swarm.world.runFor(60 * MINUTE);
  assert.deepEqual(swarm.known(), OTHERS);

  swarm.killTracker();
  await swarm.world.runFor(30 * MINUTE);
  assert.ok(swarm.members.every(({ manager }) => manager.failing), "nobody works without it");

  const swarms = await swarm.startTracker();
  for (const member of swarm.members) member.peers.clear();
  await swarm.world.runFor(120 * MINUTE);
  assert.deepEqual(swarm.known(), OTHERS);
  assert.equal(swarms.peers, MEMBERS);
  assert.ok(swarm.members.every(({ manager }) => !manager.failing));
  await swarm.stop();
  assert.ok(swarms.peers <= 1, "a farewell may get lost, but not many");
  return swarm;
}

describe("announces of a simulated swarm", { timeout: 60_000 }, () => {
  it("connect all peers, though packets get lost and the tracker is down for a while", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const { world } = await play(seed);
      for (const fault of ["datagram-lost", "datagram-duplicated", "datagram-reordered"]) {
        assert.ok(world.faults(fault) > 0, fault);
      }
      assert.equal(world.faults("node-killed"), 1);
    }
  });

  it("produce the same events for the same seed, and others for another", async () => {
    const hashes = [];
    for (const seed of [7, 7, 8]) hashes.push((await play(seed)).world.logHash());
    assert.equal(hashes[0], hashes[1]);
    assert.notEqual(hashes[0], hashes[2]);
  });
});
