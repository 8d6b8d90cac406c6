/** Removal with data deletes no byte that is not the torrent's, or that somebody else still needs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { RemovedData } from "../../src/client/types.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";
import { type SimTorrent, torrentOf } from "../harness/sim_swarm.ts";

const TIMEOUT = { timeout: 60_000 };
const FILM = "/data/a/film.mkv", NOTES = "/data/a/sub/notes.nfo";
const FOREVER = { seedGoal: { kind: "forever" } } as const;
const NOT_KNOWN = "it is not known to be the torrent's";

function text(words: string): Uint8Array {
  return new TextEncoder().encode(words);
}

async function open(seed: number, hasState = true): Promise<ManyTorrents> {
  const options = hasState ? { stateDir: "/state" } : {};
  const many = new ManyTorrents(seed, options, { upBytesPerSec: 1000 * KIB });
  await many.open();
  return many;
}

async function complete(
  seed: number,
  add: Parameters<ManyTorrents["add"]>[1] = {},
  hasState = true,
): Promise<ManyTorrents> {
  const many = await open(seed, hasState);
  many.add("a", add);
  await isSeeding(many, many.named("a"));
  return many;
}

function isSeeding(many: ManyTorrents, torrent: Torrent): Promise<void> {
  return many.run(() => torrent.status().state === "seeding");
}

function remove(many: ManyTorrents, torrent = many.named("a")): Promise<RemovedData> {
  return many.world.wait(many.client.remove(torrent.infoHash, { data: true }));
}

function reasons({ kept }: RemovedData): string[] {
  return kept.map(({ reason }) => reason);
}

/** Puts the files of a torrent below a folder, as somebody's own. */
function plant({ node: { disk } }: ManyTorrents, { files }: SimTorrent, dir: string): void {
  for (const { path, content } of files) disk.put([dir, ...path].join("/"), content);
}

function edit({ node: { disk, clock } }: ManyTorrents, path: string): void {
  disk.tamper(path, text("edited by me"), 0, clock.wallTime() + 5000);
}

/** Another torrent of the same files. */
function addTwin(many: ManyTorrents, dir: string): Torrent {
  const twin = torrentOf(many.made.get("a")!.files, 32 * KIB);
  return many.client.add(twin.bytes, { dir, seedOnly: true, ...FOREVER });
}

describe("removal with data leaves alone", () => {
  for (const [path, skipped] of [[NOTES, "*.nfo"], [FILM, "*.mkv"]] as const) {
    it(
      `somebody's file in the place of one that is never downloaded: ${skipped}`,
      TIMEOUT,
      async () => {
        const many = await open(1), { disk } = many.node;
        disk.put(path, new Uint8Array(path === FILM ? 400 * KIB : 1000).fill(7));
        many.add("a", { skipFiles: [skipped] });
        await isSeeding(many, many.named("a"));
        await remove(many);
        assert.deepEqual(disk.filesIn("/data"), [path]);
        await many.close();
      },
    );
  }

  for (const restarts of [false, true]) {
    it(
      `the file that the torrent stopped at${restarts ? ", after a restart" : ""}`,
      TIMEOUT,
      async () => {
        const many = await open(2), { disk } = many.node;
        disk.put(FILM, new Uint8Array(400 * KIB).fill(7));
        many.add("a");
        await many.run(() => many.named("a").status().state === "failed");
        if (restarts) await many.restart();
        await remove(many);
        assert.deepEqual(disk.filesIn("/data"), [FILM]);
        await many.close();
      },
    );
  }

  for (const when of ["while it runs", "between two runs"]) {
    it(`a file that its user edited ${when}`, TIMEOUT, async () => {
      const many = await complete(3);
      if (when === "while it runs") edit(many, FILM);
      else {
        await many.world.wait(many.client.close());
        edit(many, FILM);
        await many.reopen();
      }
      await many.runFor(20_000);
      await remove(many);
      assert.deepEqual(many.node.disk.filesIn("/data"), [FILM]);
      await many.close();
    });
  }

  it("a file that was edited before it was seeded", TIMEOUT, async () => {
    const many = await open(4);
    plant(many, many.make("a"), "/data");
    edit(many, FILM);
    many.add("a", { seedOnly: true });
    await many.runFor(5000);
    await remove(many);
    assert.ok(many.node.disk.filesIn("/data").includes(FILM));
    await many.close();
  });

  it("another file that took the name, with the same size and time", TIMEOUT, async () => {
    const many = await complete(5), { disk, files } = many.node;
    await many.world.wait(many.named("a").pause());
    const { mtimeMs, size } = files.stat(FILM)!;
    files.rename(FILM, "/elsewhere");
    disk.put(FILM, new Uint8Array(size).fill(9), mtimeMs);
    assert.deepEqual(reasons(await remove(many)), [NOT_KNOWN]);
    assert.deepEqual(disk.filesIn("/data"), [FILM]);
    await many.close();
  });

  it("a backup that is mounted in place of the torrent's disk", TIMEOUT, async () => {
    const many = await open(6), { disk, files } = many.node;
    disk.mount("/data");
    many.add("a");
    await isSeeding(many, many.named("a"));
    await many.world.wait(many.named("a").pause());
    const times = [FILM, NOTES].map((path) => files.stat(path)!.mtimeMs);
    disk.unmount("/data");
    disk.mount("/data");
    for (const [index, { path, content }] of many.made.get("a")!.files.entries()) {
      disk.put(["/data", ...path].join("/"), content, times[index]);
    }
    assert.deepEqual(reasons(await remove(many)), [NOT_KNOWN, NOT_KNOWN]);
    assert.equal(disk.filesIn("/data").length, 2);
    await many.close();
  });

  it("the part file of another client, and deletes its own", TIMEOUT, async () => {
    const many = await open(7), { disk } = many.node;
    many.make("a", 405 * KIB);
    const theirs = `/data/.${many.seed.torrents()[0]!.infoHash}.parts`;
    disk.put(theirs, text("data that its client still needs"));
    many.add("a", { skipFiles: ["*.nfo"] });
    await isSeeding(many, many.named("a"));
    assert.equal(disk.filesIn("/data").length, 3, "film and both part files");
    await remove(many);
    assert.deepEqual(disk.filesIn("/data"), [theirs]);
    await many.close();
  });

  it("what is behind a link, and says so", TIMEOUT, async () => {
    const many = await open(8), { disk } = many.node;
    plant(many, many.make("a"), "/library");
    disk.makeFolders("/data");
    disk.plantLink("/data/a", "/library/a");
    many.add("a", { seedOnly: true, followLinks: true });
    await isSeeding(many, many.named("a"));
    const behind = "its folder is a symbolic link";
    assert.deepEqual(reasons(await remove(many)), [behind, behind]);
    assert.equal(disk.filesIn("/library").length, 2);
    await many.close();
  });

  it("files that are not the torrent's in the folder that it was moved from", TIMEOUT, async () => {
    const many = await complete(9), { disk } = many.node;
    disk.put("/data/a/sub/mine.txt", text("mine"));
    await many.world.wait(many.named("a").move("/new"));
    await remove(many);
    assert.deepEqual([...disk.filesIn("/new"), ...disk.filesIn("/data")], ["/data/a/sub/mine.txt"]);
    await many.close();
  });
});

