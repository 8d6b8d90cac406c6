import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const TIMEOUT = { timeout: 60_000 };
const FAST = { upBytesPerSec: 2000 * KIB };

describe("labels", () => {
  it("give new torrents a folder, and all their torrents a goal", TIMEOUT, async () => {
    const labels = { tv: { dir: "/tv", seedGoal: { kind: "time", seconds: 10 } } } as const;
    const many = new ManyTorrents(1, { stateDir: "/state", labels }, FAST);
    await many.open();
    const { bytes } = many.make("a");
    const torrent = many.client.add(bytes, { labels: ["tv"], peers: ["10.0.1.1:6881"] });
    await many.run(() => torrent.status().state === "seeding");
    assert.deepEqual([torrent.status().dir, torrent.status().labels], ["/tv", ["tv"]]);
    await many.world.wait(
      many.client.update({ labels: { tv: { seedGoal: { kind: "forever" } } } }),
    );
    await many.runFor(20_000);
    assert.equal(torrent.status().state, "seeding");
    await many.world.wait(many.client.update({ labels }));
    await many.run(() => torrent.status().state === "done", 5000);
    await many.world.wait(many.client.update({ labels: { tv: { dir: "/other" } } }));
    await many.runFor(5000);
    assert.equal(torrent.status().dir, "/tv", "the label's folder is for new torrents");
    assert.deepEqual(many.node.disk.filesIn("/other"), []);
    assert.throws(() => many.client.add(bytes, { labels: ["film"] }), /dir is missing/);
    await many.close();
  });

  it("skip files by patterns, also of a magnet link, unless they are named", TIMEOUT, async () => {
    const many = new ManyTorrents(2, { labels: { tv: { skipFiles: ["*.NFO"] } } }, FAST);
    await many.open();
    many.make("a");
    const [seed] = many.seed.torrents();
    const torrent = many.client.add(`magnet:?xt=urn:btih:${seed!.infoHash}&x.pe=10.0.1.1:6881`, {
      dir: "/data",
      labels: ["tv"],
      seedGoal: { kind: "forever" },
    });
    await many.run(() => torrent.status().state === "seeding");
    const present = () => many.node.disk.filesIn("/data").filter((path) => !path.includes("parts"));
    assert.deepEqual(torrent.files()!.map(({ priority }) => priority), [4, 0]);
    assert.deepEqual(present(), ["/data/a/film.mkv"]);
    await many.world.wait(torrent.update({ files: { priorities: new Map([[1, 4]]) } }));
    await many.run(() => torrent.status().state === "seeding");
    assert.deepEqual(present(), ["/data/a/film.mkv", "/data/a/sub/notes.nfo"]);
    await many.close();
  });

  it(
    "share their limit among their torrents, and lift it for connected peers",
    TIMEOUT,
    async () => {
      const labels = { slow: { limits: { down: 20 * KIB } } };
      const many = new ManyTorrents(3, { labels }, FAST);
      await many.open();
      many.add("a", { labels: ["slow"] }, 3000 * KIB);
      many.add("b", { labels: ["slow"] }, 3000 * KIB);
      many.add("c", {}, 3000 * KIB);
      await many.run(() => many.named("c").status().state === "seeding");
      const got = () => {
        return ["a", "b"].reduce((sum, name) => sum + many.named(name).status().downloaded, 0);
      };
      const before = got(), begin = many.world.now;
      await many.runFor(20_000);
      const rate = (got() - before) / (many.world.now - begin) * 1000;
      assert.ok(rate > 15 * KIB && rate < 22 * KIB, `${rate} bytes a second`);
      const { connected } = many.named("a").status().peers;
      await many.world.wait(many.client.update({ labels: {} }));
      await many.run(() => many.count("seeding") === 3, 20_000);
      assert.equal(connected, 1);
      await many.close();
    },
  );
});

