import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import type { AddOptions } from "../../src/client/types.ts";
import { decodeWish } from "../../src/client/wish.ts";
import { readResume, resumePath } from "../../src/state/resume_file.ts";
import { fromHex } from "../../src/util/bytes.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

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
  const record = await recordOf(swarm, participant), wish = wishOf(participant);
  between();
  node.kill("quietly");
  const next = swarm.world.node(node.address, { disk: node.disk });
  const again = await swarm.world.wait(
    Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
  );
  const [torrent] = await swarm.world.wait(again.restore());
  return { node: next, client: again, torrent: torrent!, record, wish };
}

function wishOf({ node, torrent }: Omit<Participant, "client">) {
  return decodeWish(node.disk.bytes(`/state/${torrent.infoHash}.json`)!);
}

async function recordOf({ world }: SimSwarm, { node, torrent }: Omit<Participant, "client">) {
  const infoHash = fromHex(torrent.infoHash)!,
    sha1 = (b: Uint8Array) => node.hasher.digest("sha1", b);
  return (await world.wait(
    readResume(node.files, resumePath("/state", infoHash), sha1, infoHash),
  ))!;
}

describe("Client.restore", () => {
  it("lists the state folder, which may be long, off the thread", TIMEOUT, async () => {
    const swarm = await newSwarm(7);
    await swarm.seed("10.0.1.1");
    const leech = await swarm.join(swarm.world.node("10.0.2.1"), {}, STATE);
    await swarm.run(() => leech.torrent.status().have > 2);
    await swarm.world.wait(leech.client.close());
    const held: string[] = [], { files } = leech.node, list = files.list.bind(files);
    files.list = (path) => (held.push(path), list(path));
    const again = await swarm.world.wait(Client.open(leech.node, { port: 6881, ...STATE }));
    const [torrent] = await swarm.world.wait(again.restore());
    await swarm.run(() => torrent!.status().state === "downloading");
    await swarm.world.wait(again.close());
    assert.deepEqual(held.filter((path) => path === "/state"), []);
  });

  it("of a torrent that only seeds writes nothing, though files are missing", TIMEOUT, async () => {
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
    const again = await restored(swarm, first);
    assert.deepEqual(again.wish.options, { dir: "/data", ...chosen });
    again.torrent.update({ limits: {} }); // what is kept now is from the options that were restored
    await swarm.world.runFor(1000);
    await swarm.world.wait(again.client.close());
    assert.deepEqual(wishOf(again), again.wish);
    await swarm.close();
  });

  it("hashes pieces that only the user declared right", TIMEOUT, async () => {
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

  it(
    "restores a torrent whose first check was interrupted, with all choices",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(20);
      await swarm.seed("10.0.1.1");
      const node = swarm.world.node("10.0.2.1");
      const leech = await swarm.join(node, {
        files: { priorities: new Map([[1, 0], [2, 7]]), sequential: new Set([0]) },
        pex: false,
        limits: { up: 5000 },
      }, STATE);
      await swarm.world.runFor(50);
      const { infoHash } = leech.torrent, record = `/state/${infoHash}.resume`;
      if (node.files.stat(record) !== null) node.files.remove(record);
      node.kill("quietly");
      const next = swarm.world.node(node.address, { disk: node.disk });
      assert.equal(next.files.stat(record), null, "nothing was recorded yet");
      const again = await swarm.world.wait(
        Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const [torrent] = await swarm.world.wait(again.restore());
      await swarm.run(() => torrent!.snapshot().state === "done");
      assert.equal(torrent!.snapshot().wanted, (900 + 20 + 700) * KIB);
      assert.equal(next.files.stat("/data/folder/sub1/file1"), null);
    },
  );

  it(
    "keeps changes made during a pause, in this run and after a restart",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(24);
      await swarm.seed("10.0.1.1");
      const node = swarm.world.node("10.0.2.1");
      const leech = await swarm.join(node, {}, STATE);
      await swarm.run(() => leech.torrent.snapshot().have > 0);
      await swarm.world.wait(leech.torrent.pause());
      await swarm.world.wait(leech.torrent.update({ files: { priorities: new Map([[1, 0]]) } }));
      leech.torrent.update({ limits: { up: 7000 } });
      const again = await restored(swarm, leech);
      assert.equal(again.torrent.snapshot().state, "paused");
      assert.deepEqual(again.wish.options.files, { priorities: new Map([[1, 0]]) });
      // Once more, by one that has not run since.
      await swarm.world.wait(again.torrent.update({ files: { priorities: new Map([[3, 0]]) } }));
      const third = await restored(swarm, again);
      assert.deepEqual(third.wish.options.files, { priorities: new Map([[3, 0]]) });
      assert.equal(third.wish.options.limits?.up, 7000);
      assert.ok(third.record.have.count > 0);
      third.torrent.start();
      await swarm.run(() => third.torrent.snapshot().state === "done");
      assert.equal(third.torrent.snapshot().wanted, (900 + 300 + 20) * KIB);
    },
  );

  it("knows every choice where the record is torn: it costs a check alone", TIMEOUT, async () => {
    const swarm = await newSwarm(26);
    const node = swarm.world.node("10.0.2.1");
    const leech = await swarm.join(node, { limits: { up: 9000 } }, STATE);
    await swarm.world.runFor(3000);
    await swarm.world.wait(leech.torrent.update({ files: { priorities: new Map([[0, 0]]) } }));
    leech.torrent.update({ limits: { down: 5000 } });
    await swarm.world.runFor(8000);
    const { wanted } = leech.torrent.snapshot();
    assert.equal(wanted, (300 + 20 + 700) * KIB);
    await swarm.world.wait(leech.torrent.pause());
    const again = await restored(swarm, leech, () => tear(leech, "resume"));
    assert.equal(again.torrent.snapshot().state, "paused");
    again.torrent.start();
    await swarm.run(() => again.torrent.snapshot().state === "downloading");
    assert.equal(again.torrent.snapshot().wanted, wanted);
    assert.deepEqual(again.wish.options.limits, { up: 9000, down: 5000 });
    assert.equal(node.files.stat("/data/folder/sub0/file0"), null);
  });

  it("is paused where its settings are torn, and says so", TIMEOUT, async () => {
    const swarm = await newSwarm(27);
    await swarm.seed("10.0.1.1");
    const node = swarm.world.node("10.0.2.1");
    const leech = await swarm.join(node, {}, STATE);
    await swarm.untilDone([leech]);
    await swarm.world.wait(leech.client.close());
    tear(leech, "json");
    node.kill("quietly");
    const next = swarm.world.node(node.address, { disk: node.disk });
    const client = await swarm.world.wait(
      Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const warnings: string[] = [];
    void (async () => {
      for await (const event of client.events()) {
        if (event.type === "warning") warnings.push(event.message);
      }
    })();
    const [torrent] = await swarm.world.wait(client.restore());
    await swarm.world.runFor(100);
    const { state, dir } = torrent!.snapshot();
    assert.deepEqual([state, dir], ["paused", "/data"]);
    assert.match(warnings[0]!, /^The settings of "folder" cannot be read: .* paused in \/data/);
    torrent!.start();
    await swarm.run(() => torrent!.snapshot().state === "done");
    assert.equal(torrent!.snapshot().downloaded, 0, "its progress was not lost");
  });

  it("checks all of a torrent with a damaged record", TIMEOUT, async () => {
    const swarm = await newSwarm(21);
    await swarm.seed("10.0.1.1");
    const node = swarm.world.node("10.0.2.1");
    const leech = await swarm.join(node, {}, STATE);
    await swarm.untilDone([leech]);
    const again = await restored(swarm, leech, () => {
      const file = node.files.open(`/state/${leech.torrent.infoHash}.resume`, "write");
      file.truncate(40);
      file.close();
    });
    await swarm.run(() => again.torrent.snapshot().state === "done");
    const { downloaded, have } = again.torrent.snapshot();
    assert.deepEqual([downloaded, have], [0, 1920 * KIB]);
  });

  it(
    "knows a magnet that is looking for its metadata, and one that was paused at it",
    TIMEOUT,
    async () => {
      for (const paused of [false, true]) {
        const swarm = await newSwarm(22);
        const hash = createHash("sha1").update(infoOf(swarm.torrent.bytes)).digest("hex");
        const node = swarm.world.node("10.0.2.1"),
          magnet = `magnet:?xt=urn:btih:${hash}&x.pe=10.0.1.1:6881`;
        const leech = await swarm.join(node, { uploadSlots: 2 }, STATE, magnet);
        await swarm.world.runFor(3000);
        if (paused) await swarm.world.wait(leech.torrent.pause());
        await swarm.world.runFor(1000);
        node.kill("quietly");
        const next = swarm.world.node(node.address, { disk: node.disk });
        const client = await swarm.world.wait(
          Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
        );
        const [torrent] = await swarm.world.wait(client.restore());
        await swarm.world.runFor(1000);
        assert.equal(torrent!.snapshot().state, paused ? "paused" : "finding");
        await swarm.seed("10.0.1.1");
        torrent!.start();
        await swarm.run(() => torrent!.snapshot().state === "done");
      }
    },
  );

  it("knows which files a magnet named, killed before its first record", TIMEOUT, async () => {
    const swarm = await newSwarm(25);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 50 * KIB } });
    const hash = createHash("sha1").update(infoOf(swarm.torrent.bytes)).digest("hex");
    const node = swarm.world.node("10.0.2.1");
    const magnet = `magnet:?xt=urn:btih:${hash}&x.pe=10.0.1.1:6881&so=2`;
    await swarm.join(node, {}, STATE, magnet);
    await swarm.run(() => node.files.stat(`/state/${hash}.torrent`) !== null);
    node.kill("quietly");
    const next = swarm.world.node(node.address, { disk: node.disk });
    assert.equal(next.files.stat(`/state/${hash}.resume`), null, "nothing was recorded yet");
    const client = await swarm.world.wait(
      Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const [torrent] = await swarm.world.wait(client.restore());
    await swarm.run(() => torrent!.snapshot().state === "done");
    assert.equal(torrent!.snapshot().wanted, 20 * KIB);
  });

  it(
    "takes the metadata alone of a magnet for no torrent, and warns of nothing",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(23);
      await swarm.seed("10.0.1.1");
      const hash = createHash("sha1").update(infoOf(swarm.torrent.bytes)).digest("hex");
      const node = swarm.world.node("10.0.2.1"),
        magnet = `magnet:?xt=urn:btih:${hash}&x.pe=10.0.1.1:6881`;
      const leech = await swarm.join(node, { metadataOnly: true }, STATE, magnet);
      await swarm.world.wait(leech.torrent.finished);
      await swarm.world.wait(leech.client.close());
      assert.ok(node.files.stat(`/state/${hash}.torrent`) !== null);
      node.kill("quietly");
      const next = swarm.world.node(node.address, { disk: node.disk });
      const client = await swarm.world.wait(
        Client.open(next, { port: 6881, dht: false, lsd: false, ...STATE }),
      );
      const events: unknown[] = [];
      (async () => {
        for await (const event of client.events()) events.push(event);
      })();
      assert.deepEqual(await swarm.world.wait(client.restore()), []);
      await swarm.world.wait(client.close());
      assert.deepEqual(events, []);
    },
  );
});

/** Only the beginning of the file is left. */
function tear({ node, torrent }: Participant, what: "json" | "resume"): void {
  const file = node.files.open(`/state/${torrent.infoHash}.${what}`, "write");
  file.truncate(50);
  file.close();
}

/** The bytes of the info dictionary, the last of these files' keys. */
function infoOf(torrent: Uint8Array): Uint8Array {
  const text = Buffer.from(torrent).toString("latin1");
  return torrent.subarray(text.indexOf("4:info") + 6, torrent.length - 1);
}
