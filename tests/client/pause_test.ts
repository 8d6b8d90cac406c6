/** A pause on the real network of this machine. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { createTorrent } from "../../src/client/create_torrent.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const HERE = { address: "127.0.0.1", lsd: false, dht: false } as const;

/** How often the client told this of any of its torrents. */
function counterOf(client: Client, type: string): () => number {
  let count = 0;
  const read = async () => {
    for await (const event of client.events()) if (event.type === type) count++;
  };
  void read();
  return () => count;
}

describe("a pause on this machine", () => {
  it("of either side keeps the connection for the rest of the download", {
    timeout: 30_000,
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "shoal-pause-"));
    const platform = selectPlatform();
    const giver = await Client.open(platform, { ...HERE, limits: { up: 300_000 } });
    const taker = await Client.open(platform, HERE);
    const connected = [giver, taker].map((client) => counterOf(client, "peer-connected"));
    try {
      await writeFile(join(folder, "data"), new Uint8Array(3_000_000).fill(7));
      const { bytes } = await createTorrent(platform, join(folder, "data"), {
        pieceLength: 16_384,
      });
      const seed = await giver.add(bytes, { dir: folder, seedGoal: { kind: "forever" } });
      const peers = [`127.0.0.1:${giver.port}`];
      const leech = await taker.add(bytes, { dir: join(folder, "into"), peers });
      const piece = async () => {
        for await (const { type } of leech.events()) if (type === "piece") return;
      };
      for (const torrent of [leech, seed]) {
        await piece();
        await torrent.pause();
        const { state, peers: { connected }, downRate, upRate } = torrent.status();
        assert.deepEqual([state, connected, downRate, upRate], ["paused", 1, 0, 0]);
        torrent.start();
      }
      await piece();
      // Until here it was slow, so that a busy machine does not pause a download that has ended.
      await giver.update({ limits: { up: Infinity } });
      await leech.finished;
      assert.deepEqual(connected.map((count) => count()), [1, 1]);
    } finally {
      await Promise.all([giver.close(), taker.close()]);
      await rm(folder, { recursive: true });
    }
  });
});
