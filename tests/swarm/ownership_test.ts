import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { AddOptions } from "../../src/client/types.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { toHex } from "../../src/util/bytes.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
/** The first and the last file of the torrent. */
const FIRST = "/data/folder/sub0/file0", LAST = "/data/folder/sub0/file3";

/** Two files that share no piece with others but their neighbours, and a seed. */
async function newSwarm(seed: number, upBytesPerSec = 2000 * KIB): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([400 * KIB, 100 * KIB, 20 * KIB, 300 * KIB], 32 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec } });
  return swarm;
}

function infoHashOf(swarm: SimSwarm): string {
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
  return toHex(parseTorrent(swarm.torrent.bytes, sha1).infoHash);
}

function noise(swarm: SimSwarm, length: number): Uint8Array {
  return swarm.world.dice.fill(new Uint8Array(length));
}

async function untilOver(swarm: SimSwarm, leech: Participant): Promise<string> {
  await swarm.run(() => ["done", "failed"].includes(leech.torrent.snapshot().state));
  const { state, error } = leech.torrent.snapshot();
  return error === null ? state : error.code;
}

/** Whole files that were on the disk before, and what became of them. */
async function downloadOver(
  swarm: SimSwarm,
  before: Readonly<Record<string, Uint8Array>>,
  add: Partial<AddOptions> = {},
): Promise<{ leech: Participant; ended: string }> {
  const node = swarm.world.node("10.0.2.1");
  for (const [path, bytes] of Object.entries(before)) node.disk.put(path, bytes);
  const leech = await swarm.join(node, add, STATE);
  return { leech, ended: await untilOver(swarm, leech) };
}

/** The same machine starts again, on the same disk. */
async function again(swarm: SimSwarm, leech: Participant, add: Partial<AddOptions> = {}) {
  if (leech.node.alive) {
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
  }
  const node = swarm.world.node(leech.node.address, { disk: leech.node.disk });
  return await swarm.join(node, add, STATE);
}

