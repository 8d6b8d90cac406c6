import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { DiskFault, SimDisk } from "../harness/sim/disk.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const SLOW = { upBytesPerSec: 200 * KIB };

async function newSwarm(seed: number, sizes = [900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB]) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare(sizes, 64 * KIB);
  return swarm;
}

function have({ torrent }: Participant): number {
  return torrent.snapshot().have;
}

/** What the client told of a participant so far, of one type. */
function told(swarm: SimSwarm, { node }: Participant, type: string) {
  const prefix = `${node.address} {`;
  return swarm.world.logLines()
    .map((line) => line.slice(line.indexOf(" ") + 1))
    .filter((line) => line.startsWith(prefix))
    .map((line) => JSON.parse(line.slice(prefix.length - 1)))
    .filter((event) => event.type === type);
}

/** Closes a client in good order and starts another on the same machine. */
async function restart(swarm: SimSwarm, leech: Participant): Promise<Participant> {
  await swarm.world.wait(leech.client.close());
  leech.node.kill("quietly");
  const node = swarm.world.node(leech.node.address, { disk: leech.node.disk });
  return await swarm.join(node, {}, STATE);
}

describe("a torrent over restarts", () => {
  it("resumes with nothing hashed and its totals kept", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    const seed = await swarm.seed("10.0.1.1", { link: SLOW });
    const first = await swarm.leech("10.0.2.1", {}, {}, STATE);
    await swarm.run(() => have(first) > 600 * KIB);
    const again = await restart(swarm, first);
    const before = have(first), { downloaded } = first.torrent.snapshot().totals;
    await swarm.run(() => again.torrent.snapshot().state === "downloading");
    assert.ok(have(again) >= before, `${have(again)} of ${before}`);
    assert.equal(again.torrent.snapshot().totals.downloaded, downloaded);
    await swarm.untilDone([again]);
    swarm.assertHasAll(again);
    const all = again.torrent.snapshot().totals.downloaded;
    assert.ok(all < 1.1 * again.torrent.snapshot().size, `${all} bytes, so nothing twice`);
    assert.ok(seed.torrent.snapshot().uploaded > 0);
    await swarm.close();
  });

  it("keeps the ratio and the seeding time towards its goal", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    const goal = { seedGoal: { kind: "ratio", ratio: 1.5 } } as const;
    const node = swarm.world.node("10.0.1.1", { link: SLOW });
    swarm.plant(node);
    let seed = await swarm.join(node, goal, STATE);
    const one = await swarm.leech("10.0.2.1");
    await swarm.untilDone([one]);
    assert.equal(seed.torrent.snapshot().state, "seeding");
    await swarm.world.wait(seed.client.close());
    node.kill("quietly");
    seed = await swarm.join(
      swarm.world.node("10.0.1.1", { disk: node.disk, link: SLOW }),
      goal,
      STATE,
    );
    const { uploaded, totals } = await once(swarm, seed, "seeding");
    assert.equal(uploaded, 0);
    assert.ok(totals.uploaded >= seed.torrent.snapshot().size);
    await swarm.leech("10.0.2.2");
    await swarm.run(() => seed.torrent.snapshot().state === "done");
    const { totals: end, size } = seed.torrent.snapshot();
    assert.ok(end.uploaded >= 1.5 * size && end.uploaded < 1.8 * size, `${end.uploaded / size}`);
    await swarm.close();
  });

  it("loses at most five seconds when its machine loses power", TIMEOUT, async () => {
    for (let dice = 0; dice < 12; dice++) {
      const swarm = await newSwarm(100 + dice);
      swarm.checkEvery = 50;
      await swarm.seed("10.0.1.1", { link: SLOW });
      const leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
      const { torrent, node } = leech;
      await swarm.run(() => torrent.snapshot().state === "downloading");
      await swarm.world.runFor(1000 + 600 * dice);
      const at = torrent.snapshot();
      if (at.state !== "downloading") break;
      node.kill("quietly");
      node.disk.crash();
      const again = await swarm.join(swarm.world.node("10.0.2.1", { disk: node.disk }), {}, STATE);
      await swarm.run(() => again.torrent.snapshot().state === "downloading");
      // Received blocks of open pieces count, too: `left` of the old one knows whole pieces only.
      const lost = at.have - have(again);
      assert.ok(lost <= 5 * SLOW.upBytesPerSec, `seed ${100 + dice}: ${lost} bytes lost`);
      await swarm.untilDone([again]);
      swarm.assertHasAll(again);
      await swarm.close();
    }
  });

  it("is restored with its folder and chosen files", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const files = { priorities: new Map([[1, 7]]), others: 0 };
    const leech = await swarm.leech("10.0.2.1", {}, { files }, STATE);
    await swarm.run(() => have(leech) > 64 * KIB);
    await swarm.world.wait(leech.torrent.pause());
    assert.equal(leech.torrent.snapshot().state, "paused");
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
    const { Client } = await import("../../src/client/client.ts");
    const client = await swarm.world.wait(
      Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const [torrent] = await swarm.world.wait(client.restore());
    await swarm.world.runFor(20_000);
    assert.equal(torrent!.snapshot().state, "paused");
    torrent!.start();
    await swarm.world.run(() => torrent!.snapshot().state === "done");
    const { wanted, dir } = torrent!.snapshot();
    assert.equal(wanted, 300 * KIB);
    assert.equal(dir, "/data");
    assert.equal(node.files.stat("/data/folder/sub0/file0"), null);
    assert.equal(node.files.stat("/data/folder/sub1/file1")?.size, 300 * KIB);
    await swarm.world.wait(client.close());
    await swarm.close();
  });
});

