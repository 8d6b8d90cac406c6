import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { blockOf, ScriptedPeer } from "../harness/scripted_peer.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024, BLOCK = 16 * KIB;
const TIMEOUT = { timeout: 60_000 };
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

describe("metrics of a download", () => {
  it("add up when all goes well", TIMEOUT, async () => {
    const swarm = new SimSwarm(61);
    await swarm.prepare([3000 * KIB], 64 * KIB);
    const seed = await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 500 * KIB } });
    const leech = await swarm.leech("10.0.2.1");
    await swarm.run(() => leech.torrent.snapshot().piecesHave > 40);
    const [peer] = leech.torrent.snapshot().peerList;
    const average = peer!.downloaded / peer!.seconds;
    assert.ok(peer!.seconds > 3 && Math.abs(peer!.averageDownRate - average) < 1);
    assert.ok(average > 300 * KIB && average < 500 * KIB, `${average}`);
    const given = seed.torrent.snapshot().peerList[0]!;
    assert.ok(given.averageUpRate >= peer!.averageDownRate);
    await swarm.untilDone([leech]);
    const { metrics } = leech.torrent.snapshot();
    assert.deepEqual(metrics.pieces, { started: 47, completed: 47, failed: 0, retried: 0 });
    assert.deepEqual(metrics.wasted, { failed: 0, duplicate: 0, unasked: 0 });
    assert.equal(sum(metrics.blockLatency.counts), Math.ceil(3000 / 16));
    assert.equal(metrics.blockLatency.counts.length, metrics.blockLatency.upToMs.length + 1);
    await swarm.close();
  });

  it("distinguish failed pieces from unrequested blocks", TIMEOUT, async () => {
    const swarm = new SimSwarm(62);
    await swarm.prepare([1024 * KIB], 64 * KIB);
    const { content, pieceLength } = swarm.torrent;
    const node = swarm.world.node("10.0.9.9");
    const evil: ScriptedPeer = new ScriptedPeer(node, 16, {
      request({ out }, piece, begin, length) {
        const bytes = out.piece(piece, begin, length);
        bytes.set(blockOf(content, pieceLength, piece, begin, length));
        if (evil.requests === 1) bytes[0]! ^= 1;
        if (evil.requests !== 2) return;
        evil.deeds++;
        out.piece(15, 3 * BLOCK, BLOCK); // long before its turn
      },
    });
    await swarm.world.wait(evil.listen());
    const leech = await swarm.leech("10.0.2.1", {}, {
      peers: ["10.0.9.9:6881"],
      sequential: true,
    });
    await swarm.run(() => leech.torrent.snapshot().hashFailures > 0);
    const { metrics, wasted } = leech.torrent.snapshot();
    assert.equal(evil.deeds, 1);
    assert.equal(metrics.pieces.failed, 1);
    assert.equal(metrics.wasted.failed, 64 * KIB);
    assert.equal(metrics.wasted.unasked, BLOCK);
    assert.equal(wasted, sum(Object.values(metrics.wasted)));
    await swarm.close();
  });
});