describe("files that are not the torrent's", () => {
  const cases: [name: string, theirs: (swarm: SimSwarm, ours: Uint8Array) => Uint8Array][] = [
    ["a file of the same size with no matching piece", (swarm, { length }) => noise(swarm, length)],
    ["a shorter file with no matching piece", (swarm) => noise(swarm, 1000)],
    ["a longer file with no matching piece", (swarm) => noise(swarm, 900 * KIB)],
    ["a file that holds more behind the torrent's", (swarm, ours) => {
      const longer = noise(swarm, ours.length + 100);
      longer.set(ours);
      return longer;
    }],
    ["zeros with something behind the torrent's end", (_, { length }) => {
      return new Uint8Array(length + 50).fill(1, length);
    }],
  ];
  for (const [name, theirs] of cases) {
    it(`does not touch ${name}, and downloads nothing`, TIMEOUT, async () => {
      const swarm = await newSwarm(1), bytes = theirs(swarm, swarm.torrent.files[0]!.content);
      const { leech, ended } = await downloadOver(swarm, { [FIRST]: bytes });
      assert.equal(ended, "foreign");
      assert.match(leech.torrent.snapshot().error!.message, /file0 was not changed: the file is/);
      assert.deepEqual(leech.node.disk.bytes(FIRST), bytes);
      assert.deepEqual(leech.node.disk.names("/data/folder/sub0"), ["file0"], "nothing was made");
      assert.equal(leech.torrent.snapshot().downloaded, 0);
      await swarm.close();
    });

    it(`replaces ${name} when it may overwrite`, TIMEOUT, async () => {
      const swarm = await newSwarm(2), bytes = theirs(swarm, swarm.torrent.files[0]!.content);
      const { leech, ended } = await downloadOver(swarm, { [FIRST]: bytes }, { overwrite: true });
      assert.equal(ended, "done");
      swarm.assertHasAll(leech);
      await swarm.close();
    });
  }

  it(
    "takes over a file with one matching piece, a file of zeros and an empty one",
    TIMEOUT,
    async () => {
      for (
        const make of [
          (ours: Uint8Array) => new Uint8Array(ours.length).fill(7).fill(0, 100) && partly(ours),
          (ours: Uint8Array) => new Uint8Array(ours.length),
          (ours: Uint8Array) => new Uint8Array(ours.length + 5000),
          () => new Uint8Array(0),
        ]
      ) {
        const swarm = await newSwarm(3);
        const bytes = make(swarm.torrent.files[0]!.content);
        const { leech, ended } = await downloadOver(swarm, { [FIRST]: bytes });
        assert.equal(ended, "done");
        swarm.assertHasAll(leech);
        await swarm.close();
      }
    },
  );

  it(
    "keeps the bytes of a wanted neighbour out of a foreign file that is not wanted",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(4), theirs = noise(swarm, 300 * KIB);
      const files = { priorities: new Map([[3, 0]]) };
      const { leech, ended } = await downloadOver(swarm, { [LAST]: theirs }, { files });
      assert.equal(ended, "done");
      assert.deepEqual(leech.node.disk.bytes(LAST), theirs);
      await swarm.close();
    },
  );

  it("does not touch a file in the way of an unwanted one", TIMEOUT, async () => {
    const swarm = await newSwarm(14), node = swarm.world.node("10.0.2.1");
    for (const path of ["/data", "/data/folder", "/data/folder/sub0", LAST]) {
      node.files.makeDir(path);
    }
    const files = { priorities: new Map([[3, 0]]) };
    const leech = await swarm.join(node, { files }, STATE);
    assert.equal(await untilOver(swarm, leech), "done");
    assert.equal(node.files.stat(LAST)?.kind, "directory");
    // Once it is wanted it is in the way.
    assert.equal(await untilOver(swarm, await again(swarm, leech)), "is-directory");
    await swarm.close();
  });

  it("keeps its own part file beside that of another client", TIMEOUT, async () => {
    const swarm = await newSwarm(15), theirs = noise(swarm, 5000);
    const path = `/data/.${infoHashOf(swarm)}.parts`;
    const files = { priorities: new Map([[1, 0]]) };
    const { leech, ended } = await downloadOver(swarm, { [path]: theirs }, { files });
    assert.equal(ended, "done");
    assert.deepEqual(leech.node.disk.bytes(path), theirs);
    assert.equal(leech.node.disk.names("/data").length, 3, "one of ours is there");
    const next = await again(swarm, leech);
    assert.equal(await untilOver(swarm, next), "done");
    swarm.assertHasAll(next);
    assert.deepEqual(leech.node.disk.bytes(path), theirs);
    assert.equal(leech.node.disk.names("/data").length, 2, "ours is not needed any more");
    await swarm.close();
  });

  it("says so where no piece of a file can be checked", TIMEOUT, async () => {
    const swarm = new SimSwarm(16);
    await swarm.prepare([100 * KIB, 20 * KIB, 100 * KIB], 256 * KIB);
    const node = swarm.world.node("10.0.2.1"), path = swarm.torrent.files[1]!.path.join("/");
    node.disk.put(`/data/${path}`, swarm.torrent.files[1]!.content);
    const leech = await swarm.join(node, {}, STATE), ended = await untilOver(swarm, leech);
    assert.equal(ended, "foreign");
    assert.match(leech.torrent.snapshot().error!.message, /none of its pieces can be checked/);
    await swarm.close();
  });

  it("does not touch a file that appeared during the download", TIMEOUT, async () => {
    const swarm = await newSwarm(5, 100 * KIB), node = swarm.world.node("10.0.2.1");
    const files = { priorities: new Map([[0, 7]]), sequential: new Set([0]) };
    const leech = await swarm.join(node, { files }, STATE);
    await swarm.run(() => leech.torrent.snapshot().have > 50 * KIB);
    const theirs = noise(swarm, 500);
    node.disk.put(LAST, theirs);
    // Another code if the first bytes for it come while the download is under way.
    assert.match(await untilOver(swarm, leech), /^(foreign|exists)$/);
    assert.match(leech.torrent.snapshot().error!.message, new RegExp(LAST));
    assert.deepEqual(node.disk.bytes(LAST), theirs);
    assert.equal(await untilOver(swarm, await again(swarm, leech)), "foreign");
    assert.deepEqual(node.disk.bytes(LAST), theirs);
    await swarm.close();
  });

  it(
    "does not touch a file that replaced an unfinished one between two runs",
    TIMEOUT,
    async () => {
      for (const dice of [1, 2, 3, 4, 5, 6]) {
        const swarm = await newSwarm(600 + dice, 60 * KIB), node = swarm.world.node("10.0.2.1");
        const leech = await swarm.join(node, {}, STATE);
        await swarm.world.runFor(1500 + 700 * dice);
        node.disk.crash(dice);
        node.kill("quietly");
        const theirs = noise(swarm, 300 * KIB);
        if (node.files.stat(LAST) !== null) node.files.remove(LAST);
        node.disk.put(LAST, theirs);
        const next = await again(swarm, leech);
        await swarm.run(() => next.torrent.snapshot().state !== "checking", 10_000);
        const { state, error } = next.torrent.snapshot();
        assert.deepEqual([state, error?.code], ["failed", "foreign"]);
        assert.deepEqual(next.node.disk.bytes(LAST), theirs);
        await swarm.close();
      }
    },
  );

  it("refuses at the start if the final folder has a file in the way", TIMEOUT, async () => {
    const swarm = await newSwarm(7), theirs = noise(swarm, 10);
    const add = { incompleteDir: "/incomplete" };
    const { leech, ended } = await downloadOver(swarm, { [LAST]: theirs }, add);
    assert.equal(ended, "exists");
    assert.equal(leech.torrent.snapshot().downloaded, 0);
    assert.deepEqual(leech.node.disk.bytes(LAST), theirs);
    await swarm.close();
  });

  function partly(ours: Uint8Array): Uint8Array {
    return new Uint8Array(ours.length).map((_, i) => i < 40 * KIB ? ours[i]! : 1);
  }
});

