/** Resume records that are sound in themselves and do not fit: what they say is no order. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { TorrentEvent } from "../../src/client/types.ts";
import { encodeResume } from "../../src/state/resume_codec.ts";
import type { ResumeData } from "../../src/state/resume_data.ts";
import { readResume, resumePath } from "../../src/state/resume_file.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { makeSimTorrent, type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

/** One that has everything, left in good order; its record is changed before the next run. */
async function left(seed: number, change: (record: ResumeData) => ResumeData) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([90 * KIB, 30 * KIB, 20 * KIB, 70 * KIB], 16 * KIB);
  await swarm.seed("10.0.1.1");
  const one = await swarm.leech("10.0.2.1", {}, {}, STATE);
  await swarm.run(() => one.torrent.snapshot().state === "done");
  await swarm.world.wait(one.client.close());
  const { node } = one, infoHash = fromHex(one.torrent.infoHash)!;
  const path = resumePath("/state", infoHash);
  const record = (await swarm.world.wait(readResume(node.files, path, sha1, infoHash)))!;
  node.disk.put(path, encodeResume(change(record), sha1));
  return { swarm, one };
}

/** Adds the same torrent in a new process, with its earlier folder. */
async function added(swarm: SimSwarm, { node }: Participant, dir = "/data") {
  node.kill("quietly");
  const next = swarm.world.node(node.address, { disk: node.disk });
  const again = await swarm.join(next, { dir, seedGoal: { kind: "forever" } }, STATE);
  const warnings: string[] = [];
  void (async () => {
    for await (const event of again.torrent.events() as AsyncIterable<TorrentEvent>) {
      if (event.type === "warning") warnings.push(event.message);
    }
  })();
  const limit = swarm.world.now + 30_000;
  await swarm.run(() => {
    const { state, have, size } = again.torrent.snapshot();
    return (state === "seeding" && have === size) || swarm.world.now > limit;
  });
  return { ...again, warnings };
}

