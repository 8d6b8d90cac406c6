/** Under which names whole downloads end up, on disks that treat names in their own ways. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FILE_SYSTEMS } from "../harness/sim/file_system.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import type { FileError } from "../../src/util/errors.ts";
import type { AddOptions } from "../../src/client/types.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const NAMES = ["Ep 1: Pilot?.mkv", "ReadMe.txt", "readme.txt", "sub/plain"];

async function newSwarm(seed: number, names = NAMES) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare(names.map((_, i) => (100 + 60 * i) * KIB), 64 * KIB, undefined, names);
  await swarm.seed("10.0.1.1");
  return swarm;
}

function nodeOn(swarm: SimSwarm, system: keyof typeof FILE_SYSTEMS): SimNode {
  const node = swarm.world.node("10.0.2.1");
  node.disk.mount("/data", node.disk.volume(FILE_SYSTEMS[system]));
  return node;
}

function warnings(swarm: SimSwarm, { node }: Participant): string[] {
  return swarm.world.logLines()
    .filter((line) => line.includes(`${node.address} {`) && line.includes('"warning"'));
}

/** Ends the leech and starts another one on its disk. */
async function again(swarm: SimSwarm, leech: Participant, add: Partial<AddOptions> = {}) {
  await swarm.world.wait(leech.client.close());
  leech.node.kill("quietly");
  const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
  return await swarm.join(node, add, STATE);
}

function assertContent({ node }: Participant, swarm: SimSwarm, file: number, path: string): void {
  assert.deepEqual(node.disk.bytes(`/data/${path}`), swarm.torrent.files[file]!.content, path);
}

describe("names of a download", () => {
  it(
    "are safe ones if the disk accepts no others, which is reported and saved",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(1), node = nodeOn(swarm, "exfat");
      const leech = await swarm.join(node, {}, STATE);
      await swarm.untilDone([leech]);
      assert.ok(swarm.world.faults("disk-EINVAL") > 0, "the disk refused a name");
      const folder = node.disk.names("/data/folder");
      assert.deepEqual(folder, ["Ep 1_ Pilot_.mkv", "ReadMe.txt", "readme.1.txt", "sub"]);
      assertContent(leech, swarm, 0, "folder/Ep 1_ Pilot_.mkv");
      assertContent(leech, swarm, 2, "folder/readme.1.txt");
      assert.match(
        warnings(swarm, leech).join(),
        /Ep 1: Pilot\?\.mkv.*: the file is saved as .*Ep 1_ Pilot_\.mkv.*, and so is 1 other/,
      );
      const second = await again(swarm, leech);
      await swarm.untilDone([second]);
      assert.equal(second.torrent.snapshot().downloaded, 0);
      assert.deepEqual(second.node.disk.names("/data/folder"), folder);
      await swarm.close();
    },
  );

  it("are the torrent's own where the disk takes them", TIMEOUT, async () => {
    const swarm = await newSwarm(2), node = nodeOn(swarm, "ext4");
    const leech = await swarm.join(node);
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    assert.equal(warnings(swarm, leech).length, 0);
    assert.deepEqual(node.disk.names("/data"), ["folder"], "nothing is left of trying");
    await swarm.close();
  });

  it(
    "that the disk takes in no form end it at the start, if the file is wanted",
    TIMEOUT,
    async () => {
      const stubborn = {
        ...FILE_SYSTEMS.ext4,
        refuses: (name: string) => /pilot/i.test(name) ? "EINVAL" : null,
      };
      const swarm = await newSwarm(12), node = swarm.world.node("10.0.2.1");
      node.disk.mount("/data", node.disk.volume(stubborn));
      const refused = await swarm.join(node);
      await assert.rejects(refused.torrent.finished, (error: FileError) => {
        assert.match(error.message, /"folder\/Ep 1: Pilot\?\.mkv" of file 1. Choose another one/);
        return error.code === "bad-name";
      });
      assert.deepEqual(node.disk.names("/data"), []);
      const others = await again(swarm, refused, { files: { priorities: new Map([[0, 0]]) } });
      await swarm.untilDone([others]);
      assertContent(others, swarm, 3, "folder/sub/plain");
      const named = await again(swarm, others, {
        rename: new Map([[0, "folder/first.mkv"]]),
        anew: true,
      });
      await swarm.untilDone([named]);
      assertContent(named, swarm, 0, "folder/first.mkv");
      await swarm.close();
    },
  );

  it("also suit the folder for unfinished files", TIMEOUT, async () => {
    const swarm = await newSwarm(3), node = nodeOn(swarm, "exfat");
    const leech = await swarm.join(node, { incompleteDir: "/incomplete" });
    await swarm.untilDone([leech]);
    assertContent(leech, swarm, 0, "folder/Ep 1_ Pilot_.mkv");
    await swarm.close();
  });

  it("in the other Unicode form are found: nothing is downloaded twice", TIMEOUT, async () => {
    const swarm = await newSwarm(4, [
      "Fre\u0301de\u0301ric.txt",
      "d\u00e9ja\u0300/vu",
      "plain",
      "x",
    ]);
    const node = nodeOn(swarm, "ext4");
    for (const { path, content } of swarm.torrent.files) {
      node.disk.put(`/data/${path.join("/").normalize("NFC")}`, content);
    }
    const before = node.disk.names("/data/folder");
    const leech = await swarm.join(node);
    await swarm.untilDone([leech]);
    assert.equal(leech.torrent.snapshot().downloaded, 0);
    assert.deepEqual(node.disk.names("/data/folder"), before);
    await swarm.close();
  });
});

