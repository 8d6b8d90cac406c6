import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CHOKE, UNCHOKE } from "../../src/wire/peer_wire.ts";
import { blockOf, type Script, ScriptedPeer } from "../harness/scripted_peer.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, MIB = 1024 * KIB;
const SLOW = { upBytesPerSec: 300 * KIB };
const TIMEOUT = { timeout: 60_000 };

/** A swarm with a torrent of 1.5 MiB in 24 pieces of 64 KiB. */
async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 0, 1, 635 * KIB], 64 * KIB);
  return swarm;
}

/** A scripted peer at `address`, known to the leech by name. */
async function addScripted(
  swarm: SimSwarm,
  address: string,
  script: (peer: () => ScriptedPeer) => Script,
) {
  const node = swarm.world.node(address);
  const count = Math.ceil(swarm.torrent.content.length / swarm.torrent.pieceLength);
  const peer: ScriptedPeer = new ScriptedPeer(node, count, script(() => peer));
  await swarm.world.wait(peer.listen());
  return { peer, node };
}

function events(
  swarm: SimSwarm,
  leech: Participant,
): { type: string; address?: string; piece?: number }[] {
  const prefix = `${leech.node.address} `;
  return swarm.world.logLines()
    .map((line) => line.slice(line.indexOf(" ") + 1))
    .filter((line) => line.startsWith(prefix + "{"))
    .map((line) => JSON.parse(line.slice(prefix.length)));
}

function bannedIn(swarm: SimSwarm, leech: Participant): string[] {
  return events(swarm, leech).filter((e) => e.type === "peer-banned").map((e) => e.address!);
}