describe("the data of a run without a state folder", () => {
  it("is continued, also where no piece was whole yet", TIMEOUT, async () => {
    const swarm = new SimSwarm(17);
    await swarm.prepare([400 * KIB, 600 * KIB], 1024 * KIB);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 100 * KIB } });
    const leech = await swarm.leech("10.0.2.1");
    await swarm.run(() => leech.torrent.snapshot().downloaded > 200 * KIB);
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
    const next = await swarm.join(node);
    assert.equal(await untilOver(swarm, next), "done");
    swarm.assertHasAll(next);
    await swarm.close();
  });
});

describe("the data of our own crash", () => {
  it("is continued, also where no piece of a file was whole yet", TIMEOUT, async () => {
    let recognised = 0;
    for (let dice = 1; dice <= 12; dice++) {
      const swarm = await newSwarm(700 + dice, 60 * KIB);
      const leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
      await swarm.world.runFor(400 * dice);
      leech.node.disk.crash(dice);
      leech.node.kill("quietly");
      const found = swarm.torrent.files.some(({ path }) =>
        (leech.node.disk.bytes(["/data", ...path].join("/"))?.length ?? 0) > 0
      );
      if (found) recognised++;
      const next = await again(swarm, leech);
      assert.equal(await untilOver(swarm, next), "done", `dice ${dice}`);
      swarm.assertHasAll(next);
      await swarm.close();
    }
    assert.ok(recognised > 3, `${recognised} crashes left something`);
  });

  it("names a new file in the record before its first byte", TIMEOUT, async () => {
    const swarm = await newSwarm(8, 60 * KIB), node = swarm.world.node("10.0.2.1");
    const made = new Map<string, number>(), written = new Map<string, number>();
    const records: number[] = [];
    watch(node, {
      wholeWritten: (path) => path.endsWith(".resume") && records.push(swarm.world.now),
      created: (path) => made.set(path, swarm.world.now),
      written: (path) => written.has(path) || written.set(path, swarm.world.now),
    });
    const leech = await swarm.join(node, {}, STATE);
    assert.equal(await untilOver(swarm, leech), "done");
    const files = [...made.keys()].filter((path) => path.startsWith("/data/folder"));
    assert.equal(files.length, 4);
    for (const path of files) {
      const between = records.some((at) => at > made.get(path)! && at <= written.get(path)!);
      assert.ok(between, `${path} made ${made.get(path)}, written ${written.get(path)}`);
    }
    await swarm.close();
  });
});

