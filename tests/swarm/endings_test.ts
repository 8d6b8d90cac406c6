/** The end of a download, and of a client, while others make it hard. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HAVE_ALL } from "../../src/wire/peer_wire.ts";
import { Attacker, handshakeFor } from "../hostile/attacker.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
/** What Ctrl-C may take altogether, less the last output. */
const CLOSE_LIMIT_MS = 2700;

describe("a final check", () => {
  it("hangs up on no seed before it has ended", TIMEOUT, async () => {
    const swarm = new SimSwarm(1), { world } = swarm;
    await swarm.prepare([900 * KIB, 300 * KIB], 16 * KIB);
    await swarm.seed("10.0.1.1");
    const leech = await swarm.leech("10.0.2.1", {}, { finalCheck: "full", ...FOREVER });
    const { torrent, node: { disk } } = leech;
    await swarm.run(() => torrent.snapshot().piecesHave >= 3);
    const other = new Attacker(world.node("10.0.1.2"), leech, 75);
    await world.runFor(50);
    other.say(handshakeFor(leech, world.dice.fill(new Uint8Array(20))));
    other.speak((out) => out.signal(HAVE_ALL));
    disk.readDelayMs = 100;
    await swarm.run(() => torrent.snapshot().state === "verifying");
    await world.runFor(1000);
    assert.deepEqual([torrent.snapshot().state, other.greeted], ["verifying", true]);
    assert.equal(other.ended, false);
    await swarm.run(() => torrent.snapshot().state === "seeding");
    await world.runFor(1000);
    assert.equal(other.ended, true);
    await swarm.close();
  });
});

describe("closing a client", () => {
  it("waits for no tracker, disk or peer for long, however many are silent", TIMEOUT, async () => {
    const swarm = new SimSwarm(2);
    await swarm.prepare([900 * KIB, 300 * KIB], 16 * KIB);
    const seeds = [];
    for (let i = 1; i <= 5; i++) {
      seeds.push(await swarm.seed(`10.0.1.${i}`, { link: { upBytesPerSec: 20 * KIB } }));
    }
    const leech = await swarm.leech("10.0.2.1", {}, FOREVER, { stateDir: "/state" });
    const { client, node, torrent } = leech, { world } = swarm;
    await swarm.run(() => torrent.snapshot().piecesHave >= 3);
    assert.equal(torrent.snapshot().peers.connected, 5);
    for (const seed of seeds) world.partition(node, seed.node);
    let calls = 0;
    node.http.request = () => {
      calls++;
      return new Promise(() => {});
    };
    node.disk.writeDelayMs = 8000;
    node.disk.syncDelayMs = 8000;
    await world.runFor(300);
    const from = world.now;
    await world.wait(client.close());
    assert.ok(world.now - from <= CLOSE_LIMIT_MS, `it took ${world.now - from} ms`);
    assert.ok(world.now - from >= 1000, "something was waited for");
    assert.equal(calls, 1, "the tracker was told, and did not answer");
    await swarm.close();
  });
});
