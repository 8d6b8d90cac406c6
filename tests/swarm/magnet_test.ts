import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createHash } from "node:crypto";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { HAVE_NONE } from "../../src/wire/peer_wire.ts";
import { ScriptedPeer } from "../harness/scripted_peer.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 60_000 };
const STATE = { stateDir: "/state" };
const FOREVER = { seedGoal: { kind: "forever" } } as const;

function infoHash(swarm: SimSwarm): Uint8Array {
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
  return parseTorrent(swarm.torrent.bytes, sha1).infoHash;
}

function link(swarm: SimSwarm, more: Partial<Parameters<typeof formatMagnet>[0]>): string {
  return formatMagnet({ infoHash: infoHash(swarm), ...more });
}

async function newSwarm(seed: number): Promise<SimSwarm> {
  const swarm = new SimSwarm(seed);
  await swarm.prepare([900 * KIB, 300 * KIB, 20 * KIB], 16 * KIB);
  return swarm;
}

async function fetchBy(swarm: SimSwarm, magnet: string, more = {}, options = {}) {
  const node = swarm.world.node("10.0.2.1");
  return await swarm.join(node, more, options, magnet);
}

describe("a magnet link", () => {
  it("is listed at once, finds its metadata by the tracker and downloads", TIMEOUT, async () => {
    const swarm = await newSwarm(1);
    await swarm.seed("10.0.1.1");
    const magnet = link(swarm, { name: "a name", trackers: ["http://10.0.0.1/announce"] });
    const leech = await fetchBy(swarm, magnet);
    const { state, name } = leech.torrent.snapshot();
    assert.equal(state, "finding");
    assert.equal(name, "a name");
    await swarm.untilDone([leech]);
    assert.equal(leech.torrent.snapshot().name, "folder");
    swarm.assertHasAll(leech);
    await swarm.world.wait(leech.torrent.finished);
    await swarm.close();
  });

  it("copied from a web page downloads, with a warning for each lost part", TIMEOUT, async () => {
    const swarm = await newSwarm(12);
    await swarm.seed("10.0.1.1");
    const good = link(swarm, { name: "a", trackers: ["http://10.0.0.1/announce"] });
    const leech = await fetchBy(swarm, `  ${good.replaceAll("&", "&amp;")}&amp;tr=%3Chtml%3E\n`);
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    const warnings = swarm.world.logLines().filter((line) => line.includes('"warning"'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /The link's tracker .*<html>.* cannot be used and is left out/);
    await swarm.close();
  });

  it("needs only one address in the link", TIMEOUT, async () => {
    const swarm = await newSwarm(2);
    await swarm.seed("10.0.1.1");
    const leech = await fetchBy(swarm, link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] }));
    await swarm.untilDone([leech]);
    swarm.assertHasAll(leech);
    assert.ok(swarm.world.now < 20_000, `${swarm.world.now} ms`);
    await swarm.close();
  });

  it(
    "is soon back with a peer that takes its next connection for a second one",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(7), node = swarm.world.node("10.0.1.1");
      const listen = node.net.listen.bind(node.net);
      let connections = 0;
      // Like Transmission, which notices only twice a second that the first one has ended.
      node.net.listen = (at, take) =>
        listen(at, (socket, info) => {
          connections++;
          if (connections === 2 || connections === 3) socket.close();
          else take(socket, info);
        });
      swarm.plant(node);
      await swarm.join(node, { trustFiles: true, ...FOREVER });
      const leech = await fetchBy(
        swarm,
        link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] }),
      );
      await swarm.run(() => leech.torrent.snapshot().have > 0);
      await swarm.world.wait(leech.torrent.stop());
      leech.torrent.start();
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      assert.equal(connections, 4, "one before the stop, two refused, one for the rest");
      assert.ok(swarm.world.now < 20_000, `${swarm.world.now} ms`);
      await swarm.close();
    },
  );

  it("downloads only the files that it names", TIMEOUT, async () => {
    const swarm = await newSwarm(3);
    await swarm.seed("10.0.1.1");
    const magnet = link(swarm, {
      peers: [{ host: "10.0.1.1", port: 6881 }],
      selectOnly: [{ first: 1, last: 1 }],
    });
    const leech = await fetchBy(swarm, magnet);
    await swarm.untilDone([leech]);
    assert.equal(leech.torrent.snapshot().wanted, 300 * KIB);
    assert.equal(leech.node.files.stat("/data/folder/sub0/file0"), null);
    await swarm.close();
  });

  it("does not ask for its metadata again after a restart", TIMEOUT, async () => {
    const swarm = await newSwarm(4);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
    const magnet = link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] });
    const leech = await fetchBy(swarm, magnet, {}, STATE);
    await swarm.run(() => leech.torrent.snapshot().have > 100 * KIB);
    await swarm.world.wait(leech.client.close());
    leech.node.kill("quietly");
    // No peer is online now: everything must come from the disk.
    swarm.all[0]!.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: leech.node.disk });
    const again = await swarm.join(node, {}, STATE, magnet);
    await swarm.run(() => again.torrent.snapshot().state === "downloading");
    assert.ok(again.torrent.snapshot().have > 100 * KIB);
    assert.equal(again.torrent.snapshot().name, "folder");
  });

  it("still knows its peers and trackers when its metadata is known already", TIMEOUT, async () => {
    const swarm = await newSwarm(8);
    await swarm.seed("10.0.1.1");
    const peer = { peers: [{ host: "10.0.1.1", port: 6881 }] };
    const first = await fetchBy(swarm, link(swarm, peer), { metadataOnly: true }, STATE);
    await swarm.world.wait(first.torrent.finished);
    await swarm.world.wait(first.client.close());
    first.node.kill("quietly");
    const node = swarm.world.node("10.0.2.1", { disk: first.node.disk });
    const trackers = ["http://10.0.0.9/announce"];
    const again = await swarm.join(node, {}, STATE, link(swarm, { ...peer, trackers }));
    assert.equal(again.torrent.snapshot().state, "finding", "it is being read");
    await swarm.untilDone([again]);
    swarm.assertHasAll(again);
    assert.deepEqual(again.torrent.snapshot().trackers.map(({ url }) => url), trackers);
    await swarm.close();
  });

  it(
    "continues to search for its metadata after a pause, or a start during one",
    TIMEOUT,
    async () => {
      for (const atOnce of [false, true]) {
        const swarm = await newSwarm(9);
        const magnet = link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] });
        const leech = await fetchBy(swarm, magnet);
        await swarm.world.runFor(5000);
        const pausing = leech.torrent.pause();
        if (!atOnce) {
          await swarm.world.wait(pausing);
          assert.equal(leech.torrent.snapshot().state, "paused");
        }
        leech.torrent.start();
        await swarm.world.wait(pausing);
        assert.equal(leech.torrent.snapshot().state, "finding");
        // It comes only now, so nothing was found before.
        await swarm.seed("10.0.1.1");
        await swarm.untilDone([leech]);
        swarm.assertHasAll(leech);
        await swarm.close();
      }
    },
  );

  it(
    "continues the download when it is started before the pause is complete",
    TIMEOUT,
    async () => {
      const swarm = await newSwarm(10);
      await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 200 * KIB } });
      const leech = await fetchBy(
        swarm,
        link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] }),
      );
      await swarm.run(() => leech.torrent.snapshot().have > 100 * KIB);
      const pausing = leech.torrent.pause();
      leech.torrent.start();
      await swarm.world.wait(pausing);
      await swarm.untilDone([leech]);
      swarm.assertHasAll(leech);
      await swarm.close();
    },
  );

  it("with hashes of two different torrents is refused", TIMEOUT, async () => {
    const swarm = await newSwarm(11);
    await swarm.seed("10.0.1.1");
    const peers = [{ host: "10.0.1.1", port: 6881 }], infoHashV2 = new Uint8Array(32).fill(7);
    const leech = await fetchBy(swarm, link(swarm, { peers, infoHashV2 }));
    await swarm.run(() => leech.torrent.snapshot().state === "failed");
    await assert.rejects(leech.torrent.finished, { code: "other-hash" });
    await swarm.close();
  });

  it("waits for a peer with the metadata, and can be cancelled", TIMEOUT, async () => {
    const swarm = await newSwarm(5);
    const nobody = new ScriptedPeer(swarm.world.node("10.0.9.1"), 100, {
      hello: ({ out }) => out.signal(HAVE_NONE),
      request: () => {},
    });
    await swarm.world.wait(nobody.listen());
    const leech = await fetchBy(swarm, link(swarm, { peers: [{ host: "10.0.9.1", port: 6881 }] }));
    await swarm.world.runFor(120_000);
    assert.equal(leech.torrent.snapshot().state, "finding");
    assert.ok(nobody.connections > 0, "it was asked");
    await swarm.world.wait(leech.torrent.stop());
    assert.equal(leech.torrent.snapshot().state, "stopped");
    await assert.rejects(leech.torrent.finished);
    await swarm.close();
  });

  it("of a private torrent gets no metadata from its peers", TIMEOUT, async () => {
    const swarm = await newSwarm(6);
    swarm.torrent.bytes = privately(swarm.torrent.bytes);
    const seed = await swarm.seed("10.0.1.1");
    const leech = await fetchBy(swarm, link(swarm, { peers: [{ host: "10.0.1.1", port: 6881 }] }));
    await swarm.world.runFor(60_000);
    assert.equal(leech.torrent.snapshot().state, "finding");
    assert.equal(seed.torrent.snapshot().uploaded, 0);
    await swarm.close();
  });
});