describe("files with several names", () => {
  it("are never written through: the torrent gets a separate copy", TIMEOUT, async () => {
    const swarm = await newSwarm(9), node = swarm.world.node("10.0.2.1");
    const ours = swarm.torrent.files[0]!.content, library = ours.slice();
    library.fill(9, 200 * KIB, 201 * KIB);
    node.disk.put("/library/film", library);
    node.disk.makeFolders("/data/folder/sub0");
    node.disk.link("/library/film", FIRST);
    assert.equal(node.files.stat(FIRST)!.links, 2);
    const leech = await swarm.join(node, {}, STATE);
    assert.equal(await untilOver(swarm, leech), "done");
    swarm.assertHasAll(leech);
    assert.deepEqual(node.disk.bytes("/library/film"), library);
    assert.deepEqual(node.disk.names("/data/folder/sub0"), ["file0", "file3"]);
    await swarm.close();
  });

  it("stay as they are where nothing has to be written", TIMEOUT, async () => {
    const swarm = await newSwarm(10), node = swarm.world.node("10.0.2.1");
    node.disk.put("/library/film", swarm.torrent.files[0]!.content);
    node.disk.makeFolders("/data/folder/sub0");
    node.disk.link("/library/film", FIRST);
    const leech = await swarm.join(node, { files: { priorities: new Map([[0, 4]]), others: 0 } });
    await swarm.run(() => leech.torrent.snapshot().state === "done");
    // The last piece is shared with a file that is not wanted, and was downloaded for it.
    assert.deepEqual(node.disk.bytes("/library/film"), swarm.torrent.files[0]!.content);
    await swarm.close();
  });
});

describe("files that were changed after they were complete", () => {
  async function finished(seed: number) {
    const swarm = await newSwarm(seed), leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
    assert.equal(await untilOver(swarm, leech), "done");
    return { swarm, leech };
  }

  it("are not changed, and the number of differing pieces is reported", TIMEOUT, async () => {
    const { swarm, leech } = await finished(20), { disk } = leech.node;
    disk.tamper(FIRST, noise(swarm, 40 * KIB), 70 * KIB, Date.UTC(2024, 1));
    const edited = disk.bytes(FIRST)!;
    const next = await again(swarm, leech);
    assert.equal(await untilOver(swarm, next), "edited");
    const { message } = next.torrent.snapshot().error!;
    assert.match(message, /file0 was changed .* different from the torrent in 2 of 26 pieces/);
    assert.deepEqual(disk.bytes(FIRST), edited);
    const repaired = await again(swarm, next, { repair: true });
    assert.equal(await untilOver(swarm, repaired), "done");
    swarm.assertHasAll(repaired);
    await swarm.close();
  });

  it("are kept also when all is checked again", TIMEOUT, async () => {
    const { swarm, leech } = await finished(24), { disk } = leech.node;
    disk.tamper(FIRST, noise(swarm, 40 * KIB), 70 * KIB, Date.UTC(2024, 1));
    const edited = disk.bytes(FIRST)!;
    const next = await again(swarm, leech, { anew: true });
    assert.equal(await untilOver(swarm, next), "edited");
    assert.deepEqual(disk.bytes(FIRST), edited);
    const repaired = await again(swarm, next, { anew: true, repair: true });
    assert.equal(await untilOver(swarm, repaired), "done");
    swarm.assertHasAll(repaired);
    await swarm.close();
  });

  it("are repaired if only the disk changed them", TIMEOUT, async () => {
    const { swarm, leech } = await finished(25);
    leech.node.disk.corrupt(FIRST, 80 * KIB);
    const next = await again(swarm, leech, { anew: true });
    assert.equal(await untilOver(swarm, next), "done");
    assert.ok(next.torrent.snapshot().downloaded > 0);
    swarm.assertHasAll(next);
    await swarm.close();
  });

  it("keep bytes that were added after their end", TIMEOUT, async () => {
    const { swarm, leech } = await finished(21), { disk } = leech.node;
    disk.tamper(LAST, noise(swarm, 30), 300 * KIB, Date.UTC(2024, 1));
    const next = await again(swarm, leech);
    assert.equal(await untilOver(swarm, next), "edited");
    assert.match(next.torrent.snapshot().error!.message, /longer than in the torrent/);
    assert.equal(disk.bytes(LAST)!.length, 300 * KIB + 30);
    assert.equal(await untilOver(swarm, await again(swarm, next, { repair: true })), "done");
    assert.equal(disk.bytes(LAST)!.length, 300 * KIB);
    await swarm.close();
  });

  it("may have other times as long as their bytes are right", TIMEOUT, async () => {
    const { swarm, leech } = await finished(22);
    leech.node.disk.tamper(FIRST, new Uint8Array(0), 0, Date.UTC(2024, 1));
    assert.equal(await untilOver(swarm, await again(swarm, leech)), "done");
    await swarm.close();
  });

  it("are not opened for writing, and neither are unchanged ones", TIMEOUT, async () => {
    const { swarm, leech } = await finished(23);
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    leech.node.files.remove("/data/folder/sub1/file1");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk }), opened: string[] = [];
    watch(node, { opened: (path, mode) => mode !== "read" && opened.push(path) });
    const next = await swarm.join(node, {}, STATE);
    assert.equal(await untilOver(swarm, next), "done");
    swarm.assertHasAll(next);
    const ours = opened.filter((path) => path.startsWith("/data/folder"));
    assert.deepEqual([...new Set(ours)], ["/data/folder/sub1/file1"]);
    await swarm.close();
  });
});

