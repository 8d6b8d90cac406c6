/** Files that change while they are uploaded. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AddOptions } from "../../src/client/types.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const PIECE = 64 * KIB;
const SLOW = { upBytesPerSec: 100 * KIB };
const FOREVER = { seedGoal: { kind: "forever" } } as const satisfies Partial<AddOptions>;
const FILE = "/data/folder/sub0/file0";

/** A slow seed that has all, and a leech that has some of it. */
async function start(seed: number, add: Partial<AddOptions> = { seedOnly: true }) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], PIECE);
  const node = swarm.world.node("10.0.1.1", { link: SLOW });
  swarm.plant(node);
  const giver = await swarm.join(node, { ...FOREVER, ...add }, { stateDir: "/state" });
  const leech = await swarm.leech("10.0.2.1");
  await swarm.run(() => leech.torrent.snapshot().have > 2 * PIECE);
  return { swarm, giver, leech, node, disk: node.disk };
}

function warnings(swarm: SimSwarm, { node }: Participant): string[] {
  const prefix = `${node.address} {`;
  return swarm.world.logLines()
    .map((line) => line.slice(line.indexOf(" ") + 1))
    .filter((line) => line.startsWith(prefix))
    .map((line) => JSON.parse(line.slice(prefix.length - 1)))
    .filter(({ type }) => type === "warning").map(({ message }) => message);
}

/** Writes over whole pieces of the first file. */
function overwrite({ disk }: { disk: Participant["node"]["disk"] }, pieces: number): Uint8Array {
  const before = disk.bytes(FILE)!;
  disk.tamper(FILE, new Uint8Array(pieces * PIECE), 0, 1_800_000_000_000);
  return before;
}

describe("a file that is changed while it is uploaded", () => {
  for (const [how, add] of [["checked", {}], ["trusted", { trustFiles: true }]] as const) {
    it(
      `is withdrawn in part and left as it is, and the rest is uploaded: ${how}`,
      TIMEOUT,
      async () => {
        const { swarm, giver, leech, disk } = await start(1, { seedOnly: true, ...add });
        overwrite({ disk }, 10);
        const changed = disk.bytes(FILE);
        await swarm.run(() => warnings(swarm, giver).length > 0, 10_000);
        const failed = leech.torrent.snapshot().hashFailures;
        await swarm.world.runFor(60_000);
        const { state, have, size } = giver.torrent.snapshot();
        assert.deepEqual([state, size - have], ["seeding", 10 * PIECE]);
        assert.equal(leech.torrent.snapshot().hashFailures, failed, "nothing wrong left any more");
        assert.match(
          warnings(swarm, giver).join(),
          /file0 was changed .*: 10 pieces no longer match/,
        );
        assert.deepEqual(disk.bytes(FILE), changed);
        await swarm.seed("10.0.1.2", {}, { peers: ["10.0.2.1:6881"] });
        await swarm.untilDone([leech], 200_000);
        await swarm.close();
      },
    );
  }

  it("stays withdrawn after a check of everything, also for the next start", TIMEOUT, async () => {
    const { swarm, giver, node, disk } = await start(6, {});
    overwrite({ disk }, 10);
    await swarm.run(() => warnings(swarm, giver).length > 0, 10_000);
    assert.equal(await swarm.world.wait(giver.torrent.recheck()), 10);
    assert.equal(giver.torrent.snapshot().size - giver.torrent.snapshot().have, 10 * PIECE);
    await swarm.world.wait(giver.client.close());
    node.kill("quietly");
    const next = swarm.world.node(node.address, { disk });
    const { torrent } = await swarm.join(next, FOREVER, { stateDir: "/state" });
    await swarm.run(() => torrent.snapshot().state === "failed", 60_000);
    assert.equal(torrent.snapshot().error?.code, "edited");
    await swarm.close();
  });

  it("is uploaded again when it is restored", TIMEOUT, async () => {
    const { swarm, giver, leech, disk } = await start(2);
    const before = overwrite({ disk }, 10);
    await swarm.run(() => giver.torrent.snapshot().have < giver.torrent.snapshot().size, 10_000);
    await swarm.world.runFor(5000);
    disk.tamper(FILE, before, 0, 1_800_000_100_000);
    await swarm.untilDone([leech], 200_000);
    assert.equal(giver.torrent.snapshot().have, giver.torrent.snapshot().size);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("is not withdrawn when only its time changed", TIMEOUT, async () => {
    const { swarm, giver, leech, disk } = await start(3);
    disk.tamper(FILE, new Uint8Array(0), 0, 1_800_000_000_000);
    await swarm.untilDone([leech], 200_000);
    assert.deepEqual(warnings(swarm, giver), []);
    assert.equal(leech.torrent.snapshot().hashFailures, 0);
    await swarm.close();
  });

  it("and is truncated or removed only costs its own pieces", TIMEOUT, async () => {
    const { swarm, giver, leech, node } = await start(4);
    const vandal = node.files.open(FILE, "write");
    vandal.truncate(300 * KIB);
    vandal.close();
    node.files.remove("/data/folder/sub1/file1");
    const other = await swarm.seed("10.0.1.2", {}, { peers: ["10.0.2.1:6881"] });
    await swarm.untilDone([leech], 200_000);
    assert.equal(giver.torrent.snapshot().state, "seeding");
    assert.equal(other.torrent.snapshot().state, "seeding");
    assert.equal(leech.torrent.snapshot().hashFailures, 0);
    assert.equal(node.files.stat("/data/folder/sub1/file1"), null, "nothing is made");
    await swarm.close();
  });

  it("ends the torrent if nothing is left to upload", TIMEOUT, async () => {
    const { swarm, giver, node } = await start(5, { seedOnly: true, waitForDisk: false });
    node.files.rename("/data/folder", "/data/elsewhere");
    await swarm.run(() => giver.torrent.snapshot().state === "failed", 60_000);
    assert.equal(giver.torrent.snapshot().error?.code, "changed");
    assert.match(
      giver.torrent.snapshot().error!.message,
      /^No piece of "folder" in \/data matches any more/,
    );
    await swarm.close();
  });

  it("is downloaded again while the torrent is not complete", TIMEOUT, async () => {
    const swarm = new SimSwarm(6);
    await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], PIECE);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1", { link: SLOW }, { sequential: true });
    await swarm.run(() => leech.torrent.snapshot().have > 1100 * KIB);
    const late = await swarm.leech("10.0.3.1", {}, { peers: ["10.0.2.1:6881"] });
    overwrite(leech.node, 10);
    await swarm.run(() => warnings(swarm, leech).length > 0, 20_000);
    assert.equal(leech.torrent.snapshot().state, "downloading");
    await swarm.untilDone([leech, late], 300_000);
    swarm.assertHasAll(leech);
    swarm.assertHasAll(late);
    assert.match(warnings(swarm, leech).join(), /no longer match.* downloaded again/);
    await swarm.close();
  });
});
