import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimSwarm } from "../harness/sim_swarm.ts";

const SIZE = 600_000, PIECE = 65_536;

describe("the figures of a client", () => {
  it("count a download by source, piece, latency, announce and disk, and keep it after a removal", async () => {
    const swarm = new SimSwarm("figures");
    await swarm.prepare([SIZE], PIECE);
    const seed = await swarm.seed("10.0.0.2");
    const leech = await swarm.leech("10.0.0.3", {}, { seedGoal: { kind: "forever" } });
    await swarm.world.wait(leech.torrent.finished);
    await swarm.world.runFor(1000);

    const got = leech.client.figures(), gave = seed.client.figures();
    assert.deepEqual(got.torrents, { seeding: 1 });
    const bySource = (figures: typeof got) =>
      Object.fromEntries(figures.traffic.map((one) => [one.source, one]));
    assert.equal(bySource(got).tracker!.downloaded, SIZE);
    assert.equal(bySource(gave).incoming!.uploaded, SIZE);
    assert.equal(gave.traffic.reduce((sum, { uploaded }) => sum + uploaded, 0), SIZE);
    const pieces = Math.ceil(SIZE / PIECE);
    assert.deepEqual(got.pieces, { started: pieces, completed: pieces, failed: 0, retried: 0 });
    const blocks = Math.ceil(SIZE / 16_384);
    assert.equal(got.blockLatency.counts.reduce((sum, count) => sum + count, 0), blocks);
    assert.ok(got.blockLatency.sumMs > 0);
    assert.equal(got.announces.http!.failed, 0);
    assert.ok(got.announces.http!.ok >= 1);
    assert.deepEqual(got.opened, { incoming: 0, outgoing: 1 });
    assert.equal(got.disk.writtenBytes, SIZE);
    assert.ok(gave.disk.readBytes >= SIZE);
    assert.equal(got.completed, 1);

    await swarm.world.wait(leech.client.remove(leech.torrent.infoHash));
    const after = leech.client.figures();
    assert.deepEqual(after.torrents, {});
    assert.equal(bySource(after).tracker!.downloaded, SIZE);
    assert.deepEqual(after.pieces, got.pieces);
    assert.deepEqual(after.blockLatency, got.blockLatency);
    assert.deepEqual(after.connections, { incoming: 0, outgoing: 0, connecting: 0, pending: 0 });
    await swarm.close();
  });
});
