import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SPARES } from "../../src/dht/bucket.ts";
import { MAX_BUCKETS, RoutingTable } from "../../src/dht/routing_table.ts";
import { DOUBTFUL_MS } from "../../src/dht/table_node.ts";
import { commonPrefixLength, compareDistance, randomId, randomIdAt } from "../../src/dht/dht_id.ts";
import type { NodeEntry } from "../../src/dht/krpc.ts";
import { Prng } from "../harness/prng.ts";

const dice = new Prng("routing table");
const OWN = randomId(dice);

/** A node whose id has so many bits in common with ours, in a network of its own. */
let count = 0;
function nodeAt(bits: number, address?: string): NodeEntry {
  const n = count++;
  const own = `${20 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.9`;
  return { id: randomIdAt(OWN, bits, dice), address: address ?? own, port: 1000 + (n % 60_000) };
}

function tableOf(isAllowed: (id: Uint8Array, address: string) => boolean = () => true) {
  return new RoutingTable(OWN, isAllowed);
}

function texts(nodes: readonly NodeEntry[]): string[] {
  return nodes.map(({ address, port }) => `${address}:${port}`);
}

describe("RoutingTable", () => {
  it("has 128, 64, 32 and 16 places in the first buckets and 8 in the others", () => {
    const table = tableOf();
    for (let bits = 0; bits < 7; bits++) {
      for (let n = 0; n < 200; n++) table.answered(nodeAt(bits), 20, n);
    }
    assert.deepEqual(table.sizes(), [128, 64, 32, 16, 8, 8, 8]);
    assert.equal(table.spareCount, 7 * SPARES);
  });

  it("closest() returns the same as sorting all nodes, for any target", () => {
    const table = tableOf();
    for (let n = 0; n < 3000; n++) {
      table.answered({ ...nodeAt(0), id: randomId(dice) }, 20, n);
    }
    for (let bits = 4; bits < 40; bits++) table.answered(nodeAt(bits), 20, 0);
    const all = table.nodes();
    for (let run = 0; run < 300; run++) {
      const target = run % 2 === 0 ? randomId(dice) : randomIdAt(OWN, run % 45, dice);
      const expected = all.toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, 8);
      assert.deepEqual(texts(table.closest(target, 8)), texts(expected));
    }
    assert.equal(table.closest(OWN, 1e6).length, all.length);
  });

  it("has one place for an address, whatever its ids and ports", () => {
    const table = tableOf();
    const first = nodeAt(0);
    table.answered(first, 20, 0);
    for (let n = 0; n < 50; n++) table.answered(nodeAt(n % 5, first.address), 20, n);
    assert.deepEqual(texts(table.nodes()), texts([first]));
  });

  it("takes several nodes of one address on the loopback interface", () => {
    const table = tableOf();
    for (let n = 0; n < 50; n++) table.answered(nodeAt(0, "127.0.0.1"), 20, 0);
    assert.equal(table.size, 50);
  });

  it("takes one node of a /24 into a bucket, but many of a local network", () => {
    const table = tableOf();
    for (let n = 1; n < 50; n++) table.answered(nodeAt(0, `80.1.2.${n}`), 20, 0);
    assert.equal(table.size, 1);
    for (let n = 1; n < 50; n++) table.answered(nodeAt(0, `192.168.1.${n}`), 20, 0);
    assert.equal(table.size, 50);
    table.answered(nodeAt(1, "80.1.2.99"), 20, 0);
    assert.equal(table.size, 51, "another bucket");
  });

  it("knows a node by its new id when its end point answers under one", () => {
    const table = tableOf();
    const before = nodeAt(3), after = { ...before, id: randomIdAt(OWN, 1, dice) };
    table.answered(before, 20, 0);
    table.answered(after, 20, 1);
    assert.deepEqual(table.nodes(), [after]);
  });

  it("does not let another end point take over the id of a good node", () => {
    const table = tableOf();
    const victim = nodeAt(2), thief = { ...nodeAt(2), id: victim.id };
    table.answered(victim, 20, 0);
    table.answered(thief, 20, 1);
    assert.deepEqual(table.nodes(), [victim]);
    table.failed(victim, 2);
    table.answered(thief, 20, 3);
    assert.deepEqual(table.nodes(), [thief], "once the victim fails it may");
  });

  it("never knows us", () => {
    const table = tableOf();
    table.answered({ ...nodeAt(0), id: OWN }, 20, 0);
    table.heardFrom({ ...nodeAt(0), id: OWN }, 0);
    assert.equal(table.size + table.spareCount, 0);
  });

  it("has no good place for a node that only sent us queries", () => {
    const table = tableOf();
    const stranger = nodeAt(0);
    table.heardFrom(stranger, 0);
    assert.equal(table.size, 0);
    assert.deepEqual(table.closest(OWN, 8), []);
    assert.deepEqual(texts([table.nextToPing(0)!]), texts([stranger]));
    assert.equal(table.nextToPing(1000), null, "a ping is not repeated at once");
    table.answered(stranger, 30, 2000);
    assert.deepEqual(texts(table.closest(OWN, 8)), texts([stranger]));
  });

  it("a flood of strangers displaces no good node and stays within the bounds", () => {
    const table = tableOf();
    const good = Array.from({ length: 8 }, () => nodeAt(6));
    for (const node of good) table.answered(node, 20, 0);
    const spare = nodeAt(6);
    table.answered(spare, 20, 0);
    for (let n = 0; n < 5000; n++) table.heardFrom(nodeAt(n % 60), n);
    assert.deepEqual(texts(table.closest(good[0]!.id, 8)).sort(), texts(good).sort());
    assert.ok(table.spareCount <= MAX_BUCKETS * SPARES, `${table.spareCount} spares`);
    assert.ok(table.sizes().length <= MAX_BUCKETS);
    table.failed(good[0]!, 1);
    assert.ok(texts(table.nodes()).includes(texts([spare])[0]!), "the proven spare was kept");
  });

  it("a stranger displaces another once a second, and ids are checked only after an answer", () => {
    let checks = 0;
    const table = tableOf(() => ++checks > 0);
    const strangers = Array.from({ length: 40 }, () => nodeAt(5));
    const soon = strangers.slice(0, 20), later = strangers.slice(20);
    for (const node of soon) table.heardFrom(node, 100);
    for (const node of later) table.heardFrom(node, 1100);
    assert.equal(table.spareCount, SPARES);
    assert.equal(checks, 0);
    const pinged: string[] = [];
    for (let node = table.nextToPing(1200); node !== null; node = table.nextToPing(1200)) {
      pinged.push(...texts([node]));
    }
    // The newest first; of those that came at the same time the first ones, until all was full.
    assert.deepEqual(pinged, texts([later[0]!, ...soon.slice(1, SPARES).reverse()]));
    table.answered(later[0]!, 20, 1300);
    assert.equal(checks, 1);
  });

  it("puts a spare node in the place of one that fails", () => {
    const table = tableOf();
    const nodes = Array.from({ length: 9 }, () => nodeAt(9));
    for (const node of nodes) table.answered(node, 20, 0);
    table.failed(nodes[3]!, 10);
    const expected = nodes.filter((node) => node !== nodes[3]);
    assert.deepEqual(texts(table.closest(OWN, 9)).sort(), texts(expected).sort());
  });

  it("keeps a failing node without a replacement, does not report it, and drops it in the end", () => {
    const table = tableOf();
    const node = nodeAt(4);
    table.answered(node, 20, 0);
    for (let n = 0; n < 19; n++) table.failed(node, n);
    assert.equal(table.size, 1);
    assert.deepEqual(table.closest(OWN, 8), []);
    assert.equal(table.closest(OWN, 8, () => true).length, 1);
    table.failed(node, 20);
    assert.equal(table.size, 0);
  });

  it("failed() means only the node that was asked", () => {
    const table = tableOf();
    const node = nodeAt(4);
    table.answered(node, 20, 0);
    table.failed({ ...node, port: node.port + 1 }, 1);
    table.failed({ ...node, id: randomId(dice) }, 1);
    assert.equal(table.closest(OWN, 8).length, 1);
    table.failed({ ...node, id: null }, 1);
    assert.equal(table.closest(OWN, 8).length, 0);
  });

  it("prefers ids that BEP 42 allows, and never replaces one by another", () => {
    const table = tableOf((_, address) => address.startsWith("20."));
    const forbidden = Array.from({ length: 8 }, (_, n) => nodeAt(8, `90.${n}.0.1`));
    for (const node of forbidden) table.answered(node, 20, 0);
    const allowed = Array.from({ length: 8 }, () => nodeAt(8));
    assert.ok(allowed.every((node) => node.address.startsWith("20.")));
    for (const node of allowed) table.answered(node, 20, 1);
    assert.deepEqual(texts(table.nodes()).sort(), texts(allowed).sort());
    for (let n = 0; n < 20; n++) table.answered(nodeAt(8, `91.${n}.0.1`), 1, 2);
    assert.deepEqual(texts(table.nodes()).sort(), texts(allowed).sort());
  });

  it("pings nodes that were silent for 15 minutes, the longest first", () => {
    const table = tableOf();
    const old = nodeAt(0), older = nodeAt(1), fresh = nodeAt(2);
    table.answered(older, 20, 0);
    table.answered(old, 20, 1000);
    table.answered(fresh, 20, DOUBTFUL_MS);
    assert.equal(table.nextToPing(DOUBTFUL_MS - 1), null);
    assert.deepEqual(texts([table.nextToPing(DOUBTFUL_MS + 1000)!]), texts([older]));
    assert.deepEqual(texts([table.nextToPing(DOUBTFUL_MS + 1000)!]), texts([old]));
    assert.equal(table.nextToPing(DOUBTFUL_MS + 1000), null);
  });

  it("a query of a node that has answered before counts as a sign of life", () => {
    const table = tableOf();
    const node = nodeAt(0);
    table.answered(node, 20, 0);
    table.heardFrom(node, DOUBTFUL_MS - 1);
    assert.equal(table.nextToPing(DOUBTFUL_MS + 1000), null);
  });

  it("refreshes each bucket in which nothing has happened for 15 minutes, once", () => {
    const table = tableOf();
    for (let bits = 0; bits < 3; bits++) table.answered(nodeAt(bits), 20, 0);
    const again = nodeAt(1);
    table.answered(again, 20, DOUBTFUL_MS / 2);
    assert.equal(table.nextToRefresh(DOUBTFUL_MS - 1), null);
    assert.equal(table.nextToRefresh(DOUBTFUL_MS), 0);
    assert.equal(table.nextToRefresh(DOUBTFUL_MS), 2);
    assert.equal(table.nextToRefresh(DOUBTFUL_MS), null);
    assert.equal(table.nextToRefresh(1.5 * DOUBTFUL_MS), 1);
  });

  it("depth() is near the logarithm of the number of nodes", () => {
    let sum = 0;
    for (let run = 0; run < 20; run++) {
      const table = new RoutingTable(randomId(dice), () => true);
      for (let n = 0; n < 1024; n++) table.answered({ ...nodeAt(0), id: randomId(dice) }, 20, 0);
      sum += table.depth()!;
    }
    assert.ok(Math.abs(sum / 20 - 10) < 1, `${sum / 20} for 1,024 nodes`);
    assert.equal(tableOf().depth(), null);
  });

  it("adopt() moves all nodes to their places for a new own id", () => {
    const before = tableOf();
    for (let n = 0; n < 500; n++) before.answered({ ...nodeAt(0), id: randomId(dice) }, 20, 0);
    const after = new RoutingTable(randomIdAt(OWN, 0, dice), () => true);
    after.adopt(before);
    assert.ok(after.size > 0.7 * before.size, `${after.size} of ${before.size}`);
    for (const { id } of after.nodes()) {
      const inBucket = commonPrefixLength(after.ownId, id);
      assert.ok(after.sizes()[inBucket]! > 0);
    }
  });
});