describe("two torrents with one path", () => {
  async function second(swarm: SimSwarm): Promise<SimSwarm> {
    const other = new SimSwarm("second", {}, swarm.world);
    await other.prepare([400 * KIB, 100 * KIB, 20 * KIB, 300 * KIB], 16 * KIB, "10.0.0.2");
    await other.seed("10.0.1.2");
    return other;
  }

  it("of one client: the first one has it, the other names it", TIMEOUT, async () => {
    const swarm = await newSwarm(30), other = await second(swarm);
    const leech = await swarm.leech("10.0.2.1");
    const late = leech.client.add(other.torrent.bytes, { dir: "/data" });
    assert.equal(await untilOver(swarm, leech), "done");
    swarm.assertHasAll(leech);
    const { state, error } = late.snapshot();
    assert.deepEqual([state, error?.code], ["failed", "foreign"]);
    assert.match(error!.message, /the file belongs to the torrent "folder"/);
    await swarm.close();
  });

  it(
    "of two runs: the first one's files are its own, however incomplete",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(31, 60 * KIB), other = await second(swarm);
      const leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
      await swarm.run(() => leech.torrent.snapshot().have > 200 * KIB);
      await swarm.world.wait(leech.client.close());
      leech.node.kill("quietly");
      const before = leech.node.disk.bytes(FIRST) ?? leech.node.disk.bytes(LAST);
      assert.notEqual(before, null);
      const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
      const late = await other.join(node, {}, STATE);
      assert.equal(await untilOver(other, late), "foreign");
      assert.match(
        late.torrent.snapshot().error!.message,
        /the file belongs to the torrent "folder"/,
      );
      assert.deepEqual(leech.node.disk.bytes(FIRST) ?? leech.node.disk.bytes(LAST), before);
      await swarm.close();
    },
  );

  it("a move does not go to the paths of another torrent's files", TIMEOUT, async () => {
    const swarm = await newSwarm(32), other = await second(swarm);
    const leech = await swarm.leech("10.0.2.1", {}, { seedGoal: { kind: "forever" } });
    await swarm.run(() => leech.torrent.snapshot().state === "seeding");
    const waiting = leech.client.add(other.torrent.bytes, { dir: "/other", limits: { down: 1 } });
    await swarm.run(() => waiting.snapshot().state === "downloading");
    const moving = leech.torrent.move("/other");
    await assert.rejects(swarm.world.wait(moving), { code: "foreign" });
    await swarm.world.wait(leech.torrent.move("/elsewhere"));
    await swarm.close();
  });
});

