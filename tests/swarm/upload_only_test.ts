/** A peer that has all it wants says so (BEP 21), and withdraws that when it wants more. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HAVE_NONE } from "../../src/wire/peer_wire.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { Attacker, handshakeFor } from "../hostile/attacker.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const FIRST_FILE = { files: { priorities: new Map([[0, 4]]), others: 0 } };

function isConnected({ torrent }: Participant, to: Participant): boolean {
  return torrent.snapshot().peerList.some(({ address }) => address === to.node.address);
}

function state(torrent: Torrent): string {
  return torrent.snapshot().state;
}

describe("a peer that had all it wanted and now wants more", () => {
  it("keeps its connection to a peer that became a seed meanwhile", TIMEOUT, async () => {
    const swarm = new SimSwarm(61);
    await swarm.prepare([64 * KIB, 2 * MIB], 64 * KIB);
    const seed = await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
    const other = await swarm.leech("10.0.2.1", {}, FOREVER);
    const slow = { link: { downBytesPerSec: 100 * KIB } };
    const chooser = await swarm.leech("10.0.2.2", slow, { ...FIRST_FILE, ...FOREVER });
    await swarm.run(() => state(chooser.torrent) === "seeding" && isConnected(chooser, other));
    await swarm.world.runFor(1000);
    assert.equal(state(other.torrent), "downloading");
    assert.ok(isConnected(chooser, other), "it has told the other that it wants nothing more");
    await swarm.world.wait(chooser.torrent.update({ files: {} }));
    assert.equal(state(chooser.torrent), "downloading");
    await swarm.run(() => state(other.torrent) === "seeding");
    assert.equal(state(chooser.torrent), "downloading", "it still lacks something");
    await swarm.world.wait(seed.client.close());
    seed.node.kill("quietly");
    await swarm.world.runFor(3000);
    assert.ok(isConnected(other, chooser), "the new seed keeps it");
    await swarm.untilDone([chooser], 30_000);
    swarm.assertHasAll(chooser);
    await swarm.close();
  });

  it(
    "withdraws its announcement after a check that found damage",
    TIMEOUT,
    async () => {
      const swarm = new SimSwarm(62);
      await swarm.prepare([2 * MIB], 64 * KIB);
      const damaged = await swarm.seed("10.0.1.1");
      const listener = new Attacker(swarm.world.node("10.0.9.1"), damaged, 32);
      await swarm.world.runFor(200);
      listener.say(handshakeFor(damaged, new Uint8Array(20).fill(1), true));
      listener.speak((out) => out.signal(HAVE_NONE));
      await swarm.world.runFor(200);
      const heard = () => listener.introductions.map(({ uploadOnly }) => uploadOnly);
      assert.deepEqual(heard(), [true]);
      const file = damaged.node.files.open("/data/file", "write");
      file.writeAt(new Uint8Array(1000), 100 * KIB);
      file.close();
      assert.equal(await swarm.world.wait(damaged.torrent.recheck()), 1);
      await swarm.run(() => state(damaged.torrent) === "downloading");
      await swarm.world.runFor(200);
      assert.deepEqual(heard(), [true, false]);
      await swarm.seed("10.0.1.2", {}, { peers: ["10.0.1.1:6881"] });
      await swarm.untilDone([damaged]);
      await swarm.world.runFor(200);
      assert.deepEqual(heard(), [true, false, true]);
      assert.equal(listener.ended, false);
      swarm.assertHasAll(damaged);
      await swarm.close();
    },
  );
});
