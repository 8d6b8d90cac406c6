import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { AddOptions } from "../../src/client/types.ts";
import { readResume, resumePath } from "../../src/storage/resume_file.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { type Participant, SimSwarm } from "./sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };

async function newSwarm(seed: number) {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB, 700 * KIB], 64 * KIB);
  return swarm;
}

/** Closes a client in good order; what it left, and what another one on the same disk restores. */
async function restored(swarm: SimSwarm, participant: Participant, between = () => {}) {
  const { client, node } = participant;
  await swarm.world.wait(client.close());
  const record = await recordOf(swarm, participant);
  between();
  node.kill("quietly");
  const next = swarm.world.node(node.address, { disk: node.disk });
  const again = await swarm.world.wait(Client.open(next, { port: 6881, ...STATE }));
  const [torrent] = await swarm.world.wait(again.restore());
  return { node: next, client: again, torrent: torrent!, record };
}

async function recordOf({ world }: SimSwarm, { node, torrent }: Omit<Participant, "client">) {
  const infoHash = fromHex(torrent.infoHash)!, sha1 = (b: Uint8Array) => node.hasher.sha1(b);
  return (await world.wait(
    readResume(node.files, resumePath("/state", infoHash), sha1, infoHash),
  ))!;
}

describe("Client.restore", () => {
  it("of a torrent that only gives writes nothing, though files are gone", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    await swarm.seed("10.0.1.1");
    const node = swarm.world.node("10.0.2.1"), { files } = node;
    swarm.plant(node);
    const giver = await swarm.join(node, {
      seedOnly: true,
      trustFiles: true,
      seedGoal: { kind: "forever" },
    }, STATE);
    await swarm.run(() => giver.torrent.snapshot().state === "seeding");
    const again = await restored(swarm, giver, () => {
      const file = files.open("/data/folder/sub0/file0", "write");
      file.truncate(100_000);
      file.close();
      files.remove("/data/folder/sub1/file1");
    });
    await swarm.world.runFor(30_000);
    const { state, error, downloaded } = again.torrent.snapshot();
    assert.deepEqual([state, error?.code, downloaded], ["failed", "incomplete", 0]);
    assert.match(error!.message, /file1 is missing/);
    assert.equal(files.stat("/data/folder/sub1/file1"), null);
    assert.equal(files.stat("/data/folder/sub0/file0")?.size, 100_000);
    await swarm.world.wait(again.client.close());
    await swarm.close();
  });

  it("takes up every choice of the user, and writes the same again", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    const chosen: Partial<AddOptions> = {
      pex: false,
      superSeed: true,
      uploadSlots: 7,
      maxPeers: 9,
      piecesPerPeer: 3,
      sequential: true,
      preallocate: true,
      waitForDisk: false,
      finalCheck: "full",
      peers: ["10.0.1.1:6881"],
      seedGoal: { kind: "time", seconds: 7200 },
      limits: { down: 1_000_000, up: 2000 },
      peerLimits: { down: 500_000 },
      files: { priorities: new Map([[2, 7]]), sequential: new Set([0]), endsFirst: true },
    };
    const first = await swarm.leech("10.0.2.1", {}, chosen, STATE);
    await swarm.run(() => first.torrent.snapshot().state === "downloading");
    const again = await restored(swarm, first), before = again.record;
    assert.deepEqual(before.choices, {
      pex: false,
      superSeed: true,
      uploadSlots: 7,
      maxPeers: 9,
      piecesPerPeer: 3,
      sequential: true,
      preallocate: true,
      waitForDisk: false,
      finalCheck: "full",
      peers: ["10.0.1.1:6881"],
      filesInOrder: [0],
      endsFirst: true,
    });
    await swarm.world.runFor(1000);
    await swarm.world.wait(again.client.close());
    const after = await recordOf(swarm, again);
    const kept = ({ choices, limits, peerLimits, seedGoal, priorities, dir }: typeof after) => {
      return { choices, limits, peerLimits, seedGoal, priorities, dir };
    };
    assert.deepEqual(kept(after), kept(before));
    await swarm.close();
  });

  it("hashes what the user only declared to be right", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    const node = swarm.world.node("10.0.2.1");
    swarm.plant(node);
    node.disk.put("/data/folder/sub0/file0", new Uint8Array(900 * KIB));
    const add = { seedOnly: true, trustFiles: true, seedGoal: { kind: "forever" } } as const;
    const giver = await swarm.join(node, add, STATE);
    await swarm.run(() => giver.torrent.snapshot().state === "seeding");
    const again = await restored(swarm, giver);
    await swarm.world.runFor(30_000);
    assert.equal(again.torrent.snapshot().error?.code, "incomplete");
    assert.match(again.torrent.snapshot().error!.message, /pieces are wrong/);
    await swarm.world.wait(again.client.close());
    await swarm.close();
  });
});
