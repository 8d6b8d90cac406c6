import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { QueueOrder } from "../../src/client/queue_order.ts";
import { type TurnFacts, turnsOf } from "../../src/client/turns.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const TIMEOUT = { timeout: 60_000 };

function orderOf(text: string): QueueOrder {
  const order = new QueueOrder();
  for (const each of text) order.add(each);
  return order;
}

describe("QueueOrder", () => {
  it("moves torrents as a group, and skips unknown ones", () => {
    const moves: [string[], "top" | "up" | "down" | "bottom" | number, string][] = [
      [["d"], "top", "dabce"],
      [["a", "c"], "bottom", "bdeac"],
      [["c", "d"], "up", "acdbe"],
      [["a", "b"], "up", "abcde"],
      [["a", "d"], "down", "baced"],
      [["e", "d"], "down", "abcde"],
      [["e", "a"], 1, "baecd"],
      [["c"], 99, "abdec"],
      [["x"], "top", "abcde"],
    ];
    for (const [names, to, expected] of moves) {
      const order = orderOf("abcde");
      order.move(names, to);
      assert.equal([...order.order].join(""), expected, `${names} ${to}`);
    }
  });

  it("changes the ranks of the moved ones alone, and numbers all again where there is no room", () => {
    const order = orderOf("abcde");
    assert.deepEqual(order.move(["d"], 1), ["d"]);
    let most = 0;
    for (let turn = 0; turn < 100; turn++) {
      most = Math.max(most, order.move([turn % 2 === 0 ? "e" : "d"], 1).length);
      assert.equal(order.positionOf(turn % 2 === 0 ? "e" : "d"), 1);
    }
    assert.equal(most, 5, "ranks that came too near were numbered again");
    assert.deepEqual([...order.order].toSorted().join(""), "abcde");
  });
});

function facts(infoHash: string, rest: Partial<TurnFacts> = {}): TurnFacts {
  return { infoHash, work: "download", forced: false, stalled: false, ...rest };
}

describe("turnsOf", () => {
  const limits = { downloads: 1, seeds: 1, stalledSeconds: 60 };
  const going = (...torrents: TurnFacts[]) => [...turnsOf(torrents, limits).going.keys()].join("");

  it("gives turns in order, downloads and seeds apart", () => {
    const seed = { work: "seed" } as const;
    assert.equal(going(facts("a"), facts("b"), facts("c", seed), facts("d", seed)), "ac");
  });

  it("does not count torrents that check, are forced or stalled", () => {
    const check = facts("c", { work: "check" }), forced = facts("f", { forced: true });
    assert.equal(
      going(check, forced, facts("s", { stalled: true }), facts("a"), facts("b")),
      "cfsa",
    );
  });

  it("tells which turns are free", () => {
    assert.deepEqual(turnsOf([facts("a")], limits).free, { download: 0, seed: 1 });
  });
});

describe("the queue of a client", () => {
  it(
    "runs so many downloads in order, and the next one when one is complete",
    TIMEOUT,
    async () => {
      const many = new ManyTorrents(1, { queue: { downloads: 2 }, stateDir: "/state" });
      await many.open();
      for (const name of "abcd") many.add(name);
      await many.runFor(4000);
      assert.deepEqual(many.states, {
        a: "downloading",
        b: "downloading",
        c: "queued",
        d: "queued",
      });
      await many.run(() => many.named("a").status().state === "seeding");
      await many.runFor(3000);
      assert.equal(many.named("c").status().state, "downloading");
      await many.run(() => many.count("seeding") === 4);
      await many.close();
    },
  );

  it("never runs more than it may, from the first moment on", TIMEOUT, async () => {
    const many = new ManyTorrents(2, { queue: { downloads: 1, seeds: 1 } });
    await many.open();
    for (const name of "abc") many.add(name, {}, 100 * KIB);
    let queued = 0;
    await many.run(() => {
      // One that becomes complete waits a moment for the decision that it may seed.
      assert.ok(many.count("downloading") <= 1 && many.count("seeding") <= 2);
      queued = Math.max(queued, many.count("queued"));
      return many.client.torrents().every((torrent) =>
        torrent.status().left === 0 && torrent.status().have > 0
      );
    });
    await many.runFor(5000);
    assert.equal(queued, 2);
    assert.deepEqual([many.count("seeding"), many.count("queued")], [1, 2]);
    await many.close();
  });

  it("moves torrents, and a restart knows the order", TIMEOUT, async () => {
    const many = new ManyTorrents(3, { queue: { downloads: 1 }, stateDir: "/state" });
    await many.open();
    for (const name of "abcd") many.add(name);
    await many.runFor(3000);
    const hash = (name: string) => many.named(name).infoHash;
    many.client.queue.move([hash("c")], "top");
    many.client.queue.move([hash("a")], "bottom");
    assert.equal(many.order, "cbda");
    await many.runFor(3000);
    assert.deepEqual(many.states, { a: "queued", b: "queued", c: "downloading", d: "queued" });
    await many.restart();
    assert.equal(many.order, "cbda");
    await many.run(() => many.named("c").status().state === "downloading");
    await many.runFor(1000);
    assert.deepEqual(many.states, { a: "queued", b: "queued", c: "downloading", d: "queued" });
    await many.close();
  });

  it(
    "starts a forced torrent beside the others, and pauses and starts queued ones",
    TIMEOUT,
    async () => {
      const many = new ManyTorrents(4, { queue: { downloads: 1 } });
      await many.open();
      for (const name of "abc") many.add(name);
      await many.runFor(3000);
      await many.world.wait(many.named("c").update({ forceStart: true }));
      await many.world.wait(many.named("b").pause());
      await many.runFor(4000);
      assert.deepEqual(many.states, { a: "downloading", b: "paused", c: "downloading" });
      many.named("b").start();
      await many.runFor(4000);
      assert.equal(many.named("b").status().state, "queued");
      await many.world.wait(many.named("a").stop());
      await many.runFor(4000);
      assert.deepEqual(many.states, { a: "stopped", b: "downloading", c: "downloading" });
      await many.world.wait(many.client.update({ queue: { downloads: Infinity } }));
      many.named("a").start();
      await many.runFor(4000);
      assert.equal(many.count("downloading"), 3);
      await many.close();
    },
  );

  it("does not count a download without progress", TIMEOUT, async () => {
    const many = new ManyTorrents(5, { queue: { downloads: 1, stalledSeconds: 20 } });
    await many.open();
    many.add("a", { peers: [] });
    many.add("b");
    await many.runFor(10_000);
    assert.deepEqual(many.states, { a: "downloading", b: "queued" });
    await many.runFor(15_000);
    assert.deepEqual(many.states, { a: "downloading", b: "downloading" });
    await many.close();
  });

  it("checks existing data of a torrent that has to wait", TIMEOUT, async () => {
    const many = new ManyTorrents(6, { queue: { downloads: 1, seeds: 1 } });
    await many.open();
    many.add("a");
    const { files } = many.make("b");
    for (const { path, content } of files) {
      many.node.disk.put(["/data", ...path].join("/"), content);
    }
    many.add("b");
    await many.runFor(5000);
    assert.deepEqual(many.states, { a: "downloading", b: "seeding" });
    await many.close();
  });
});
