import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { SimSwarm } from "./sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

/** A leech with some of it, or all, whose client ends; then its disk is away. */
async function takenOut(seed: number, whole: boolean) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
  const leech = await swarm.leech("10.0.2.1", {}, FOREVER, STATE);
  const { torrent } = leech;
  await swarm.run(() =>
    whole ? torrent.snapshot().state === "seeding" : torrent.snapshot().have > 400_000
  );
  await swarm.world.wait(leech.client.close());
  leech.node.kill("quietly");
  leech.node.files.rename("/data", "/taken-out");
  leech.node.disk.makeFolders("/data");
  const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
  return { swarm, node };
}

describe("a start while the disk is away", () => {
  for (const whole of [false, true]) {
    for (const how of ["restore", "add"] as const) {
      it(
        `makes nothing under its mount point, and goes on when it is back: ${how}, ${
          whole ? "whole" : "in the middle"
        }`,
        TIMEOUT,
        async () => {
          const { swarm, node } = await takenOut(1, whole);
          const client = await swarm.world.wait(Client.open(node, { port: 6881, ...STATE }));
          const torrent = how === "add"
            ? client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER })
            : (await swarm.world.wait(client.restore()))[0]!;
          await swarm.world.runFor(60_000);
          const { state, error } = torrent.snapshot();
          assert.deepEqual([state, error?.code], ["waiting", "not-found"]);
          assert.match(error!.message, /put its disk back, or remove the torrent and add it again/);
          assert.deepEqual(node.disk.names("/data"), []);
          node.files.remove("/data");
          node.files.rename("/taken-out", "/data");
          await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
          assert.equal(torrent.snapshot().have, torrent.snapshot().size);
          await swarm.world.wait(client.close());
          await swarm.close();
        },
      );
    }
  }

  it(
    "fetches it anew when that is asked for, or where the folder shows that it was deleted",
    TIMEOUT,
    async () => {
      for (const deleted of [false, true]) {
        const { swarm, node } = await takenOut(3, true);
        if (deleted) node.disk.makeFolders("/data/something else");
        const client = await swarm.world.wait(Client.open(node, { port: 6881, ...STATE }));
        const anew = deleted ? {} : { anew: true };
        const torrent = client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER, ...anew });
        await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
        assert.equal(torrent.snapshot().downloaded, torrent.snapshot().size);
        await swarm.world.wait(client.close());
        await swarm.close();
      }
    },
  );

  it(
    "fetches it anew when it is removed and added again, or into another folder",
    TIMEOUT,
    async () => {
      for (const dir of ["/data", "/elsewhere"]) {
        const { swarm, node } = await takenOut(2, true);
        const client = await swarm.world.wait(Client.open(node, { port: 6881, ...STATE }));
        let torrent = client.add(swarm.torrent.bytes, { dir, ...FOREVER });
        if (dir === "/data") {
          await swarm.world.run(() => torrent.snapshot().state === "waiting");
          await swarm.world.wait(client.remove(torrent.infoHash));
          torrent = client.add(swarm.torrent.bytes, { dir, ...FOREVER });
        }
        await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
        assert.notEqual(node.files.stat(`${dir}/folder/sub0/file0`), null);
        await swarm.world.wait(client.close());
        await swarm.close();
      }
    },
  );
});
