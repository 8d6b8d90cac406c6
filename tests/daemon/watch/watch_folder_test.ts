import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { encode } from "../../../src/bencode/bencode_encode.ts";
import { Client } from "../../../src/client/client.ts";
import { DaemonLog } from "../../../src/daemon/log.ts";
import type { WatchSetting } from "../../../src/daemon/options.ts";
import { FileSettings } from "../../../src/daemon/settings.ts";
import { startWatch } from "../../../src/daemon/watch/start.ts";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { SimWorld } from "../../harness/sim/world.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";

before(() => createCrc32c());

function torrentNamed(name: string): Uint8Array {
  const pieces = new Uint8Array(20).fill(name.length);
  return encode({ info: { name, length: 100, "piece length": 16384, pieces } });
}

/** A client of a simulated machine and its watch folder /watch. */
async function watching(
  seed: string,
  change: Partial<WatchSetting> = {},
  existing = true,
  stateDir?: string,
) {
  const world = new SimWorld(seed), node = world.node("10.0.0.1"), { disk, files } = node;
  if (existing) disk.makeFolders("/watch");
  const client = await world.wait(
    Client.open(node, { dht: false, lsd: false, ...(stateDir ? { stateDir } : {}) }),
  );
  const flags = { watch: [{ dir: "/watch", ...change }], logFormat: "json" };
  const settings = await world.wait(
    FileSettings.open(files, "/home/config.jsonc", { environment: {}, flags }),
  );
  const log = new DaemonLog(node, () => settings.present);
  const watch = await startWatch({
    platform: node,
    client,
    settings,
    log,
    stateDir: "/state",
    end: () => {},
  });
  const put = (name: string, bytes: Uint8Array | string) => {
    const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    disk.put(`/watch/${name}`, content, node.clock.wallTime());
  };
  const close = async () => {
    await world.wait(watch.close());
    await world.wait(client.close());
  };
  return {
    world,
    node,
    client,
    disk,
    settings,
    log,
    put,
    close,
    names: () => disk.names("/watch"),
  };
}

