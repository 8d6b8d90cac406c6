/**
 * A thousand real nodes on a simulated network. SHOAL_DHT_NODES=10000 runs another number of them:
 * ten thousand take some minutes (225 s of CPU on a busy machine).
 */
import assert from "node:assert/strict";
import process from "node:process";
import { it } from "node:test";
import { MAX_BUCKETS } from "../../src/dht/routing_table.ts";
import { SimDht } from "./sim_dht.ts";

const NODES = Number(process.env["SHOAL_DHT_NODES"] ?? 1000);
const SEARCHES = 200;
/** What a table holds if all its buckets are full, and their spares. */
const MAX_TABLE = 128 + 64 + 32 + 16 + 8 * (MAX_BUCKETS - 4), MAX_SPARES = 8 * MAX_BUCKETS;

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

it(
  `DhtNode finds stored peers among ${NODES} nodes, 20 % of them dead and 5 % lying`,
  { timeout: NODES > 2000 ? 1_800_000 : 180_000 },
  async (t) => {
    const net = await SimDht.create({ nodes: NODES, lying: 0.05 });
    net.joinAll(Math.ceil(NODES / 100), NODES > 2000 ? 30_000 : 60_000);
    const torrents = Array.from({ length: SEARCHES }, () => net.dice.fill(new Uint8Array(20)));
    let stored = 0;
    for (const torrent of torrents) {
      net.announce(net.dice.pick(net.honest), torrent).then((result) => stored += result.stored);
      net.run(50);
    }
    net.run(15_000);
    await Promise.resolve();
    assert.ok(stored / SEARCHES > 6, `stored at ${stored / SEARCHES} nodes each`);

    const dead = net.kill(0.2);
    assert.equal(dead, NODES / 5);
    const queries: number[] = [], times: number[] = [];
    let found = 0;
    for (const torrent of torrents) {
      const { peers, result, ms } = net.find(net.dice.pick(net.honest), torrent);
      if (peers.length > 0) found++;
      queries.push(result.queries);
      times.push(ms);
    }
    const limit = 1.5 * Math.log2(NODES) * 5;
    const lies = net.nodes.reduce((sum, one) => sum + (one.liar?.lies ?? 0), 0);
    t.diagnostic(
      `found ${100 * found / SEARCHES} %, median ${middle(queries)} queries (limit ` +
        `${limit.toFixed(0)}, most ${Math.max(...queries)}), median ${middle(times)} ms; ` +
        `${net.datagrams} datagrams, ${lies} lies`,
    );
    assert.ok(lies > 100, `${lies} lies`);
    assert.ok(found / SEARCHES >= 0.95, `${found} of ${SEARCHES} found a peer`);
    assert.ok(middle(queries) <= limit, `median of ${middle(queries)} queries`);
    for (const { node } of net.nodes) {
      const { exceptions, lastException, overlays, pending, stored } = node.stats();
      assert.equal(exceptions, 0, String(lastException));
      assert.ok(overlays[0]!.nodes <= MAX_TABLE && overlays[0]!.spares <= MAX_SPARES);
      assert.ok(overlays[0]!.contacts <= 500 && pending <= 2048);
      assert.ok(stored.torrents <= 2000);
    }
  },
);
