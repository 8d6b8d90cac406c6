import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { torrentOf } from "../harness/sim_swarm.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const TIMEOUT = { timeout: 60_000 };

async function complete(seed: number, name = "a"): Promise<ManyTorrents> {
  const many = new ManyTorrents(seed, { stateDir: "/state" }, { upBytesPerSec: 1000 * KIB });
  await many.open();
  many.add(name);
  await many.run(() => many.named(name).status().state === "seeding");
  return many;
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(words);
}

describe("Client.remove with data", () => {
  it("deletes the torrent's files and empty folders, and tells their bytes", TIMEOUT, async () => {
    const many = await complete(1), { infoHash } = many.named("a");
    many.node.disk.put("/data/other.txt", text("mine"));
    const done = await many.world.wait(many.client.remove(infoHash, { data: true }));
    assert.deepEqual(done, {
      removed: ["/data/a/film.mkv", "/data/a/sub/notes.nfo", "/data/a/sub", "/data/a"],
      kept: [],
      bytes: 400 * KIB + 1000,
    });
    assert.deepEqual(many.node.disk.filesIn("/data"), ["/data/other.txt"]);
    assert.equal(many.client.get(infoHash), null);
    await many.restart();
    assert.deepEqual(many.states, {});
    await many.close();
  });

  it("keeps the files without it", TIMEOUT, async () => {
    const many = await complete(2), { infoHash } = many.named("a");
    const done = await many.world.wait(many.client.remove(infoHash));
    assert.deepEqual(done, { removed: [], kept: [], bytes: 0 });
    assert.equal(many.node.disk.filesIn("/data").length, 2);
    await many.close();
  });

  it("leaves changed and added files alone, with their folders", TIMEOUT, async () => {
    const many = await complete(3), { disk } = many.node, { infoHash } = many.named("a");
    await many.world.wait(many.named("a").pause());
    disk.tamper(
      "/data/a/sub/notes.nfo",
      text("my own words"),
      0,
      many.node.clock.wallTime() + 5000,
    );
    disk.put("/data/a/cover.jpg", text("added"));
    const done = await many.world.wait(many.client.remove(infoHash, { data: true }));
    assert.deepEqual(done.removed, ["/data/a/film.mkv"]);
    assert.deepEqual(done.kept, [
      { path: "/data/a/sub/notes.nfo", reason: "it was changed by another program" },
    ]);
    assert.deepEqual(disk.filesIn("/data"), ["/data/a/cover.jpg", "/data/a/sub/notes.nfo"]);
    await many.close();
  });

  it(
    "never follows a folder that became a link, and deletes nothing unknown",
    TIMEOUT,
    async () => {
      const many = await complete(4), { disk } = many.node, { infoHash } = many.named("a");
      await many.world.wait(many.named("a").pause());
      many.node.files.rename("/data/a", "/elsewhere");
      disk.plantLink("/data/a", "/elsewhere");
      const done = await many.world.wait(many.client.remove(infoHash, { data: true }));
      assert.deepEqual([done.removed, done.bytes], [[], 0]);
      assert.equal(disk.filesIn("/elsewhere").length, 2);
      const { files, bytes } = many.make("b");
      for (const { path, content } of files) disk.put(["/else", ...path].join("/"), content);
      const paused = many.client.add(bytes, { dir: "/else", paused: true });
      const removing = many.client.remove(paused.infoHash, { data: true }); // before any check
      const unknown = await many.world.wait(removing);
      assert.deepEqual([unknown.removed, unknown.kept.length], [[], 2]);
      assert.equal(unknown.kept[0]!.reason, "it is not known to be the torrent's");
      assert.equal(disk.filesIn("/else").length, 2);
      await many.close();
    },
  );

  it(
    "names the other torrent that has the same files, whichever of the two is removed",
    TIMEOUT,
    async () => {
      for (const removesFirst of [false, true]) {
        const many = await complete(5), first = many.named("a");
        const files = many.made.get("a")!.files, twin = torrentOf(files, 32 * KIB);
        const second = many.client.add(twin.bytes, {
          dir: "/data",
          seedOnly: true,
          seedGoal: { kind: "forever" },
        });
        await many.run(() => second.status().state === "seeding");
        const [gone, other] = removesFirst ? [first, second] : [second, first];
        const done = await many.world.wait(many.client.remove(gone.infoHash, { data: true }));
        const reason = '"a" uses it, too';
        assert.deepEqual([done.removed, done.kept.map((each) => each.reason)], [[], [
          reason,
          reason,
        ]]);
        assert.equal(other.status().state, "seeding");
        await many.close();
      }
    },
  );

  it("works on a full disk, and names what the disk does not delete", TIMEOUT, async () => {
    const many = await complete(6), { disk } = many.node, { infoHash } = many.named("a");
    disk.capacity = disk.used;
    disk.failOn({ path: "/data/a/sub", errno: "EIO", on: ["remove"] });
    const done = await many.world.wait(many.client.remove(infoHash, { data: true }));
    assert.deepEqual(done.removed, ["/data/a/film.mkv"]);
    assert.equal(done.kept.length, 1);
    await many.close();
  });
});

describe("a removal that a crash cut short", () => {
  it("leaves the torrent paused: nothing is downloaded again", TIMEOUT, async () => {
    const many = await complete(7), { infoHash } = many.named("a");
    const stat = many.node.files.statAsync.bind(many.node.files);
    let kills: Promise<void> | null = null;
    many.node.files.statAsync = async (path) => {
      if (path.endsWith("notes.nfo")) kills ??= many.kill();
      return await stat(path);
    };
    many.client.remove(infoHash, { data: true }).catch(() => {});
    await many.world.run(() => kills !== null);
    await many.world.wait(kills!);
    await many.runFor(3000);
    assert.deepEqual(many.states, { a: "paused" });
    assert.equal(many.node.files.stat("/data/a/film.mkv"), null);
    const done = await many.world.wait(many.client.remove(infoHash, { data: true }));
    assert.ok(done.removed.includes("/data/a/sub/notes.nfo"), "it can be repeated");
  });
});