describe("a watch folder", () => {
  it("adds .torrent and .magnet files in any case, with label and folder, and renames them", async () => {
    const at = await watching("kinds", { label: "linux", into: "/isos" });
    at.put("A.TORRENT", torrentNamed("a"));
    at.put("b.magnet", `\n  magnet:?xt=urn:btih:${HASH}&dn=b\n`);
    at.put("c.torrent", torrentNamed("ccc"));
    at.put("notes.txt", "no");
    at.put(".hidden.torrent", torrentNamed("hidden"));
    await at.world.runFor(16_000);
    assert.deepEqual(at.names().toSorted(), [
      ".hidden.torrent",
      "A.TORRENT.added",
      "b.magnet.added",
      "c.torrent.added",
      "notes.txt",
    ]);
    const status = at.client.torrents().map((torrent) => torrent.status());
    assert.deepEqual(status.map(({ name }) => name).toSorted(), ["a", "b", "ccc"]);
    for (const { labels, dir } of status) assert.deepEqual([labels, dir], [["linux"], "/isos"]);
    await at.close();
  });

  it("waits for the rest of a file that is being written", async () => {
    const at = await watching("halves"), whole = torrentNamed("slow");
    const link = `magnet:?xt=urn:btih:${HASH}&dn=link`;
    for (let length = 1; length < whole.length; length += 12) {
      at.put("slow.torrent", whole.subarray(0, length));
      at.put("slow.magnet", link.slice(0, length));
      await at.world.runFor(5000);
      assert.deepEqual(at.client.torrents(), []);
      assert.deepEqual(at.names().toSorted(), ["slow.magnet", "slow.torrent"]);
    }
    at.put("slow.torrent", whole);
    at.put("slow.magnet", link);
    await at.world.runFor(11_000);
    const names = at.client.torrents().map((torrent) => torrent.status().name);
    assert.deepEqual(names.toSorted(), ["link", "slow"]);
    await at.close();
  });

  it("names a file that stays unusable .invalid, and says so once", async () => {
    const at = await watching("invalid");
    at.put("bad.torrent", "not a torrent");
    at.put("empty.torrent", "");
    await at.world.runFor(20_000);
    assert.deepEqual(at.log.recent.filter(({ level }) => level === "warn"), []);
    await at.world.runFor(200_000);
    assert.deepEqual(at.names().toSorted(), ["bad.torrent.invalid", "empty.torrent.invalid"]);
    assert.equal(at.log.recent.filter(({ level }) => level === "warn").length, 2);
    await at.close();
  });

  it("takes a torrent that the client has as added, and deletes files where that is set", async () => {
    const at = await watching("twice", { delete: true });
    at.put("one.torrent", torrentNamed("a"));
    at.put("two.torrent", torrentNamed("a"));
    await at.world.runFor(11_000);
    assert.equal(at.client.torrents().length, 1);
    assert.deepEqual(at.names(), []);
    await at.close();
  });

  it("follows no link, and takes no folder for a file", async () => {
    const at = await watching("links");
    at.disk.put("/secret", torrentNamed("secret"));
    at.disk.plantLink("/watch/link.torrent", "/secret");
    at.disk.makeFolders("/watch/folder.torrent");
    await at.world.runFor(60_000);
    assert.deepEqual(at.client.torrents(), []);
    assert.deepEqual(at.names().toSorted(), ["folder.torrent", "link.torrent"]);
    assert.equal(at.log.recent.filter(({ level }) => level === "warn").length, 2);
    await at.close();
  });

  it("says once that the folder is missing, and works when it is there", async () => {
    const at = await watching("missing", {}, false);
    await at.world.runFor(60_000);
    const warnings = () => at.log.recent.filter(({ level }) => level === "warn").length;
    assert.equal(warnings(), 1);
    at.disk.makeFolders("/watch");
    at.put("a.torrent", torrentNamed("a"));
    await at.world.runFor(6000);
    assert.equal(at.client.torrents().length, 1);
    assert.equal(warnings(), 1);
    await at.close();
  });

  it("is another one as soon as the settings say so", async () => {
    const at = await watching("settings");
    at.disk.makeFolders("/other");
    await at.world.wait(at.settings.update({ watch: [{ dir: "/other" }] }));
    at.put("a.torrent", torrentNamed("a"));
    at.disk.put("/other/b.torrent", torrentNamed("bb"), 1);
    await at.world.runFor(12_000);
    assert.deepEqual(at.names(), ["a.torrent"]);
    assert.deepEqual(at.disk.names("/other"), ["b.torrent.added"]);
    await at.close();
  });

  it("adds a file once where it cannot be renamed", async () => {
    const at = await watching("read-only");
    at.put("a.torrent", torrentNamed("a"));
    at.disk.failOn({ path: "/watch/a.torrent", errno: "EROFS", on: ["rename"] });
    await at.world.runFor(60_000);
    assert.equal(at.client.torrents().length, 1);
    assert.deepEqual(at.names(), ["a.torrent"]);
    assert.equal(
      at.log.recent.filter(({ message }) => /stays where it is/.test(message)).length,
      1,
    );
    await at.close();
  });

  it("keeps an earlier file that was added under the same name", async () => {
    const at = await watching("same name"), first = torrentNamed("a");
    for (const bytes of [first, torrentNamed("bb")]) {
      at.put("new.torrent", bytes);
      await at.world.runFor(11_000);
    }
    assert.equal(at.client.torrents().length, 2);
    assert.deepEqual(at.names().toSorted(), ["new.torrent.added", "new.torrent.added.2"]);
    assert.deepEqual(at.disk.bytes("/watch/new.torrent.added"), first);
    await at.close();
  });

  it("leaves alone the content of a torrent that is downloaded into it", async () => {
    const at = await watching("content", { delete: true });
    const content = torrentNamed("inner.torrent");
    at.put("inner.torrent", content);
    at.client.add(torrentNamed("inner.torrent"), { dir: "/watch", paused: true });
    await at.world.runFor(300_000);
    assert.equal(at.client.torrents().length, 1);
    assert.deepEqual(at.disk.bytes("/watch/inner.torrent"), content);
    await at.close();
  });

  it("deletes a file only when its torrent is saved", async () => {
    const at = await watching("saved", { delete: true }, true, "/state");
    const remove = at.node.files.remove.bind(at.node.files);
    let saved: boolean | null = null;
    at.node.files.remove = (path) => {
      if (path === "/watch/a.torrent") {
        const kept = at.disk.names("/state");
        saved = [".json", ".torrent"].every((end) => kept.some((name) => name.endsWith(end)));
      }
      remove(path);
    };
    at.put("a.torrent", torrentNamed("a"));
    await at.world.runFor(20_000);
    assert.deepEqual([saved, at.names()], [true, []]);
    await at.close();
  });

  it("reads a file that takes the name of one that was added", async () => {
    const at = await watching("taken", { delete: true });
    at.put("a.torrent", torrentNamed("a"));
    await at.world.runFor(5500);
    at.put("a.torrent", torrentNamed("bb"));
    await at.world.runFor(20_000);
    assert.equal(at.client.torrents().length, 2);
    assert.deepEqual(at.names(), []);
    await at.close();
  });
});
