/** Reports to the user about unreachable addresses, trackers and the DHT. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { linkWith } from "../harness/sim/link.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, TIMEOUT = { timeout: 60_000 };

describe("addresses that cannot be connected", () => {
  it("are counted by outcome: silent, refused, hung up, unfit", TIMEOUT, async () => {
    const swarm = new SimSwarm("unreached");
    await swarm.prepare([64 * KIB], 16 * KIB);
    swarm.world.node("10.0.3.1", { link: linkWith({ firewalled: true }) });
    const late = swarm.world.node("10.0.3.2");
    for (
      const [address, answer] of [["10.0.3.3", null], ["10.0.3.4", "HTTP/1.0 400\r\n\r\n"]] as const
    ) {
      const { net } = swarm.world.node(address);
      await swarm.world.wait(net.listen({ port: 6881 }, (socket) => {
        socket.attach({
          onData() {
            if (answer !== null) socket.send(new TextEncoder().encode(answer), () => {});
            else socket.close();
          },
          onEnd() {},
        });
      }));
    }
    const peers = [1, 2, 3, 4].map((i) => `10.0.3.${i}:6881`);
    const leech = await swarm.leech("10.0.2.1", {}, { peers });
    await swarm.world.runFor(15_000);
    assert.deepEqual(leech.torrent.snapshot().unreached, {
      silent: 1,
      refused: 1,
      hungUp: 1,
      unfit: 1,
    });
    assert.equal(leech.torrent.snapshot().dht, null);
    // The one that refused comes up: it is no longer counted.
    swarm.plant(late);
    await swarm.join(late, { trustFiles: true, seedGoal: { kind: "forever" } });
    await swarm.untilDone([leech], 600_000);
    assert.equal(leech.torrent.snapshot().unreached.refused, 0);
    await swarm.close();
  });

  it("do not include our own, which a tracker may list", TIMEOUT, async () => {
    const swarm = new SimSwarm("ourselves");
    await swarm.prepare([64 * KIB], 16 * KIB);
    const leech = await swarm.leech("10.0.2.1", {}, { peers: ["10.0.2.1:6881"] });
    await swarm.world.runFor(15_000);
    const { peers, unreached } = leech.torrent.snapshot();
    assert.equal(peers.banned, 1, "it was dialled, and is not dialled again");
    assert.deepEqual(unreached, { silent: 0, refused: 0, hungUp: 0, unfit: 0 });
    await swarm.close();
  });

  it("include a DHT without a node", TIMEOUT, async () => {
    const swarm = new SimSwarm("no nodes");
    await swarm.prepare([64 * KIB], 16 * KIB);
    const leech = await swarm.leech("10.0.2.1", {}, {}, { dht: { bootstrap: ["10.0.9.9:1"] } });
    await swarm.world.runFor(5000);
    assert.deepEqual(leech.torrent.snapshot().dht, { nodes: 0 });
    await swarm.close();
  });
});
