import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 2000 * KIB } });
  return swarm;
}

describe("a slow disk", () => {
  it("never blocks the process, from the first write on", TIMEOUT, async () => {
    for (const delayMs of [60, 900]) {
      const swarm = await newSwarm(1);
      const node = swarm.world.node("10.0.2.1");
      node.disk.writeDelayMs = delayMs;
      const leech = await swarm.join(node);
      await swarm.run(() => leech.torrent.snapshot().piecesHave > 0);
      assert.ok(node.disk.slowWrites > 0);
      await swarm.untilDone([leech]);
      assert.equal(node.disk.heldUpMs, 0);
      swarm.assertHasAll(leech);
      await swarm.close();
    }
  });

  it("makes its files off the loop's thread", TIMEOUT, async () => {
    const swarm = await newSwarm(5), node = swarm.world.node("10.0.2.1"), { files } = node;
    node.disk.writeDelayMs = 900;
    const made = { atOnce: [] as string[], away: [] as string[] };
    const open = files.open.bind(files), openAsync = files.openAsync.bind(files);
    files.open = (path, mode) => {
      // The simulated one ends in this.
      if (mode === "create" && !made.away.includes(path)) made.atOnce.push(path);
      return open(path, mode);
    };
    files.openAsync = (path, mode) => {
      if (mode === "create") made.away.push(path);
      return openAsync(path, mode);
    };
    const leech = await swarm.join(node, {}, STATE);
    await swarm.untilDone([leech]);
    assert.deepEqual(made.atOnce, []);
    assert.equal(made.away.length, 4);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("that was fast blocks the process for one write", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    const leech = await swarm.leech("10.0.2.1", {}, {}, STATE), { disk } = leech.node;
    await swarm.run(() => leech.torrent.snapshot().piecesHave >= 8);
    disk.writeDelayMs = 700;
    await swarm.untilDone([leech]);
    assert.ok(disk.slowWrites > 10);
    assert.equal(disk.heldUpMs, 700);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it(
    "is reported as the reason, and the torrent requests no more than memory allows",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(3);
      const node = swarm.world.node("10.0.2.1");
      node.disk.writeDelayMs = 5000;
      const budget = { pieceBudgetBytes: 4 * 64 * KIB };
      const leech = await swarm.join(node, {}, budget), { torrent } = leech;
      await swarm.run(() => torrent.snapshot().heldBackBy === "disk");
      await swarm.world.runFor(4000);
      assert.ok(torrent.snapshot().downloaded <= 7 * 64 * KIB, `${torrent.snapshot().downloaded}`);
      await swarm.untilDone([leech]);
      assert.equal(node.disk.heldUpMs, 0);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it("is not waited for at the end: pieces stored by then count", TIMEOUT, async () => {
    for (const slow of ["write", "sync"] as const) {
      const swarm = await newSwarm(4);
      const leech = await swarm.leech("10.0.2.1", {}, FOREVER, STATE), { disk } = leech.node;
      await swarm.run(() => leech.torrent.snapshot().piecesHave >= 5);
      if (slow === "write") disk.writeDelayMs = 8000;
      else disk.syncDelayMs = 10_000;
      await swarm.world.runFor(300);
      const warnings: string[] = [];
      void (async () => {
        for await (const event of leech.client.events()) {
          if (event.type === "warning") warnings.push(event.message);
        }
      })();
      const from = swarm.world.now;
      await swarm.world.wait(leech.client.close());
      assert.ok(swarm.world.now - from <= 3000, `it took ${swarm.world.now - from} ms`);
      assert.match(
        warnings.join(),
        /The latest progress was not saved: the disk of \/data did not write/,
      );
      leech.node.kill("quietly");
      disk.writeDelayMs = 0;
      disk.syncDelayMs = 5;
      disk.crash(7);
      const node = swarm.world.node("10.0.2.1", { disk });
      const client = await swarm.world.wait(
        Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const torrent = client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER });
      await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
      assert.equal(torrent.snapshot().have, torrent.snapshot().size);
      for (const { path, content } of swarm.torrent.files) {
        assert.deepEqual(disk.bytes(`/data/${path.join("/")}`), content);
      }
      await swarm.world.wait(client.close());
      await swarm.close();
    }
  });
});

describe("a disk that does not keep written bytes", () => {
  for (const keeps of ["garbage", "nothing"] as const) {
    it(`is an error after three full final checks: it keeps ${keeps}`, TIMEOUT, async () => {
      const swarm = await newSwarm(5);
      const node = swarm.world.node("10.0.2.1");
      node.disk.keeps = keeps;
      const leech = await swarm.join(node, { finalCheck: "full" }, STATE), { torrent } = leech;
      await swarm.run(() => torrent.snapshot().error !== null);
      const { error } = torrent.snapshot();
      assert.equal(error?.code, "io");
      assert.match(error!.message, /does not keep written data: piece \d+ was read back/);
      assert.match(error!.message, /Check the disk of \/data/);
      assert.ok(swarm.world.faults(`disk-kept-${keeps}`) > 3);
      const checks = swarm.world.logLines().filter((line) => line.includes('"final-check"'));
      assert.equal(checks.length, 3);
      // The record of that run names none of it, so a mended disk gets it all.
      await swarm.world.wait(leech.client.close());
      node.disk.keeps = "all";
      node.kill("quietly");
      const again = swarm.world.node("10.0.2.1", { disk: node.disk });
      const next = await swarm.join(again, { finalCheck: "full" }, STATE);
      await swarm.untilDone([next]);
      swarm.assertHasAll(next);
      await swarm.close();
    });
  }

  it("shows without reading back where files stay too short", TIMEOUT, async () => {
    const swarm = await newSwarm(6);
    const node = swarm.world.node("10.0.2.1");
    node.disk.keeps = "nothing";
    const { torrent } = await swarm.join(node, {}, STATE);
    await swarm.run(() => torrent.snapshot().error !== null);
    assert.equal(torrent.snapshot().error?.code, "io");
    await swarm.close();
  });
});

describe("a full final check of chosen files", () => {
  it("reads the downloaded pieces, and no others", TIMEOUT, async () => {
    const swarm = await newSwarm(8);
    const files = { priorities: new Map([[1, 4]]), others: 0 };
    const leech = await swarm.leech("10.0.2.1", {}, { finalCheck: "full", files }, STATE);
    await swarm.run(() => leech.torrent.snapshot().state === "done");
    assert.ok(!swarm.world.logLines().some((line) => line.includes('"final-check"')));
    await swarm.close();
  });

  it("ends if a piece that is no longer wanted is wrong", TIMEOUT, async () => {
    const swarm = await newSwarm(9);
    const add = { finalCheck: "full", ...FOREVER } as const;
    const leech = await swarm.leech("10.0.2.1", {}, add, STATE), { node } = leech;
    await swarm.run(() => leech.torrent.snapshot().state === "seeding");
    await swarm.world.wait(leech.client.close());
    node.disk.corrupt("/data/folder/sub0/file0", 100_000);
    node.kill("quietly");
    const again = swarm.world.node("10.0.2.1", { disk: node.disk });
    const files = { priorities: new Map([[1, 4]]), others: 0 };
    const next = await swarm.join(again, { ...add, files }, STATE);
    await swarm.run(() => next.torrent.snapshot().state === "seeding");
    assert.equal(swarm.world.faults("disk-corrupted"), 1);
    assert.ok(swarm.world.logLines().some((line) => line.includes('"final-check"')));
    await swarm.close();
  });
});