describe("a resume record that does not fit", () => {
  it("names an unrequested move: nothing moves, and it is reported", TIMEOUT, async () => {
    const { swarm, one } = await left(1, (record) => ({
      ...record,
      moving: { dir: "/elsewhere", renamed: new Map() },
    }));
    const { node, torrent, warnings } = await added(swarm, one);
    assert.equal(torrent.snapshot().dir, "/data");
    assert.equal(node.files.stat("/elsewhere"), null);
    assert.equal(node.disk.bytes("/data/folder/sub0/file0")?.length, 90 * KIB);
    assert.deepEqual(warnings.map((text) => /would move "folder" to \/elsewhere/.test(text)), [
      true,
    ]);
    await swarm.close();
  });

  it("names a move that had begun: the rest moves too, and it is reported", TIMEOUT, async () => {
    const { swarm, one } = await left(2, (record) => ({
      ...record,
      moving: { dir: "/elsewhere", renamed: new Map() },
    }));
    const content = one.node.disk.bytes("/data/folder/sub0/file0")!;
    one.node.disk.put("/elsewhere/folder/sub0/file0", content);
    one.node.files.remove("/data/folder/sub0/file0");
    const { node, torrent, warnings } = await added(swarm, one);
    assert.equal(torrent.snapshot().dir, "/elsewhere");
    assert.equal(node.disk.bytes("/elsewhere/folder/sub1/file1")?.length, 30 * KIB);
    assert.ok(
      warnings.some((text) => /was moving "folder" to \/elsewhere/.test(text)),
      `${warnings}`,
    );
    await swarm.close();
  });

  it(
    "names another folder than requested: it is reported, and not touched",
    TIMEOUT,
    async () => {
      const { swarm, one } = await left(3, (record) => record);
      const { node, torrent, warnings } = await added(swarm, one, "/new");
      assert.equal(torrent.snapshot().dir, "/new");
      assert.equal(node.disk.bytes("/new/folder/sub0/file0")?.length, 90 * KIB);
      assert.ok(
        warnings.some((text) => /was in \/data in an earlier run/.test(text)),
        `${warnings}`,
      );
      await swarm.close();
    },
  );

  it("names a file like another one: all files are checked", TIMEOUT, async () => {
    for (const where of ["renamed", "moving"] as const) {
      const renamed = new Map([[0, ["folder", "sub1", "file1"]]]);
      const { swarm, one } = await left(
        4,
        (record) =>
          where === "renamed"
            ? { ...record, renamed }
            : { ...record, moving: { dir: "/data", renamed } },
      );
      const { torrent, warnings } = await added(swarm, one);
      const { state, have, size } = torrent.snapshot();
      assert.deepEqual([state, have], ["seeding", size]);
      assert.ok(warnings.some((text) => /two files would have the name/.test(text)), `${warnings}`);
      await swarm.close();
    }
  });

  it("of another torrent is beside the .torrent, which is not restored", TIMEOUT, async () => {
    const { swarm, one } = await left(5, (record) => record);
    const { node, torrent } = one;
    const other = makeSimTorrent(swarm.world, [100 * KIB], 16 * KIB);
    node.disk.put(`/state/${torrent.infoHash}.torrent`, other.bytes);
    node.kill("quietly");
    const next = swarm.world.node(node.address, { disk: node.disk });
    const client = await swarm.world.wait(
      Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    assert.deepEqual(await swarm.world.wait(client.restore()), []);
    await swarm.world.wait(client.close());
    await swarm.close();
  });
});

describe("a resume record with other pieces or files than the torrent, used by a restart", () => {
  const changes: [string, (record: ResumeData) => ResumeData][] = [
    ["pieces", (record) => ({ ...record, have: new Bitfield(100_000) })],
    ["files", (record) => ({ ...record, stamps: record.stamps.slice(1) })],
  ];
  for (const [i, [what, change]] of changes.entries()) {
    it(`${what}: all files are checked before the torrent counts as done`, TIMEOUT, async () => {
      const { swarm, one: { node } } = await left(30 + i, change);
      node.kill("quietly");
      const next = swarm.world.node(node.address, { disk: node.disk });
      const options = { port: 6881, dht: false, lsd: false, ...STATE };
      const client = await swarm.world.wait(Client.open(next, options));
      const [torrent] = await swarm.world.wait(client.restore());
      await swarm.run(() => torrent!.snapshot().state === "done");
      const { have, size } = torrent!.snapshot();
      assert.equal(have, size);
      await swarm.world.wait(client.close());
      await swarm.close();
    });
  }
});

describe("a planted resume record that names another folder, used by a restart", () => {
  const strange = { dir: "/elsewhere", renamed: new Map<number, string[]>() };
  const changes: [string, (record: ResumeData) => ResumeData][] = [
    ["as the goal of a move", (record) => ({ ...record, moving: strange })],
    ["as the place of the files", (record) => ({ ...record, dir: "/elsewhere" })],
    ["as both", (record) => ({ ...record, dir: "/elsewhere", moving: strange })],
  ];
  for (const [i, [as, change]] of changes.entries()) {
    it(`${as}: nothing is written there, and it is reported`, TIMEOUT, async () => {
      const { swarm, one: { node } } = await left(20 + i, change);
      node.kill("quietly");
      const next = swarm.world.node(node.address, { disk: node.disk });
      const client = await swarm.world.wait(
        Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const warnings: string[] = [];
      void (async () => {
        for await (const event of client.events()) {
          if (event.type === "warning") warnings.push(event.message);
        }
      })();
      const [torrent] = await swarm.world.wait(client.restore());
      await swarm.run(() => torrent!.snapshot().state === "done");
      assert.equal(torrent!.snapshot().dir, "/data");
      assert.equal(next.files.stat("/elsewhere"), null);
      assert.equal(next.disk.bytes("/data/folder/sub0/file0")?.length, 90 * KIB);
      assert.ok(warnings.some((text) => /"folder" (to|in) \/elsewhere: ignored/.test(text)));
      await swarm.world.wait(client.close());
      await swarm.close();
    });
  }
});

describe("a state folder", () => {
  it("is rid of temporary files of a day ago, and of nothing else", TIMEOUT, async () => {
    const { swarm, one: { node } } = await left(6, (record) => record);
    for (const name of [".shoal-0a1b-7.tmp", ".shoal-mine.tmp"]) {
      node.files.open(`/state/${name}`, "write").close();
    }
    node.kill("quietly");
    const open = async () => {
      const next = swarm.world.node(node.address, { disk: node.disk });
      const client = await swarm.world.wait(
        Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      await swarm.world.wait(client.close());
      next.kill("quietly");
      return next.disk.names("/state").filter((name) => name.endsWith(".tmp"));
    };
    assert.deepEqual(await open(), [".shoal-0a1b-7.tmp", ".shoal-mine.tmp"]);
    await swarm.world.runFor(25 * 3600 * 1000);
    assert.deepEqual(await open(), [".shoal-mine.tmp"]);
    await swarm.close();
  });
});