describe("two shoals with one state folder", () => {
  it(
    "refuse to change a torrent that has ended here while the other one runs it",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(48, 100 * KIB), limits = { up: 9 * KIB };
      const first = await swarm.leech("10.0.2.1", { pid: 11 }, {}, STATE);
      await swarm.run(() => first.torrent.status().have > 0);
      await swarm.world.wait(first.torrent.stop());
      const node = swarm.world.node("10.0.2.2", { disk: first.node.disk, pid: 12 });
      const second = await swarm.join(node, { seedGoal: { kind: "forever" } }, STATE);
      await swarm.run(() => second.torrent.status().state === "seeding");
      const path = `/state/${first.torrent.infoHash}.json`;
      const wish = () => new TextDecoder().decode(first.node.disk.bytes(path)!);
      const before = wish();
      const refused = first.torrent.update({ limits });
      await assert.rejects(swarm.world.wait(refused), { code: "in-use" });
      assert.equal(wish(), before);
      await swarm.world.wait(second.torrent.stop());
      await swarm.world.wait(first.torrent.update({ limits }));
      assert.notEqual(wish(), before);
      second.torrent.start(); // nothing is held back by the change
      await swarm.run(() => second.torrent.status().state === "seeding");
      await swarm.close();
    },
  );

  it("keep nothing of a torrent that is changed after its removal", TIMEOUT, async () => {
    const swarm = await newSwarm(49, 100 * KIB);
    const { client, torrent, node } = await swarm.leech("10.0.2.1", {}, {}, STATE);
    await swarm.run(() => torrent.status().have > 0);
    await swarm.world.wait(client.remove(torrent.infoHash));
    await swarm.world.wait(torrent.update({ uploadSlots: 2 }));
    assert.equal(node.files.stat(`/state/${torrent.infoHash}.json`), null);
    await swarm.close();
  });

  it(
    "work on a torrent one after the other, also when the first one is killed",
    TIMEOUT,
    async () => {
      for (const end of ["done", "killed"] as const) {
        const swarm = await newSwarm(40, 100 * KIB);
        const first = await swarm.leech("10.0.2.1", { pid: 11 }, {}, STATE);
        await swarm.run(() => first.torrent.snapshot().have > 100 * KIB);
        const node = swarm.world.node("10.0.2.2", { disk: first.node.disk, pid: 12 });
        const late = await swarm.join(node, {}, STATE);
        await swarm.run(() => late.torrent.snapshot().state === "waiting");
        const { error } = late.torrent.snapshot();
        assert.equal(error!.code, "in-use");
        assert.match(error!.message, /"folder" is in use by another shoal \(process 11\)/);
        if (end === "killed") first.node.kill();
        assert.equal(await untilOver(swarm, late), "done");
        swarm.assertHasAll(late);
        if (end === "done") assert.equal(late.torrent.snapshot().downloaded, 0);
        await swarm.close();
      }
    },
  );

  it("wait for each other's files", TIMEOUT, async () => {
    const swarm = new SimSwarm(41);
    await swarm.prepare([400 * KIB, 100 * KIB, 20 * KIB, 300 * KIB], 32 * KIB);
    const other = new SimSwarm("other", {}, swarm.world);
    await other.prepare([400 * KIB, 100 * KIB, 20 * KIB, 300 * KIB], 16 * KIB, "10.0.0.2");
    const first = await swarm.leech("10.0.2.1", { pid: 11 }, {}, STATE);
    await swarm.run(() => first.torrent.snapshot().state === "downloading");
    const node = swarm.world.node("10.0.2.2", { disk: first.node.disk, pid: 12 });
    const late = await other.join(node, {}, STATE);
    await swarm.run(() => late.torrent.snapshot().state === "waiting");
    assert.match(late.torrent.snapshot().error!.message, /in use by .*process 11.* for "folder"/);
    await swarm.seed("10.0.1.1");
    assert.equal(await untilOver(swarm, first), "done");
    await swarm.world.wait(first.client.close());
    first.node.kill("quietly");
    assert.equal(await untilOver(other, late), "foreign", "the files are the first one's now");
    swarm.assertHasAll(first);
    await swarm.close();
  });
});

interface Watcher {
  created?(path: string): void;
  written?(path: string): void;
  opened?(path: string, mode: string): void;
  /** When the record is on the disk. */
  wholeWritten?(path: string): void;
}

/** Sees what a machine does to its files. */
function watch({ files }: SimNode, watcher: Watcher): void {
  const open = files.open.bind(files), writeWhole = files.writeWhole.bind(files);
  files.open = (path, mode) => {
    watcher.opened?.(path, mode);
    if (mode === "create") watcher.created?.(path);
    const handle = open(path, mode);
    const { writeAt, writeAsync } = handle;
    handle.writeAt = (bytes, position) => {
      if (bytes.length > 0) watcher.written?.(path);
      writeAt.call(handle, bytes, position);
    };
    handle.writeAsync = (bytes, position) => {
      watcher.written?.(path);
      return writeAsync.call(handle, bytes, position);
    };
    return handle;
  };
  files.writeWhole = async (path, bytes) => {
    await writeWhole(path, bytes);
    watcher.wholeWritten?.(path);
  };
}
