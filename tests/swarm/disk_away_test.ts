import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { Files } from "../../src/platform/types.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

/**
 * A leech with some of it, or all, whose client ends; then the disk under its folder is away until
 * `mount`, or its files are deleted.
 */
async function takenOut(seed: number, whole: boolean, isAway = true) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
  const first = swarm.world.node("10.0.2.1"), { disk } = first;
  if (isAway) disk.mount("/data");
  const { torrent, client } = await swarm.join(first, FOREVER, STATE);
  await swarm.run(() =>
    whole ? torrent.snapshot().state === "seeding" : torrent.snapshot().have > 400_000
  );
  await swarm.world.wait(client.close());
  first.kill("quietly");
  const volume = isAway ? disk.unmount("/data") : null;
  const node = swarm.world.node("10.0.2.1", { disk });
  if (!isAway) removeBelow(node.files, "/data");
  return { swarm, node, mount: () => void disk.mount("/data", volume!) };
}

function removeBelow(files: Files, folder: string): void {
  for (const name of files.list(folder)) {
    const path = `${folder}/${name}`;
    if (files.stat(path)!.kind === "directory") removeBelow(files, path);
    files.remove(path);
  }
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
          const { swarm, node, mount } = await takenOut(1, whole);
          node.disk.put("/data/placeholder", new Uint8Array(1));
          const client = await swarm.world.wait(
            Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
          );
          const torrent = how === "add"
            ? client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER })
            : (await swarm.world.wait(client.restore()))[0]!;
          await swarm.world.runFor(60_000);
          const { state, error } = torrent.snapshot();
          assert.deepEqual([state, error?.code], ["waiting", "not-found"]);
          assert.match(error!.message, /^The disk that holds "folder" does not seem to be mounted/);
          assert.deepEqual(node.disk.names("/data"), ["placeholder"]);
          mount();
          await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
          assert.equal(torrent.snapshot().have, torrent.snapshot().size);
          await swarm.world.wait(client.close());
          await swarm.close();
        },
      );
    }
  }

  it("downloads it again on request, or if its disk is mounted", TIMEOUT, async () => {
    for (const folder of ["empty", "gone", "away"]) {
      const isAway = folder === "away";
      const { swarm, node } = await takenOut(3, true, isAway);
      if (folder === "gone") node.files.remove("/data");
      const client = await swarm.world.wait(
        Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const warnings = collectWarnings(client);
      const anew = isAway ? { anew: true } : {};
      const torrent = client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER, ...anew });
      await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
      assert.equal(torrent.snapshot().downloaded, torrent.snapshot().size);
      const note = '"folder" is no longer in /data: deleted or moved files are downloaded again';
      assert.deepEqual(warnings, isAway ? [] : [note]);
      await swarm.world.wait(client.close());
      await swarm.close();
    }
  });

  it("downloads single files again, or waits if only wrong ones are left", TIMEOUT, async () => {
    const { swarm, node, mount } = await takenOut(4, true);
    node.disk.put("/data/folder/sub0/file0", new Uint8Array(100));
    const client = await swarm.world.wait(
      Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const warnings = collectWarnings(client);
    const torrent = client.add(swarm.torrent.bytes, { dir: "/data", ...FOREVER });
    await swarm.world.runFor(20_000);
    assert.equal(torrent.snapshot().error?.code, "not-found");
    assert.deepEqual(node.disk.bytes("/data/folder/sub0/file0"), new Uint8Array(100));
    mount();
    node.files.remove("/data/folder/sub1/file1");
    await swarm.world.run(() => torrent.snapshot().state === "seeding", 200_000);
    assert.ok(torrent.snapshot().downloaded < 700 * KIB, "one file and its neighbours' edges");
    assert.match(warnings.join(), /^1 of 4 files of "folder" are no longer in \/data/);
    await swarm.world.wait(client.close());
    await swarm.close();
  });

  it(
    "downloads it again when it is removed and added again, or into another folder",
    TIMEOUT,
    async () => {
      for (const dir of ["/data", "/elsewhere"]) {
        const { swarm, node } = await takenOut(2, true);
        const client = await swarm.world.wait(
          Client.open(node, { port: 6881, dht: false, lsd: false, ...STATE }),
        );
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

function collectWarnings(client: Client): string[] {
  const warnings: string[] = [];
  void (async () => {
    for await (const event of client.events()) {
      if (event.type === "warning") warnings.push(event.message);
    }
  })();
  return warnings;
}
