/** One file under two paths: two torrents that want it do not both write to it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { FILE_SYSTEMS } from "../harness/sim/file_system.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { createCrc32c } from "../../src/util/crc32c.ts";
import { torrentOf } from "../harness/sim_swarm.ts";

const LENGTH = 300_000;
const FOREVER = { seedGoal: { kind: "forever" } } as const;

/** Two torrents of one file each, added one after the other; the first has reserved its file. */
async function twoOf(
  names: readonly [string, string],
  dirs: readonly [string, string],
  where: "one client" | "two processes" | "two runs",
) {
  await createCrc32c(); // compiled in real time, so before the virtual clock runs
  const world = new SimWorld(1);
  const hub = world.node("10.0.0.1");
  const tracker = await world.wait(serveTracker(hub, { port: 80, address: "10.0.0.1" }));
  const torrents = names.map((name) => {
    const content = world.dice.fill(new Uint8Array(LENGTH));
    return torrentOf([{ path: [name], content }], 16_384, tracker.announceUrl);
  });
  const elsewhere = world.node("10.0.1.1", { link: { upBytesPerSec: 100_000 } });
  const seed = await world.wait(Client.open(elsewhere, { port: 6881, dht: false, lsd: false }));
  torrents.forEach(({ bytes, content }, i) => {
    elsewhere.disk.put(`/seeds/${i}/${names[i]}`, content);
    seed.add(bytes, { dir: `/seeds/${i}`, trustFiles: true, ...FOREVER });
  });
  const node = world.node("10.0.2.1"), { disk } = node;
  disk.mount("/mnt", disk.volume(FILE_SYSTEMS.ntfs)); // folds case
  disk.makeFolders("/mnt/real");
  disk.plantLink("/mnt/link", "real");
  const client = await world.wait(
    Client.open(node, { port: 6881, dht: false, lsd: false, stateDir: "/state" }),
  );
  const [one, other] = dirs.map((dir) => ({ dir, preallocate: true, ...FOREVER }));
  const first = client.add(torrents[0]!.bytes, one!);
  await world.runFor(100);
  assert.equal(disk.bytes(`/mnt/real/${names[0]}`)?.length, LENGTH, "it is there");
  let later = client;
  if (where === "two runs") {
    await world.wait(client.close());
    node.kill("quietly");
  }
  if (where !== "one client") {
    const next = world.node("10.0.2.2", { disk });
    later = await world.wait(
      Client.open(next, { port: 6882, dht: false, lsd: false, stateDir: "/state" }),
    );
  }
  const second = later.add(torrents[1]!.bytes, other!);
  if (where === "two processes") {
    await world.runFor(200);
    assert.equal(second.snapshot().error?.code, "in-use");
  }
  if (where === "two runs") {
    await world.run(() => second.snapshot().state === "failed", 600_000);
    return { disk, second, content: disk.bytes(`/mnt/real/${names[0]}`)! };
  }
  await world.run(() => first.snapshot().state === "seeding", 600_000);
  return { disk, second, content: torrents[0]!.content };
}

describe("two torrents that want one file by two paths", () => {
  const cases = {
    "names that the disk takes as one": [["README.txt", "readme.txt"], ["/mnt/real", "/mnt/real"]],
    "a folder and a link to it": [["film", "film"], ["/mnt/real", "/mnt/link"]],
  } as const;
  for (const [how, [names, dirs]] of Object.entries(cases)) {
    for (const where of ["one client", "two processes", "two runs"] as const) {
      it(`the first alone has it, in ${where}: ${how}`, { timeout: 60_000 }, async () => {
        const { disk, second, content } = await twoOf(names, dirs, where);
        assert.deepEqual(disk.bytes(`/mnt/real/${names[0]}`), content);
        const { state, error } = second.snapshot();
        assert.deepEqual([state, error?.code], ["failed", "foreign"]);
        assert.match(error!.message, new RegExp(`belongs to the torrent "${names[0]}"`));
      });
    }
  }
});
