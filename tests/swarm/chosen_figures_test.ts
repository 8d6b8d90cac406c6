import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TorrentEvent } from "../../src/client/types.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { FileChoice } from "../../src/torrent/file_choice.ts";
import { SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;

describe("missing bytes of the chosen files", () => {
  it("count neither neighbours in shared pieces nor padding", () => {
    const file = (length: number, pad = false) => ({ length, pad });
    const layout = new Layout(100, [file(150), file(30), file(20, true), file(120), file(0)]);
    const priorities = Uint8Array.of(0, 4, 4, 0, 4),
      choice = new FileChoice(layout, { priorities });
    assert.deepEqual([choice.wantedBytes, choice.wantedFiles], [30, 2]);
    assert.equal(choice.wantedLeft(100, () => true), 30);
    assert.equal(choice.wantedLeft(0, () => false), 0);
    const all = new FileChoice(layout, { priorities: new Uint8Array() });
    assert.equal(all.wantedLeft(320, () => true), all.wantedBytes);
    assert.equal(all.wantedLeft(100, (piece) => piece === 1), 80);
  });

  it("go down to 0 in snapshots, and are in the events", { timeout: 60_000 }, async () => {
    const swarm = new SimSwarm(3);
    await swarm.prepare([300 * KIB, KIB, 300 * KIB], 64 * KIB);
    await swarm.seed("10.0.1.1");
    const events: TorrentEvent[] = [];
    const leech = await swarm.leech("10.0.2.1", {}, {
      files: { priorities: new Map([[1, 4]]), others: 0 },
    });
    void (async () => {
      for await (const event of leech.client.events()) events.push(event);
    })();
    const { left } = leech.torrent.snapshot();
    assert.equal(left, KIB);
    await swarm.untilDone([leech]);
    const snapshot = leech.torrent.snapshot();
    assert.deepEqual([snapshot.wanted, snapshot.left, snapshot.size], [KIB, 0, 601 * KIB]);
    assert.ok(snapshot.have >= 64 * KIB, "the piece around it came");
    const checked = events.find((event) => event.type === "checked");
    assert.deepEqual(checked && { ...checked, infoHash: "" }, {
      infoHash: "",
      type: "checked",
      have: 0,
      size: 601 * KIB,
      wanted: KIB,
      left: KIB,
    });
    const done = events.find((event) => event.type === "done");
    assert.deepEqual([done?.wanted, done?.size], [KIB, 601 * KIB]);
    await swarm.close();
  });
});