describe("chosen files", () => {
  it("are the only files made; files chosen later are downloaded, too", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const files = { priorities: new Map([[1, 4], [2, 7]]), others: 0 };
    const seedGoal = { kind: "forever" } as const;
    const leech = await swarm.leech("10.0.2.1", {}, { files, seedGoal });
    await swarm.untilDone([leech]);
    const { node, torrent } = leech;
    const sizes = () =>
      ["sub0/file0", "sub1/file1", "sub2/file2", "sub0/file3"].map((path) => {
        return node.files.stat(`/data/folder/${path}`)?.size ?? null;
      });
    assert.deepEqual(sizes(), [null, 300 * KIB, 20 * KIB, null]);
    assert.ok(torrent.snapshot().downloaded < 520 * KIB);
    await swarm.world.wait(torrent.update({ files: {} }));
    assert.equal(torrent.snapshot().state, "downloading");
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    assert.deepEqual(node.files.list("/data").filter((name) => name !== "folder"), []);
    await swarm.close();
  });

  it("are downloaded in the order of their priority", TIMEOUT, async () => {
    const swarm = await newSwarm(5, [512 * KIB, 512 * KIB, 512 * KIB, 512 * KIB]);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const files = { priorities: new Map([[2, 7], [0, 1]]), sequential: new Set([2]) };
    const leech = await swarm.leech("10.0.2.1", {}, { files });
    await swarm.untilDone([leech]);
    const order = told(swarm, leech, "piece").map(({ piece }) => Math.floor(piece / 8));
    const place = (file: number) => order.reduce((sum, f, i) => sum + (f === file ? i : 0), 0) / 8;
    assert.ok(place(2) < place(1) && place(1) < place(0), order.join());
    const inFile = told(swarm, leech, "piece").map(({ piece }) => piece)
      .filter((piece) => Math.floor(piece / 8) === 2);
    const turns = inFile.filter((piece, i) => i > 0 && piece < inFile[i - 1]!).length;
    assert.ok(turns <= 2, `nearly in order: ${inFile.join()}`);
    await swarm.close();
  });

  it("begin with the ends of media files when that is asked for", TIMEOUT, async () => {
    const { FileChoice } = await import("../../src/torrent/file_choice.ts");
    const { Layout } = await import("../../src/metainfo/layout.ts");
    const layout = new Layout(100, [{ length: 1000, pad: false }, { length: 500, pad: false }]);
    const choice = new FileChoice(layout, {
      priorities: new Uint8Array(0),
      endsFirst: new Set([0]),
    });
    const { levels, levelOf } = choice.levels(false);
    assert.equal(levels.length, 2);
    const first = Array.from({ length: 15 }, (_, piece) => piece).filter((p) => levelOf(p) === 0);
    assert.deepEqual(first, [0, 9]);
  });
});

/** Waits for a state, and returns the snapshot. */
async function once(swarm: SimSwarm, { torrent }: Participant, state: string) {
  await swarm.run(() => torrent.snapshot().state === state);
  return torrent.snapshot();
}