describe("extraTrackers", () => {
  it("are added to new public torrents, and never to private ones", TIMEOUT, async () => {
    const extra = "http://10.0.0.9/announce";
    const many = new ManyTorrents(4, { stateDir: "/state", extraTrackers: [extra] }, FAST);
    await many.open();
    const urls = (name: string) => many.named(name).trackers().map(({ url }) => url);
    many.add("a");
    assert.deepEqual(urls("a"), [extra]);
    const text = new TextDecoder("latin1").decode(many.make("p").bytes);
    const secret = text.replace(/ee$/, "7:privatei1eee");
    const bytes = Uint8Array.from(secret, (char) => char.charCodeAt(0));
    many.client.add(bytes, { dir: "/data" });
    assert.deepEqual(urls("p"), []);
    many.make("m");
    const { infoHash } = many.seed.torrents().find((one) => one.status().name === "m")!;
    const own = "http://10.0.0.8/announce";
    const magnet = many.client.add(
      `magnet:?xt=urn:btih:${infoHash}&x.pe=10.0.1.1:6881&tr=${encodeURIComponent(own)}`,
      { dir: "/data" },
    );
    assert.deepEqual(magnet.trackers().map(({ url }) => url), [own]);
    await many.world.wait(magnet.ready);
    await many.runFor(100);
    assert.deepEqual(magnet.trackers().map(({ url }) => url), [own, extra]);
    await many.restart();
    assert.deepEqual([urls("a"), urls("p"), urls("m")], [[extra], [], [own, extra]]);
    await many.close();
  });
});

describe("priority", () => {
  it("shares a limit of the client by it, down", TIMEOUT, async () => {
    const many = new ManyTorrents(5, { limits: { down: 100 * KIB } }, FAST);
    await many.open();
    many.add("a", { priority: 1 }, 4000 * KIB);
    many.add("b", {}, 4000 * KIB);
    many.add("c", { priority: -1 }, 4000 * KIB);
    await many.runFor(5000);
    const got = () => [..."abc"].map((name) => many.named(name).status().downloaded);
    const before = got();
    await many.runFor(20_000);
    const [a, b, c] = got().map((bytes, at) => bytes - before[at]!);
    assert.ok(a! > 3 * b! && b! > 3 * c! && c! > 0, `${a}, ${b} and ${c} bytes`);
    await many.world.wait(many.named("c").update({ priority: 1 }));
    await many.world.wait(many.named("a").update({ priority: -1 }));
    await many.runFor(5000);
    const middle = got();
    await many.runFor(10_000);
    const [x, , z] = got().map((bytes, at) => bytes - middle[at]!);
    assert.ok(z! > 4 * x!, `${x} and ${z} bytes after the change`);
    await many.close();
  });

  it("shares a limit of the client by it, up", TIMEOUT, async () => {
    const many = new ManyTorrents(6, { limits: { up: 60 * KIB } }, FAST);
    await many.open();
    const other = many.world.node("10.0.3.1");
    const leech = await many.world.wait(
      Client.open(other, { port: 6881, dht: false, lsd: false }),
    );
    for (const [name, priority] of [["a", 1], ["b", 0], ["c", -1]] as const) {
      const { files, bytes } = many.make(name, 3000 * KIB);
      for (const { path, content } of files) {
        many.node.disk.put(["/data", ...path].join("/"), content);
      }
      many.add(name, { priority, trustFiles: true, peers: [] });
      leech.add(bytes, { dir: "/data", peers: ["10.0.2.1:6881"] });
    }
    await many.runFor(5000);
    const got = () => [..."abc"].map((name) => many.named(name).status().uploaded);
    const before = got();
    await many.runFor(30_000);
    const [a, b, c] = got().map((bytes, at) => bytes - before[at]!);
    assert.ok(a! > 3 * b! && b! > 3 * c! && c! > 0, `${a}, ${b} and ${c} bytes`);
    await many.world.wait(leech.close());
    await many.close();
  });
});
