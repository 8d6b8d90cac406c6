import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const DIARY = new TextEncoder().encode("my diary");

async function seeding(seed: number) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  const node = swarm.world.node("10.0.2.1");
  swarm.plant(node);
  const one = await swarm.join(node, { seedGoal: { kind: "forever" } }, STATE);
  await swarm.run(() => one.torrent.snapshot().state === "seeding");
  await swarm.world.runFor(6000);
  return { swarm, one, disk: node.disk };
}

/** The machine dies, with or without the power, and another client restores what is on its disk. */
async function reborn(swarm: SimSwarm, { node }: Participant, power: boolean) {
  node.kill("quietly");
  if (power) node.disk.crash();
  const next = swarm.world.node(node.address, { disk: node.disk });
  const client = await swarm.world.wait(
    Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
  );
  const [torrent] = await swarm.world.wait(client.restore());
  return { client, torrent: torrent! };
}

describe("Torrent.move", () => {
  it("that was refused has ended: after a kill no foreign file is touched", TIMEOUT, async () => {
    for (const power of [false, true]) {
      const { swarm, one, disk } = await seeding(1);
      disk.put("/other/folder/sub1/file1", DIARY);
      await assert.rejects(swarm.world.wait(one.torrent.move("/other")), { code: "exists" });
      await swarm.world.runFor(power ? 8000 : 0);
      const { client, torrent } = await reborn(swarm, one, power);
      await swarm.world.run(() => torrent.snapshot().state !== "checking");
      assert.deepEqual(disk.bytes("/other/folder/sub1/file1"), DIARY);
      const { state, have, size, dir } = torrent.snapshot();
      assert.deepEqual([state, have, dir], ["seeding", size, "/data"]);
      await swarm.world.wait(client.close());
      await swarm.close();
    }
  });

  it("leaves a file alone that replaced ours", TIMEOUT, async () => {
    const { swarm, one, disk } = await seeding(3);
    const path = "/data/folder/sub0/file0";
    disk.put(path, DIARY, one.node.clock.wallTime());
    await assert.rejects(swarm.world.wait(one.torrent.move("/other")), { code: "changed" });
    assert.deepEqual(disk.bytes(path), DIARY);
    await swarm.close();
  });

  it("works at rest, and leads back to it", TIMEOUT, async () => {
    const { swarm, one, disk } = await seeding(7), { world } = swarm, { torrent, client } = one;
    const state = () => torrent.status().state, path = "folder/sub0/file0";
    let dir = "/data";
    const moves = async (to: string, after: string) => {
      await world.wait(torrent.move(to));
      assert.deepEqual([state(), torrent.status().dir], [after, to]);
      assert.equal(disk.bytes(`${dir}/${path}`), null);
      assert.notEqual(disk.bytes(`${to}/${path}`), null);
      dir = to;
    };
    await world.wait(torrent.pause());
    await moves("/paused", "paused");
    await world.wait(torrent.rename(0, "folder/other"));
    assert.notEqual(disk.bytes("/paused/folder/other"), null);
    await world.wait(torrent.rename(0, path));
    disk.put("/taken/folder/sub0/file0", DIARY);
    await assert.rejects(world.wait(torrent.move("/taken")), { code: "exists" });
    assert.deepEqual([state(), torrent.status().dir], ["paused", "/paused"]);
    torrent.start();
    await swarm.run(() => state() === "seeding");
    await world.wait(torrent.update({ seedGoal: { kind: "time", seconds: 1 } }));
    await swarm.run(() => state() === "done");
    await moves("/done", "done");
    torrent.start();
    await swarm.run(() => state() === "seeding");
    await world.wait(client.update({ queue: { seeds: 0 } }));
    await swarm.run(() => state() === "queued");
    await world.wait(torrent.move("/queued"));
    await swarm.run(() => state() === "queued");
    assert.equal(torrent.status().dir, "/queued");
    await swarm.close();
  });

  it("to another disk does not remove a file that was edited meanwhile", TIMEOUT, async () => {
    const { swarm, one, disk } = await seeding(4);
    const path = "/data/folder/sub0/file0";
    disk.mount("/other");
    disk.readDelayMs = 50;
    const moving = one.torrent.move("/other");
    await swarm.world.runFor(120);
    assert.notEqual(disk.names("/other").length, 0, "it is being copied");
    disk.tamper(path, DIARY, 10, one.node.clock.wallTime() + 1);
    await swarm.world.wait(moving);
    await swarm.world.runFor(6000);
    assert.equal(one.torrent.snapshot().dir, "/other");
    assert.deepEqual(disk.bytes(path)?.subarray(10, 10 + DIARY.length), DIARY);
    assert.equal(disk.bytes("/data/folder/sub1/file1"), null, "all others are removed");
    await swarm.close();
  });

  it("that cannot finish is undone if no file was moved yet", TIMEOUT, async () => {
    const { swarm, one, disk } = await seeding(2);
    disk.mount("/other");
    disk.readDelayMs = 50;
    void one.torrent.move("/other").catch(() => {});
    await swarm.world.runFor(120);
    assert.equal(disk.bytes("/data/folder/sub0/file0")?.length, 900 * KIB, "it is being copied");
    disk.put("/other/folder/sub1/file1", DIARY);
    const { client, torrent } = await reborn(swarm, one, false);
    await swarm.world.run(() => torrent.snapshot().state !== "checking");
    assert.deepEqual(disk.bytes("/other/folder/sub1/file1"), DIARY);
    assert.deepEqual([torrent.snapshot().state, torrent.snapshot().dir], ["seeding", "/data"]);
    await swarm.world.runFor(6000);
    await swarm.world.wait(client.close());
    await swarm.close();
  });

  it("is where it is to stay after a crash at any moment", TIMEOUT, async () => {
    for (let ms = 0; ms < 120; ms += 7) {
      const { swarm, one, disk } = await seeding(100 + ms);
      swarm.checkEvery = 50;
      disk.makeFolders("/other");
      if (ms % 2) disk.mount("/other");
      void one.torrent.move("/other").catch(() => {});
      await swarm.world.runFor(ms);
      const { client, torrent } = await reborn(swarm, one, ms % 3 === 0);
      await swarm.world.run(() => torrent.snapshot().state === "seeding", 60_000);
      await swarm.world.runFor(6000);
      const { dir, have, size } = torrent.snapshot(), names = disk.names(dir);
      assert.equal(have, size);
      assert.ok(["/data", "/other"].includes(dir) && names.includes("folder"), `${dir}: ${names}`);
      if (ms > 50) assert.equal(dir, "/other", `after ${ms} ms`);
      await swarm.world.wait(client.close());
      await swarm.close();
    }
  });
});
