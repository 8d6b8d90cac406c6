import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HAVE_NONE, INTERESTED } from "../../src/wire/peer_wire.ts";
import { ScriptedPeer } from "../harness/scripted_peer.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };

describe("seeding in a swarm", () => {
  it("a super-seed sends little more than one copy until the others have it", TIMEOUT, async () => {
    const sent: number[] = [];
    for (const superSeed of [false, true]) {
      const swarm = new SimSwarm(41);
      await swarm.prepare([4 * MIB], 64 * KIB);
      const node = swarm.world.node("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
      swarm.plant(node);
      const seed = await swarm.join(node, {
        trustFiles: true,
        seedGoal: { kind: "forever" },
        superSeed,
      });
      await swarm.world.runFor(500);
      const leeches = [];
      for (const i of [1, 2, 3, 4, 5]) {
        const link = { upBytesPerSec: 400 * KIB };
        leeches.push(await swarm.leech(`10.0.2.${i}`, { link }, { seedGoal: { kind: "forever" } }));
      }
      await swarm.untilDone(leeches, 600_000);
      for (const leech of leeches) swarm.assertHasAll(leech);
      sent.push(seed.torrent.snapshot().uploaded / (4 * MIB));
      await swarm.close();
    }
    const [plain, spare] = sent as [number, number];
    assert.ok(spare < 1.5 && spare < plain, `${spare} copies; ${plain} without it`);
  });

  it("peers learn that a leech became a seed, and two seeds disconnect", TIMEOUT, async () => {
    const swarm = new SimSwarm(42);
    await swarm.prepare([2 * MIB], 64 * KIB);
    const seed = await swarm.seed("10.0.1.1");
    const leech = await swarm.leech("10.0.2.1", {}, { seedGoal: { kind: "forever" } });
    await swarm.untilDone([leech]);
    await swarm.world.runFor(3000);
    for (const { torrent } of [seed, leech]) assert.equal(torrent.snapshot().peers.connected, 0);
    await swarm.close();
  });

  it("an unchoked peer that requests nothing keeps its place for a minute", TIMEOUT, async () => {
    const swarm = new SimSwarm(44);
    await swarm.prepare([1 * MIB], 64 * KIB);
    const idler = new ScriptedPeer(swarm.world.node("10.0.9.1"), 16, {
      hello: ({ out }) => {
        out.signal(HAVE_NONE);
        out.signal(INTERESTED);
      },
      request: () => {},
    });
    await swarm.world.wait(idler.listen());
    const seed = await swarm.seed("10.0.1.1", {}, { peers: ["10.0.9.1:6881"] });
    const peers = () => seed.torrent.snapshot().peerList;
    await swarm.run(() => peers()[0]?.choked === false);
    const since = swarm.world.now;
    await swarm.run(() => peers().length === 0);
    const held = swarm.world.now - since;
    assert.ok(held > 59_000 && held < 62_000, `${held} ms`);
    assert.equal(idler.requests, 0);
    await swarm.close();
  });

  it("a slow disk of the seed delays no peer for ever", TIMEOUT, async () => {
    const swarm = new SimSwarm(43);
    await swarm.prepare([4 * MIB], 512 * KIB);
    const seed = await swarm.seed("10.0.1.1");
    seed.node.disk.readDelayMs = 200;
    const leeches = [];
    for (const i of [1, 2, 3]) leeches.push(await swarm.leech(`10.0.2.${i}`));
    const start = swarm.world.now;
    await swarm.untilDone(leeches);
    assert.ok(swarm.world.faults("disk-slow") > 0);
    assert.ok(swarm.world.faults("disk-slow") < 100, "one read served many");
    assert.ok(swarm.world.now - start < 15_000, `${swarm.world.now - start} ms`);
    await swarm.close();
  });
});
