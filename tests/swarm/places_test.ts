import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };

async function newSwarm(seed: number) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 400 * KIB } });
  return swarm;
}

function warnings(swarm: SimSwarm, { node }: Participant): string[] {
  return swarm.world.logLines()
    .filter((line) => line.includes(`${node.address} {`) && line.includes('"warning"'));
}

describe("a folder for unfinished files", () => {
  it("is not begun in where the files are in the other already", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    const node = swarm.world.node("10.0.2.1");
    swarm.plant(node);
    const leech = await swarm.join(node, { incompleteDir: "/incomplete" });
    await swarm.untilDone([leech]);
    assert.equal(leech.torrent.snapshot().downloaded, 0);
    assert.equal(node.files.stat("/incomplete"), null);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it(
    "is not used for a torrent with a whole file elsewhere: the rest is put beside it",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(2);
      const node = swarm.world.node("10.0.2.1"), [first] = swarm.torrent.files;
      node.disk.put(`/data/${first!.path.join("/")}`, first!.content);
      const leech = await swarm.join(node, { incompleteDir: "/incomplete" });
      await swarm.untilDone([leech]);
      assert.ok(leech.torrent.snapshot().downloaded < 1200 * KIB);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );
});

describe("folders to reuse", () => {
  /** A leech that has some of it, but not the last file, and a new one on the same machine. */
  async function again(swarm: SimSwarm, reuse: string[]): Promise<Participant> {
    const files = { priorities: new Map([[3, 0]]) };
    const first = await swarm.leech("10.0.2.1", {}, { files }, STATE);
    await swarm.untilDone([first]);
    await swarm.world.wait(first.client.close());
    first.node.kill("quietly");
    const { disk } = first.node;
    disk.put("/old/other name", swarm.torrent.files[3]!.content);
    disk.makeFolders("/empty");
    assert.equal(disk.bytes("/data/folder/sub0/file3"), null);
    return await swarm.join(swarm.world.node("10.0.2.1", { disk }), { reuse }, STATE);
  }

  it("are searched for missing files, even with a record", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    const second = await again(swarm, ["/old"]);
    await swarm.untilDone([second]);
    assert.ok(second.torrent.snapshot().downloaded < 70 * KIB);
    swarm.assertHasAll(second);
    assert.equal(warnings(swarm, second).length, 0);
    await swarm.close();
  });

  it("have no matching file: that is reported, and it is downloaded", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    const second = await again(swarm, ["/empty"]);
    await swarm.untilDone([second]);
    swarm.assertHasAll(second);
    assert.match(warnings(swarm, second).join(), /No reusable files were found/);
    await swarm.close();
  });
});
