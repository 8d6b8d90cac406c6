/** Symbolic links in a torrent's own tree: nothing is written through them, and what is read is said. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { verifyFiles, type VerifyOptions } from "../../src/client/verify_files.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import type { AddOptions } from "../../src/client/types.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const FILE = "/data/folder/sub0/file0", FOLDER = "/data/folder/sub1";

/** A node with all of a torrent. */
async function planted() {
  const swarm = new SimSwarm(1);
  await swarm.prepare([200 * KIB, 100 * KIB, 20 * KIB], 16 * KIB);
  const node = swarm.world.node("10.0.1.1"), { files, disk } = node;
  swarm.plant(node);
  const link = (path: string) => {
    files.rename(path, `/away${path.replaceAll("/", "-")}`);
    disk.plantLink(path, `/away${path.replaceAll("/", "-")}`);
  };
  const verify = (options: VerifyOptions = {}) => {
    const meta = parseTorrent(swarm.torrent.bytes, (bytes) => node.hasher.digest("sha1", bytes));
    return swarm.world.wait(verifyFiles(node, meta, "/data", options));
  };
  const seed = async (options: Partial<AddOptions>) => {
    const add = { seedOnly: true, seedGoal: { kind: "forever" }, ...options } as const;
    const { torrent } = await swarm.join(node, add);
    await swarm.run(() => ["seeding", "failed"].includes(torrent.snapshot().state), 60_000);
    return torrent.snapshot();
  };
  return { swarm, node, link, verify, seed };
}

describe("symbolic links below the download folder", () => {
  it("are named one by one where nothing is written, and the rest is checked", async () => {
    const { link, verify, swarm } = await planted();
    link(FILE);
    link(FOLDER);
    const { problems, bad, checked } = await verify();
    assert.deepEqual(problems, [
      { path: "folder/sub0/file0", kind: "link" },
      { path: "folder/sub1/file1", kind: "link" },
    ]);
    assert.ok(bad.length > 10 && bad.length < checked, `${bad.length} of ${checked}`);
    assert.deepEqual((await verify({ followLinks: true })).problems, []);
    await swarm.close();
  });

  for (const trustFiles of [false, true]) {
    it(`are read through by a seed that may: ${trustFiles ? "trusted" : "checked"}`, async () => {
      const { link, seed, swarm, node } = await planted();
      link(FILE);
      link(FOLDER);
      const refused = await seed({ trustFiles });
      assert.equal(refused.error?.code, "incomplete");
      assert.match(refused.error!.message, /file0 is behind a symbolic link .*--follow-links/);
      node.kill("quietly");
      const again = swarm.world.node("10.0.1.2", { disk: node.disk });
      const giver = await swarm.join(again, {
        seedOnly: true,
        trustFiles,
        followLinks: true,
        seedGoal: { kind: "forever" },
      });
      const leech = await swarm.leech("10.0.2.1", {}, { peers: ["10.0.1.2:6881"] });
      await swarm.untilDone([leech], 200_000);
      swarm.assertHasAll(leech);
      assert.equal(giver.torrent.snapshot().state, "seeding");
      await swarm.close();
    });
  }

  it("may replace the torrent's top folder if nothing is written", async () => {
    const { link, verify, seed, swarm } = await planted();
    link("/data/folder");
    assert.deepEqual((await verify()).problems, []);
    assert.equal((await seed({})).state, "seeding");
    await swarm.close();
  });

  it("that lead to nothing are files that are missing", async () => {
    const { link, verify, node, swarm } = await planted();
    link(FILE);
    node.files.remove("/away-data-folder-sub0-file0");
    const { problems } = await verify({ followLinks: true });
    assert.deepEqual(problems.map(({ kind }) => kind), ["link"]);
    await swarm.close();
  });

  it("are never written through", async () => {
    const { link, swarm, node } = await planted();
    link(FOLDER);
    await swarm.seed("10.0.1.2");
    node.files.remove("/away-data-folder-sub1/file1");
    const { torrent } = await swarm.join(node, { waitForDisk: false });
    await swarm.run(() => torrent.snapshot().state === "failed", 60_000);
    assert.equal(torrent.snapshot().error?.code, "symlink");
    assert.match(torrent.snapshot().error!.message, /does not write through links/);
    assert.deepEqual(node.disk.names("/away-data-folder-sub1"), []);
    await swarm.close();
  });
});