describe("a swarm with faults", () => {
  it("continues with another seed when one is killed half-way", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    const first = await swarm.seed("10.0.1.1", { link: SLOW });
    await swarm.seed("10.0.1.2", { link: { ...SLOW, upBytesPerSec: 100 * KIB } });
    const leech = await swarm.leech("10.0.2.1");
    await swarm.run(() => leech.torrent.snapshot().piecesHave >= 10);
    first.node.kill();
    const atKill = leech.torrent.snapshot().piecesHave;
    await swarm.untilDone([leech]);
    assert.ok(atKill < leech.torrent.snapshot().pieces, "it was killed half-way");
    assert.equal(swarm.world.faults("node-killed"), 1);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  for (const quickestHash of ["running", "submit"] as const) {
    it(`finds and bans the peer that sends wrong blocks (${quickestHash})`, TIMEOUT, async () => {
      const swarm = await newSwarm(2);
      const { content, pieceLength } = swarm.torrent;
      for (const i of [1, 2, 3]) await swarm.seed(`10.0.1.${i}`, { link: SLOW });
      const { peer: evil } = await addScripted(swarm, "10.0.9.9", (self) => ({
        request({ out }, piece, begin, length) {
          const bytes = out.piece(piece, begin, length);
          bytes.set(blockOf(content, pieceLength, piece, begin, length));
          if (swarm.world.dice.chance(0.5)) {
            bytes[0]! ^= 1;
            self().deeds++;
          }
        },
      }));
      const options = { peers: ["10.0.9.9:6881"] };
      const leech = await swarm.leech("10.0.2.1", { quickestHash }, options);
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      assert.ok(evil.deeds > 0, "wrong blocks were sent");
      assert.ok(leech.torrent.snapshot().hashFailures > 0, "a piece failed");
      assert.deepEqual(bannedIn(swarm, leech), ["10.0.9.9"]);
      await swarm.close();
    });
  }

  it("is not held back by a peer that takes requests and never answers", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const { peer: silent } = await addScripted(swarm, "10.0.9.9", () => ({ request() {} }));
    const leech = await swarm.leech("10.0.2.1", {}, { peers: ["10.0.9.9:6881"] });
    const start = swarm.world.now;
    await swarm.untilDone([leech]);
    assert.ok(silent.requests > 0, "it was asked for blocks");
    assert.ok(swarm.world.now - start < 25_000, `it took ${swarm.world.now - start} ms`);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it("is not held back by a very slow peer", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    await swarm.seed("10.0.1.1", { link: SLOW });
    await swarm.seed("10.0.1.2", { link: { upBytesPerSec: 2 * KIB } });
    const leech = await swarm.leech("10.0.2.1");
    const start = swarm.world.now;
    await swarm.untilDone([leech]);
    assert.ok(swarm.world.now - start < 15_000, `it took ${swarm.world.now - start} ms`);
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it(
    "requests the blocks of a peer that repeatedly chokes and unchokes from others",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(5);
      const { content, pieceLength } = swarm.torrent;
      const { peer: fickle } = await addScripted(swarm, "10.0.9.9", (self) => ({
        request({ out }, piece, begin, length) {
          if (self().requests % 5 === 0) {
            self().deeds++;
            out.signal(CHOKE);
            out.signal(UNCHOKE);
            return;
          }
          out.piece(piece, begin, length).set(blockOf(content, pieceLength, piece, begin, length));
        },
      }));
      const leech = await swarm.leech("10.0.2.1", {}, { peers: ["10.0.9.9:6881"] });
      await swarm.untilDone([leech]);
      assert.ok(fickle.deeds > 3, "it choked several times");
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it("survives connections that break all the time", TIMEOUT, async () => {
    const swarm = await newSwarm(6);
    for (const i of [1, 2, 3]) await swarm.seed(`10.0.1.${i}`, { link: SLOW });
    const leech = await swarm.leech("10.0.2.1", { link: { reset: 0.05 } });
    await swarm.untilDone([leech], 3_600_000);
    assert.ok(swarm.world.faults("reset") > 2, "connections broke");
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it(
    "stops with the file's name if the disk is full, and a second run continues",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(7);
      await swarm.seed("10.0.1.1", { link: SLOW });
      const node = swarm.world.node("10.0.2.1");
      const leech = await swarm.join(node, { waitForDisk: false });
      await swarm.run(() => leech.torrent.snapshot().piecesHave >= 5);
      node.disk.capacity = 700 * KIB; // others filled it meanwhile
      await swarm.run(() => leech.torrent.snapshot().state === "failed");
      const { error } = leech.torrent.snapshot();
      assert.equal(error?.code, "disk-full");
      assert.match(error!.message, /file\d/);
      assert.ok(swarm.world.faults("disk-full") > 0);
      await swarm.world.wait(leech.client.close());

      node.disk.capacity = 10 * MIB;
      const again = await swarm.join(node);
      await swarm.untilDone([again]);
      const { downloaded, size } = again.torrent.snapshot();
      assert.ok(downloaded < size * 0.75, `it fetched ${downloaded} of ${size} again`);
      swarm.assertHasAll(again);
      await swarm.close();
    },
  );

  it("refuses a download without enough disk space at the start", TIMEOUT, async () => {
    const swarm = await newSwarm(7);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const node = swarm.world.node("10.0.2.1");
    node.disk.capacity = 700 * KIB;
    const leech = await swarm.join(node, { waitForDisk: false });
    await swarm.run(() => leech.torrent.snapshot().state === "failed");
    const { error, downloaded } = leech.torrent.snapshot();
    assert.deepEqual([error?.code, downloaded], ["disk-full", 0]);
    assert.match(
      error!.message,
      /^Cannot download to \/data: 1\.5 MiB \(.* missing and the disk has only 0\.7 MiB/,
    );
    assert.equal(swarm.world.faults("disk-full"), 0, "no write was tried");
    await swarm.world.wait(leech.client.close());

    node.disk.capacity = 10 * MIB;
    const again = await swarm.join(node);
    await swarm.untilDone([again]);
    swarm.assertHasAll(again);
    await swarm.close();
  });

  it("resumes after its machine lost power", TIMEOUT, async () => {
    const swarm = await newSwarm(8);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1");
    await swarm.run(() => leech.torrent.snapshot().piecesHave >= 15);
    leech.node.kill("quietly");
    leech.node.disk.crash();
    const again = await swarm.join(swarm.world.node("10.0.2.1", { disk: leech.node.disk }));
    await swarm.untilDone([again]);
    assert.equal(swarm.world.faults("node-killed"), 1);
    swarm.assertHasAll(again);
    await swarm.close();
  });

  it("downloads data again that another program changed on the disk", TIMEOUT, async () => {
    const swarm = await newSwarm(12);
    await swarm.seed("10.0.1.1", { link: SLOW });
    const leech = await swarm.leech("10.0.2.1");
    // The piece that is changed, but not all of its file: later writes of ours must not hide it.
    const pieces = () => events(swarm, leech).filter((e) => e.type === "piece");
    await swarm.run(() => pieces().some(({ piece }) => piece === 0));
    assert.ok(pieces().filter(({ piece }) => piece! < 14).length < 14, "more of it is to come");
    assert.equal(leech.torrent.snapshot().state, "downloading");
    await swarm.world.runFor(1); // a change in the very moment of our own write cannot be seen
    const vandal = leech.node.files.open("/data/folder/sub0/file0", "write");
    vandal.writeAt(new Uint8Array(1000), 5000);
    vandal.close();
    await swarm.untilDone([leech]);
    assert.ok(events(swarm, leech).some((e) => e.type === "final-check"), "the check found it");
    swarm.assertHasAll(leech);
    await swarm.close();
  });

  it(
    "finds changes that the file system hides with a full final check",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(10);
      await swarm.seed("10.0.1.1", { link: SLOW });
      const leech = await swarm.leech("10.0.2.1", {}, { finalCheck: "full" });
      await swarm.run(() => leech.torrent.snapshot().piecesHave >= 22);
      for (let offset = 0; offset < 900 * KIB; offset += 64 * KIB) {
        leech.node.disk.corrupt("/data/folder/sub0/file0", offset);
      }
      await swarm.untilDone([leech]);
      assert.ok(swarm.world.faults("disk-corrupted") > 0);
      assert.ok(events(swarm, leech).some((e) => e.type === "final-check"), "the check found it");
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );
});