describe("removal with data and other torrents", () => {
  for (const hasState of [true, false]) {
    const where = hasState ? "with" : "without";
    for (const goes of ["first", "second"]) {
      it(
        `keeps files that another one has through a linked folder: ${where} a state folder, the ${goes} goes`,
        TIMEOUT,
        async () => {
          const many = await complete(10, {}, hasState), { disk } = many.node;
          disk.plantLink("/alias", "/data");
          const first = many.named("a"), second = addTwin(many, "/alias");
          await isSeeding(many, second);
          const done = await remove(many, goes === "first" ? first : second);
          assert.deepEqual(reasons(done), ['"a" uses it, too', '"a" uses it, too']);
          assert.equal(disk.filesIn("/data").length, 2);
          await many.close();
        },
      );

      it(
        `deletes one of two hard links: ${where} a state folder, the ${goes} goes`,
        TIMEOUT,
        async () => {
          const many = await complete(11, {}, hasState), { disk } = many.node;
          disk.makeFolders("/cross/a/sub");
          for (const path of [FILM, NOTES]) disk.link(path, path.replace("/data", "/cross"));
          const first = many.named("a"), second = addTwin(many, "/cross");
          await isSeeding(many, second);
          const [gone, other] = goes === "first" ? [first, second] : [second, first];
          const done = await remove(many, gone);
          assert.deepEqual(done.kept, []);
          assert.equal(other.status().state, "seeding");
          assert.equal(disk.filesIn("/data").length + disk.filesIn("/cross").length, 2);
          await many.close();
        },
      );
    }
  }

  it("keeps files that a paused torrent needs", TIMEOUT, async () => {
    const many = await complete(12), twin = torrentOf(many.made.get("a")!.files, 32 * KIB);
    many.client.add(twin.bytes, { dir: "/data", paused: true });
    await many.runFor(5000);
    await many.restart();
    await remove(many, many.client.torrents()[0]!);
    assert.equal(many.node.disk.filesIn("/data").length, 2);
    await many.close();
  });

  for (const restored of [true, false]) {
    it(
      `keeps files and state that another process uses${restored ? ", restored" : ""}`,
      TIMEOUT,
      async () => {
        const many = await complete(13), { disk } = many.node;
        const other = many.world.node("10.0.2.2", { disk }), { infoHash } = many.named("a");
        const options = { stateDir: "/state", port: 6881, dht: false, lsd: false };
        const client = await many.world.wait(Client.open(other, options));
        if (restored) await many.world.wait(client.restore());
        else client.add(many.made.get("a")!.bytes, { dir: "/data", ...FOREVER });
        await many.runFor(5000);
        const done = await many.world.wait(client.remove(infoHash, { data: true }));
        assert.match(reasons(done).join(), /^(another shoal \(process \d+\) uses it,?){2}$/);
        assert.equal(disk.filesIn("/data").length, 2);
        await many.world.wait(client.close());
        await many.restart();
        assert.deepEqual(Object.keys(many.states), ["a"]);
        await many.close();
      },
    );
  }
});

describe("removal with data in the middle of a move", () => {
  it("deletes the files in both places", TIMEOUT, async () => {
    const many = await complete(14), { disk, files } = many.node;
    const rename = files.rename.bind(files);
    let kills: Promise<void> | null = null;
    files.rename = (from, to) => {
      if (from === NOTES) kills ??= many.kill();
      rename(from, to);
    };
    many.named("a").move("/new").catch(() => {});
    await many.world.run(() => kills !== null);
    await many.world.wait(kills!);
    await many.world.wait(many.named("a").pause());
    assert.ok(disk.filesIn("/new").length > 0, "the move has begun");
    const done = await remove(many);
    assert.deepEqual([disk.filesIn("/new"), disk.filesIn("/data"), done.kept], [[], [], []]);
  });
});