describe("names that a person chooses", () => {
  const chosen = new Map([[0, "folder/pilot.mkv"], [3, "folder/other folder/film"]]);

  it("are those of the files, also after a restart", TIMEOUT, async () => {
    const swarm = await newSwarm(5), node = nodeOn(swarm, "ext4");
    const leech = await swarm.join(node, { rename: chosen }, STATE);
    await swarm.untilDone([leech]);
    assertContent(leech, swarm, 0, "folder/pilot.mkv");
    assertContent(leech, swarm, 3, "folder/other folder/film");
    assert.deepEqual(node.disk.names("/data/folder"), [
      ...["ReadMe.txt", "other folder", "pilot.mkv", "readme.txt"],
    ]);
    const second = await again(swarm, leech);
    await swarm.untilDone([second]);
    assert.equal(second.torrent.snapshot().downloaded, 0);
    assert.equal(second.node.files.stat("/data/folder/Ep 1: Pilot?.mkv"), null);
    await swarm.close();
  });

  it("are those of a torrent of one file, and its snapshot has its path", TIMEOUT, async () => {
    const swarm = await newSwarm(11, ["the only one"]), node = nodeOn(swarm, "ext4");
    const leech = await swarm.join(node, { rename: new Map([[0, "mine"]]) });
    await swarm.untilDone([leech]);
    assert.deepEqual(node.disk.names("/data"), ["mine"]);
    const { name, savedAs } = leech.torrent.snapshot();
    assert.deepEqual([name, savedAs], ["file", "mine"]);
    await swarm.close();
  });

  it("move the files that an earlier run made", TIMEOUT, async () => {
    const swarm = await newSwarm(6), node = nodeOn(swarm, "ext4");
    const leech = await swarm.join(node, {}, STATE);
    await swarm.untilDone([leech]);
    const second = await again(swarm, leech, { rename: chosen });
    await swarm.untilDone([second]);
    assert.equal(second.torrent.snapshot().downloaded, 0);
    assertContent(second, swarm, 0, "folder/pilot.mkv");
    assertContent(second, swarm, 3, "folder/other folder/film");
    assert.equal(second.node.files.stat("/data/folder/Ep 1: Pilot?.mkv"), null);
    await swarm.close();
  });

  it("leave a stranger's file with the torrent's own name alone", TIMEOUT, async () => {
    const swarm = await newSwarm(7), node = nodeOn(swarm, "ext4");
    const theirs = new Uint8Array(500 * KIB).fill(7);
    node.disk.put("/data/folder/Ep 1: Pilot?.mkv", theirs);
    const leech = await swarm.join(node, { rename: chosen });
    await swarm.untilDone([leech]);
    assert.deepEqual(node.disk.bytes("/data/folder/Ep 1: Pilot?.mkv"), theirs);
    assertContent(leech, swarm, 0, "folder/pilot.mkv");
    await swarm.close();
  });

  it("are the way on where a stranger's file is in the way", TIMEOUT, async () => {
    const swarm = await newSwarm(9), node = nodeOn(swarm, "ext4");
    const theirs = new Uint8Array(500 * KIB).fill(7);
    node.disk.put("/data/folder/Ep 1: Pilot?.mkv", theirs);
    const refused = await swarm.join(node, { waitForDisk: false }, STATE);
    await assert.rejects(swarm.world.wait(refused.torrent.finished));
    const leech = await again(swarm, refused, { rename: chosen });
    await swarm.untilDone([leech]);
    assert.deepEqual(node.disk.bytes("/data/folder/Ep 1: Pilot?.mkv"), theirs);
    assertContent(leech, swarm, 0, "folder/pilot.mkv");
    await swarm.close();
  });

  it("move files on a disk without identities, too", TIMEOUT, async () => {
    const swarm = await newSwarm(10), node = nodeOn(swarm, "exfat");
    const leech = await swarm.join(node, {}, STATE);
    await swarm.untilDone([leech]);
    const second = await again(swarm, leech, { rename: chosen });
    await swarm.untilDone([second]);
    assert.equal(second.torrent.snapshot().downloaded, 0);
    assertContent(second, swarm, 0, "folder/pilot.mkv");
    assert.equal(second.node.files.stat("/data/folder/Ep 1_ Pilot_.mkv"), null);
    await swarm.close();
  });

  const wrong: [string, [number, string][]][] = [
    ["two files of one name", [[0, "folder/x"], [1, "folder/x"]]],
    ["the name of another file", [[0, "folder/ReadMe.txt"]]],
    ["the name of another file in other letters", [[0, "folder/SUB/Plain"]]],
    ["a file below another file", [[0, "folder/readme.txt/x"]]],
    ["a file where a folder is", [[0, "folder/sub"]]],
    ["a path that leads elsewhere", [[0, "folder/../../x"]]],
    ["an empty name", [[0, "folder/"]]],
    ["a file that is not there", [[9, "folder/x"]]],
  ];
  for (const [what, names] of wrong) {
    it(`are refused: ${what}`, TIMEOUT, async () => {
      const swarm = await newSwarm(8), node = nodeOn(swarm, "ext4");
      const { torrent } = await swarm.join(node, { rename: new Map(names) });
      await assert.rejects(torrent.finished, RangeError);
      assert.deepEqual(node.disk.names("/data"), []);
      await swarm.close();
    });
  }
});