/** The same torrent with `private` set: the info dictionary ends with its pieces. */
function privately(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes).toString("latin1");
  return new Uint8Array(Buffer.from(text.replace(/ee$/, "7:privatei1eee"), "latin1"));
}

describe("peer exchange", () => {
  it("connects leeches that only know one seed", TIMEOUT, async () => {
    const swarm = await newSwarm(11);
    withoutTracker(swarm);
    const link = { upBytesPerSec: 20 * KIB };
    await swarm.seed("10.0.1.1", { link }, {});
    const leeches: Participant[] = [];
    for (const i of [1, 2, 3]) {
      const only = { peers: ["10.0.1.1:6881"], ...FOREVER };
      leeches.push(await swarm.leech(`10.0.2.${i}`, { link }, only));
    }
    await swarm.run(() => leeches.every(({ torrent }) => torrent.snapshot().peers.connected === 3));
    const sources = leeches[0]!.torrent.snapshot().peerList.flatMap((peer) => peer.sources);
    assert.ok(sources.includes("pex"), sources.join());
    assert.ok(swarm.world.now < 150_000, `${swarm.world.now} ms: about a minute`);
    await swarm.untilDone(leeches);
    await swarm.close();
  });

  it("is not made when it is switched off, nor in a private torrent", TIMEOUT, async () => {
    for (const isPrivate of [false, true]) {
      const swarm = await newSwarm(12);
      withoutTracker(swarm);
      if (isPrivate) swarm.torrent.bytes = privately(swarm.torrent.bytes);
      const pex = isPrivate;
      const link = { upBytesPerSec: 5 * KIB };
      await swarm.seed("10.0.1.1", { link }, { pex });
      const leeches: Participant[] = [];
      for (const i of [1, 2, 3]) {
        leeches.push(await swarm.leech(`10.0.2.${i}`, { link }, { peers: ["10.0.1.1:6881"], pex }));
      }
      await swarm.world.runFor(180_000);
      for (const { torrent } of leeches) {
        const { peers, downloaded } = torrent.snapshot();
        assert.ok(downloaded > 0, "it is connected");
        assert.equal(peers.known, 1);
      }
      await swarm.close();
    }
  });
});

/** The tracker names no peers. */
function withoutTracker({ torrent }: SimSwarm): void {
  const text = Buffer.from(torrent.bytes).toString("latin1");
  const bytes = text.replace(/^d8:announce\d+:.*?4:info/, "d4:info");
  assert.notEqual(bytes, text);
  torrent.bytes = new Uint8Array(Buffer.from(bytes, "latin1"));
}