describe("a disk in trouble", () => {
  const troubles: [string, string, (disk: SimDisk) => void, (disk: SimDisk) => void, string][] = [
    ["full", "disk-full", (disk) => disk.capacity = disk.used + 300 * KIB, (disk) => {
      disk.capacity = Infinity;
    }, "disk-full"],
    ["read-only", "read-only", (disk) => disk.readOnly = true, (disk) => {
      disk.readOnly = false;
    }, "disk-read-only"],
    failing("giving errors", "io", "EIO"),
    failing("out of open files", "too-many-open", "EMFILE"),
  ];

  function failing(what: string, code: string, errno: string): typeof troubles[number] {
    const fault: DiskFault = { path: "/data", errno, on: ["open", "write"] };
    return [what, code, (disk) => disk.failOn(fault), (disk) => disk.repair(), `disk-${errno}`];
  }

  for (const [what, code, breaks, mends] of troubles) {
    it(`that is ${what} is waited for, and the download continues by itself`, TIMEOUT, async () => {
      const swarm = await newSwarm(6);
      await swarm.seed("10.0.1.1", { link: SLOW });
      const leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
      await swarm.run(() => have(leech) > 300 * KIB);
      breaks(leech.node.disk);
      const { error } = await once(swarm, leech, "waiting");
      assert.equal(error?.code, code);
      await swarm.world.runFor(30_000);
      assert.equal(leech.torrent.snapshot().state, "waiting");
      const waits = told(swarm, leech, "waiting");
      assert.ok(waits.length >= 2, "it tried again");
      assert.equal(waits[0].code, code);
      const { downloaded, metrics } = leech.torrent.snapshot();
      assert.ok(downloaded > 300 * KIB && metrics.pieces.completed > 0, "told over all tries");
      assert.equal(told(swarm, leech, "failed").length, 0);
      mends(leech.node.disk);
      await swarm.untilDone([leech], 200_000);
      assert.equal(leech.torrent.snapshot().error, null);
      swarm.assertHasAll(leech);
      await swarm.world.wait(leech.torrent.finished);
      await swarm.close();
    });
  }

  it("that was removed is not replaced by the folder under its mount point", TIMEOUT, async () => {
    const swarm = await newSwarm(7);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1", {}, {}, STATE);
    await swarm.run(() => have(leech) > 300 * KIB);
    const { files } = leech.node, { diskOf } = files;
    files.diskOf = () => ({ id: "another", keepsInodes: true });
    files.rename("/data", "/taken-out");
    const { error } = await once(swarm, leech, "waiting");
    assert.notEqual(error, null);
    await swarm.world.runFor(60_000);
    assert.equal(leech.torrent.snapshot().error?.code, "not-found");
    assert.match(leech.torrent.snapshot().error!.message, /not seem to be mounted/);
    assert.equal(files.stat("/data"), null);
    files.rename("/taken-out", "/data");
    files.diskOf = diskOf;
    await swarm.untilDone([leech], 200_000);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("whose files were changed under a seed is checked again and repaired", TIMEOUT, async () => {
    const swarm = await newSwarm(8);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1", {}, { seedGoal: { kind: "forever" } }, STATE);
    await swarm.untilDone([leech]);
    const vandal = leech.node.files.open("/data/folder/sub0/file0", "write");
    vandal.writeAt(new Uint8Array(1000), 70_000);
    vandal.close();
    const checking = leech.torrent.recheck();
    assert.notEqual(leech.torrent.snapshot().checked, null, "its progress is shown");
    assert.equal(leech.torrent.snapshot().state, "seeding");
    assert.equal(await swarm.world.wait(checking), 1);
    assert.equal(leech.torrent.snapshot().checked, null);
    await swarm.untilDone([leech]);
    assert.equal(await swarm.world.wait(leech.torrent.recheck()), 0);
    swarm.assertHasAll(leech);
    await swarm.close();
  });
});

describe("pause and resume", () => {
  it("transfer nothing meanwhile, and take up where it was", TIMEOUT, async () => {
    const swarm = await newSwarm(9, [2 * MIB]);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1");
    await swarm.run(() => have(leech) > 500 * KIB);
    await swarm.world.wait(leech.torrent.pause());
    await swarm.world.runFor(1000); // blocks that were on the way
    const at = have(leech), first = leech.torrent.snapshot();
    await swarm.world.runFor(60_000);
    const { state, peers } = leech.torrent.snapshot();
    assert.equal(state, "paused");
    assert.equal(peers.connected, 1);
    assert.equal(have(leech), at);
    leech.torrent.start();
    assert.equal(leech.torrent.snapshot().downloaded, first.downloaded, "the run goes on");
    assert.deepEqual(leech.torrent.snapshot().metrics, first.metrics);
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    await swarm.world.wait(leech.torrent.finished);
    const { metrics, downloaded, totals } = leech.torrent.snapshot();
    assert.equal(metrics.pieces.completed, 32, "each piece once, over both engines");
    assert.equal(downloaded, totals.downloaded);
    const blocks = metrics.blockLatency.counts.reduce((sum, count) => sum + count, 0);
    assert.ok(blocks >= 2 * MIB / (16 * KIB), `${blocks} blocks`);
    await swarm.close();
  });
});

describe("folders", () => {
  const paths = ["sub0/file0", "sub1/file1", "sub2/file2", "sub0/file3"];

  it("contain only whole files, if there is one for unfinished ones", TIMEOUT, async () => {
    for (const otherDisk of [false, true]) {
      const swarm = await newSwarm(20);
      await swarm.seed("10.0.1.1", { link: SLOW });
      const options = { dir: "/done", incompleteDir: "/data" };
      const leech = await swarm.leech("10.0.2.1", {}, options, STATE);
      const { node, torrent } = leech;
      if (otherDisk) node.disk.mount("/done");
      await swarm.run(() => have(leech) > 1200 * KIB);
      assert.notEqual(node.files.stat("/data/folder/sub0/file0"), null);
      assert.equal(node.files.stat("/done/folder/sub0/file0"), null);
      // It is known after a crash, too, where it is and where it is to go.
      node.kill("quietly");
      node.disk.crash();
      const restarted = swarm.world.node("10.0.2.1", { disk: node.disk });
      const { Client } = await import("../../src/client/client.ts");
      const client = await swarm.world.wait(
        Client.open(restarted, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const restored = await swarm.world.wait(client.restore());
      assert.equal(restored.length, 1);
      await swarm.world.run(() => restored[0]!.snapshot().state === "done");
      for (const path of paths) {
        assert.notEqual(restarted.files.stat(`/done/folder/${path}`), null, path);
        assert.equal(restarted.files.stat(`/data/folder/${path}`), null, path);
      }
      assert.equal(restored[0]!.snapshot().dir, "/done");
      assert.equal(torrent.snapshot().name, "folder");
      await swarm.world.wait(client.close());
      await swarm.close();
    }
  });

  it(
    "with the same data under other names are taken from, and little is fetched",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(22);
      await swarm.seed("10.0.1.1", { link: SLOW });
      const node = swarm.world.node("10.0.2.1");
      swarm.torrent.files.forEach(({ content }, i) => node.disk.put(`/old/deep/${i}.bak`, content));
      node.disk.put("/old/same size", new Uint8Array(300 * KIB));
      const leech = await swarm.join(node, { reuse: ["/old"] });
      await swarm.untilDone([leech]);
      const { downloaded, size } = leech.torrent.snapshot();
      assert.ok(downloaded < 0.1 * size, `${downloaded} of ${size} fetched`);
      swarm.assertHasAll(leech);
      assert.equal(node.files.list("/old/deep").length, 4);
      await swarm.close();
    },
  );

  it("and names can be changed while it seeds", TIMEOUT, async () => {
    const swarm = await newSwarm(21);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1", {}, { seedGoal: { kind: "forever" } }, STATE);
    await swarm.untilDone([leech]);
    const { node, torrent } = leech;
    await swarm.world.wait(torrent.move("/elsewhere"));
    await swarm.world.wait(torrent.rename(1, "folder/other name"));
    assert.equal(node.files.stat("/data/folder/sub0/file0"), null);
    assert.equal(node.files.stat("/elsewhere/folder/other name")?.size, 300 * KIB);
    assert.equal(torrent.snapshot().dir, "/elsewhere");
    await assert.rejects(torrent.rename(1, "../outside"), RangeError);
    assert.equal(await swarm.world.wait(torrent.recheck()), 0);
    const next = await swarm.leech("10.0.2.2", {}, { peers: ["10.0.2.1:6881"] });
    await swarm.untilDone([next]);
    assert.ok(torrent.snapshot().uploaded > 0, "it gives from the new place");
    await swarm.close();
  });
});
