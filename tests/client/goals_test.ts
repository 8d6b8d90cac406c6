import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TorrentEvent } from "../../src/client/types.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const TIMEOUT = { timeout: 60_000 };
const FAST = { upBytesPerSec: 1000 * KIB };

async function opened(seed: number, options = {}): Promise<ManyTorrents> {
  const many = new ManyTorrents(seed, { stateDir: "/state", ...options }, FAST);
  await many.open();
  return many;
}

/** Collects the goals that are told from now on. */
function goalsOf(many: ManyTorrents): string[] {
  const told: string[] = [], events: AsyncIterable<TorrentEvent> = many.client.events();
  void (async () => {
    for await (const event of events) if (event.type === "goal") told.push(event.then);
  })();
  return told;
}

describe("a torrent at its seed goal", () => {
  it("is done at the first of several goals, and a restart leaves it so", TIMEOUT, async () => {
    const many = await opened(1), told = goalsOf(many);
    const goals = [{ kind: "ratio", ratio: 50 }, { kind: "time", seconds: 20 }] as const;
    many.add("a", { seedGoal: { kind: "any", goals } });
    await many.run(() => many.named("a").status().state === "seeding");
    assert.equal(many.named("a").status().goalReached, false);
    await many.runFor(15_000);
    assert.equal(many.named("a").status().state, "seeding");
    await many.runFor(10_000);
    assert.deepEqual(told, ["stop"]);
    for (let runs = 0; runs < 2; runs++) {
      const { state, goalReached, have, left } = many.named("a").status();
      assert.deepEqual([state, goalReached, left], ["done", true, 0]);
      assert.ok(have > 0);
      await many.restart();
      await many.runFor(3000);
    }
    await many.world.wait(many.named("a").finished);
    await many.close();
  });

  it("seeds on when it is started again, also after a restart", TIMEOUT, async () => {
    const many = await opened(2);
    many.add("a", { seedGoal: { kind: "time", seconds: 5 } });
    await many.run(() => many.named("a").status().state === "done");
    many.named("a").start();
    await many.runFor(20_000);
    assert.deepEqual(many.states, { a: "seeding" });
    await many.restart();
    await many.runFor(20_000);
    assert.deepEqual(many.states, { a: "seeding" });
    assert.equal(many.named("a").status().goalReached, true);
    await many.world.wait(many.named("a").update({ seedGoal: { kind: "time", seconds: 5 } }));
    await many.run(() => many.named("a").status().state === "done", 10_000);
    await many.close();
  });

  it("super-seeds, is removed, or is removed with its files", TIMEOUT, async () => {
    const many = await opened(3),
      told = goalsOf(many),
      goal = { kind: "time", seconds: 5 } as const;
    many.add("s", { seedGoal: goal, atGoal: "super-seed" });
    many.add("r", { seedGoal: goal, atGoal: "remove" });
    many.add("d", { seedGoal: { kind: "none" }, atGoal: "remove-data" });
    await many.run(() => many.client.torrents().length === 1 && told.length === 3);
    await many.runFor(10_000);
    assert.deepEqual(many.states, { s: "seeding" });
    assert.equal(many.named("s").options.superSeed, true);
    const { disk } = many.node;
    assert.deepEqual(disk.filesIn("/data").filter((path) => !path.startsWith("/data/s/")), [
      "/data/r/film.mkv",
      "/data/r/sub/notes.nfo",
    ]);
    assert.equal(many.node.files.stat("/data/d"), null);
    await many.restart();
    assert.deepEqual(Object.keys(many.states), ["s"]);
    await many.close();
  });
});

describe("a torrent at rest", () => {
  it("that is added paused is checked, and nothing else", TIMEOUT, async () => {
    const many = await opened(4), { files } = many.make("a");
    const { path, content } = files[0]!;
    many.node.disk.put(["/data", ...path].join("/"), content);
    many.add("a", { paused: true });
    await many.runFor(3000);
    const { state, have, peers } = many.named("a").status();
    assert.deepEqual([state, peers.known], ["paused", 1]);
    assert.ok(have > 300 * KIB, `${have} bytes were found`);
    await many.restart();
    assert.deepEqual(many.states, { a: "paused" });
    many.named("a").start();
    await many.run(() => many.named("a").status().state === "seeding");
    await many.close();
  });

  it("is checked on request and is at rest again", TIMEOUT, async () => {
    const many = await opened(5);
    many.add("a");
    await many.run(() => many.named("a").status().state === "seeding");
    await many.world.wait(many.named("a").pause());
    assert.equal(await many.world.wait(many.named("a").recheck()), 0);
    assert.deepEqual(many.states, { a: "paused" });
    many.node.disk.corrupt("/data/a/film.mkv", 100);
    assert.equal(await many.world.wait(many.named("a").recheck()), 1);
    await many.runFor(1000);
    assert.deepEqual(many.states, { a: "paused" });
    assert.ok(many.named("a").status().left > 0);
    await many.close();
  });

  it(
    "after its goal is done again after a check, paused if something is missing",
    TIMEOUT,
    async () => {
      const many = await opened(6);
      many.add("a", { seedGoal: { kind: "none" } });
      await many.run(() => many.named("a").status().state === "done");
      assert.equal(await many.world.wait(many.named("a").recheck()), 0);
      await many.runFor(1000);
      assert.deepEqual(many.states, { a: "done" });
      many.node.disk.corrupt("/data/a/film.mkv", 100);
      assert.equal(await many.world.wait(many.named("a").recheck()), 1);
      await many.runFor(1000);
      assert.deepEqual(many.states, { a: "paused" });
      await many.close();
    },
  );
});

describe("a magnet link with stopAfterMetadata", () => {
  it("pauses once its files are known, and downloads the chosen ones", TIMEOUT, async () => {
    const many = await opened(7);
    many.make("a");
    const { infoHash } = many.seed.torrents()[0]!;
    const link = `magnet:?xt=urn:btih:${infoHash}&x.pe=10.0.1.1:6881`;
    const torrent = many.client.add(link, {
      dir: "/data",
      seedGoal: { kind: "forever" },
      stopAfterMetadata: true,
    });
    await many.run(() => torrent.status().state === "paused");
    assert.equal(torrent.files()!.length, 2);
    await many.restart();
    assert.deepEqual(many.states, { a: "paused" });
    const again = many.named("a");
    await many.world.wait(again.update({ files: { priorities: new Map([[0, 0]]) } }));
    again.start();
    await many.run(() => again.status().state === "seeding");
    assert.deepEqual(many.node.disk.filesIn("/data").filter((path) => !path.includes(".parts")), [
      "/data/a/sub/notes.nfo",
    ]);
    await many.close();
  });
});
